r"""Literals inside an answer: numbers, mixed numbers, decimals that repeat, numerals with a base.

Covers: the numbers of the reader, under `atoms`. Does not cover: signs, exponents.
"""

from __future__ import annotations

from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.groups import GroupReader
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.literals import exact, written_digits
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Based,
    Node,
    Number,
    UnreadableError,
    is_digits,
)

MAX_REPEATING = 30


class NumberReader(GroupReader):
    """Reads numbers from a list of tokens."""

    def _number(self) -> Node:
        text = self.next().text
        token = self.peek()
        if token.text == "_":
            self.next()
            return self._based(text)
        if token.text in (r"\overline", r"\bar", r"\dot") and "." in text:
            return self._repeating(text)
        value = exact(text)
        if not is_digits(text):
            return Number(value, written_digits(text))
        parts = self._literal_fraction(token)
        if parts is None:
            return Number(value)
        numerator, denominator, length = parts
        self._at += length
        if not 0 < numerator < denominator or self.peek().text in ("^", "!"):
            raise UnreadableError("a whole number beside a fraction that makes no mixed number")
        return Number(value + Fraction(numerator, denominator))

    def _one_digit(self) -> str:
        """Takes one digit of a number and leaves the rest."""
        token = self.peek()
        if "." in token.text or "e" in token.text.lower():
            raise UnreadableError("a decimal where TeX takes one digit")
        if len(token.text) == 1:
            self.next()
        else:
            self._tokens[self._at] = Token("number", token.text[1:])
        return token.text[0]

    def _repeating(self, text: str) -> Node:
        r"""`0.1\overline{6}`: a decimal whose last digits repeat for ever."""
        self.next()
        digits = self._subscript()
        if not is_digits(digits) or len(digits) > MAX_REPEATING:
            raise UnreadableError("a line over what are no digits")
        places = len(text.partition(".")[2])
        period = 10 ** len(digits) - 1
        return Number(exact(text + "0") + Fraction(int(digits), period * 10**places))

    def _literal_fraction(self, first: Token) -> tuple[int, int, int] | None:
        r"""The `\frac{1}{2}` or `1/2` that comes next, if it is literal, and its tokens."""
        if first.kind != "number" and first.text != r"\frac":
            return None
        texts = [self.peek(i).text for i in range(7)]
        layouts = (
            (texts[1:2] == ["/"], texts[0], texts[2], 3),
            (
                texts[:2] + texts[3:5] + texts[6:] == [r"\frac", "{", "}", "{", "}"],
                texts[2],
                texts[5],
                7,
            ),
            (texts[0] == r"\frac" and len(texts[1]) == 2, texts[1][:1], texts[1][1:], 2),
            (texts[:1] + texts[2:3] + texts[4:5] == [r"\frac", "{", "}"], texts[1], texts[3], 5),
        )
        for fits, numerator, denominator, length in layouts:
            if fits and is_digits(numerator) and is_digits(denominator):
                return int(numerator), int(denominator), length
        return None

    def _based(self, digits: str) -> Node:
        base = self.argument_number()
        if base == 10 and is_digits(digits):
            return Number(exact(digits))
        if not 2 <= base <= 36 or not is_digits(digits) or any(int(d) >= base for d in digits):
            raise UnreadableError("a numeral that does not fit its base")
        return Based(digits.lstrip("0") or "0", base)

    def argument_number(self) -> int:
        """A subscript that is a whole number of at most two digits, with or without braces."""
        braced = self.take("{")
        bracketed = braced and self.take("(")  # `66_{(8)}`
        token = self.next()
        if token.kind != "number" or not is_digits(token.text) or len(token.text) > 2:
            raise UnreadableError("a subscript that is no base")
        if bracketed:
            self.expect(")")
        if braced:
            self.expect("}")
        return int(token.text)
