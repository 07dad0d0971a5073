"""Writes a configuration of MindSpeed-RL in the words of verl, and names what has no counterpart.

Every key is translated by one table (the page on verl shows it): units, opposite words, defaults
that differ. Verifiers become arguments of our reward manager. The doctor looks at the result; exits
with 1 where it finds an error.

  msrl-ext migrate grpo_qwen25_7b --to verl -o run_verl.sh
  msrl-ext migrate my_grpo.yaml --to verl -o my_grpo_verl.yaml --npus-per-node 8
"""

from __future__ import annotations

import argparse
import sys

from mindspeed_rl_ext.core.errors import EXIT_CHECK_FAILED, EXIT_DONE
from mindspeed_rl_ext.core.language import current_language
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.recipes.migration.options import MigrateOptions

SUMMARY_ZH = "把 MindSpeed-RL 的配置改写成 verl 的，并列出没有对应的键"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext migrate`."""
    add_options(parser, MigrateOptions)


def run(args: argparse.Namespace) -> int:
    """Writes or prints the result, then what the reader must know of it."""
    # Here, not above: `--help` needs no rule.
    from mindspeed_rl_ext.doctor.printing import as_text, summary
    from mindspeed_rl_ext.recipes.migration.run import migrate
    from mindspeed_rl_ext.recipes.migration.writing import without

    given = given_options(MigrateOptions, args)
    options = build_options(MigrateOptions, ("the command line", given))
    language = current_language()
    done = migrate(options, language)
    # Without a file the script itself is the result, which holds the notes as comments.
    out = sys.stderr if options.output is None else sys.stdout
    if options.output is None:
        print(done.text, end="")
    else:
        for note in done.found.notes:
            print(note.in_language(language))
        for line in without(done.found, language):
            print(f"-  {line}")
    for finding in done.findings:
        print(as_text(finding, language), file=out)
    keys = len(done.found.untranslated)
    print(
        f"\n{len(done.found.overrides)} overrides; {keys} keys without a counterpart; "
        f"doctor: {summary(done.findings, language)}",
        file=out,
    )
    if options.output is not None:
        print(f"wrote {options.output}")
    errors = any(finding.level == "error" for finding in done.findings)
    return EXIT_CHECK_FAILED if errors else EXIT_DONE
