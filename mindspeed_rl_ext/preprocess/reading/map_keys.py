"""The columns that `--map-keys` names, read as the hosts read them.

Covers: prompt, query, response, system, history, tools; `""` means that there is none; without
`--map-keys` the Alpaca names instruction, input and output.
Does not cover: the hosts' pairwise columns (chosen, rejected).

Example:
    >>> parse_map_keys('{"prompt":"question","query":"","response":"answer"}').named()
    {'prompt': 'question', 'response': 'answer'}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest

EXAMPLE = '{"prompt":"question","query":"","response":"answer"}'


@dataclass(frozen=True)
class MapKeys:
    """Column names by role; "" where a role has no column.

    Args:
        prompt: the question, as text or as a list of chat messages.
        query: text that is joined to the question by a newline.
        response: the reference answer, or a text that contains it.
        system: the system prompt.
        history: earlier turns, pairs of (user, assistant).
        tools: descriptions of tools; rows that bring some are dropped, by that name.
        optional: roles whose column may be missing from the data.
    """

    prompt: str
    query: str = ""
    response: str = ""
    system: str = ""
    history: str = ""
    tools: str = ""
    optional: frozenset[str] = frozenset()

    def named(self) -> dict[str, str]:
        """Column by role, of the roles that have one."""
        return {role: getattr(self, role) for role in ROLES if getattr(self, role)}

    def required(self) -> dict[str, str]:
        """Column by role, of the columns that the data must have."""
        return {role: name for role, name in self.named().items() if role not in self.optional}


ROLES = tuple(f.name for f in fields(MapKeys) if f.name != "optional")
ALPACA = MapKeys("instruction", "input", "output", optional=frozenset({"query"}))


def parse_map_keys(value: str | Mapping[str, Any] | None) -> MapKeys:
    """Reads the value of `--map-keys`.

    Args:
        value: JSON text, a mapping, or None for the Alpaca names.

    Raises:
        InputError: broken JSON, an unknown role, no prompt.
    """
    if value is None:
        return ALPACA
    table = _load(value) if isinstance(value, str) else value
    if not isinstance(table, Mapping):
        raise InputError("--map-keys is not a JSON object", found=repr(value), expected=EXAMPLE)
    for role, column in table.items():
        if role not in ROLES:
            raise InputError(
                f"--map-keys has an unknown role {role!r}",
                expected=", ".join(ROLES),
                remedy=nearest(str(role), ROLES),
            )
        if not isinstance(column, str | None):
            raise InputError(
                f"--map-keys: the column of {role!r} is not a name",
                found=repr(column),
                expected=EXAMPLE,
            )
    if not (table.get("prompt") or table.get("query")):
        raise InputError(
            "--map-keys names no prompt", found=json.dumps(dict(table)), expected=EXAMPLE
        )
    column = {role: str(table.get(role) or "") for role in ROLES}
    return MapKeys(
        prompt=column["prompt"],
        query=column["query"],
        response=column["response"],
        system=column["system"],
        history=column["history"],
        tools=column["tools"],
    )


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(
            "--map-keys is not readable JSON",
            found=f"{text} ({error})",
            expected=EXAMPLE,
            remedy="quote the whole value with single quotes in the shell",
        ) from error
