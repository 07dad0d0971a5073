"""Puts our handler into MindSpeed-LLM, whose list of handlers lies in the script itself.

Covers: `preprocess_data.py --handler-name AlpacaStylePromptOnlyHandler`, with a `--prompt-type` of
ours too. The script's `validate_args` is `__main__`'s, defined after its imports: it is wrapped
when the script parses its arguments.
Does not cover: the same functions called from a script of another name.
"""

from __future__ import annotations

import argparse
import functools
import sys
from types import ModuleType
from typing import Any

from mindspeed_rl_ext.hosts.points.handler_point import (
    STANDS_FOR_US,
    names_our_handler,
    set_handler,
)
from mindspeed_rl_ext.hosts.points.overlay import Overlay
from mindspeed_rl_ext.hosts.points.prompt_types import add_prompt_types

SCRIPT = "preprocess_data.py"
CHECK = "validate_args"


def set_llm_handler(module: ModuleType) -> None:
    """Sets our handler class, and has its name let through by the script that runs."""
    set_handler(module)
    main = sys.modules.get("__main__")
    if main is not None and str(getattr(main, "__file__", "")).endswith(SCRIPT):
        _wrap_at_parsing(main)


def _wrap_at_parsing(main: ModuleType) -> None:
    original = argparse.ArgumentParser.parse_args

    @functools.wraps(original)
    def parse_args(self: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> Any:
        check = getattr(main, CHECK, None)
        if check is not None:  # the host parses while it is imported too, before the check exists
            add_prompt_types(self)
            argparse.ArgumentParser.parse_args = original  # type: ignore[method-assign]
            setattr(main, CHECK, _lets_us_through(check))
        return original(self, *args, **kwargs)

    argparse.ArgumentParser.parse_args = parse_args  # type: ignore[method-assign]


def _lets_us_through(check: Any) -> Any:
    @functools.wraps(check)
    def validate_args(args: Any) -> Any:
        seen = Overlay(args, handler_name=STANDS_FOR_US) if names_our_handler(args) else args
        return check(seen)

    return validate_args
