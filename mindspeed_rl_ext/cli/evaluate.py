"""Evaluates a model, or responses made elsewhere, on mathematics benchmarks.

Prompts each question of --data-dir NAME/test.jsonl (the layout of simpleRL-reason's eval/data),
grades the responses strictly and leniently, and shows pass@1, avg@k, maj@k and pass@k with
intervals, the three classes of the CS336 note, lengths, and tables by level and subject. Responses
are never executed. Writes rollouts.jsonl (msrl-ext score reads it), summary.json and metrics.jsonl
(msrl-ext report reads both of its files).

Example:
  msrl-ext evaluate --benchmark gsm8k,math500 --data-dir eval/data --backend hf --model out/hf
  msrl-ext evaluate --benchmark aime24 --data-dir eval/data --backend vllm --model out/hf \
--n 16 --temperature 0.6 --max-tokens 3072
  msrl-ext evaluate --benchmark gsm8k --data-dir eval/data --backend jsonl --responses made.jsonl
"""

from __future__ import annotations

import argparse
import json
import os

from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.core.errors import EXIT_CHECK_FAILED, EXIT_DONE
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.recipes.evaluation.figures.table import shown
from mindspeed_rl_ext.recipes.evaluation.options import EvaluateOptions
from mindspeed_rl_ext.recipes.evaluation.run import evaluate_benchmarks
from mindspeed_rl_ext.verifiers.plugins import import_user_module

DESCRIPTION_ZH = """在数学基准上评测模型，或评测别处生成的回复。

对 --data-dir 下 NAME/test.jsonl（与 simpleRL-reason 的 eval/data 同一布局）的每道题生成提示，按
严格与宽松两种标准评分，给出带区间的 pass@1、avg@k、maj@k、pass@k，CS336 笔记的三类结果，
长度，以及按难度和科目的表。回复从不执行。写出 rollouts.jsonl（msrl-ext score 可读）、
summary.json 和 metrics.jsonl（msrl-ext report 可读）。

示例：
  msrl-ext evaluate --benchmark gsm8k,math500 --data-dir eval/data --backend hf --model out/hf
  msrl-ext evaluate --benchmark aime24 --data-dir eval/data --backend vllm --model out/hf \
--n 16 --temperature 0.6 --max-tokens 3072
  msrl-ext evaluate --benchmark gsm8k --data-dir eval/data --backend jsonl --responses made.jsonl
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext evaluate`."""
    add_options(parser, EvaluateOptions)


def run(args: argparse.Namespace) -> int:
    """Evaluates; exit code 1 where a file of responses misses problems."""
    given = given_options(EvaluateOptions, args)
    options = build_options(EvaluateOptions, ("the command line", given))
    for module in options.modules:
        import_user_module(module)
    options.warn_of_no_effect()
    # Nothing is downloaded: a model is a directory. Results alone go to standard output.
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(name, "1")
    summary = evaluate_benchmarks(options)
    if options.json:
        print(json.dumps(summary, indent=2))
    else:
        show(shown(summary))
    show(f"wrote rollouts.jsonl, summary.json, metrics.jsonl to {options.output}", to_stderr=True)
    missing = summary.get("file", {}).get("missing")
    return EXIT_CHECK_FAILED if missing else EXIT_DONE
