"""`msrl-ext`: dispatch only.

Covers: the list of commands, error messages, exit codes. A command is a module of this folder with
`add_arguments(parser)` and `run(args) -> int`, found in this folder and imported when called;
its docstring is its description and the first line of that its summary, `DESCRIPTION_ZH` the same
in Chinese. It prints its results to standard output and logs to standard error. Modules with a
leading underscore are no commands. `--lang` and `--debug` stand before or after a command's name.
Does not cover: any work of its own.
"""

from __future__ import annotations

import io
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from mindspeed_rl_ext import cli
from mindspeed_rl_ext.cli._output import log_to_stderr, show, show_error
from mindspeed_rl_ext.cli._parsing import CommandParser, add_common_flags
from mindspeed_rl_ext.core.errors import (
    EXIT_INTERRUPTED,
    EXIT_WRONG_INPUT,
    ExtError,
    InputError,
    nearest,
)
from mindspeed_rl_ext.core.language import (
    DEFAULT_LANGUAGE,
    LANGUAGES,
    Language,
    Text,
    current_language,
    language_chosen,
)
from mindspeed_rl_ext.core.torch_import import as_machine_error
from mindspeed_rl_ext.version import __version__

# What the package depends on, as imported and as installed: a checkout may lack it.
DEPENDENCIES = {"numpy": "numpy", "yaml": "PyYAML", "tqdm": "tqdm"}

_USAGE_HEAD = Text("usage: msrl-ext COMMAND [options]", "用法：msrl-ext 命令 [选项]")
_USAGE_TAIL = Text(
    "msrl-ext COMMAND --help describes one; --debug shows a traceback with an error;\n"
    "--lang en|zh chooses the language, otherwise MSRL_EXT_LANG or the locale does.",
    "msrl-ext 命令 --help 说明一个命令；--debug 出错时显示调用栈；\n"
    "--lang en|zh 选择语言，不写时取 MSRL_EXT_LANG 或系统语言。",
)


class Words(NamedTuple):
    """A command line.

    Args:
        rest: the words without the flags that every command has.
        debug: whether `--debug` is among them.
        lang: the language asked for with `--lang`.
    """

    rest: list[str]
    debug: bool
    lang: str | None


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `msrl-ext`; returns the exit code (0, 1, 2, 3, 130 or 143)."""
    _print_anything()
    log_to_stderr()
    try:
        words = _split(list(sys.argv[1:] if argv is None else argv))
    except InputError as error:
        return show_error(error)
    with language_chosen(words.lang):
        return _run(words)


def _run(words: Words) -> int:
    try:
        return _dispatch_unwrapped(words.rest)
    except KeyboardInterrupt as error:
        return _interrupted(error)
    except BrokenPipeError:
        # The reader of our output (`| head`) went away; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ModuleNotFoundError as error:
        if words.debug or error.name not in DEPENDENCIES:
            raise
        return show_error(_missing_dependency(error.name))
    except RuntimeError as error:
        readable = None if words.debug else as_machine_error(error)
        if readable is None:
            raise
        return show_error(readable)
    except (ExtError, OSError, MemoryError) as error:
        if words.debug:
            traceback.print_exc()
        return show_error(error)


def _dispatch_unwrapped(rest: list[str]) -> int:
    """Runs a command; Ctrl-C in the middle of an import is Ctrl-C.

    Up to Python 3.11 a class that is being made wraps what is raised meanwhile.
    """
    try:
        return _dispatch(rest)
    except (ImportError, RuntimeError) as error:
        behind: BaseException | None = error
        while behind is not None:
            if isinstance(behind, KeyboardInterrupt):
                raise behind from None
            behind = behind.__cause__ or behind.__context__
        raise


def _interrupted(error: KeyboardInterrupt) -> int:
    left = str(error) or "nothing half-written was left behind"
    show(f"interrupted: {left}", to_stderr=True)
    return int(getattr(error, "exit_code", EXIT_INTERRUPTED))


def _split(words: list[str]) -> Words:
    """Takes the flags that every command has out of the words.

    Raises:
        InputError: an unknown language.
    """
    rest, debug, lang = [], False, None
    left = iter(words)
    for word in left:
        if word == "--debug":
            debug = True
        elif word == "--lang" or word.startswith("--lang="):
            lang = word.partition("=")[2] if "=" in word else next(left, "")
        else:
            rest.append(word)
        if rest == ["run"]:  # what follows are the words of a script
            rest += left
    if lang is not None and lang not in LANGUAGES:
        raise InputError(
            f"unknown language {lang!r}",
            expected=f"--lang {' or '.join(LANGUAGES)}",
        )
    return Words(rest, debug, lang)


def _print_anything() -> None:
    """Escapes what a terminal cannot show, instead of failing on it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


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
    parser = CommandParser(f"msrl-ext {name}", description_of(name, current_language()))
    module.add_arguments(parser)
    add_common_flags(parser)
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


def description_of(name: str, language: Language = DEFAULT_LANGUAGE) -> str:
    """What a command does.

    Args:
        name: the command.
        language: English is its module's docstring; Chinese its `DESCRIPTION_ZH`, English again
            where it has none.
    """
    module = load_command(name)
    english = module.__doc__ or ""
    return str(getattr(module, "DESCRIPTION_ZH", english)) if language == "zh" else english


def summary_of(name: str, language: Language = DEFAULT_LANGUAGE) -> str:
    """The first line of a command's description."""
    return description_of(name, language).strip().partition("\n")[0].rstrip(".。")


def _usage() -> str:
    names, language = command_names(), current_language()
    width = max(map(len, names))
    rows = "\n".join(f"  {name:<{width}}  {summary_of(name, language)}" for name in names)
    return f"{_USAGE_HEAD.in_language(language)}\n\n{rows}\n\n{_USAGE_TAIL.in_language(language)}"


def _missing_dependency(name: str) -> InputError:
    return InputError(
        f"{sys.executable} has no {name}, which this package needs",
        remedy=f"pip install {' '.join(DEPENDENCIES.values())}, or install the package",
    )
