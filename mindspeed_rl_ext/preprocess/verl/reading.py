"""verl's Parquet files, read back: ours and others'.

Covers: rows in order, a few at a time; the token counts that our writer leaves in the metadata.
Does not cover: whether the rows are right; `checks` does.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.reading.tables import parquet_source

SUFFIX = ".parquet"
LENGTHS = b"mindspeed_rl_ext.lengths"
COUNTED = ("input_ids", "labels")
NEEDED = ("prompt",)
Lengths = Mapping[str, npt.NDArray[np.int32]]


def parquet_file(prefix: Path) -> Path:
    """The file of a prefix."""
    return prefix.with_name(prefix.name + SUFFIX)


class VerlFile:
    """A Parquet file of chat prompts; its length is the number of its rows.

    Args:
        path: the file.

    Raises:
        InputError: no such file, no Parquet, no column `prompt`.
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InputError(f"no such file: {path}", remedy="check the path")
        source = parquet_source(path)  # it says what is wrong with the file
        from pyarrow import parquet

        schema = parquet.read_schema(path)
        self.path, self.keys = path, tuple(schema.names)
        missing = [name for name in NEEDED if name not in self.keys]
        if missing:
            raise InputError(
                f"{path} is no file of chat prompts: it has no column {missing[0]!r}",
                found=f"columns {', '.join(self.keys)}",
                expected="data_source, prompt, reward_model, extra_info",
                remedy="msrl-ext preprocess --format verl makes such files",
            )
        self.types = {name: str(schema.field(name).type) for name in self.keys}
        self.lengths = _recorded_lengths(path, schema.metadata or {})
        self._count, self._rows, self._at = source.total, source.rows, 0

    def __len__(self) -> int:
        return self._count

    def rows(self, start: int = 0, stop: int | None = None) -> Iterator[dict[str, Any]]:
        """Rows `start` to `stop`; reading on behind the rows before costs nothing."""
        if start < self._at:
            self._rows, self._at = parquet_source(self.path).rows, 0
        last = len(self) if stop is None else min(stop, len(self))
        rows, skipped = self._rows, start - self._at
        for number, row in enumerate(islice(rows, skipped + max(0, last - start))):
            self._at += 1
            if number >= skipped:
                yield row.data


def pack_lengths(lengths: Lengths) -> dict[bytes, bytes]:
    """Token counts as metadata of a file."""
    table = {
        key: base64.b64encode(zlib.compress(counts.astype(np.int32).tobytes())).decode()
        for key, counts in lengths.items()
    }
    return {LENGTHS: json.dumps(table).encode()}


def _recorded_lengths(path: Path, metadata: Mapping[bytes, bytes]) -> Lengths:
    """The token counts in a file's metadata; {} where it has none."""
    if LENGTHS not in metadata:
        return {}
    try:
        table = json.loads(metadata[LENGTHS])
        return {
            key: np.frombuffer(zlib.decompress(base64.b64decode(table[key])), np.int32)
            for key in COUNTED
        }
    except (ValueError, KeyError, zlib.error) as error:
        raise InputError(
            f"{path}: the token counts in its metadata are not readable", found=str(error)
        ) from error
