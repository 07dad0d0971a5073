"""The packed files: Megatron's format, whole files or none, errors that name the file."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.packing.packed import files_of, key_file, read_packed
from mindspeed_rl_ext.preprocess.packing.staging import staging
from mindspeed_rl_ext.preprocess.packing.writer import PackedWriter

KEYS = ("input_ids", "labels")
ROWS = [{"input_ids": [1, 2, 3], "labels": [9]}, {"input_ids": [-100, 7], "labels": [2**31 - 1]}]


def write(
    prefix: Path, rows: Iterable[dict[str, list[int]]], *, keys=KEYS, overwrite: bool = False
) -> None:
    with staging(prefix, overwrite=overwrite) as folder:
        writer = PackedWriter(folder, prefix.name, keys)
        for row in rows:
            writer.add(row)
        writer.finish()


def as_lists(prefix: Path) -> list[dict[str, list[int]]]:
    return [{key: ids.tolist() for key, ids in row.items()} for row in read_packed(prefix)]


int32 = st.integers(-(2**31), 2**31 - 1)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries({key: st.lists(int32, max_size=5) for key in KEYS}), max_size=6
    )
)
def test_rows_come_back(rows: list[dict], tmp_path_factory: pytest.TempPathFactory) -> None:
    prefix = tmp_path_factory.mktemp("packed") / "data"
    write(prefix, rows)
    assert as_lists(prefix) == rows


def test_megatron_reads_the_files(tmp_path: Path) -> None:
    indexed = pytest.importorskip(
        "megatron.core.datasets.indexed_dataset", reason="megatron-core is not installed"
    )
    write(tmp_path / "data", ROWS)
    for key in KEYS:
        data = indexed.IndexedDataset(str(tmp_path / f"data_packed_{key}_document"))
        assert [data[i].tolist() for i in range(len(data))] == [row[key] for row in ROWS]
        assert data.document_indices.tolist() == [0, 1, 2]
        assert data.index.dtype == np.int32


def test_the_bytes_are_those_of_megatrons_builder(tmp_path: Path) -> None:
    indexed = pytest.importorskip(
        "megatron.core.datasets.indexed_dataset", reason="megatron-core is not installed"
    )
    torch = pytest.importorskip("torch", reason="torch is not installed")
    write(tmp_path / "data", ROWS)
    builder = indexed.IndexedDatasetBuilder(str(tmp_path / "theirs.bin"), dtype=np.int32)
    for row in ROWS:
        builder.add_item(torch.tensor(row["input_ids"], dtype=torch.int32))
        builder.end_document()
    builder.finalize(str(tmp_path / "theirs.idx"))
    for suffix in ("bin", "idx"):
        ours = key_file(tmp_path / "data", "input_ids", suffix).read_bytes()
        assert ours == (tmp_path / f"theirs.{suffix}").read_bytes()


@pytest.mark.parametrize("name", ["data", "data_packed_input_ids_document.idx", "data_packed"])
def test_the_prefix_is_found_from_any_of_its_names(tmp_path: Path, name: str) -> None:
    write(tmp_path / "data", ROWS)
    assert read_packed(tmp_path / name).prefix == str(tmp_path / "data")


def test_an_index_beyond_the_rows_is_an_index_error(tmp_path: Path) -> None:
    write(tmp_path / "data", ROWS)
    data = read_packed(tmp_path / "data")
    assert data[-1]["labels"].tolist() == [2**31 - 1]
    with pytest.raises(IndexError, match="row 2 of 2"):
        data[2]


def test_files_of_an_earlier_run_are_refused_and_with_overwrite_all_removed(
    tmp_path: Path,
) -> None:
    prefix = tmp_path / "data"
    write(prefix, ROWS)
    before = {path: path.read_bytes() for path in files_of(prefix)}
    with pytest.raises(InputError, match="exist already"):
        write(prefix, [{"input_ids": [5]}], keys=KEYS[:1])
    assert {path: path.read_bytes() for path in files_of(prefix)} == before
    write(prefix, [{"input_ids": [5]}], keys=KEYS[:1], overwrite=True)
    assert as_lists(prefix) == [{"input_ids": [5]}]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MemoryError])
def test_a_run_killed_while_writing_leaves_nothing(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def rows() -> Iterator[dict[str, list[int]]]:
        yield ROWS[0]
        raise error

    with pytest.raises(error):
        write(tmp_path / "data", rows())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", range(4))
def test_a_run_killed_while_files_appear_leaves_nothing_a_reader_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    fail_at(monkeypatch, failing, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "data", ROWS)
    assert list(tmp_path.iterdir()) == []


def fail_at(monkeypatch: pytest.MonkeyPatch, failing: int, error: BaseException) -> None:
    """Lets one single move fail."""
    rename, calls = os.rename, []

    def fail_once(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == failing + 1:
            raise error
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_once)


# An overwriting run of two keys moves four old files aside and four new ones into place.
@pytest.mark.parametrize("failing", range(8))
def test_a_disk_that_is_full_at_any_move_leaves_the_earlier_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    write(tmp_path / "data", ROWS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    fail_at(monkeypatch, failing, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "data", ROWS[:1], overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("moves", range(9))
def test_a_kill_at_any_move_leaves_the_earlier_files_or_the_new_ones_to_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    write(tmp_path / "data", ROWS)
    earlier = as_lists(tmp_path / "data")
    if os.fork() == 0:  # this process ends as a killed one does
        rename, left = os.rename, iter(range(moves))

        def kill_later(source: Path, target: Path) -> None:
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            rename(source, target)

        monkeypatch.setattr(os, "rename", kill_later)
        write(tmp_path / "data", ROWS[:1], overwrite=True)
        os._exit(0)
    _, status = os.wait()
    assert (os.WTERMSIG(status) == signal.SIGKILL) == (moves < 8)
    with pytest.raises(InputError, match="exist already"):
        write(tmp_path / "data", [])
    assert as_lists(tmp_path / "data") == (earlier if moves < 8 else ROWS[:1])
    assert {path.name for path in tmp_path.iterdir()} == {
        path.name for path in files_of(tmp_path / "data")
    }


@pytest.mark.parametrize("suffix", ["bin", "idx"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / "data", ROWS)
    path = key_file(tmp_path / "data", "labels", suffix)
    path.write_bytes(path.read_bytes()[: -40 if suffix == "idx" else -4])
    with pytest.raises(InputError, match="truncated") as caught:
        read_packed(tmp_path / "data")
    assert "data_packed_labels_document" in str(caught.value)


def test_keys_of_unequal_length_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "data", ROWS)
    write(tmp_path / "other", ROWS[:1])
    for suffix in ("bin", "idx"):
        key_file(tmp_path / "other", "labels", suffix).replace(
            key_file(tmp_path / "data", "labels", suffix)
        )
    with pytest.raises(InputError, match="different numbers of rows"):
        read_packed(tmp_path / "data")


@pytest.mark.parametrize("content", [b"", b"not an index at all, but long enough to have a head"])
def test_a_foreign_index_is_refused(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "data", ROWS)
    key_file(tmp_path / "data", "labels", "idx").write_bytes(content)
    with pytest.raises(InputError, match="not an index"):
        read_packed(tmp_path / "data")


def test_no_packed_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no packed files"):
        read_packed(tmp_path / "data")
