"""Parquet files of chat prompts that `--data` or a verl run names.

Covers: reading, the problems of their first rows, types between files, lengths by the tokenizer
and the chat template of a model that is here.
Does not cover: what a problem means; `rules.files.chat` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mindspeed_rl_ext.core.errors import ExtError
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Place

if TYPE_CHECKING:
    from mindspeed_rl_ext.preprocess.templates.chat_template import ChatTemplate
    from mindspeed_rl_ext.preprocess.templates.tokenizer import Tokenizer
    from mindspeed_rl_ext.preprocess.verl.checks import FileProblem
    from mindspeed_rl_ext.preprocess.verl.reading import VerlFile

SUFFIX, MAX_ROWS = ".parquet", 20_000


@dataclass(frozen=True)
class Limit:
    """How long prompts may be.

    Args:
        tokens: verl's `data.max_prompt_length`.
        drops: whether verl leaves longer ones out, in the place of cutting off their beginning.
        template: the model's.
        tokenizer: the model's.
    """

    tokens: int
    drops: bool
    template: ChatTemplate
    tokenizer: Tokenizer

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self.tokenizer.encode(text))


@dataclass(frozen=True)
class ChatFiles:
    """Files that are used together.

    Args:
        place: what names them.
        files: those that can be read.
        unreadable: cause and remedy of each that can't.
        limit: of their prompts; None where no model, or no length, is named.
        unmeasured: why lengths can't be told, where a model is named.
    """

    label: ClassVar[Text] = Text("Parquet files of chat prompts", "对话提示的 Parquet 文件")

    place: Place
    files: tuple[VerlFile, ...]
    unreadable: tuple[tuple[str, str], ...] = ()
    limit: Limit | None = field(default=None, repr=False)
    unmeasured: str = ""

    @property
    def total(self) -> int:
        """How many rows are looked at."""
        return sum(min(len(file), MAX_ROWS) for file in self.files)

    def problems(self) -> Iterator[FileProblem]:
        """What is wrong with these rows; at most the first thing of each."""
        from mindspeed_rl_ext.preprocess.verl.checks import problems

        limit = self.limit
        if limit is None:
            yield from problems(self.files, max_rows=MAX_ROWS)
            return
        yield from problems(
            self.files,
            max_rows=MAX_ROWS,
            template=limit.template,
            count_tokens=limit.count,
            max_prompt_length=limit.tokens,
        )


def chat_file_of(data: str) -> Path | None:
    """The Parquet file that `--data` means; None where it means packed files."""
    path = Path(data)
    if path.suffix == SUFFIX:
        return path
    made = path.with_name(path.name + SUFFIX)
    packed = any(path.parent.glob(f"{path.name}_packed_*_document.idx"))
    return made if made.is_file() and not packed else None


def read_chat_files(
    paths: Sequence[Path],
    place: Place,
    *,
    model: Path | None = None,
    max_prompt_length: int | None = None,
    drops: bool = False,
) -> ChatFiles:
    """Reads the files.

    Args:
        paths: the files, in order.
        place: what names them.
        model: a HuggingFace directory, whose tokenizer measures prompts.
        max_prompt_length: in tokens.
        drops: whether verl leaves longer prompts out.
    """
    # Here, not above: it brings numpy, which other files need not wait for.
    from mindspeed_rl_ext.preprocess.verl.reading import VerlFile

    files, unreadable = [], []
    for path in paths:
        try:
            files.append(VerlFile(path))
        except ExtError as error:
            cause = error.what + (f": {error.found}" if error.found else "")
            unreadable.append((cause, error.remedy))
    limit, unmeasured = None, ""
    if model is not None and max_prompt_length and files:
        try:
            limit = _limit(model, max_prompt_length, drops)
        except ExtError as error:
            unmeasured = error.what + (f": {error.found}" if error.found else "")
    return ChatFiles(place, tuple(files), tuple(unreadable), limit, unmeasured)


def _limit(model: Path, tokens: int, drops: bool) -> Limit:
    # Here, not above: they bring transformers, which only lengths need.
    from mindspeed_rl_ext.preprocess.templates.chat_template import ChatTemplate
    from mindspeed_rl_ext.preprocess.templates.tokenizer import (
        load_with_transformers,
        wrap_transformers,
    )

    wrapped = load_with_transformers(model)
    return Limit(tokens, drops, ChatTemplate(wrapped), wrap_transformers(wrapped, name=str(model)))
