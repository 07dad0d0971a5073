"""Lets MindSpeed-LLM's `--prompt-type` take the names of our templates.json.

Covers: the parser of its training arguments, which `import mindspeed_llm` runs over sys.argv too,
and, through `llm_handler`, that of `preprocess_data.py`.
Does not cover: the templates themselves; the host reads them from `--prompt-type-path`.
"""

from __future__ import annotations

import argparse
import functools
import json
from types import ModuleType
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.shipped import shipped_folder
from mindspeed_rl_ext.hosts.protocol import Expect, Point

OPTION = "--prompt-type"


def add_prompt_types(parser: argparse.ArgumentParser) -> None:
    """Adds our names to the choices of `--prompt-type`, where the parser has it.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> _ = parser.add_argument("--prompt-type", choices=["qwen"])
        >>> add_prompt_types(parser)
        >>> parser.parse_args(["--prompt-type", "qwen_r1"]).prompt_type
        'qwen_r1'
    """
    action = parser._option_string_actions.get(OPTION)
    if action is not None and action.choices is not None:
        known = list(action.choices)
        action.choices = [*known, *(name for name in _our_names() if name not in known)]


def _our_names() -> list[str]:
    try:
        text = (shipped_folder("configs") / "templates.json").read_text(encoding="utf-8")
    except (InputError, OSError):
        return []  # a broken installation: the host then refuses the name itself
    return [template["name"] for template in json.loads(text)]


def wrap_process_args(module: ModuleType, *, attribute: str) -> None:
    """Wraps the function that adds the host's arguments to a parser."""
    original = getattr(module, attribute)
    if getattr(original, "_msrl_ext", False):
        return

    @functools.wraps(original)
    def process_args(parser: argparse.ArgumentParser) -> Any:
        parse = parser.parse_known_args

        @functools.wraps(parse)
        def parse_known_args(*args: Any, **kwargs: Any) -> Any:
            add_prompt_types(parser)
            return parse(*args, **kwargs)

        # On the parser itself: master parses before it has added all of its arguments.
        parser.parse_known_args = parse_known_args  # type: ignore[method-assign]
        return original(parser)

    process_args._msrl_ext = True  # type: ignore[attr-defined]
    setattr(module, attribute, process_args)


def leave_choices(module: ModuleType, error: Exception) -> None:
    """Nothing: the host's parser says which names it takes, and stops."""


def prompt_type_point(function: str) -> Point:
    """The point of a line.

    Args:
        function: what this line calls the function that adds its arguments.
    """
    return Point(
        module="mindspeed_llm.training.arguments",
        attribute="process_args",  # one name for all lines, so that one of them has to fit
        probe=(Expect(function, ("parser",)),),
        apply=functools.partial(wrap_process_args, attribute=function),
        tripwire=leave_choices,
        ledger="LLM-4",
        required=False,
    )
