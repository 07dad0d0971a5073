"""verl's Parquet file, written row by row and in any order in constant memory.

Covers: rows kept aside as JSON Lines until all are there, then written in their order or mixed;
text columns only, no metadata of `datasets`, whose versions refuse each other's; the token counts
of prompts and labels in the file's own metadata, for `merge` and the report.
Does not cover: what a row says, `rows` does.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mindspeed_rl_ext.core.errors import MissingExtraError
from mindspeed_rl_ext.preprocess.packing.writer import shuffled
from mindspeed_rl_ext.preprocess.verl.reading import (
    COUNTED,
    VerlFile,
    pack_lengths,
    parquet_file,
)
from mindspeed_rl_ext.preprocess.verl.rows import COLUMNS

ROWS_PER_GROUP = 4096


class VerlRow(NamedTuple):
    """One row and its token counts.

    Args:
        columns: from `rows.verl_row`.
        prompt_tokens: length of the prompt in the model's chat template.
        label_tokens: length of the reference answer.
    """

    columns: Mapping[str, Any]
    prompt_tokens: int
    label_tokens: int


class VerlWriter:
    """Appends rows.

    Args:
        folder: where the file is written, under its final name.
        name: last part of the prefix.
        keys: the columns, additional ones included.
    """

    def __init__(self, folder: Path, name: str, keys: Sequence[str]) -> None:
        _require_pyarrow()
        self.keys = tuple(keys)
        self._path = parquet_file(folder / name)
        self._aside = folder / f".{name}.rows"
        self._file = self._aside.open("w+b")
        self._starts = array("q", [0])
        self._lengths = {key: array("i") for key in COUNTED}

    def add_rows(self, rows: Sequence[VerlRow]) -> None:
        """Appends rows."""
        for row in rows:
            line = json.dumps(row.columns, ensure_ascii=False).encode("utf-8") + b"\n"
            self._file.write(line)
            self._starts.append(self._starts[-1] + len(line))
            for key, count in zip(COUNTED, row[1:], strict=True):
                self._lengths[key].append(count)

    def copy_rows(self, data: VerlFile, start: int, stop: int) -> None:
        """Appends rows `start` to `stop` of a file that this class wrote, in rising order."""
        counts = [data.lengths[key][start:stop].tolist() for key in COUNTED]
        self.add_rows([VerlRow(*one) for one in zip(data.rows(start, stop), *counts, strict=True)])

    def lengths(self, key: str) -> npt.NDArray[np.int32]:
        """Token counts of the rows so far, of `input_ids` or `labels`."""
        return np.array(self._lengths[key], dtype=np.int32)

    def finish(self, *, shuffle_seed: int | None = None) -> None:
        """Writes the file; all bytes are on disk afterwards.

        Args:
            shuffle_seed: mixes the rows by this seed; None leaves them in order.
        """
        from pyarrow import parquet

        count = len(self._starts) - 1
        order = np.arange(count) if shuffle_seed is None else shuffled(count, shuffle_seed)
        schema = _schema(self.keys, {key: self.lengths(key)[order] for key in COUNTED})
        self._file.flush()
        with self._path.open("wb") as file:
            with parquet.ParquetWriter(file, schema) as writer:
                for at in range(0, count, ROWS_PER_GROUP):
                    writer.write_table(self._table(order[at : at + ROWS_PER_GROUP], schema))
            file.flush()
            os.fsync(file.fileno())
        self.close()

    def close(self) -> None:
        """Closes the files and removes what was kept aside."""
        self._file.close()
        self._aside.unlink(missing_ok=True)

    def _table(self, order: npt.NDArray[np.int64], schema: Any) -> Any:
        import pyarrow

        handle, starts = self._file.fileno(), self._starts
        lines = (os.pread(handle, starts[n + 1] - starts[n], starts[n]) for n in order.tolist())
        rows = [json.loads(line) for line in lines]
        return pyarrow.Table.from_pylist(rows, schema=schema)


def _schema(keys: Sequence[str], lengths: Mapping[str, npt.NDArray[np.int32]]) -> Any:
    import pyarrow

    text = pyarrow.string()
    kinds = {
        "prompt": pyarrow.list_(pyarrow.struct({"role": text, "content": text})),
        "reward_model": pyarrow.struct({"style": text, "ground_truth": text}),
        "extra_info": pyarrow.struct({"split": text, "index": text, "question": text}),
    }
    columns = [(key, kinds.get(key, text)) for key in keys]
    return pyarrow.schema(columns, metadata=pack_lengths(lengths))


def verl_keys(additional: Sequence[str]) -> tuple[str, ...]:
    """The columns of a file."""
    return (*COLUMNS, *additional)


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("pyarrow", "data", "--format verl") from error
