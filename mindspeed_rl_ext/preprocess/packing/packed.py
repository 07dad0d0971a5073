"""The packed files of the hosts: Megatron's indexed format MMIDIDX, version 1, int32.

Covers: `<prefix>_packed_<key>_document.{bin,idx}`: names, the index, reading by memory mapping.
Does not cover: writing row by row, `staging` does; other element types, several sequences in a
document, multimodal modes.

Layout of an .idx: magic (9 bytes), version (u64), element type (u8, 4 is int32), sequences (u64),
document bounds (u64), then lengths (int32), byte offsets (int64), document bounds (int64).
"""

from __future__ import annotations

import glob
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mindspeed_rl_ext.core.errors import InputError

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
INT32_CODE = 4
HEADER = struct.Struct("<9sQBQQ")
INT32 = np.dtype("<i4")
INT64 = np.dtype("<i8")

Ids = npt.NDArray[np.int32]


def key_file(prefix: str | Path, key: str, suffix: str) -> Path:
    """The file of one key; `suffix` is "bin" or "idx"."""
    return Path(f"{prefix}_packed_{key}_document.{suffix}")


def report_file(prefix: str | Path) -> Path:
    """The report beside the packed files."""
    return Path(f"{prefix}_report.json")


def rejects_file(prefix: str | Path) -> Path:
    """The dropped rows beside the packed files."""
    return Path(f"{prefix}_rejects.jsonl")


def heldout_prefix(prefix: Path) -> Path:
    """The prefix of the held-out rows, which a reader of `prefix` does not take."""
    return prefix.with_name(prefix.name + "_heldout")


def part_prefix(prefix: Path, index: int, of: int) -> Path:
    """The prefix of one part, which a reader of `prefix` does not take."""
    return prefix.with_name(f"{prefix.name}_part{index}of{of}")


def files_of(prefix: str | Path) -> list[Path]:
    """Every file of that prefix which exists, of whatever keys."""
    packed = glob.glob(f"{glob.escape(str(prefix))}_packed_*_document*")
    beside = [path for path in (report_file(prefix), rejects_file(prefix)) if path.exists()]
    return sorted([*map(Path, packed), *beside])


def index_bytes(lengths: npt.NDArray[np.int32]) -> bytes:
    """The whole .idx of rows with these lengths, one row a document."""
    count = len(lengths)
    sizes = lengths.astype(INT64) * INT32.itemsize
    starts = np.cumsum(sizes, dtype=INT64) - sizes
    header = HEADER.pack(MAGIC, VERSION, INT32_CODE, count, count + 1)
    bounds = np.arange(count + 1, dtype=INT64)
    return header + lengths.astype(INT32).tobytes() + starts.tobytes() + bounds.tobytes()


@dataclass(frozen=True)
class PackedDataset:
    """Packed files, read.

    Args:
        prefix: the prefix without `_packed_...`.
        keys: the keys that are there, input_ids first.
        offsets: per key, where each row begins in the ids; one more than rows.
        ids: per key, the ids of all rows, memory-mapped.
    """

    prefix: str
    keys: tuple[str, ...]
    offsets: Mapping[str, npt.NDArray[np.int64]]
    ids: Mapping[str, Ids]

    def __len__(self) -> int:
        return len(self.offsets[self.keys[0]]) - 1

    def __getitem__(self, index: int) -> dict[str, Ids]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        row = index % len(self)
        return {
            key: np.asarray(self.ids[key][self.offsets[key][row] : self.offsets[key][row + 1]])
            for key in self.keys
        }

    def __iter__(self) -> Iterator[dict[str, Ids]]:
        return (self[row] for row in range(len(self)))

    def lengths(self, key: str = "input_ids") -> npt.NDArray[np.int64]:
        """The length of every row, in tokens."""
        return np.diff(self.offsets[key])


def read_packed(prefix: str | Path) -> PackedDataset:
    """Opens the packed files of a prefix.

    Args:
        prefix: the `--output-prefix`, or the path of one of its files.

    Raises:
        InputError: none there, truncated, of another format, or keys of unequal length.
    """
    plain = str(prefix)
    if not _indexes(plain):
        plain = plain.rsplit("_packed_", 1)[0].removesuffix("_packed")
    start = f"{Path(plain).name}_packed_"
    indexes = _indexes(plain)
    if not indexes:
        raise InputError(
            f"no packed files of prefix {plain}",
            expected=f"{start}input_ids_document.idx and .bin",
            remedy="check the prefix; msrl-ext preprocess makes the files",
        )
    names = [Path(path).name[len(start) : -len("_document.idx")] for path in indexes]
    keys = tuple(sorted(names, key=lambda key: (key != "input_ids", key)))
    opened = {key: _open_key(plain, key) for key in keys}
    counts = {key: len(offsets) - 1 for key, (offsets, _) in opened.items()}
    if len(set(counts.values())) > 1:
        raise InputError(
            f"the keys of {plain} have different numbers of rows",
            found=", ".join(f"{key}: {count}" for key, count in counts.items()),
            remedy="remove the files of an earlier run, or preprocess again with --overwrite",
        )
    return PackedDataset(
        plain,
        keys,
        {key: offsets for key, (offsets, _) in opened.items()},
        {key: ids for key, (_, ids) in opened.items()},
    )


def _indexes(prefix: str) -> list[str]:
    return sorted(glob.glob(f"{glob.escape(prefix)}_packed_*_document.idx"))


def _open_key(prefix: str, key: str) -> tuple[npt.NDArray[np.int64], Ids]:
    index, data = key_file(prefix, key, "idx"), key_file(prefix, key, "bin")
    if not data.is_file():
        raise InputError(f"no such file: {data}", remedy="copy both files, .bin and .idx")
    content = index.read_bytes()
    magic, version, code, count, _ = (
        HEADER.unpack_from(content) if len(content) >= HEADER.size else (b"", 0, 0, 0, 0)
    )
    if (magic, version, code) != (MAGIC, VERSION, INT32_CODE):
        raise InputError(
            f"{index} is not an index that this package reads",
            found=f"magic {magic!r}, version {version}, element type {code}",
            expected=f"magic {MAGIC!r}, version {VERSION}, element type {INT32_CODE} (int32)",
        )
    lengths = np.frombuffer(content, INT32, count, HEADER.size) if _fits(content, count) else None
    offsets = np.zeros(count + 1, dtype=INT64)
    if lengths is not None:
        np.cumsum(lengths, out=offsets[1:])
    if lengths is None or data.stat().st_size != offsets[-1] * INT32.itemsize:
        raise InputError(
            f"{data.name} and {index.name} do not belong together, or one is truncated",
            found=f"{data.stat().st_size} bytes of ids, {len(content)} of index for {count} rows",
            remedy="copy the files again, or preprocess again with --overwrite",
        )
    empty: Ids = np.zeros(0, dtype=INT32)
    return offsets, np.memmap(data, INT32, "r") if offsets[-1] else empty


def _fits(content: bytes, count: int) -> bool:
    per_row = INT32.itemsize + INT64.itemsize
    return bool(len(content) >= HEADER.size + count * per_row)
