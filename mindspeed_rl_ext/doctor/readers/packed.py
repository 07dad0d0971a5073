"""Packed files that `msrl-ext doctor --data PREFIX` looks at, with their tokenizer.

Covers: reading, an even sample of many rows. Does not cover: files of other formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mindspeed_rl_ext.core.errors import ExtError
from mindspeed_rl_ext.core.language import Text

if TYPE_CHECKING:
    from mindspeed_rl_ext.preprocess.checks.packed_rows import Problem
    from mindspeed_rl_ext.preprocess.packing.packed import PackedDataset
    from mindspeed_rl_ext.preprocess.templates.tokenizer import Tokenizer

# More rows are sampled evenly: about a minute's work.
MAX_ROWS = 20_000


@dataclass(frozen=True)
class PackedFiles:
    """The files of one prefix.

    Args:
        prefix: the `--output-prefix`.
        data: the rows; None where they can't be read.
        tokenizer: decodes them; None where they can't be read.
        max_prompt_length: that of the training configuration, in tokens.
        cause: why they can't be read.
        remedy: what to do then.
    """

    label: ClassVar[Text] = Text("packed files", "打包文件")

    prefix: str
    data: PackedDataset | None
    tokenizer: Tokenizer | None
    max_prompt_length: int | None = None
    cause: str = ""
    remedy: str = ""

    @property
    def rows(self) -> Sequence[int]:
        """Numbers of the rows that are looked at."""
        count = len(self.data) if self.data is not None else 0
        if count <= MAX_ROWS:
            return range(count)
        return [i * count // MAX_ROWS for i in range(MAX_ROWS)]

    def problems(self) -> Iterator[Problem]:
        """What is wrong with these rows; at most the first thing of each."""
        from mindspeed_rl_ext.preprocess.checks.packed_rows import problems

        if self.data is not None and self.tokenizer is not None:
            yield from problems(self.data, self.tokenizer, self.rows)

    def lengths(self) -> str:
        """Percentiles of the prompts' lengths, in tokens."""
        from mindspeed_rl_ext.preprocess.report import percentiles

        found = percentiles(self.data.lengths()) if self.data is not None else {}
        return ", ".join(f"{name} {value}" for name, value in found.items())


def read_packed_files(
    prefix: str, model: str | None, max_prompt_length: int | None = None
) -> PackedFiles:
    """Reads packed files.

    Args:
        prefix: the `--output-prefix` of the files.
        model: directory of the tokenizer; the one that the report names where None.
        max_prompt_length: that of the training configuration, in tokens.
    """
    # Here, not above: they bring numpy, which other files need not wait for.
    from mindspeed_rl_ext.preprocess.packing.packed import read_packed
    from mindspeed_rl_ext.preprocess.packing.preview import recorded_tokenizer
    from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

    try:
        data = read_packed(prefix)
        tokenizer = load_tokenizer(Path(model or recorded_tokenizer(data.prefix)).expanduser())
    except ExtError as error:
        cause = error.what + (f": {error.found}" if error.found else "")
        remedy = error.remedy.replace("--tokenizer-name-or-path", "--model")
        return PackedFiles(prefix, None, None, None, cause, remedy)
    return PackedFiles(prefix, data, tokenizer, max_prompt_length)
