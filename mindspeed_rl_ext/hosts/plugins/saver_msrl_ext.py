"""`--saver msrl_ext` of MindSpeed-LLM's `convert_ckpt.py`: waits for our loader, which converts.

Covers: the host's plugin contract (`add_arguments`, `save_model_checkpoint`).
Does not cover: saving what another loader sends; that is refused by name.
"""

from __future__ import annotations

import argparse
from typing import Any

NAME = "msrl_ext"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds nothing: the loader has added all flags."""


def save_model_checkpoint(model_provider: Any, queue: Any, args: argparse.Namespace) -> None:
    """Waits until the loader has ended.

    Raises:
        SystemExit: the loader failed, or is not ours.
    """
    if args.loader != NAME:
        raise SystemExit(f"--saver {NAME} goes with --loader {NAME}, not {args.loader}")
    if queue.get() == "exit":
        raise SystemExit(1)
