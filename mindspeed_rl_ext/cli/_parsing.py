"""The parser of a command: help in the reader's language, and wrong flags as short messages.

Covers: the words that argparse prints. Does not cover: what the options are.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import NoReturn

from mindspeed_rl_ext.cli._output import show_error
from mindspeed_rl_ext.core.catalog import translate
from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.language import LANGUAGES, Language, Text, current_language

_USAGE = Text("usage: ", "用法：")
# What argparse says of wrong words, as templates; the rest of its messages stays English.
_WRONG_WORDS = {
    "unrecognized arguments: ": "未知参数：",
    "the following arguments are required: ": "缺少参数：",
}
_WRONG_VALUE = re.compile(r"argument (\S+): (expected one argument|invalid \w+:? ?.*)", re.DOTALL)
_UNKNOWN_FLAG = re.compile(r"unrecognized arguments: (--[\w-]+)")


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Headings and help texts in the reader's language."""

    def start_section(self, heading: str | None) -> None:
        """Opens a group of options."""
        super().start_section(translate(heading, current_language()) if heading else heading)

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        """Adds the line of usage."""
        super().add_usage(usage, actions, groups, prefix or _USAGE.in_language(current_language()))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return translate(action.help, current_language()) if action.help else action.help


class CommandParser(argparse.ArgumentParser):
    """Parses the words of a command.

    Args:
        prog: the command as it is typed.
        description: what it does, in the reader's language.
    """

    def __init__(self, prog: str, description: str | None = None, **known: object) -> None:
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=HelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Prints what is wrong with the words and how to find out more; exits with code 2."""
        unknown = _UNKNOWN_FLAG.match(message)
        flags = [flag for action in self._actions for flag in action.option_strings]
        hint = nearest(unknown[1], flags) if unknown else ""
        close = f"{hint}; " if hint.startswith("did you mean") else ""
        raise SystemExit(
            show_error(
                InputError(
                    _in_language(message, current_language()),
                    expected=f"{self.prog} [options]",
                    remedy=f"{close}{self.prog} --help lists the options",
                )
            )
        )


def _in_language(message: str, language: Language) -> str:
    """A message of argparse."""
    if language == "en":
        return message
    for english, chinese in _WRONG_WORDS.items():
        if message.startswith(english):
            return chinese + message[len(english) :]
    wrong = _WRONG_VALUE.fullmatch(message)
    if wrong:
        reason = "缺少值" if wrong[2] == "expected one argument" else f"值不合适：{wrong[2]}"
        return f"参数 {wrong[1]}：{reason}"
    return message


def add_common_flags(parser: argparse.ArgumentParser) -> None:
    """Adds, for the help, the flags that the dispatcher takes out of the words of any command."""
    group = parser.add_argument_group("every command")
    # They leave nothing in the namespace: a command's options are what it holds.
    for flag, text, how in (
        ("--lang", "language; otherwise that of the locale", {"choices": LANGUAGES}),
        ("--debug", "show a traceback with an error", {"action": "store_true"}),
    ):
        group.add_argument(flag, help=text, default=argparse.SUPPRESS, **how)
