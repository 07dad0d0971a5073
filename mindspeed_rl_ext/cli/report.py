"""Curves, throughput and a diagnosis of a run, from its log.

Reads our metrics.jsonl and rollouts.jsonl, the console logs of MindSpeed-RL and MindSpeed-LLM,
TRL's trainer_state.json and printed logs, and tensorboard's event files; of a directory the first
of these that is there. Prints what it found, and writes report.html, one file that opens without a
network, and curves.png.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mindspeed_rl_ext.report.page.words import LANGUAGES, Words, language_of
from mindspeed_rl_ext.report.run import write_report
from mindspeed_rl_ext.report.terminal import as_json, lines_of

_SIZES = {
    "global_batch_size": "prompts a step",
    "n_samples_per_prompt": "responses a prompt",
    "world_size": "devices",
    "mini_batch_size": "responses an update",
    "ppo_epochs": "passes over a rollout",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext report`."""
    parser.add_argument(
        "path", type=Path, metavar="LOG_OR_DIR", help="a run's directory, or one of its logs"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="default: beside the log")
    parser.add_argument("--title", help="heading of the page; default: the directory's name")
    parser.add_argument(
        "--lang", choices=LANGUAGES, default=None, help="default: that of the environment"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "--a3", action="store_true", help="Atlas A3: a card is two devices of the log"
    )
    sizes = parser.add_argument_group("sizes that the log lacks")
    for name, what in _SIZES.items():
        sizes.add_argument(f"--{name.replace('_', '-')}", type=_positive, metavar="N", help=what)


def run(args: argparse.Namespace) -> int:
    """Writes the report of a run."""
    language = args.lang or language_of()
    files = write_report(
        args.path,
        args.output,
        title=args.title,
        language=language,
        a3=args.a3,
        sizes={n: getattr(args, n) for n in _SIZES if getattr(args, n) is not None},
    )
    if args.json:
        print(json.dumps(as_json(files, language), ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines_of(files, Words(language))))
    return 0


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number
