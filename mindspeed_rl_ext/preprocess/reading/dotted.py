"""Columns inside objects by dotted names, such as `reward_model.ground_truth`.

Covers: a column whose own name has a dot, which wins.
Does not cover: elements of lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def column_value(row: Mapping[str, Any], name: str) -> Any:
    """The value of a column, None where the row has none; `a.b` is `b` inside the object `a`.

    Example:
        >>> column_value({"reward_model": {"ground_truth": "7"}}, "reward_model.ground_truth")
        '7'
    """
    if name in row or "." not in name:
        return row.get(name)
    outer, _, inner = name.partition(".")
    value = row.get(outer)
    return column_value(value, inner) if isinstance(value, Mapping) else None


def has_column(row: Mapping[str, Any], name: str) -> bool:
    """Whether a row has a column, dotted or not."""
    outer, _, inner = name.partition(".")
    value = row.get(outer)
    return name in row or bool(inner and isinstance(value, Mapping) and has_column(value, inner))
