"""The formats that rows are written in: the hosts' packed files, verl's Parquet.

Covers: for each, the prompt template that its rows go through, its columns, what a row is, and how
its files are opened for writing and for reading.
Does not cover: the formats themselves; `packing` and `verl` have them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.options import LABELS, PACKED, VERL, PreprocessOptions
from mindspeed_rl_ext.preprocess.packing import packed
from mindspeed_rl_ext.preprocess.packing.writer import PackedWriter
from mindspeed_rl_ext.preprocess.pipeline import Packed, Pipeline
from mindspeed_rl_ext.preprocess.verl.chat import ChatPrompts
from mindspeed_rl_ext.preprocess.verl.reading import VerlFile, parquet_file
from mindspeed_rl_ext.preprocess.verl.rows import TEST, TRAIN, require_free_names, verl_row
from mindspeed_rl_ext.preprocess.verl.writer import VerlRow, VerlWriter, verl_keys


class RowWriter(Protocol):
    """Writes rows of one format under one prefix."""

    keys: tuple[str, ...]

    def add_rows(self, rows: Sequence[Any]) -> None:
        """Appends rows."""

    def copy_rows(self, data: Any, start: int, stop: int) -> None:
        """Appends rows of a file of this format."""

    def lengths(self, key: str) -> npt.NDArray[np.int32]:
        """Token counts of the rows so far."""

    def finish(self, *, shuffle_seed: int | None = None) -> None:
        """Writes what is left; all bytes are on disk afterwards."""

    def close(self) -> None:
        """Closes the files."""


class OutputFormat(ABC):
    """One format."""

    @abstractmethod
    def keys(self, pipeline: Pipeline) -> tuple[str, ...]:
        """The columns of every row; raises InputError where the options do not fit."""

    @abstractmethod
    def row(self, one: Packed, pipeline: Pipeline) -> Any:
        """What the writer takes for one row."""

    def source(self, row: Any) -> str:
        """verl's data_source of a row; "" where the format has none."""
        return ""

    @abstractmethod
    def writer(self, folder: Path, name: str, keys: Sequence[str]) -> RowWriter:
        """Opens files for writing."""

    @abstractmethod
    def reader(self, prefix: Path) -> Any:
        """Opens files of a prefix; what `copy_rows` takes."""

    def files(self, prefix: Path) -> list[Path]:
        """The files of a prefix that an earlier run may have left."""
        return packed.files_of(prefix)

    @abstractmethod
    def warnings(self, options: PreprocessOptions) -> list[str]:
        """What a person should know."""


class PackedFormat(OutputFormat):
    """MMIDIDX files, one pair per key."""

    def keys(self, pipeline: Pipeline) -> tuple[str, ...]:
        """The keys of the packed files."""
        return pipeline.packed_keys()

    def row(self, one: Packed, pipeline: Pipeline) -> Mapping[str, Any]:
        """The ids of every key."""
        return one.ids

    def writer(self, folder: Path, name: str, keys: Sequence[str]) -> RowWriter:
        """A pair of files per key."""
        return PackedWriter(folder, name, keys)

    def reader(self, prefix: Path) -> packed.PackedDataset:
        """The packed files of a prefix."""
        return packed.read_packed(prefix)

    def warnings(self, options: PreprocessOptions) -> list[str]:
        """None of its own."""
        return []


class VerlFormat(OutputFormat):
    """A Parquet file of chat prompts."""

    def keys(self, pipeline: Pipeline) -> tuple[str, ...]:
        """verl's columns and the additional ones."""
        if not pipeline.keys.response:
            raise InputError(
                "--format verl needs the reference answer, and map-keys names no response",
                expected="a column for reward_model.ground_truth",
                remedy='name the answer\'s column: --map-keys \'{"prompt":...,"response":...}\'',
            )
        additional = pipeline.options.additional()
        require_free_names(additional)
        return verl_keys(additional)

    def row(self, one: Packed, pipeline: Pipeline) -> VerlRow:
        """The columns and the token counts."""
        template = pipeline.encoder.template
        assert isinstance(template, ChatPrompts)
        columns = verl_row(
            one.row,
            one.record,
            template.messages(one.record.prompt),
            data_source=pipeline.options.data_source,
            default_source=Path(pipeline.options.output_prefix).name,
            split=TEST if one.held_out else TRAIN,
        )
        return VerlRow(columns, len(one.ids["input_ids"]), len(one.ids[LABELS]))

    def source(self, row: VerlRow) -> str:
        """Its data_source."""
        return str(row.columns["data_source"])

    def writer(self, folder: Path, name: str, keys: Sequence[str]) -> RowWriter:
        """One file."""
        return VerlWriter(folder, name, keys)

    def reader(self, prefix: Path) -> VerlFile:
        """The file of a prefix."""
        return VerlFile(parquet_file(prefix))

    def files(self, prefix: Path) -> list[Path]:
        """Those of the hosts' format too: their report and rejects have the same names."""
        path = parquet_file(prefix)
        return [*packed.files_of(prefix), *([path] if path.exists() else [])]

    def warnings(self, options: PreprocessOptions) -> list[str]:
        """What verl does silently with such a file."""
        found = []
        if options.max_prompt_length is None:
            found.append(
                "no --max-prompt-length: verl cuts prompts that are longer than "
                "data.max_prompt_length from the left, unless data.filter_overlong_prompts=True"
            )
        return found


FORMATS: Mapping[str, OutputFormat] = {PACKED: PackedFormat(), VERL: VerlFormat()}
