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
    from mindspeed_rl_ext.cli import convert
    from mindspeed_rl_ext.core.errors import ExtError

    code = 1
    try:
        if args.saver != NAME:
            raise SystemExit(f"--loader {NAME} goes with --saver {NAME}, not {args.saver}")
        code = convert.run(_ours(args))
    except ExtError as error:
        log.error("%s", error)
        raise SystemExit(error.exit_code) from error
    finally:
        queue.put("exit" if code else {"name": "done"})


def _our_parser() -> argparse.ArgumentParser:
    from mindspeed_rl_ext.cli import convert

    parser = argparse.ArgumentParser(add_help=False)
    convert.add_arguments(parser)
    return parser


def _ours(args: argparse.Namespace) -> argparse.Namespace:
    """Our command's arguments: its defaults, and what the command line names."""
    from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.reader import is_mg

    found, named = {}, set()
    words = {word.partition("=")[0] for word in sys.argv[1:]}
    for action in _our_parser()._actions:
        found[action.dest] = action.default
        if words.intersection(action.option_strings):
            named.add(action.dest)
    # The host's own defaults (--model-type-hf llama2, --ckpt-cfg-path) are nobody's wish.
    given = {name: value for name, value in vars(args).items() if name in named}
    merged = {**found, **{name: value for name, value in given.items() if value is not None}}
    for name in ("load_dir", "save_dir", "hf_cfg_dir"):
        merged[name] = Path(merged[name]) if merged[name] else None
    # This way into the host leaves --load-model-type out.
    load = "mg" if is_mg(merged["load_dir"]) else "hf"
    save = given.get("save_model_type") or ("hf" if load == "mg" else "mg")
    known = {"loader": None, "saver": None, "load_model_type": load, "save_model_type": save}
    return argparse.Namespace(**{**merged, **known})
