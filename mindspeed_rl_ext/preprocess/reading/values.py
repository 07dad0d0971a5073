"""Values that are not text, as the text that verifiers read.

Covers: numbers, lists and objects as compact canonical JSON; an integral float is written without
its `.0`, since Parquet and CSV readers turn a column of integers with one gap into floats.
Does not cover: which part of a text is the answer; `labels` decides that.

Example:
    >>> canonical_text(72.0), canonical_text({"target": 49, "numbers": [44, 43.0]})
    ('72', '{"numbers":[44,43],"target":49}')
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

EXACT_FLOAT_LIMIT = 2.0**53


def canonical_text(value: Any) -> str:
    """The text of a value; a string stays as it is.

    Raises:
        ValueError: not finite, or of a type that JSON has no word for.
    """
    if isinstance(value, str):
        return value
    try:
        return json.dumps(
            _plain(value),
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value) if abs(value) < EXACT_FLOAT_LIMIT else value
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
