"""The words of a shell script, with their lines: text, and variables that are not filled in yet.

Covers: quotes, comments, continued lines, `${...}`, `$(...)`, `$((...))`, arrays; what separates
statements. Does not cover: here-documents; what a word means (`shell`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

NAME = re.compile(r"[A-Za-z_]\w*")
ASSIGN = re.compile(r"([A-Za-z_]\w*)(\+?)=")
_SEPARATOR = re.compile(r"\n|&&|\|\||;;|[;&|()]")
_BLANK = re.compile(r"(?:[ \t\r]|\\\r?\n)+|#[^\n]*")
_END = re.compile(r"[ \t\r\n;&|()]")


@dataclass(frozen=True)
class Token:
    """A word before its variables are filled in: parts of text, and of variables."""

    parts: tuple[tuple[str, str], ...]
    line: int
    raw: str
    array: tuple[Token, ...] | None = None


def statements(text: str) -> Iterator[tuple[list[Token], bool]]:
    """Each statement's words, and whether it stands behind `&&` or `||`."""
    words: list[Token] = []
    behind = False
    for token in tokens_of(text, separators=True):
        if token.parts and token.parts[0][0] == "separator":
            if words:
                yield words, behind
            words, behind = [], token.raw in ("&&", "||")
        else:
            words.append(token)
    if words:
        yield words, behind


def tokens_of(text: str, *, separators: bool = False) -> Iterator[Token]:
    """The words of a text; with `separators` also what ends a statement."""
    scanner = _Scanner(text, separators)
    while (token := scanner.next()) is not None:
        yield token


class _Scanner:
    """Reads words from left to right.

    Args:
        text: what is read.
        separators: whether newlines, `;`, `&`, `|` and brackets end a word; else only the end does.
    """

    def __init__(self, text: str, separators: bool) -> None:
        self.text, self.separators = text, separators
        self.at, self.line = 0, 1

    def next(self) -> Token | None:
        """The next word or separator; None at the end."""
        if self.separators:
            self._skip()
        if self.at >= len(self.text):
            return None
        if self.separators and (found := _SEPARATOR.match(self.text, self.at)):
            line = self.line
            self._advance(found.end())
            return Token((("separator", ""),), line, found.group())
        return self._word()

    def _advance(self, end: int) -> None:
        self.line += self.text.count("\n", self.at, end)
        self.at = end

    def _skip(self) -> None:
        """Skips blanks, continued lines and comments."""
        while found := _BLANK.match(self.text, self.at):
            self._advance(found.end())

    def _word(self) -> Token:
        start, line = self.at, self.line
        parts: list[tuple[str, str]] = []
        while self.at < len(self.text):
            here = self.text[self.at]
            if self.separators and _END.match(here):
                break
            self._part(parts, here)
        raw = self.text[start : self.at]
        if self.separators and ASSIGN.fullmatch(raw) and self.text[self.at : self.at + 1] == "(":
            return Token((("text", raw),), line, raw, tuple(self._array()))
        return Token(tuple(_joined(parts)), line, raw)

    def _array(self) -> Iterator[Token]:
        self._advance(self.at + 1)
        while (token := self.next()) is not None and token.raw != ")":
            if token.parts and token.parts[0][0] != "separator":
                yield token

    def _part(self, parts: list[tuple[str, str]], here: str) -> None:
        if here == "\\":
            following = self.text[self.at + 1 : self.at + 2]
            parts.append(("text", "" if following == "\n" else following))
            self._advance(self.at + 2)
        elif here == "'":
            end = self.text.find("'", self.at + 1)
            end = len(self.text) if end < 0 else end
            parts.append(("text", self.text[self.at + 1 : end]))
            self._advance(end + 1)
        elif here == '"':
            self._advance(self.at + 1)
            parts.append(("text", ""))
            while self.at < len(self.text) and self.text[self.at] != '"':
                self._quoted(parts)
            self._advance(self.at + 1)
        elif here in "$`":
            parts.append(self._variable())
        else:
            parts.append(("text", here))
            self._advance(self.at + 1)

    def _quoted(self, parts: list[tuple[str, str]]) -> None:
        here = self.text[self.at]
        if here == "\\" and self.text[self.at + 1 : self.at + 2] in ('"', "\\", "$", "`", "\n"):
            following = self.text[self.at + 1]
            parts.append(("text", "" if following == "\n" else following))
            self._advance(self.at + 2)
        elif here in "$`":
            parts.append(self._variable())
        else:
            parts.append(("text", here))
            self._advance(self.at + 1)

    def _variable(self) -> tuple[str, str]:
        """What stands at a `$` or a backtick."""
        text, start = self.text, self.at
        if text[start] == "`":
            end = text.find("`", start + 1)
            self._advance(len(text) if end < 0 else end + 1)
            return ("open", "")
        for opening, closing, kind in (("$((", "))", "sum"), ("$(", ")", "open"), ("${", "}", "")):
            if text.startswith(opening, start):
                inner = self._bracketed(start + len(opening), opening[-1], closing[-1])
                end = inner + len(closing)
                self._advance(min(end, len(text)))
                return (kind or "variable", text[start + len(opening) : inner])
        found = NAME.match(text, start + 1)
        if found is None:
            self._advance(min(start + 2, len(text)))
            return ("open", "")
        self._advance(found.end())
        return ("variable", found.group())

    def _bracketed(self, start: int, opening: str, closing: str) -> int:
        """Where the bracket that is open at `start` closes."""
        depth, at, quote = 1, start, ""
        while at < len(self.text):
            here = self.text[at]
            if here == "\\":
                at += 1
            elif quote:
                quote = "" if here == quote else quote
            elif here in "'\"" and opening == "(":
                quote = here
            else:
                depth += (here == opening) - (here == closing)
                if depth == 0:
                    return at
            at += 1
        return len(self.text)


def _joined(parts: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Neighbouring texts as one; a quoted variable alone stays one part."""
    held: list[str] = []
    for kind, text in parts:
        if kind == "text":
            held.append(text)
            continue
        if any(held):
            yield ("text", "".join(held))
        held = []
        yield (kind, text)
    if any(held) or not parts or all(kind == "text" for kind, _ in parts):
        yield ("text", "".join(held))
