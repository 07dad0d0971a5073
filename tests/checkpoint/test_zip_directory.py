"""The directory of a zip container is read as `zipfile` reads it, or refused."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.checkpoint.formats.torch_file.zip_container import TorchZip
from mindspeed_rl_ext.checkpoint.formats.torch_file.zip_directory import (
    HEADER_BYTES,
    NoDirectoryError,
    data_start,
    read_directory,
)

_NAMES = st.lists(
    st.text(st.characters(exclude_characters="\0/\\", exclude_categories=["Cs"]), min_size=1),
    unique=True,
    max_size=5,
)


def read(data: bytes):
    return read_directory(lambda at, count: data[at : at + count], len(data))


def rows(data: bytes):
    """Name, whether it is stored, CRC, size and bytes of each record."""
    found = []
    for entry in read(data):
        start = data_start(data[entry.at : entry.at + HEADER_BYTES], entry)
        content = data[start : start + entry.size] if entry.stored else None
        found.append((entry.name, entry.stored, entry.crc32, entry.size, content))
    return found


def expected_rows(data: bytes):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [
            (
                entry.filename,
                entry.compress_type == zipfile.ZIP_STORED,
                entry.CRC,
                entry.file_size,
                archive.read(entry) if entry.compress_type == zipfile.ZIP_STORED else None,
            )
            for entry in archive.infolist()
        ]


def written_by_zipfile(names, content, method=zipfile.ZIP_STORED, comment=b"", wide=False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.comment = comment
        for name in names:
            with archive.open(name, "w", force_zip64=wide) as record:
                record.write(content)
    return buffer.getvalue()


@given(_NAMES, st.binary(max_size=300), st.booleans(), st.binary(max_size=40), st.booleans())
def test_what_zipfile_writes_is_read_as_zipfile_reads_it(names, content, packed, comment, wide):
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    data = written_by_zipfile(names, content, method, comment.replace(b"PK", b""), wide)
    assert rows(data) == expected_rows(data)


@given(st.binary(max_size=300), st.integers(1, 400), st.integers(1, 4))
def test_what_we_write_is_read_whatever_the_numbers_need(content, limit, records):
    layout, data = TorchZip(limit), b""
    for number in range(records):
        data += layout.add(f"archive/{number}", content) if number % 2 else (
            layout.place(f"archive/{number}", len(content))
            + content
            + layout.behind(len(content), zlib.crc32(content))
        )  # fmt: skip
    data += layout.finish([zlib.crc32(content)] * -(-records // 2))
    assert rows(data) == expected_rows(data)
    assert [row[-1] for row in rows(data)] == [content] * records


@given(st.data())
def test_damage_is_refused_or_reads_as_zipfile_reads_it(data):
    whole = written_by_zipfile(
        ["a/data.pkl", "a/version"], b"some bytes", wide=data.draw(st.booleans())
    )
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    for broken in (bytes(damaged), whole[:cut], whole[cut:], bytes(damaged[:cut])):
        try:
            found = [(entry.name, entry.crc32, entry.size) for entry in read(broken)]
        except NoDirectoryError:
            continue
        with (
            contextlib.suppress(NotImplementedError),  # a version that zipfile does not know
            zipfile.ZipFile(io.BytesIO(broken)) as archive,
        ):
            assert found == [(e.orig_filename, e.CRC, e.file_size) for e in archive.infolist()]


def test_torch_s_own_files_are_read(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.arange(5), "b": [torch.ones(3, 4)]}, tmp_path / "file.pt")
    data = (tmp_path / "file.pt").read_bytes()
    assert rows(data) == expected_rows(data)


def test_the_numbers_of_a_file_of_more_than_4_gb_are_those_of_its_extra_fields():
    size, at, crc = 5 << 32, 6 << 32, 7
    extra = struct.pack("<HHQQQ", 1, 24, size, size, at)
    full = 0xFFFFFFFF
    head = (b"PK\1\2", 45, 45, 0, 0, 0, 0, crc, full, full, 6, len(extra), 0, 0, 0, 0, full)
    directory = struct.pack("<4s6H3L5H2L", *head) + b"a/data" + extra
    start = at + size
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(directory), start)
    end = start + len(directory)
    place = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, full, full, 0)
    tail = directory + wide + place + last
    total = start + len(tail)

    def read_tail(first: int, count: int) -> bytes:
        return tail[first - start : first - start + count] if first >= start else b""

    assert [tuple(row) for row in read_directory(read_tail, total)] == [
        ("a/data", True, crc, size, at)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_bytes_that_are_no_container_are_refused(seed):
    data = np.random.default_rng(seed).bytes(500)
    with pytest.raises(NoDirectoryError):
        read(data)
    with pytest.raises(NoDirectoryError):
        read(data[: 5 * seed])
