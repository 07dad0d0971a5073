"""A row of a data set to the pieces of a record.

Covers: Alpaca columns, prompts that are lists of chat messages, history pairs, additional columns.
Does not cover: the reference answer; `core.responses.answers` does.

Example:
    >>> from mindspeed_rl_ext.preprocess.reading.map_keys import MapKeys
    >>> read_prompt({"q": "1 + 1 = ?"}, MapKeys("q")).text
    '1 + 1 = ?'
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.answers import canonical_text
from mindspeed_rl_ext.preprocess.reading.derived import Derived, sources_of
from mindspeed_rl_ext.preprocess.reading.dotted import column_value, has_column
from mindspeed_rl_ext.preprocess.reading.map_keys import MapKeys
from mindspeed_rl_ext.preprocess.record import Prompt, Reason, RejectError

TOOL_ROLES = ("tool", "function", "observation")
# Columns of well-known data sets, the likeliest first.
LIKELY = {
    "prompt": ("question", "problem", "instruction", "prompt", "input"),
    "response": ("gt_answer", "ground_truth_answer", "answer", "reward_model", "output"),
}


def require_columns(
    rows: Sequence[Mapping[str, Any]],
    keys: MapKeys,
    additional: Iterable[str],
    derived: Derived | None = None,
) -> None:
    """Checks that the columns which the options name exist, or are derived.

    Args:
        rows: the first rows; each may lack some columns.
        keys: columns by role.
        additional: further columns.
        derived: columns that are made.

    Raises:
        InputError: one is missing; the message lists the columns that exist.
    """
    there = {column for row in rows for column in row}
    wanted = {f"map-keys {role}": column for role, column in keys.required().items()}
    wanted |= {f"dataset-additional-keys {name}": name for name in additional}
    made = derived or {}
    wanted = {who: column for who, column in wanted.items() if column not in made}
    wanted |= {f"derive {name}": name for name in sorted(sources_of(made))}
    missing = {
        who: column
        for who, column in wanted.items()
        if column not in there and not any(has_column(row, column) for row in rows)
    }
    if missing:
        who, column = next(iter(missing.items()))
        raise InputError(
            f"no column {column!r} ({who})",
            found=f"columns {', '.join(sorted(map(str, there))) or 'none'}",
            expected=", ".join(sorted(set(wanted.values()))),
            remedy=f"name the columns, for example --map-keys '{_suggestion(there)}'",
        )


def _suggestion(there: Collection[str]) -> str:
    guess = {
        role: next((name for name in names if name in there), "...")
        for role, names in LIKELY.items()
    }
    return json.dumps({"prompt": guess["prompt"], "query": "", "response": guess["response"]})


def read_prompt(row: Mapping[str, Any], keys: MapKeys) -> Prompt:
    """The prompt of a row.

    Raises:
        RejectError: empty, of the wrong type, or a chat that does not end with the user.
    """
    if keys.tools:
        _require_no_tools(column_value(row, keys.tools), keys.tools)
    system = _system_text(column_value(row, keys.system)) if keys.system else ""
    history = _history_pairs(column_value(row, keys.history)) if keys.history else ()
    asked = column_value(row, keys.prompt) if keys.prompt else None
    parts: list[str] = []
    if isinstance(asked, list) and asked:
        chat_system, chat_history, asked = read_chat(asked)
        if chat_system and system:
            raise RejectError(
                Reason.SECOND_SYSTEM_BLOCK,
                f"the chat and column {keys.system!r} both bring a system prompt",
            )
        system, history = system or chat_system, history + chat_history
    beside = column_value(row, keys.query) if keys.query else None
    for name, value in ((keys.prompt, asked), (keys.query, beside)):
        if value:
            if not isinstance(value, str):
                raise RejectError(Reason.BAD_PROMPT, f"column {name!r} is {type(value).__name__}")
            parts.append(value)
    text = "\n".join(parts)
    if not text.strip():
        raise RejectError(Reason.EMPTY_PROMPT, "the prompt has no text")
    return Prompt(text=text, system=system, history=history)


def read_chat(messages: list[Any]) -> tuple[str, tuple[tuple[str, str], ...], str]:
    """Splits chat messages into (system, history pairs, last user text).

    Raises:
        RejectError: a role or content that can't be a prompt, or turns out of order.

    Example:
        >>> read_chat([{"role": "user", "content": "Hi"}])
        ('', (), 'Hi')
    """
    turns = [_message(message) for message in messages]
    system = ""
    if turns[0][0] == "system":
        system, turns = turns[0][1], turns[1:]
    roles = [role for role, _ in turns]
    expected = ["user" if i % 2 == 0 else "assistant" for i in range(len(roles))]
    if "system" in roles:
        raise RejectError(Reason.SECOND_SYSTEM_BLOCK, "the chat has a system message inside")
    if roles != expected or len(roles) % 2 == 0:
        raise RejectError(
            Reason.BAD_PROMPT,
            f"chat roles are {', '.join(roles)}; user turns come first and last",
        )
    texts = [text for _, text in turns]
    return system, tuple(zip(texts[0:-1:2], texts[1::2], strict=True)), texts[-1]


def column_text(row: Mapping[str, Any], name: str) -> str:
    """An additional column as text.

    Raises:
        RejectError: the row has no value there, or none that text can carry.
    """
    value = column_value(row, name)
    if value is None or value == "":
        raise RejectError(Reason.BAD_COLUMN, f"column {name!r} has no value")
    try:
        return canonical_text(value)
    except ValueError as error:
        raise RejectError(Reason.BAD_COLUMN, f"column {name!r}: {error}") from error


def require_text(texts: Iterable[str]) -> None:
    """Checks that every text can be written as UTF-8; a lone surrogate can't."""
    for text in texts:
        if text.isascii():
            continue
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise RejectError(
                Reason.BAD_TEXT,
                f"lone surrogate U+{ord(text[error.start]):04X} at character {error.start}",
            ) from error


def _message(message: Any) -> tuple[str, str]:
    if not isinstance(message, Mapping):
        raise RejectError(Reason.BAD_PROMPT, f"a chat message is {type(message).__name__}")
    role, content = message.get("role"), message.get("content")
    if role in TOOL_ROLES or message.get("tool_calls"):
        raise RejectError(Reason.TOOLS, f"a {role} message uses tools, which are not supported")
    if role not in ("system", "user", "assistant"):
        raise RejectError(Reason.BAD_PROMPT, f"a chat message has role {role!r}")
    if not isinstance(content, str):
        raise RejectError(Reason.BAD_PROMPT, f"{role} content is {type(content).__name__}")
    return role, content


def _require_no_tools(value: Any, column: str) -> None:
    # The hosts' aligned rows carry "" in a list of one.
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value:
        raise RejectError(
            Reason.TOOLS, f"column {column!r} brings tools, which no prompt type here can show"
        )


def _system_text(value: Any) -> str:
    # The hosts' aligned rows carry the system prompt in a list of one.
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RejectError(Reason.BAD_SYSTEM, f"the system prompt is {type(value).__name__}")
    return value


def _history_pairs(value: Any) -> tuple[tuple[str, str], ...]:
    if not value:
        return ()
    pairs = value if isinstance(value, list) else [value]
    for pair in pairs:
        two = isinstance(pair, list | tuple) and len(pair) == 2
        if not two or not all(isinstance(text, str) for text in pair):
            raise RejectError(Reason.BAD_HISTORY, f"a turn is not two texts: {pair!r:.80}")
    return tuple((question, answer) for question, answer in pairs)
