"""Another Python that imports what this one does, and the errors that come back from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.core import errors
from mindspeed_rl_ext.core.python_process import error_from_json, error_to_json, start_python


def test_a_module_of_this_path_only_is_found_and_gets_its_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("def show(*words):\n    print('|'.join(words))\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    process = start_python(
        "only_here:show", "a b", "", "--c", purpose="a test", stdout=subprocess.PIPE
    )
    assert process.communicate()[0].decode().strip() == "a b||--c"


def test_a_relative_path_still_means_this_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "relative_here.py").write_text("def show():\n    print('found')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("lib")
    process = start_python(
        "relative_here:show", purpose="a test", stdout=subprocess.PIPE, cwd=tmp_path.parent
    )
    assert process.communicate()[0].decode().strip() == "found"


def test_a_python_that_can_not_start_is_an_error_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(errors.MachineError, match="the drawing process cannot be started"):
        start_python("builtins:print", purpose="the drawing process")


@pytest.mark.parametrize(
    "error",
    [
        errors.InputError("a", found="b", expected="c", remedy="d"),
        errors.CheckFailedError("a"),
        errors.MachineError("a", remedy="d"),
        errors.MissingExtraError("pyarrow", "data", "reading Parquet"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_our_errors_come_back_with_their_text_and_exit_code(error: errors.ExtError) -> None:
    back = error_from_json(error_to_json(error))
    assert isinstance(back, errors.ExtError)
    assert (str(back), back.exit_code) == (str(error), error.exit_code)


def test_errors_of_the_system_come_back_with_their_number_and_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "none").read_bytes()
    back = error_from_json(error_to_json(caught.value))
    assert isinstance(back, FileNotFoundError)
    assert str(back) == str(caught.value)
    memory = error_from_json(error_to_json(MemoryError()))
    assert isinstance(memory, errors.MachineError)
    assert str(error_from_json(error_to_json(OSError("plain")))) == "plain"
