"""`--loader msrl_ext` of MindSpeed-LLM's `convert_ckpt.py`: the whole conversion, in its process.

Covers: the host's plugin contract (`add_arguments`, `load_checkpoint`); our flags beside the
host's. The conversion runs here and not in the saver, whose exit code one host line drops.
Does not cover: the host's queue of whole tensors: our loader goes with our saver only.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

NAME = "msrl_ext"
log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext convert` that the host's parser does not have."""
    group = parser.add_argument_group("mindspeed-rl-ext")
    known = parser._option_string_actions
    for action in _our_parser()._actions:
        if not any(option in known for option in action.option_strings):
            group._add_action(action)


def load_checkpoint(model_provider: Any, queue: Any, args: argparse.Namespace) -> None:
    """Converts `--load-dir` into `--save-dir`; reports to the saver's process how it ended.

    Raises:
        SystemExit: the conversion failed; the exit code is that of `msrl-ext convert`.
    """
    from mindspeed_rl_ext.core.errors import ExtError

    done = False
    try:
        if args.saver != NAME:
            raise SystemExit(f"--loader {NAME} goes with --saver {NAME}, not {args.saver}")
        _convert(args)
        done = True
    except ExtError as error:
        log.error("%s", error)
        raise SystemExit(error.exit_code) from error
    finally:
        queue.put({"name": "done"} if done else "exit")


def _convert(args: argparse.Namespace) -> None:
    from mindspeed_rl_ext.checkpoint.convert import run_job
    from mindspeed_rl_ext.checkpoint.host_flags import read_options
    from mindspeed_rl_ext.checkpoint.job import plan_job
    from mindspeed_rl_ext.checkpoint.tables import plan_lines, report_line

    options = read_options(_given(args))
    job = plan_job(options)
    lines = plan_lines(job) if options.dry_run else [report_line(run_job(job), options)]
    for line in lines:
        log.info("%s", line)


def _our_parser() -> argparse.ArgumentParser:
    from mindspeed_rl_ext.checkpoint.host_flags import add_arguments as add_ours

    parser = argparse.ArgumentParser(add_help=False)
    add_ours(parser)
    return parser


def _given(args: argparse.Namespace) -> argparse.Namespace:
    """What the command line names of our flags; the host's own defaults are nobody's wish.

    This way into the host leaves --load-model-type out, so that the formats are recognised.
    """
    from mindspeed_rl_ext.checkpoint.formats import recognise

    words = {word.partition("=")[0] for word in sys.argv[1:]}
    named = {a.dest for a in _our_parser()._actions if words.intersection(a.option_strings)}
    given = {name: value for name, value in vars(args).items() if name in named}
    given = {name: value for name, value in given.items() if value is not None}
    for name in ("loader", "saver"):
        given.pop(name, None)
    if "save_model_type" not in given:
        given["save_model_type"] = recognise(Path(args.load_dir)).usual_target
    return argparse.Namespace(**given)
