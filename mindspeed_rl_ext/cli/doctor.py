"""Says what is wrong with a set-up, before a run costs money.

Without options: Python, libraries that do not go together, the activation, the hosts that could be
imported. With files: the rules of their kind, and whether they fit each other. No host and no
heavy library is imported. Exits with 1 where an error is found, with 2 where a file is broken.

  msrl-ext doctor --config grpo.yaml --model ./Qwen2.5-7B --checkpoint ./qwen25-7b-tp2pp2 \\
      --data ./dataset/math_17k/data --runtime-env runtime_env.yaml --launch start.sh
  msrl-ext doctor --verl run_qwen3.sh
"""

from __future__ import annotations

import argparse
import json

from mindspeed_rl_ext.core.errors import EXIT_CHECK_FAILED, EXIT_DONE
from mindspeed_rl_ext.core.language import current_language
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.doctor.options import DoctorOptions

DESCRIPTION_ZH = """启动训练前找出配置中的问题。

不带选项时检查：Python、彼此冲突的库、激活、可导入的宿主。带文件时检查：该类文件的规则，以及文件
之间是否匹配。不导入宿主，也不导入体积大的库。发现错误时退出码为 1，文件损坏时为 2。

  msrl-ext doctor --config grpo.yaml --model ./Qwen2.5-7B --checkpoint ./qwen25-7b-tp2pp2 \\
      --data ./dataset/math_17k/data --runtime-env runtime_env.yaml --launch start.sh
  msrl-ext doctor --verl run_qwen3.sh
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext doctor`."""
    add_options(parser, DoctorOptions)


def run(args: argparse.Namespace) -> int:
    """Prints the findings."""
    # Here, not above: `--help` needs no rule.
    from mindspeed_rl_ext.doctor.examination import examine
    from mindspeed_rl_ext.doctor.printing import as_row, as_text, summary
    from mindspeed_rl_ext.doctor.readers.environment import read_environment
    from mindspeed_rl_ext.doctor.reference import rules_as_json, rules_as_text

    options = build_options(DoctorOptions, ("the command line", given_options(DoctorOptions, args)))
    language = current_language()
    if options.rules:
        print(rules_as_json(language) if options.json else rules_as_text(language))
        return EXIT_DONE
    findings = examine(options, read_environment())
    if options.json:
        rows = [as_row(finding, language) for finding in findings]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            print(as_text(finding, language))
        print(f"\n{summary(findings, language)}")
    return EXIT_CHECK_FAILED if any(f.level == "error" for f in findings) else EXIT_DONE
