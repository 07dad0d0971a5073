r"""What a factor is: numbers, names, groups, fractions, roots, functions, matrices.

Covers: the tight half of the reader, under `reader`. Does not cover: operators between factors.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NoReturn

from mindspeed_rl_ext.verifiers.equivalence.reading.groups import ACCENTS, ROUNDED, GroupReader
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.literals import exact
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Based,
    Call,
    Node,
    Number,
    Power,
    Product,
    Sequence,
    Sum,
    Symbol,
    UnreadableError,
    is_digits,
    words,
)

FUNCTIONS = words(r"""
    \sin \cos \tan \cot \sec \csc \arcsin \arccos \arctan \sinh \cosh \tanh \ln \log \exp
    \lg""")
GREEK = words(r"""
    \alpha \beta \gamma \delta \epsilon \varepsilon \zeta \eta \theta \iota \kappa \lambda \mu
    \angle \triangle \nu \xi \rho \sigma \tau \upsilon \phi \chi \psi \omega \Gamma \Delta
    \Theta \Lambda \Xi \Pi \Sigma \Phi \Psi \Omega \pi \infty \emptyset \hbar \ell""")
_INVERSES = {r"\sin": r"\arcsin", r"\cos": r"\arccos", r"\tan": r"\arctan"}
_APPLIED = frozenset("fghFGH")
SEVERAL = words(r"\max \min \gcd")
MAX_REPEATING = 30

# What a factor without a sign before it may begin with: token kinds and token texts.
STARTS = (
    frozenset({"number", "letter", "(", "[", "{", r"\frac", r"\sqrt", "√", r"\binom", r"\{"})
    | {r"\int", r"\sum", r"\prod"}
    | SEVERAL
    | FUNCTIONS
    | GREEK
    | ACCENTS
    | frozenset(ROUNDED)
)


class AtomReader(GroupReader):
    """Reads powers and what they are made of from a list of tokens."""

    def big_operator(self) -> Node:
        """Reads a sum or product sign; `reader_calculus` does."""
        raise NotImplementedError

    def at_differential(self) -> bool:
        """Whether the `dx` of an integral comes next; `reader_calculus` knows."""
        raise NotImplementedError

    def integral(self) -> Node:
        """Reads an integral; `reader_calculus` does."""
        raise NotImplementedError

    def power(self) -> Node:
        """An atom with its exponent and factorials."""
        base = self.atom()
        if self._takes_degrees():
            return Product(((base, False), (Symbol(r"\pi"), False), (Number(Fraction(180)), True)))
        while self.take("!"):
            base = Call("factorial", (base,))
        if self.take("^"):
            base = Power(base, self.exponent())
            while self.take("!"):
                base = Call("factorial", (base,))
            if self.peek().text == "^":
                raise UnreadableError("two exponents in a row")
        return base

    def _takes_degrees(self) -> bool:
        r"""`^\circ` or `^{\circ}` behind an angle."""
        if self.peek().text != "^":
            return False
        texts = [self.peek(i).text for i in range(4)]
        length = 2 if texts[:2] == ["^", r"\circ"] else 4
        if length == 4 and texts != ["^", "{", r"\circ", "}"]:
            return False
        self._at += length
        return True

    def atom(self) -> Node:
        """The smallest thing that has a value."""
        token = self.peek()
        if token.kind in ("text", "word") and self.peek(1).text == "=":
            return Symbol(self.next().text)  # `\text{Area} = 5`
        if token.kind in ("text", "word"):
            raise UnreadableError(f"the words {token.text[:40]!r} inside mathematics")
        if token.kind == "number":
            return self._number()
        if token.kind == "letter" or token.text in GREEK:
            return self._name()
        if token.text in ("(", "[", r"\{"):
            return self._bracket()
        if token.text == "{":
            return self.group()
        if token.text == "|":
            return self._absolute()
        if token.text in ROUNDED:
            return self._rounded()
        if token.text in ACCENTS:
            return self._accented()
        if token.text in (r"\sum", r"\prod"):
            return self.big_operator()
        if token.text in SEVERAL and self.peek(1).text == "(":
            self.next()
            bracket = self._bracket()
            return Call(token.text, bracket.items if isinstance(bracket, Sequence) else (bracket,))
        if token.text == r"\int":
            return self.integral()
        if token.text in FUNCTIONS:
            return self._function()
        if token.text == r"\frac":
            return self._fraction()
        if token.text in (r"\sqrt", "√"):
            return self._root()
        if token.text == r"\binom":
            self.next()
            return Call("binom", (self.argument(), self.argument()))
        if token.text.startswith(r"\begin{"):
            return self._matrix()
        _refuse(token)

    def argument(self) -> Node:
        r"""An argument as TeX takes it: a group, or one digit, letter or command."""
        token = self.peek()
        if token.text == "{":
            return self.group()
        if token.kind == "number":
            return Number(Fraction(self._one_digit()))
        return self.atom()

    def exponent(self) -> Node:
        """A group, a digit, or as people write it: `2^10`, `2^-1`."""
        token = self.peek()
        if token.kind == "number" and is_digits(token.text) and len(token.text) > 1:
            # TeX reads `2^1 0`, which is no mathematics: only the other reading is.
            return Number(exact(self.next().text))
        if token.text == "-" and self.peek(1).kind == "number":
            self.next()
            return Sum((("-", self.exponent()),))
        return self.argument()

    def _one_digit(self) -> str:
        """Takes one digit of a number and leaves the rest."""
        token = self.peek()
        if "." in token.text or "e" in token.text.lower():
            raise UnreadableError("a decimal where TeX takes one digit")
        if len(token.text) == 1:
            self.next()
        else:
            # The list of tokens is this reader's own copy.
            self._tokens = list(self._tokens)
            self._tokens[self._at] = Token("number", token.text[1:])
        return token.text[0]

    def _takes_prime(self) -> bool:
        r"""`'`, `^{\prime}` or `^\prime`."""
        for length, texts in ((1, ["'"]), (2, ["^", "'"]), (4, ["^", "{", "'", "}"])):
            if [self.peek(i).text for i in range(length)] == texts:
                self._at += length
                return True
        return False

    def _number(self) -> Node:
        text = self.next().text
        if self.peek().text == "_":
            self.next()
            return self._based(text)
        if self.peek().text in (r"\overline", r"\bar", r"\dot") and "." in text:
            return self._repeating(text)
        value = exact(text)
        parts = self._literal_fraction() if is_digits(text) else None
        if parts is None:
            return Number(value)
        numerator, denominator, length = parts
        self._at += length
        if not 0 < numerator < denominator or self.peek().text in ("^", "!"):
            raise UnreadableError("a whole number beside a fraction that makes no mixed number")
        return Number(value + Fraction(numerator, denominator))

    def _repeating(self, text: str) -> Node:
        r"""`0.1\overline{6}`: a decimal whose last digits repeat for ever."""
        self.next()
        digits = self._subscript()
        if not is_digits(digits) or len(digits) > MAX_REPEATING:
            raise UnreadableError("a line over what are no digits")
        places = len(text.partition(".")[2])
        period = 10 ** len(digits) - 1
        return Number(exact(text + "0") + Fraction(int(digits), period * 10**places))

    def _literal_fraction(self) -> tuple[int, int, int] | None:
        r"""The `\frac{1}{2}` or `1/2` that comes next, if it is literal, and its tokens."""
        if self.peek().kind != "number" and self.peek().text != r"\frac":
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
        token = self.next()
        if token.kind != "number" or not is_digits(token.text) or len(token.text) > 2:
            raise UnreadableError("a subscript that is no base")
        if braced:
            self.expect("}")
        return int(token.text)

    def _name(self) -> Node:
        token = self.next()
        name = token.text
        if self.take("_"):
            name += "_" + self._subscript()
        while self._takes_prime():
            name += "'"
        if token.text in _APPLIED and self.peek().text == "(":
            bracket = self._bracket()
            arguments = bracket.items if isinstance(bracket, Sequence) else (bracket,)
            return Call(name, arguments)
        return Symbol(name)

    def _function(self) -> Node:
        r"""`\sin x`, `\sin^2 (x)`, `\log_2 8`: the argument is a group or what a term begins."""
        name = self.next().text
        exponent = None
        if self.take("_"):
            name += "_" + self._subscript()
        if self.take("^"):
            exponent = self.exponent()
            if exponent == Sum((("-", Number(Fraction(1))),)):
                if name not in _INVERSES:
                    raise UnreadableError("an inverse function written as a power")
                name, exponent = _INVERSES[name], None
        with self.deeper():
            argument = self._function_argument()
        call = Call(name, (argument,))
        return call if exponent is None else Power(call, exponent)

    def _function_argument(self) -> Node:
        if self.peek().text == "(":
            return self._bracket()
        factors = [(self.power(), False)]
        while not self.at_differential() and (
            self.peek().kind in ("number", "letter") or self.peek().text in GREEK
        ):
            factors.append((self.power(), False))
        return factors[0][0] if len(factors) == 1 else Product(tuple(factors))

    def _fraction(self) -> Node:
        self.expect(r"\frac")
        first = self.peek(1) if self.peek().text == "{" else self.peek()
        numerator = self.argument()
        second = self.peek(1) if self.peek().text == "{" else self.peek()
        if first.text == second.text == "d":
            raise UnreadableError("a derivative")
        return Product(((numerator, False), (self.argument(), True)))

    def _root(self) -> Node:
        if self.take("√"):
            # The sign alone covers the whole number behind it.
            return Call("root", (Number(Fraction(2)), self.atom()))
        self.expect(r"\sqrt")
        degree: Node = Number(Fraction(2))
        if self.take("["):
            degree = self.sum()
            self.expect("]")
        inside = self._bracket() if self.peek().text == "(" else self._root_argument()
        return Call("root", (degree, inside))

    def _root_argument(self) -> Node:
        r"""`\sqrt3`, and `\sqrt13` as people mean it: the digits apart are no mathematics."""
        token = self.peek()
        if token.kind == "number" and len(token.text) > 1:
            return Number(exact(self.next().text))
        return self.argument()


def _refuse(token: Token) -> NoReturn:
    raise UnreadableError(f"{token.text[:20]!r} is not read" if token.text else "it ends too early")
