"""The one exception family: what is wrong, what was found, what was expected, how to fix it.

Covers: the error types that every part raises and the exit code that each means at the CLI.
Does not cover: printing; `cli` does that.

Example:
    >>> raise InputError("no such file", found="train.jsonl", remedy="check --input")
    Traceback (most recent call last):
    ...
    mindspeed_rl_ext.core.errors.InputError: no such file
      found:    train.jsonl
      remedy:   check --input
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from mindspeed_rl_ext.core.catalog import translate
from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, Language, Text

EXIT_DONE = 0
EXIT_CHECK_FAILED = 1
EXIT_WRONG_INPUT = 2
EXIT_MACHINE_FAILED = 3
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

_LABELS = (
    Text("found:    ", "实际："),
    Text("expected: ", "应为："),
    Text("remedy:   ", "建议："),
)


class ExtError(Exception):
    """Base of all errors of this package.

    Args:
        what: one line that names the thing and what is wrong with it.
        found: what was there.
        expected: what should have been there.
        remedy: what the user can do.
    """

    exit_code = EXIT_WRONG_INPUT

    def __init__(self, what: str, *, found: str = "", expected: str = "", remedy: str = "") -> None:
        super().__init__(what, found, expected, remedy)
        self.what, self.found, self.expected, self.remedy = what, found, expected, remedy

    def __str__(self) -> str:
        return self.in_language(DEFAULT_LANGUAGE)

    def in_language(self, language: Language) -> str:
        """The message, a line for each thing that it says.

        Args:
            language: the reader's; a text without a twin in it stays English.

        Example:
            >>> print(InputError("unknown command 'x'", remedy="check the path").in_language("zh"))
            未知命令 'x'
              建议：检查路径
        """
        texts = (self.found, self.expected, self.remedy)
        rows = [
            f"  {label.in_language(language)}{translate(text, language)}"
            for label, text in zip(_LABELS, texts, strict=True)
            if text
        ]
        return "\n".join([translate(self.what, language), *rows])

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.found, self.expected, self.remedy))


def _rebuild(kind: type[ExtError], what: str, found: str, expected: str, remedy: str) -> ExtError:
    return kind(what, found=found, expected=expected, remedy=remedy)


class InputError(ExtError):
    """Wrong usage or wrong input: a flag, a file, a column, a shape. Exit code 2."""


class CheckFailedError(ExtError):
    """A check that the user asked for did not hold. Exit code 1."""

    exit_code = EXIT_CHECK_FAILED


class MachineError(ExtError):
    """The machine failed: disk full, no memory, no permission. Exit code 3."""

    exit_code = EXIT_MACHINE_FAILED


class MissingExtraError(ExtError):
    """A library of an optional extra is not installed. Exit code 2.

    Args:
        library: the name as one imports it.
        extra: the extra of this package that brings it.
        needed_for: what could not be done without it.
    """

    def __init__(self, library: str, extra: str, needed_for: str) -> None:
        super().__init__(
            f"{needed_for} needs {library}",
            found=f"{library} is not importable",
            remedy=f'pip install "mindspeed-rl-ext[{extra}]"',
        )
        self._arguments = (library, extra, needed_for)

    def __reduce__(self) -> tuple[object, ...]:
        return (MissingExtraError, self._arguments)


def nearest(name: str, known: Iterable[str]) -> str:
    """Says which known names a misspelt one may mean.

    Args:
        name: the name that was not found.
        known: all names there are.

    Returns:
        `did you mean X?` with at most three names, or the full list.

    Example:
        >>> nearest("countdwn", ["countdown", "simplerl"])
        'did you mean countdown?'
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known: {', '.join(names) or 'none'}"


def shorten(text: str, max_chars: int = 80) -> str:
    """A text short enough for a message.

    Example:
        >>> shorten("abcdef", max_chars=3)
        'abc...'
    """
    return text if len(text) <= max_chars else text[:max_chars] + "..."
