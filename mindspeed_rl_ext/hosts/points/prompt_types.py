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
from mindspeed_rl_ext.core.files.shipped import shipped_folder
from mindspeed_rl_ext.hosts.point import Caller, Expect, LedgerRow, Point

OPTION = "--prompt-type"
# What the lines call the function that adds their arguments; 2.2 and 2.3 have and call both.
PARSER_FUNCTIONS = ("process_args", "process_args_v2")


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


def wrap_process_args(module: ModuleType) -> None:
    """Wraps each function that adds the host's arguments to a parser."""
    for name in PARSER_FUNCTIONS:
        original = getattr(module, name, None)
        if original is not None and not getattr(original, "_msrl_ext", False):
            setattr(module, name, _with_our_types(original))


def _with_our_types(original: Any) -> Any:
    @functools.wraps(original)
    def process_args(parser: argparse.ArgumentParser) -> Any:
        parse = parser.parse_known_args

        @functools.wraps(parse)
        def parse_known_args(*args: Any, **kwargs: Any) -> Any:
            add_prompt_types(parser)
            return parse(*args, **kwargs)

        # On the parser itself: 26.1 and later parse before they have added all of their arguments.
        parser.parse_known_args = parse_known_args  # type: ignore[method-assign]
        return original(parser)

    process_args._msrl_ext = True  # type: ignore[attr-defined]
    return process_args


def leave_choices(module: ModuleType, error: Exception) -> None:
    """Nothing: the host's parser names the types that it takes, and stops."""


PROMPT_TYPE_POINT = Point(
    module="mindspeed_llm.training.arguments",
    attribute="process_args",  # one name for all lines, so that one of them has to fit
    probe=(Expect(PARSER_FUNCTIONS[0], ("parser",), or_attribute=PARSER_FUNCTIONS[1]),),
    apply=wrap_process_args,
    tripwire=leave_choices,
    ledger=LedgerRow(
        "LLM-4",
        "`mindspeed_llm.training.arguments.process_args` and `process_args_v2`, whichever of them "
        "are there, are wrapped: a parser that they fill also takes the names of our "
        "`templates.json` for `--prompt-type`; so does the parser of `preprocess_data.py` (LLM-1)",
        "the choices of `--prompt-type` are closed, and `import mindspeed_llm` parses the command "
        "line with them",
        "when `--prompt-type` takes any name that is in `--prompt-type-path`",
    ),
    required=False,
    callers=(Caller(r"(?<!def )\bprocess_args(_v2)?\("),),
)
