"""A place in a list of tokens, and how deep the reading is.

Covers: looking ahead, taking, expecting, the bound on nesting. Does not cover: any grammar.
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError

MAX_DEPTH = 40
END = Token("end", "")
# Behind the last token, so that looking ahead mostly needs no check.
_AHEAD = (END,) * 8


class Cursor:
    """Moves over tokens from left to right.

    Args:
        found: the tokens of one answer.
    """

    def __init__(self, found: list[Token]) -> None:
        self._tokens = [*found, *_AHEAD]
        self._length = len(found)
        self._at = 0
        self._depth = 0

    def at_end(self) -> bool:
        """Whether every token was read."""
        return self._at >= self._length

    def peek(self, ahead: int = 0) -> Token:
        """A token to come, or END."""
        try:
            return self._tokens[self._at + ahead]
        except IndexError:
            return END

    def next(self) -> Token:
        """Takes a token; END stays."""
        token = self._tokens[self._at]
        if token is not END:
            self._at += 1
        return token

    def take(self, text: str) -> bool:
        """Takes the token of this text, where it comes next."""
        token = self._tokens[self._at]
        if token.text != text or token.kind == "text":
            return False
        self._at += 1
        return True

    def expect(self, text: str) -> None:
        """Takes the token of this text; raises UnreadableError where another one comes."""
        if not self.take(text):
            raise UnreadableError(f"{self.peek().text!r} where {text!r} is expected")

    def deeper(self) -> Cursor:
        """Bounds the nesting inside a `with`."""
        return self

    def __enter__(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UnreadableError(f"nested more than {MAX_DEPTH} deep")

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
