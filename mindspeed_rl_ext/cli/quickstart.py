"""The whole loop in a few minutes on two CPU cores, nothing downloaded.

A tiny Qwen2 and a Countdown task are made on the spot; prompts are packed, the policy is warmed
up, converted to Megatron-core and back, trained with GRPO on our verifiers and evaluated on
problems it has not seen. With --input your own data is preprocessed instead, and its reference
answers are scored.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
import warnings
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mindspeed_rl_ext.core.errors import (
    EXIT_CHECK_FAILED,
    EXIT_DONE,
    InputError,
    MissingExtraError,
)

if TYPE_CHECKING:
    from mindspeed_rl_ext.recipes.quickstart.workspace import QuickstartSettings

DEFAULT_OUTPUT = Path("quickstart_output")
EXAMPLES_SHOWN = 5
# Looked for before the first stage, not found missing minutes later; with the extras of each.
OWN_DATA_LIBRARIES = {"transformers": "train", "tokenizers": "train"}
LOOP_LIBRARIES = {
    **OWN_DATA_LIBRARIES,
    "torch": "train",
    "trl": "train",
    "datasets": "train",
    "matplotlib": "report",
}
OWN_DATA_OPTIONS = ("tokenizer_name_or_path", "prompt_type", "label_extractor", "verifier")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext quickstart`."""
    parser.add_argument(
        "--output",
        type=Path,
        default=None,
        metavar="DIR",
        help=f"default: {DEFAULT_OUTPUT}, where an earlier run is replaced",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an earlier quickstart in DIR"
    )
    loop = parser.add_argument_group("the loop")
    loop.add_argument("--seed", type=int, default=None)
    loop.add_argument("--control", action="store_true", help="reward at random: nothing is learned")
    loop.add_argument("--sft-steps", type=_positive, default=None, metavar="N")
    loop.add_argument("--grpo-steps", type=_positive, default=None, metavar="N")
    own = parser.add_argument_group("your own data")
    own.add_argument("--input", type=Path, metavar="FILE", help="rows to preprocess and score")
    own.add_argument("--map-keys", metavar="JSON", help='such as {"prompt":"q","response":"a"}')
    own.add_argument("--tokenizer-name-or-path", metavar="DIR", help="default: the tiny one")
    own.add_argument("--prompt-type", default=None, metavar="NAME", help="default: qwen_math_r1")
    own.add_argument("--label-extractor", default=None, metavar="NAME", help="default: auto")
    own.add_argument("--verifier", default=None, metavar="NAME", help="default: simplerl")


def run(args: argparse.Namespace) -> int:
    """Runs the loop, or the user's own data; returns the exit code."""
    if args.output is None:
        args.output, args.overwrite = DEFAULT_OUTPUT, True
    _require_libraries(OWN_DATA_LIBRARIES if args.input is not None else LOOP_LIBRARIES)
    _stay_offline_and_quiet()
    return _run_own_data(args) if args.input is not None else _run_loop(args)


def _run_loop(args: argparse.Namespace) -> int:
    _refuse_flags(args, ("map_keys", *OWN_DATA_OPTIONS))
    from mindspeed_rl_ext.recipes.device import use_one_thread
    from mindspeed_rl_ext.recipes.quickstart.checks import can_be_judged, judge
    from mindspeed_rl_ext.recipes.quickstart.stages import STAGES
    from mindspeed_rl_ext.recipes.quickstart.workspace import (
        MARK,
        RESULTS_FILE,
        Workspace,
        prepare,
    )

    settings = _settings(args)
    prepare(args.output, overwrite=args.overwrite)
    work = Workspace(args.output, settings)
    use_one_thread()
    rows: list[tuple[str, str, float]] = []
    for number, stage in enumerate(STAGES, start=1):
        print(f"[{number}/{len(STAGES)}] {stage.name}", flush=True)
        start_s = time.monotonic()
        rows.append((stage.name, stage.run(work), time.monotonic() - start_s))
    checks = judge(work)
    judged = can_be_judged(settings)
    work.write(
        RESULTS_FILE,
        {
            **MARK,
            "stages": {name: {"result": text, "seconds": s} for name, text, s in rows},
            "checks": {c.name: {"value": c.value, "expected": c.expected} for c in checks},
            "judged": judged,
            "ok": all(c.ok for c in checks) if judged else None,
        },
    )
    _print_table(rows)
    for check in checks:
        verdict = ("ok" if check.ok else "NOT REACHED") if judged else "not judged: fewer steps"
        print(f"{check.name}: {check.value:+.3f} (expected {check.expected}): {verdict}")
    return EXIT_CHECK_FAILED if judged and not all(c.ok for c in checks) else EXIT_DONE


