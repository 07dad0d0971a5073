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
import logging
import os
import sys
from pathlib import Path

from mindspeed_rl_ext.core.errors import EXIT_CHECK_FAILED, EXIT_DONE, InputError
from mindspeed_rl_ext.recipes.evaluation.backends import BACKENDS, Sampling
from mindspeed_rl_ext.recipes.evaluation.defaults import defaults_for
from mindspeed_rl_ext.recipes.evaluation.figures.table import shown
from mindspeed_rl_ext.recipes.evaluation.grading import Graders
from mindspeed_rl_ext.recipes.evaluation.problems.benchmarks import BENCHMARKS, benchmarks_named
from mindspeed_rl_ext.recipes.evaluation.run import EvaluationSettings, evaluate_benchmarks
from mindspeed_rl_ext.verifiers.plugins import import_user_module

_LOG = logging.getLogger(__name__)
DEFAULT_OUTPUT = Path("evaluation_output")
RECORDED = "jsonl"
_SAMPLING = ("n", "temperature", "top_p", "max_tokens", "seed", "stop")
# Options of a backend's class, by the backends that know them.
_OPTIONS = {
    "batch_size": ("hf", "vllm"),
    "dtype": ("hf", "vllm"),
    "device": ("hf",),
    "tensor_parallel_size": ("vllm",),
    "memory_fraction": ("vllm",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext evaluate`."""
    parser.add_argument(
        "--benchmark", required=True, metavar="A,B", help=f"of {', '.join(BENCHMARKS)}"
    )
    parser.add_argument(
        "--data-dir", type=Path, required=True, metavar="DIR", help="holds NAME/test.jsonl"
    )
    parser.add_argument("--backend", choices=[*BACKENDS, RECORDED], required=True)
    parser.add_argument("--model", type=Path, metavar="DIR", help="HuggingFace model directory")
    parser.add_argument(
        "--responses", type=Path, metavar="FILE", help="of the backend jsonl: responses to grade"
    )
    parser.add_argument(
        "--prompt-type", default="qwen_math_r1", metavar="NAME",
        help="of templates.json, or tokenizer: the model's chat template (default: qwen_math_r1)",
    )  # fmt: skip
    parser.add_argument("--prompt-type-path", metavar="FILE", help="another templates.json")
    parser.add_argument("--limit", type=int, metavar="N", help="first problems of each only")
    drawn = parser.add_argument_group("how responses are drawn")
    drawn.add_argument("--n", type=int, metavar="K", help="responses a problem (default: 1)")
    drawn.add_argument("--temperature", type=float, metavar="T", help="default: 0, the likeliest")
    drawn.add_argument("--top-p", type=float, metavar="P", help="default: 1")
    drawn.add_argument("--max-tokens", type=int, metavar="N", help="default: 1024")
    drawn.add_argument("--seed", type=int, metavar="N", help="default: 0")
    drawn.add_argument(
        "--stop", action="append", metavar="TEXT",
        help="a text that ends a response; may repeat (for cs336_r1_zero prompts: </answer>)",
    )  # fmt: skip
    how = parser.add_argument_group("the backend")
    how.add_argument("--batch-size", type=int, metavar="N", help="prompts at once")
    how.add_argument("--dtype", choices=["auto", "float32", "bfloat16", "float16"])
    how.add_argument("--device", choices=["npu", "cuda", "cpu"], help="hf: default the best")
    how.add_argument("--tensor-parallel-size", type=int, metavar="N", help="vllm: devices")
    how.add_argument(
        "--memory-fraction", type=float, metavar="X", help="vllm: of the device's memory"
    )
    _add_grading(parser)


def _add_grading(parser: argparse.ArgumentParser) -> None:
    judged = parser.add_argument_group("how responses are judged")
    judged.add_argument(
        "--verifier",
        metavar="NAME",
        help="strict; default by prompt: simplerl, r1_acc, cs336_r1_zero",
    )
    judged.add_argument(
        "--format-verifier", metavar="NAME",
        help="judges the format where the strict one does not; for qwen_r1 prompts r1_format",
    )  # fmt: skip
    judged.add_argument(
        "--lenient-verifier", metavar="NAME", help="default: last_answer, the last one in prose"
    )
    judged.add_argument(
        "--import", dest="modules", action="append", default=[], metavar="MODULE",
        help="a module that registers verifiers of yours; may be given again",
    )  # fmt: skip
    out = parser.add_argument_group("results")
    out.add_argument(
        "--output", type=Path, default=DEFAULT_OUTPUT, metavar="DIR",
        help=f"default: {DEFAULT_OUTPUT}",
    )  # fmt: skip
    out.add_argument("--resume", action="store_true", help="go on with what --output holds")
    out.add_argument("--overwrite", action="store_true", help="replace what --output holds")
    out.add_argument(
        "--step", type=int, default=0, metavar="N", help="the model's training step, for the report"
    )
    out.add_argument("--json", action="store_true", help="print summary.json instead of the table")


def run(args: argparse.Namespace) -> int:
    """Evaluates; exit code 1 where a file of responses misses problems."""
    for module in args.modules:
        import_user_module(module)
    _check_flags(args)
    # Nothing is downloaded: a model is a directory. Results alone go to standard output.
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(name, "1")
    summary = evaluate_benchmarks(_settings(args))
    print(json.dumps(summary, indent=2) if args.json else shown(summary))
    print(f"wrote rollouts.jsonl, summary.json, metrics.jsonl to {args.output}", file=sys.stderr)
    missing = summary.get("file", {}).get("missing")
    return EXIT_CHECK_FAILED if missing else EXIT_DONE


def _settings(args: argparse.Namespace) -> EvaluationSettings:
    sampling = {name: getattr(args, name) for name in _SAMPLING}
    sampling = {name: value for name, value in sampling.items() if value is not None}
    fitting = defaults_for(args.prompt_type)
    graders = fitting.graders
    sampling["stop"] = tuple(sampling.get("stop", fitting.stop))
    options = {name: getattr(args, name) for name in _OPTIONS}
    return EvaluationSettings(
        benchmarks=benchmarks_named(args.benchmark),
        data_dir=args.data_dir,
        backend=args.backend,
        output=args.output,
        model=args.model,
        responses=args.responses,
        prompt_type=args.prompt_type,
        prompt_type_path=args.prompt_type_path,
        sampling=Sampling(**sampling),
        graders=Graders(
            strict=args.verifier or graders.strict,
            lenient=args.lenient_verifier or graders.lenient,
            format=_format_verifier(args, graders),
        ),
        limit=args.limit,
        options={name: value for name, value in options.items() if value is not None},
        resume=args.resume,
        overwrite=args.overwrite,
        step=args.step,
    )


def _format_verifier(args: argparse.Namespace, defaults: Graders) -> str:
    """The one that was named; the default one only beside the default strict verifier."""
    if args.format_verifier is not None:
        return str(args.format_verifier)
    return "" if args.verifier else defaults.format


def _check_flags(args: argparse.Namespace) -> None:
    """Refuses flags that contradict each other, and names those without effect."""
    recorded = args.backend == RECORDED
    needed, flag = (args.responses, "--responses FILE") if recorded else (args.model, "--model DIR")
    if needed is None:
        raise InputError(f"the backend {args.backend} needs {flag}", remedy=f"add {flag}")
    if args.limit is not None and args.limit < 1:
        raise InputError("--limit is not positive", found=str(args.limit), expected="1 or more")
    if args.resume and args.overwrite:
        raise InputError("--resume and --overwrite contradict each other", remedy="give one")
    if args.resume and recorded:
        raise InputError(
            "--resume goes on generating, and the backend jsonl generates nothing",
            remedy="--overwrite takes the figures anew",
        )
    without = {name: getattr(args, name) for name in _SAMPLING} if recorded else {}
    without |= {n: getattr(args, n) for n, known in _OPTIONS.items() if args.backend not in known}
    without |= {} if recorded else {"responses": args.responses}
    for name, value in without.items():
        if value is not None:
            flag = "--" + name.replace("_", "-")
            _LOG.warning("%s has no effect with the backend %s", flag, args.backend)
