"""Rows of a Parquet file of chat prompts as text, to be looked at before a run costs money.

Covers: each message, the text that the model's chat template makes of them, the reference answer
and every other column; token counts where there is a tokenizer.
Does not cover: a judgement; `checks` and `msrl-ext doctor` have those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mindspeed_rl_ext.core.responses.answers import canonical_text
from mindspeed_rl_ext.preprocess.packing.packed import files_of
from mindspeed_rl_ext.preprocess.record import RejectError
from mindspeed_rl_ext.preprocess.templates.chat_template import ChatTemplate
from mindspeed_rl_ext.preprocess.verl.reading import SUFFIX, VerlFile, parquet_file


class ChatRow(NamedTuple):
    """One row.

    Args:
        number: its place in the file, the first being 0.
        texts: what to show, by name: each message, the templated prompt, the other columns.
    """

    number: int
    texts: list[tuple[str, str]]


def verl_file_of(path: Path) -> Path | None:
    """The Parquet file that a path or an output prefix means; None where it means packed files.

    Example:
        >>> verl_file_of(Path("rows.parquet"))
        PosixPath('rows.parquet')
    """
    if path.suffix == SUFFIX:
        return path
    made = parquet_file(path)
    packed = any(one.suffix == ".idx" for one in files_of(path))
    return made if made.is_file() and not packed else None


def chat_rows(file: VerlFile, template: ChatTemplate | None, count: int) -> Iterator[ChatRow]:
    """The first rows as text.

    Args:
        file: the rows.
        template: the model's chat template; None shows the messages alone.
        count: how many rows.
    """
    for index, row in enumerate(file.rows(0, count)):
        yield ChatRow(index, [*_prompt_texts(row["prompt"], template), *_other_texts(row)])


def _prompt_texts(prompt: Any, template: ChatTemplate | None) -> Iterator[tuple[str, str]]:
    if not isinstance(prompt, list):
        yield "prompt (no chat: verl can't use it)", str(prompt)
        return
    for message in prompt:
        role = message.get("role") if isinstance(message, Mapping) else "no message"
        text = message.get("content") if isinstance(message, Mapping) else message
        yield str(role), str(text)
    if template is not None:
        yield "with the model's chat template", _templated(prompt, template)


def _templated(prompt: list[Any], template: ChatTemplate) -> str:
    try:
        return template.text(prompt)
    except RejectError as error:
        return f"({error.detail})"


def _other_texts(row: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if name == "prompt" and not inside:
            continue
        if isinstance(value, Mapping):
            yield from _other_texts(value, f"{inside}{name}.")
        elif value is not None:
            yield f"{inside}{name}", _shown(value)


def _shown(value: Any) -> str:
    try:
        return canonical_text(value)
    except ValueError:
        return repr(value)