def _run_own_data(args: argparse.Namespace) -> int:
    _refuse_flags(args, ("seed", "sft_steps", "grpo_steps", "control"))
    from mindspeed_rl_ext.recipes.quickstart.own_data import OwnDataOptions, run_own_data
    from mindspeed_rl_ext.recipes.quickstart.workspace import discard, prepare

    if args.map_keys is None:
        raise InputError(
            "--input needs --map-keys",
            expected='JSON such as {"prompt":"question","response":"answer"}',
            remedy="name the columns of the prompt and of the response",
        )
    chosen = {
        name: getattr(args, name) for name in OWN_DATA_OPTIONS if getattr(args, name) is not None
    }
    options = OwnDataOptions(args.input, _map_keys(args.map_keys), args.output, **chosen)
    options.check()
    prepare(args.output, overwrite=args.overwrite)
    try:
        result = run_own_data(options)
    except BaseException:
        discard(args.output)
        raise
    report = result.report
    dropped = ", ".join(f"{n} {reason}" for reason, n in report.dropped.items()) or "none"
    print(f"rows kept      {report.kept}")
    print(f"rows dropped   {dropped}")
    print(f"prompt tokens  {report.tokens}")
    print(f"seconds        {result.seconds:.1f} ({report.seconds:.1f} of them to preprocess)")
    print(f"packed files   {args.output / 'packed'}")
    count, failed, slipped = result.num_references, result.failed, result.slipped
    print(f"references     {count - len(failed)} of {count} get the full score (expected: all)")
    print(f"perturbed      {len(slipped)} of {count} get the full score (expected: none)")
    for what, answers in (("without the full score", failed), ("accepted perturbed", slipped)):
        if answers:
            print(f"{what}: {', '.join(map(repr, answers[:EXAMPLES_SHOWN]))}")
    return EXIT_CHECK_FAILED if failed or slipped else EXIT_DONE


def _settings(args: argparse.Namespace) -> QuickstartSettings:
    from mindspeed_rl_ext.recipes.quickstart.workspace import QuickstartSettings

    settings = QuickstartSettings(control=args.control)
    if args.seed is not None:
        settings = replace(settings, seed=args.seed)
    if args.sft_steps is not None:
        settings = replace(settings, sft=replace(settings.sft, steps=args.sft_steps))
    if args.grpo_steps is not None:
        settings = replace(settings, grpo=replace(settings.grpo, steps=args.grpo_steps))
    return settings


def _refuse_flags(args: argparse.Namespace, names: tuple[str, ...]) -> None:
    """Flags of the other mode would have no effect: say so instead of ignoring them."""
    given = [n for n in names if getattr(args, n) is not None and getattr(args, n) is not False]
    if given:
        flags = ", ".join("--" + name.replace("_", "-") for name in given)
        mode = "with" if args.input is not None else "without"
        raise InputError(f"{flags} has no effect {mode} --input", remedy="leave it out")


def _map_keys(text: str) -> dict[str, str]:
    try:
        keys = json.loads(text)
    except ValueError as error:
        raise InputError(
            "--map-keys is not readable JSON",
            found=f"{text} ({error})",
            expected='{"prompt":"question","response":"answer"}',
            remedy="quote it with single quotes for the shell",
        ) from error
    if not isinstance(keys, dict):
        raise InputError("--map-keys is not a JSON object", found=text)
    return keys


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _print_table(rows: list[tuple[str, str, float]]) -> None:
    width = max(len(name) for name, _, _ in rows)
    print()
    for name, text, seconds in rows:
        print(f"{name:<{width}}  {seconds:6.1f} s  {text}")
    print(f"{'all':<{width}}  {sum(s for _, _, s in rows):6.1f} s\n")


def _require_libraries(extras: dict[str, str]) -> None:
    missing = [name for name in extras if find_spec(name) is None]
    if missing:
        wanted = ",".join(dict.fromkeys(extras.values()))
        raise MissingExtraError(" and ".join(missing), wanted, "the quickstart")


def _stay_offline_and_quiet() -> None:
    """Keeps the libraries from asking a hub, and their advice out of the table."""
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "TRANSFORMERS_NO_ADVISORY_WARNINGS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    warnings.simplefilter("ignore", FutureWarning)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    logging.getLogger("trl").setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore", UserWarning)
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
