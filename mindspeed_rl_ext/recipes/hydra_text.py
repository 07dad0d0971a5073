"""Values as hydra reads them in an override.

Covers: numbers, texts, lists, tables, true and false, null.
Does not cover: quoting for a shell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def hydra_text(value: Any) -> str:
    """A value in hydra's grammar; a text with other characters than a path's is quoted.

    Example:
        >>> hydra_text(["simplerl", "overlong(max_tokens=9)", None, 1e-6])
        '[simplerl,"overlong(max_tokens=9)",null,1e-06]'
    """
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{hydra_text(k)}:{hydra_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(hydra_text, value))}]"
    if value is None:
        return "null"
    if not isinstance(value, str):
        return str(value)
    plain = value and all(char.isalnum() or char in "_-./:" for char in value)
    # A text of digits, or one such as true, would be read as a number or a truth value.
    plain = plain and value.lower() not in ("true", "false", "null", "none")
    plain = plain and any(char.isalpha() or char in "_/" for char in value)
    return value if plain else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
