"""Says what is wrong with a set-up, before a run costs money.

Without options: Python, libraries that do not go together, the activation, the hosts that could be
imported. With files: the rules of their kind, and whether they fit each other. No host and no
heavy library is imported. Exits with 1 where an error is found, with 2 where a file is broken.

  msrl-ext doctor --config grpo.yaml --model ./Qwen2.5-7B --checkpoint ./qwen25-7b-tp2pp2 \\
      --data ./dataset/math_17k/data --runtime-env runtime_env.yaml --launch start.sh
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mindspeed_rl_ext.core.errors import EXIT_CHECK_FAILED, EXIT_DONE
from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.surroundings import gather
from mindspeed_rl_ext.doctor.table import examine, in_order
from mindspeed_rl_ext.doctor.texts import LANGUAGES, Language, Level, language_of

if TYPE_CHECKING:
    from mindspeed_rl_ext.doctor.files import Asked, Opened


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext doctor`."""
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="YAML",
        help="of a host, a dataset, a recipe, TRL, accelerate; or a shipped name; may repeat",
    )
    parser.add_argument("--model", type=Path, metavar="HF_DIR", help="config.json and tokenizer")
    parser.add_argument("--checkpoint", type=Path, metavar="DIR", help="a converted checkpoint")
    parser.add_argument("--data", metavar="PREFIX", help="packed files to look at")
    parser.add_argument("--launch", type=Path, metavar="SCRIPT", help="a launch script (.sh)")
    parser.add_argument("--runtime-env", type=Path, metavar="YAML", help="Ray's runtime_env")
    parser.add_argument("--trl", type=Path, metavar="YAML", help="a TRL file, or a recipe")
    parser.add_argument("--accelerate", type=Path, metavar="YAML", help="an accelerate file")
    parser.add_argument(
        "--ray",
        nargs="?",
        const="auto",
        metavar="ADDRESS",
        help="look at every node of a cluster: auto, HOST:PORT, or local to try it here",
    )
    parser.add_argument("--lang", choices=LANGUAGES, help="language; that of LANG where left out")
    parser.add_argument("--json", action="store_true", help="findings as a JSON list")


def run(args: argparse.Namespace) -> int:
    """Prints the findings."""
    # Imported here: without files to read nothing needs YAML.
    from mindspeed_rl_ext.doctor.files import Asked, open_all

    language = language_of(args.lang, os.environ)
    asked = Asked(
        configs=args.config,
        model=args.model,
        checkpoint=args.checkpoint,
        launch=args.launch,
        runtime_env=args.runtime_env,
        trl=args.trl,
        accelerate=args.accelerate,
    )
    findings = in_order([*_findings(args, asked, open_all(asked))])
    counts = Counter(finding.level for finding in findings)
    if args.json:
        rows = [finding.as_row(language) for finding in findings]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            print(finding.shown(language))
        print(_summary(counts, language))
    return EXIT_CHECK_FAILED if counts["error"] else EXIT_DONE


def _findings(args: argparse.Namespace, asked: Asked, opened: Opened) -> Iterator[Finding]:
    from mindspeed_rl_ext.doctor.files import examine_files

    found = gather()
    yield from examine(found)
    yield from examine_files(asked, opened, found)
    if args.data:
        from mindspeed_rl_ext.doctor.data import packed_data

        model = args.model and str(args.model)
        yield from packed_data(args.data, model, opened.max_prompt_length)
    if args.ray:
        from mindspeed_rl_ext.doctor.nodes import on_every_node

        yield from on_every_node(args.ray, list(_shared_paths(args, opened)), opened.npus)


def _shared_paths(args: argparse.Namespace, opened: Opened) -> Iterator[str]:
    """What every node must have: absolute paths, since each node has its own directory."""
    named = [args.model, args.checkpoint, args.runtime_env, *map(Path, args.config)]
    for path in named:
        if path is not None and path.exists():
            yield str(path.resolve())
    if args.data:
        prefix = Path(args.data).resolve()
        yield from map(str, sorted(prefix.parent.glob(f"{prefix.name}_packed_*_document.*")))
    for role in opened.roles.values():
        for key in ("tokenizer_name_or_path", "load"):
            value = role.get(key)
            if isinstance(value, str) and value.startswith("/"):
                yield value


def _summary(counts: Counter[Level], language: Language) -> str:
    errors, warnings = counts["error"], counts["warning"]
    if language == "zh":
        return f"\n{errors} 个错误，{warnings} 个警告"
    return f"\n{errors} errors, {warnings} warnings"
