"""One staging for everything that appears whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.staging import (
    STAGING_NAME,
    finish_killed,
    install,
    recover,
    staging,
)


def stage(out: Path, *, name: str = STAGING_NAME, resume: bool = False):
    return staging(out, writer="test", option="--out", name=name, resume=resume)


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_and_files_appear_in_the_order_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = []
    rename = os.rename
    monkeypatch.setattr(os, "rename", lambda a, b: (moved.append(Path(b).name), rename(a, b)))
    with stage(tmp_path / "out") as folder:
        (folder / "policy" / "inner").mkdir(parents=True)
        (folder / "policy" / "inner" / "weights").write_text("1")
        (folder / "last").write_text("2")
        install(folder, tmp_path / "out", ["policy", "last"])
    assert content(tmp_path / "out") == {"policy/inner/weights": "1", "last": "2"}
    assert moved == ["policy", "last"]


def test_a_folder_replaces_another_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in (1, 2):
        with stage(out) as folder:
            (folder / "policy").mkdir()
            (folder / "policy" / f"only-in-{number}").write_text("")
            install(folder, out, ["policy"], [out / "policy"] if number > 1 else [])
    assert content(out) == {"policy/only-in-2": ""}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("disk"), SystemExit(1)])
def test_what_fails_leaves_neither_files_nor_the_directories_that_it_made(
    tmp_path: Path, error: BaseException
) -> None:
    def fail() -> None:
        with stage(tmp_path / "new" / "out") as folder:
            (folder / "half").write_text("")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_resume_leaves_nothing(tmp_path: Path) -> None:
    for error in (InputError("wrong"), KeyboardInterrupt()):
        with pytest.raises(type(error)), stage(tmp_path / "out", resume=True):
            raise error
        assert not (tmp_path / "out").exists()


def test_what_is_to_be_resumed_is_kept_and_found_again(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def interrupted() -> None:
        with stage(out, resume=True) as folder:
            (folder / "done").write_text("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="the same command goes on"):
        interrupted()
    with stage(out, resume=True) as folder:
        assert content(folder) == {"done": "1"}
        install(folder, out, ["done"])
    assert content(out) == {"done": "1"}


def test_one_writer_at_a_time_and_others_by_another_name(tmp_path: Path) -> None:
    with stage(tmp_path) as folder:
        with pytest.raises(InputError, match="another test is writing"), stage(tmp_path):
            pytest.fail("two writers")
        recover(tmp_path)
        assert folder.is_dir()
        with stage(tmp_path, name=".other") as other:
            assert other != folder
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", [False, True])
def test_without_locks_a_folder_that_may_be_in_use_is_named_and_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: bool
) -> None:
    def no_locks(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    if left:
        (tmp_path / STAGING_NAME).mkdir()
        (tmp_path / STAGING_NAME / "a").write_text("1")
        with pytest.raises(InputError, match="remove it if no run is going on"), stage(tmp_path):
            pytest.fail("it may be in use")
        recover(tmp_path)
        assert content(tmp_path) == {f"{STAGING_NAME}/a": "1"}
    else:
        with stage(tmp_path) as folder:
            (folder / "a").write_text("1")
            install(folder, tmp_path, ["a"])
        assert content(tmp_path) == {"a": "1"}


def test_where_the_undoing_fails_too_the_next_run_puts_the_old_files_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("old")
    moves: list[Path] = []
    rename = os.rename

    def broken(source: Path, target: Path) -> None:
        moves.append(Path(target))
        if len(moves) > 1:
            raise OSError(errno.EROFS, "Read-only file system")
        rename(source, target)

    def replace() -> None:
        with stage(tmp_path) as folder:
            (folder / "a").write_text("new")
            install(folder, tmp_path, ["a"], [tmp_path / "a"])

    monkeypatch.setattr(os, "rename", broken)
    with pytest.raises(OSError, match="Read-only"):
        replace()
    monkeypatch.setattr(os, "rename", rename)
    assert not (tmp_path / "a").exists()
    recover(tmp_path)
    assert content(tmp_path) == {"a": "old"}


def test_a_move_that_was_cut_short_can_be_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "rename", lambda a, b: os._exit(9) if moves.pop() else rename(a, b))
    moves = [True, False]
    if os.fork() == 0:
        with stage(tmp_path, resume=True) as folder:
            (folder / "a").write_text("new")
            install(folder, tmp_path, ["a"], [tmp_path / "a"])
    os.wait()
    monkeypatch.setattr(os, "rename", rename)
    assert not (tmp_path / "a").exists()
    with stage(tmp_path, resume=True) as folder:
        assert finish_killed(folder, tmp_path)
        assert not finish_killed(tmp_path, tmp_path)
    assert content(tmp_path) == {"a": "new"}
