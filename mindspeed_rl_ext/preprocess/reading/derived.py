"""Columns made of other columns: `--derive`, for data sets that hold no question.

Covers: a text with `{column}` in it, and an object of columns, such as Countdown's answer.
Does not cover: computing; a row that lacks a column it needs is dropped.

Example:
    >>> derived = parse_derived({"q": "Reach {target} with {nums}.", "a": {"target": "target"}})
    >>> derive({"target": 9, "nums": [1, 2]}, derived)["q"], derive({"target": 9, "nums": []}, {})
    ('Reach 9 with [1,2].', {'target': 9, 'nums': []})
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.answers import canonical_text
from mindspeed_rl_ext.preprocess.reading.dotted import column_value
from mindspeed_rl_ext.preprocess.record import Reason, RejectError

Derived = Mapping[str, "str | Mapping[str, str]"]

EXAMPLE = '{"question":"Reach {target} with {nums}.","answer":{"target":"target"}}'
_COLUMN = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\}")


def parse_derived(value: str | Mapping[str, Any] | None) -> Derived:
    """Reads the value of `--derive`.

    Raises:
        InputError: broken JSON, or values that are neither texts nor objects of column names.
    """
    try:
        table = json.loads(value) if isinstance(value, str) else dict(value or {})
    except ValueError as error:
        raise InputError(
            "--derive is not readable JSON", found=f"{value} ({error})", expected=EXAMPLE
        ) from error
    if not isinstance(table, dict) or not all(map(_is_recipe, table.values())):
        raise InputError("--derive is not a table of columns", found=repr(value), expected=EXAMPLE)
    return table


def sources_of(derived: Derived) -> set[str]:
    """The columns that the data must have."""
    texts = [recipe for recipe in derived.values() if isinstance(recipe, str)]
    objects = [recipe for recipe in derived.values() if isinstance(recipe, Mapping)]
    named = {name for text in texts for name in _COLUMN.findall(text)}
    return named | {name for recipe in objects for name in recipe.values()}


def derive(row: Mapping[str, Any], derived: Derived) -> dict[str, Any]:
    """A row with the derived columns added; they may use the row's own columns only.

    Raises:
        RejectError: the row has no value in a column that is needed.
    """
    made: dict[str, Any] = {}
    for name, recipe in derived.items():
        if isinstance(recipe, str):
            made[name] = _COLUMN.sub(lambda match: _text(row, match[1]), recipe)
        else:
            made[name] = {key: _value(row, column) for key, column in recipe.items()}
    return {**row, **made}


def _is_recipe(recipe: Any) -> bool:
    if isinstance(recipe, str):
        return True
    return isinstance(recipe, Mapping) and all(isinstance(c, str) for c in recipe.values())


def _value(row: Mapping[str, Any], column: str) -> Any:
    value = column_value(row, column)
    if value is None:
        raise RejectError(Reason.BAD_COLUMN, f"column {column!r} has no value")
    return value


def _text(row: Mapping[str, Any], column: str) -> str:
    try:
        return canonical_text(_value(row, column))
    except ValueError as error:
        raise RejectError(Reason.BAD_COLUMN, f"column {column!r}: {error}") from error
