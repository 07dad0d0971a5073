"""`msrl-ext`: dispatch, help, messages and exit codes."""

from __future__ import annotations

import errno
import sys

import pytest

import mindspeed_rl_ext.cli
from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.core.errors import (
    CheckFailedError,
    InputError,
    MachineError,
    MissingExtraError,
)


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """A command in a folder of its own, whose `run` does what the test says."""

    def make(act):
        (tmp_path / "fake.py").write_text(
            '"""A command for tests."""\n\n'
            "def add_arguments(parser):\n"
            "    parser.add_argument('--number', type=int, default=0)\n"
        )
        paths = [*mindspeed_rl_ext.cli.__path__, str(tmp_path)]
        monkeypatch.setattr(mindspeed_rl_ext.cli, "__path__", paths)
        monkeypatch.setattr(cli.load_command("fake"), "run", act, raising=False)

    yield make
    sys.modules.pop("mindspeed_rl_ext.cli.fake", None)


def raises(error):
    def act(args):
        raise error

    return act


def test_an_unknown_command_is_wrong_usage_with_the_nearest_names(capsys):
    assert cli.main(["convrt"]) == 2
    shown = capsys.readouterr().err
    assert "unknown command 'convrt'" in shown
    assert "did you mean convert" in shown


@pytest.mark.parametrize("name", cli.command_names())
def test_help_of_every_command_works_and_says_what_it_is(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([name, "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: msrl-ext {name}" in shown
    assert len(shown.splitlines()) > 3


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_usage_lists_every_command(words, capsys):
    assert cli.main(words) == (0 if words else 2)
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in cli.command_names())


def test_a_module_in_the_folder_is_a_command_and_its_docstring_the_summary(fake, capsys):
    fake(lambda args: 0)
    assert "fake" in cli.command_names()
    assert cli.main(["--help"]) == 0
    assert "A command for tests" in capsys.readouterr().out


def test_version_is_that_of_the_package(capsys):
    import mindspeed_rl_ext

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"mindspeed-rl-ext {mindspeed_rl_ext.__version__}\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("wrong", remedy="fix"), 2),
        (CheckFailedError("not equal"), 1),
        (MachineError("disk full"), 3),
        (MissingExtraError("sympy", "verify", "this"), 2),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.txt"), 2),
        (OSError(errno.EMFILE, "Too many open files", "a.pt"), 3),
        (OSError(errno.ENOSPC, "No space left on device"), 3),
        (PermissionError(errno.EACCES, "Permission denied", "/root/x"), 3),
        (MemoryError(), 3),
    ],
)
def test_an_error_is_a_message_with_its_exit_code_and_no_traceback(fake, capsys, error, code):
    fake(raises(error))
    assert cli.main(["fake"]) == code
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert "Traceback" not in shown


def test_debug_shows_the_traceback_too(fake, capsys):
    fake(raises(InputError("wrong")))
    assert cli.main(["fake", "--debug"]) == 2
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "error: wrong" in shown


def test_a_fault_of_ours_is_not_dressed_up_as_wrong_input(fake):
    fake(raises(KeyError("bug")))
    with pytest.raises(KeyError):
        cli.main(["fake"])


def test_interrupt_exits_with_130(fake, capsys):
    fake(raises(KeyboardInterrupt()))
    assert cli.main(["fake"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_an_interrupt_that_an_import_wraps_exits_with_130(fake, capsys):
    wrapped = RuntimeError("Error calling __set_name__")  # what Python 3.11 makes of Ctrl-C there
    wrapped.__cause__ = KeyboardInterrupt()
    fake(raises(wrapped))
    assert cli.main(["fake"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_arguments_reach_the_command_and_its_exit_code_comes_back(fake):
    fake(lambda args: args.number)
    assert cli.main(["fake", "--number", "7"]) == 7


def test_a_wrong_flag_is_wrong_usage(fake):
    fake(lambda args: 0)
    for words in (["--nmber", "1"], ["--num", "1"], ["--number", "x"]):
        with pytest.raises(SystemExit) as stopped:
            cli.main(["fake", *words])
        assert stopped.value.code == 2


@pytest.mark.parametrize("before", [True, False])
def test_wrong_words_are_named_in_the_language_that_is_asked(fake, capsys, before):
    fake(lambda args: 0)
    words = ["--lang", "zh", "fake", "--nmber"] if before else ["fake", "--nmber", "--lang", "zh"]
    with pytest.raises(SystemExit):
        cli.main(words)
    shown = capsys.readouterr().err
    assert "错误：未知参数：--nmber" in shown
    assert "是否想写 --number？; msrl-ext fake --help 列出全部选项" in shown
    with pytest.raises(SystemExit):
        cli.main(["fake", "--number", "x", "--lang", "zh"])
    assert "错误：参数 --number：值不合适" in capsys.readouterr().err
