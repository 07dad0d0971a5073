"""Parquet files of chat prompts that `--data` or a verl run names.

Covers: reading, the problems of their first rows, types between files.
Does not cover: what a problem means; `rules.files.chat` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mindspeed_rl_ext.core.errors import ExtError
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Place

if TYPE_CHECKING:
    from mindspeed_rl_ext.preprocess.verl.checks import FileProblem
    from mindspeed_rl_ext.preprocess.verl.reading import VerlFile

SUFFIX, MAX_ROWS = ".parquet", 20_000


@dataclass(frozen=True)
class ChatFiles:
    """Files that are used together.

    Args:
        place: what names them.
        files: those that can be read.
        unreadable: cause and remedy of each that can't.
    """

    label: ClassVar[Text] = Text("Parquet files of chat prompts", "对话提示的 Parquet 文件")

    place: Place
    files: tuple[VerlFile, ...]
    unreadable: tuple[tuple[str, str], ...] = ()

    @property
    def total(self) -> int:
        """How many rows are looked at."""
        return sum(min(len(file), MAX_ROWS) for file in self.files)

    def problems(self) -> Iterator[FileProblem]:
        """What is wrong with these rows; at most the first thing of each."""
        from mindspeed_rl_ext.preprocess.verl.checks import problems

        yield from problems(self.files, max_rows=MAX_ROWS)


def chat_file_of(data: str) -> Path | None:
    """The Parquet file that `--data` means; None where it means packed files."""
    path = Path(data)
    if path.suffix == SUFFIX:
        return path
    made = path.with_name(path.name + SUFFIX)
    packed = any(path.parent.glob(f"{path.name}_packed_*_document.idx"))
    return made if made.is_file() and not packed else None


def read_chat_files(paths: Sequence[Path], place: Place) -> ChatFiles:
    """Reads the files.

    Args:
        paths: the files, in order.
        place: what names them.
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
    return ChatFiles(place, tuple(files), tuple(unreadable))
