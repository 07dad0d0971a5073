"""Pieces join to the CRC of the whole; stretches join to the whole file, direct or not."""

from __future__ import annotations

import errno
import itertools
import os
import runpy
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.copying import crc32 as crc32_module
from mindspeed_rl_ext.checkpoint.copying import out_file
from mindspeed_rl_ext.checkpoint.copying.byte_check import _tiled
from mindspeed_rl_ext.checkpoint.copying.crc32 import _joined, crc32, joined
from mindspeed_rl_ext.checkpoint.copying.out_file import Buffers, OutFile, RangeWriter
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import InputError


@given(st.binary(), st.binary(max_size=5000))
def test_the_crc_of_joined_pieces_is_that_of_the_whole(first, second):
    whole = zlib.crc32(first + second)
    assert crc32(second, crc32(first)) == whole
    for join in (joined, _joined):
        assert join(zlib.crc32(first), zlib.crc32(second), len(second)) == whole


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**45))
def test_the_library_joins_crcs_as_we_do(first, second, length):
    assert joined(first, second, length) == _joined(first, second, length)


def test_without_isal_the_sums_are_the_same(monkeypatch):
    monkeypatch.setitem(sys.modules, "isal.isal_zlib", None)
    plain = runpy.run_path(crc32_module.__file__)
    assert plain["crc32"] is zlib.crc32
    assert plain["joined"](zlib.crc32(b"abc"), zlib.crc32(b"de"), 2) == crc32(b"abcde")


@given(st.binary(min_size=1, max_size=500), st.sets(st.integers(1, 499)), st.randoms())
def test_ranges_count_only_where_they_fill_the_record(data, cuts, random):
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    ranges = {
        start: (stop - start, zlib.crc32(data[start:stop]))
        for start, stop in itertools.pairwise(edges)
    }
    assert _tiled(ranges, len(data)) == zlib.crc32(data)
    assert _tiled(ranges, len(data) + 1) is None
    lost = random.choice(list(ranges))
    length, crc = ranges.pop(lost)
    assert _tiled(ranges, len(data)) is None
    assert _tiled({**ranges, lost: (length + 1, crc)}, len(data)) is None


@pytest.mark.parametrize("direct", [True, False, "refused while writing"])
@pytest.mark.parametrize("seed", range(6))
def test_stretches_in_any_order_make_the_whole_file(tmp_path, monkeypatch, direct, seed):
    monkeypatch.setattr(out_file, "BUFFER_BYTES", 3 * out_file.BLOCK_BYTES)
    if direct is False:
        monkeypatch.setattr(out_file, "_opened_direct", lambda path: None)
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 200_000))
    data = rng.bytes(size)
    path = tmp_path / "new" / "file"
    file, buffers = OutFile(path, size), Buffers()
    if direct == "refused while writing":
        pwrite, refused = os.pwrite, file._direct

        def refusing(handle, values, at):
            if handle == refused:
                raise OSError(errno.EINVAL, "not aligned")
            return pwrite(handle, values, at)

        monkeypatch.setattr(os, "pwrite", refusing)
    cuts = [0, *sorted(int(n) for n in rng.integers(0, size, 9)), size]
    for number in rng.permutation(len(cuts) - 1):
        start, stop = cuts[number], cuts[number + 1]
        stretch = RangeWriter(file, start, buffers)
        while start < stop:
            count = min(stop - start, int(rng.integers(1, 30_000)))
            stretch.add(data[start : start + count])
            start += count
        stretch.finish()
    file.finish()
    file.close()
    buffers.close()
    assert path.read_bytes() == data


def records(path: Path) -> list[tuple[int, int]]:
    """Start and length of the values of each tensor."""
    with zipfile.ZipFile(path) as archive:
        found = [entry for entry in archive.infolist() if "/data/" in entry.filename]
    raw = path.read_bytes()
    name_and_extra = [struct.unpack_from("<HH", raw, e.header_offset + 26) for e in found]
    return [
        (e.header_offset + 30 + sum(lengths), e.file_size)
        for e, lengths in zip(found, name_and_extra, strict=True)
    ]


@pytest.mark.parametrize("dtype", [None, "fp32"])
def test_a_flipped_bit_in_any_record_is_found(kit, tmp_path, dtype):
    """Also in bytes that no output needs: padding, the copy of a tied embedding, a norm's twin."""
    kit.write_hf(tmp_path / "hf", kit.tiny(tied=True, layers=2))
    source = tmp_path / "mg"
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", source, 2, 2))
    for path in sorted(source.glob("iter_*/mp_rank_*/*.pt")):
        whole = path.read_bytes()
        for start, length in records(path):
            at = start + length // 2
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            options = ConvertOptions("mg", "hf", source, tmp_path / "out", params_dtype=dtype)
            with pytest.raises(InputError, match="changed after it was written"):
                convert(options)
            assert not (tmp_path / "out").exists()
        path.write_bytes(whole)
    convert(ConvertOptions("mg", "hf", source, tmp_path / "out"))
