"""Rules: what may be wrong with something, in both languages, with the function that finds it.

A rule is declared once, by `RuleBook.rule`: its id, its level, what it looks at (a class), cause
and remedy in English and Chinese. Above a function it makes that function the rule's check. Rules
that share a check are declared beside it, and the check, marked by `RuleBook.check`, yields their
findings. Derived from the declarations: which checks run on an object, their order, the table of
the documentation.

Covers: the declaration, findings, places. Does not cover: what is looked at, and printing.

Example:
    >>> book = RuleBook("example rule")
    >>> @book.rule("text-empty", "error", on=str, en=("nothing in {name}", "write"),
    ...            zh=("{name} 为空", "请填写"))
    ... def text_is_there(text):
    ...     '''A text says something.'''
    ...     if not text:
    ...         yield at(Place("x"), name="x")
    >>> [(finding.id, finding.cause) for finding in book.examine("")]
    [('text-empty', 'nothing in x')]
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, Language, Text
from mindspeed_rl_ext.core.registry import Registry

Level = Literal["error", "warning", "note", "ok"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note", "ok")
LEVEL_WORDS: Mapping[Level, Text] = {
    "error": Text("error", "错误"),
    "warning": Text("warning", "警告"),
    "note": Text("note", "说明"),
    "ok": Text("ok", "正常"),
}
_NEED_REMEDY: tuple[Level, ...] = ("error", "warning")
_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_VALUE = re.compile(r"\{(\w+)(?::([\w ]+))?\}")
T = TypeVar("T")
C = TypeVar("C", bound=Callable[[Any], Iterator[Any]])


@dataclass(frozen=True)
class Place:
    """Where something is.

    Args:
        name: a file, a variable, "installed packages".
        key: the key in the file, with dots.
        line: its line, from 1; 0 where there is none.
    """

    name: str
    key: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.name}:{self.line}" if self.line else self.name
        return f"{where} {self.key}" if self.key else where


class Words(NamedTuple):
    """Cause and remedy in one language; `{name}` stands for a value of the finding.

    `{name:node}` is a count with its noun: 1 node, 2 nodes.
    """

    cause: str
    remedy: str = ""

    @property
    def names(self) -> frozenset[str]:
        """The values that cause and remedy name."""
        return frozenset(name for name, _ in _VALUE.findall(self.cause + self.remedy))


class At(NamedTuple):
    """Where a rule applies, and the values that its words name."""

    place: Place
    values: Mapping[str, Any]


def at(place: Place, /, **values: Any) -> At:
    """Where the rule of a check applies; what such a check yields.

    Args:
        place: where.
        values: what the rule's words name in braces; a `Text` is written in the reader's language.
    """
    return At(place, values)


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Args:
        rule: what it is a finding of.
        at: where.
        values: what the rule's words name in braces.
    """

    rule: Rule
    at: Place
    values: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The rule's id."""
        return self.rule.id

    @property
    def level(self) -> Level:
        """The rule's level."""
        return self.rule.level

    @property
    def place(self) -> str:
        """File, key or variable, in one line."""
        return str(self.at)

    @property
    def cause(self) -> str:
        """What is the matter, in English."""
        return self.words().cause

    @property
    def remedy(self) -> str:
        """What to do, in English; empty where nothing is to be done."""
        return self.words().remedy

    def words(self, language: Language = DEFAULT_LANGUAGE) -> Words:
        """Cause and remedy in a language, with the values."""
        cause, remedy = self.rule.words[language]
        return Words(self._filled(cause, language), self._filled(remedy, language))

    def _filled(self, text: str, language: Language) -> str:
        # Not str.format: texts name JSON and \boxed{}, and values may hold braces of their own.
        def value(match: re.Match[str]) -> str:
            name, noun = match.groups()
            found = self.values.get(name, match.group())
            text = found.in_language(language) if isinstance(found, Text) else str(found)
            return f"{text} {noun}{'' if found == 1 else 's'}" if noun else text

        return _VALUE.sub(value, text)


@dataclass(frozen=True)
class Rule:
    """One rule; above a function it makes that function its check.

    Args:
        id: its name, words in lower case with hyphens.
        level: `error` breaks a run or loses rewards silently, `warning` may; the rest informs.
        on: what it looks at.
        words: cause and remedy by language.
    """

    id: str
    level: Level
    on: type[Any]
    words: Mapping[Language, Words]
    book: RuleBook = field(repr=False, compare=False)

    def at(self, place: Place, /, **values: Any) -> Finding:
        """A finding of this rule.

        Args:
            place: where.
            values: what the rule's words name in braces.
        """
        return Finding(self, place, values)

    def __call__(self, check: Callable[[T], Iterator[At]]) -> Callable[[T], Iterator[Finding]]:
        """Registers the check of this rule alone, which yields `at(place, ...)`."""

        @functools.wraps(check)
        def findings(subject: T) -> Iterator[Finding]:
            for place, values in check(subject):
                yield Finding(self, place, values)

        self.book.check(self.on)(findings)
        return findings


class RuleBook:
    """Rules of one kind, with their checks.

    Args:
        kind: what a rule is called in messages.
    """

    def __init__(self, kind: str) -> None:
        self.rules = Registry[Rule](kind)
        self._checks: list[tuple[type[Any], Callable[[Any], Iterator[Finding]]]] = []

    def rule(
        self,
        id: str,
        level: Level,
        *,
        on: type[Any],
        en: tuple[str] | tuple[str, str],
        zh: tuple[str] | tuple[str, str],
    ) -> Rule:
        """Declares a rule.

        Args:
            id: its name, words in lower case with hyphens.
            level: how bad it is.
            on: the class of what it looks at.
            en: cause and remedy in English; a level that only informs needs no remedy.
            zh: the same in Chinese, with the same values in braces.

        Raises:
            InputError: a malformed or taken id, a missing remedy, values that only one language
                names.
        """
        english, chinese = Words(*en), Words(*zh)
        found = ""
        if not _ID.fullmatch(id):
            found = "the id is not words in lower case with hyphens"
        elif level not in LEVELS:
            found = f"the level {level!r}"
        elif level in _NEED_REMEDY and not (english.remedy and chinese.remedy):
            found = "a remedy is missing"
        elif english.names != chinese.names:
            odd = ", ".join(sorted(english.names ^ chinese.names))
            found = f"only one language names {odd}"
        if found:
            raise InputError(
                f"{self.rules.kind} {id!r} can't be declared",
                found=found,
                expected="an id such as reward-no-verifier, a cause and a remedy in both languages",
            )
        declared = Rule(id, level, on, {"en": english, "zh": chinese}, self)
        self.rules.register(id, declared)
        return declared

    def check(self, on: type[Any]) -> Callable[[C], C]:
        """Registers a check that yields findings of the rules declared beside it.

        Args:
            on: the class of what it looks at.
        """

        def register(check: C) -> C:
            self._checks.append((on, check))
            return check

        return register

    def examine(self, subject: object) -> Iterator[Finding]:
        """Runs every check on a thing of its class, in the order in which they were registered."""
        for on, check in self._checks:
            if isinstance(subject, on):
                yield from check(subject)

    def __iter__(self) -> Iterator[Rule]:
        """The rules, in the order of what they look at, then of their ids."""
        return iter(sorted(map(self.rules.get, self.rules), key=lambda r: (r.on.__name__, r.id)))


def worst_first(findings: list[Finding]) -> list[Finding]:
    """Findings with the worst first, otherwise as they came."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))
