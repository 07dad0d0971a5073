"""`msrl-ext`: dispatch only.

Covers: the list of commands, error messages, exit codes. A command is a module of this folder with
`add_arguments(parser)` and `run(args) -> int`, found in this folder and imported when called;
the first line of its docstring is its summary, `SUMMARY_ZH` the same in Chinese. It prints its
results to standard output and logs to standard error. Modules with a leading underscore are no
commands.
Does not cover: any work of its own.
"""

from __future__ import annotations

import argparse
import errno
import io
import logging
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from mindspeed_rl_ext import cli
from mindspeed_rl_ext.core.errors import (
    EXIT_INTERRUPTED,
    EXIT_MACHINE_FAILED,
    EXIT_WRONG_INPUT,
    ExtError,
    InputError,
    nearest,
)
from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, Language
from mindspeed_rl_ext.version import __version__

MACHINE_ERRNOS = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
        *(errno.EACCES, errno.EPERM, errno.EROFS),
        *(errno.ENOMEM, errno.EIO),
    }
)


# What the package depends on, as imported and as installed: a checkout may lack it.
DEPENDENCIES = {"numpy": "numpy", "yaml": "PyYAML", "tqdm": "tqdm"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `msrl-ext`; returns the exit code (0, 1, 2, 3, 130 or 143)."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in _own_words(words)
    if debug:
        words.remove("--debug")
    _print_anything()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s", stream=sys.stderr)
    try:
        return _dispatch(words)
    except KeyboardInterrupt as error:
        left = str(error) or "nothing half-written was left behind"
        print(f"interrupted: {left}", file=sys.stderr)
        return int(getattr(error, "exit_code", EXIT_INTERRUPTED))
    except BrokenPipeError:
        # The reader of our output (`| head`) went away; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ModuleNotFoundError as error:
        if debug or error.name not in DEPENDENCIES:
            raise
        print(_message(_missing_dependency(error.name)), file=sys.stderr)
        return EXIT_WRONG_INPUT
    except (ExtError, OSError, MemoryError) as error:
        if debug:
            traceback.print_exc()
        print(_message(error), file=sys.stderr)
        return _exit_code(error)


def _print_anything() -> None:
    """Escapes what a terminal cannot show, instead of failing on it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _own_words(words: list[str]) -> list[str]:
    """Words that are ours: those of a script under `run` are not."""
    return words[:1] if words[:1] == ["run"] else words


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_usage())
        return 0 if words else EXIT_WRONG_INPUT
    if words[0] == "--version":
        print(f"mindspeed-rl-ext {__version__}")
        return 0
    name, rest = words[0], words[1:]
    if name not in command_names():
        raise InputError(f"unknown command {name!r}", remedy=nearest(name, command_names()))
    module = load_command(name)
    parser = argparse.ArgumentParser(
        prog=f"msrl-ext {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(rest)))


def command_names() -> list[str]:
    """The names of all commands, sorted: the modules of this folder, written with hyphens."""
    found = (module.name for module in pkgutil.iter_modules(cli.__path__))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def load_command(name: str) -> ModuleType:
    """Imports the module of a command.

    Example:
        >>> load_command("resume-config").__name__
        'mindspeed_rl_ext.cli.resume_config'
    """
    return import_module(f"{cli.__name__}.{name.replace('-', '_')}")


def summary_of(name: str, language: Language = DEFAULT_LANGUAGE) -> str:
    """What a command does, in one line.

    Args:
        name: the command.
        language: English is the first line of its module's docstring; Chinese its `SUMMARY_ZH`,
            English again where it has none.
    """
    module = load_command(name)
    english = (module.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    return str(getattr(module, "SUMMARY_ZH", english)) if language == "zh" else english


def _usage() -> str:
    names = command_names()
    width = max(map(len, names))
    rows = "\n".join(f"  {name:<{width}}  {summary_of(name)}" for name in names)
    return (
        f"usage: msrl-ext COMMAND [options]\n\n{rows}\n\n"
        "msrl-ext COMMAND --help describes one; --debug shows a traceback with an error."
    )


def _missing_dependency(name: str) -> InputError:
    return InputError(
        f"{sys.executable} has no {name}, which this package needs",
        remedy=f"pip install {' '.join(DEPENDENCIES.values())}, or install the package",
    )


def _message(error: BaseException) -> str:
    if isinstance(error, ExtError):
        return f"error: {error}"
    if isinstance(error, MemoryError):
        return "error: out of memory\n  remedy:   fewer --workers, or a machine with more memory"
    return f"error: {error}\n  remedy:   {_os_remedy(error)}"


def _os_remedy(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "free disk space, then run the command again"
    if number == errno.EFBIG:
        return "raise the limit on the size of a file (ulimit -f)"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "check the permissions of the path"
    return "check the path"


def _exit_code(error: BaseException) -> int:
    if isinstance(error, ExtError):
        return error.exit_code
    if isinstance(error, MemoryError) or getattr(error, "errno", None) in MACHINE_ERRNOS:
        return EXIT_MACHINE_FAILED
    return EXIT_WRONG_INPUT
