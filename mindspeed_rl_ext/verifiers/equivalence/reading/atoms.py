r"""What a factor is: numbers, names, groups, fractions, roots, functions, matrices.

Covers: the tight half of the reader, under `reader`. Does not cover: operators between factors.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NoReturn

from mindspeed_rl_ext.verifiers.equivalence.reading.derivatives import derivative
from mindspeed_rl_ext.verifiers.equivalence.reading.environments import (
    determinant_of,
    read_environment,
)
from mindspeed_rl_ext.verifiers.equivalence.reading.groups import (
    ACCENTS,
    ELLIPSIS,
    ROUNDED,
)
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.literals import exact
from mindspeed_rl_ext.verifiers.equivalence.reading.matrices import grouped, raised
from mindspeed_rl_ext.verifiers.equivalence.reading.numbers import NumberReader
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Matrix,
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
    \lg \det \arcsec \arccsc \arccot \arcsinh \arccosh \arctanh""")
PLAIN = words("floor ceil abs factorial")
GREEK = words(r"""
    \alpha \beta \gamma \delta \epsilon \varepsilon \zeta \eta \theta \iota \kappa \lambda \mu
    \angle \triangle \nu \xi \rho \sigma \tau \upsilon \phi \chi \psi \omega \Gamma \Delta
    \Theta \Lambda \Xi \Pi \Sigma \Phi \Psi \Omega \pi \infty \emptyset \hbar \ell""")
_INVERSES = {
    f"\\{name}": f"\\arc{name}"
    for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")
}
_APPLIED = frozenset("fghFGH")
_SPECIAL = words(r"P E C \Gamma \zeta \Pr")
_EVENT_SIGNS = words(r"| = < > \le \ge \cap \cup , \mid")
MAX_EVENT = 40
SEVERAL = words(r"\max \min \gcd \lcm")

# What a factor without a sign before it may begin with: token kinds and token texts.
STARTS = (
    frozenset({"number", "letter", "(", "[", "{", r"\frac", r"\sqrt", "√", r"\binom", r"\{"})
    | {r"\int", r"\sum", r"\prod", "cbrt", "∛", "∜"}
    | PLAIN
    | SEVERAL
    | FUNCTIONS
    | GREEK
    | ACCENTS
    | frozenset(ROUNDED)
)


class AtomReader(NumberReader):
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
        if isinstance(base, Symbol) and self.peek().text == "_" and self.take("_"):
            base = Symbol(f"{base.name}_{self._subscript()}")
        if self._takes_degrees():
            return Product(((base, False), (Symbol(r"\pi"), False), (Number(Fraction(180)), True)))
        base = self._factorials(base)
        if self.take("^"):
            exponent = self.exponent()
            if isinstance(base, Symbol) and self.take("_"):
                base = Symbol(f"{base.name}_{self._subscript()}")  # `v^2_0`
            power = _raised(grouped(base), exponent)
            base = self._factorials(power)
            if self.peek().text == "^":
                raise UnreadableError("two exponents in a row")
        return base

    def _factorials(self, base: Node) -> Node:
        """`n!`, and `n!!`, which takes every second number."""
        while self.take("!"):
            double = self.take("!")
            base = Call("factorial2" if double else "factorial", (base,))
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
        if token.text == r"\{" and self.peek(1).text.startswith(r"\begin{"):
            self.next()  # the brace before a system of equations closes nowhere
            return self._environment()
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
        if token.text in (r"\sqrt", "√", "∛", "∜", "cbrt"):
            return self._root()
        if token.text in PLAIN:
            self.next()
            return Call(token.text, (self.argument_in_brackets(),))
        if token.text == r"\binom":
            self.next()
            return Call("binom", (self.argument(), self.argument()))
        if token.text.startswith(r"\begin{"):
            return self._environment()
        if token.kind == "ellipsis":
            self.next()
            return ELLIPSIS
        _refuse(token)

    def _environment(self) -> Node:
        """Reads an environment, its cells by readers of their own."""

        def read(found: list[Token]) -> Node:
            inner = type(self)(found)
            inner._depth = self._depth + 1
            node = inner.listing()
            if not inner.at_end():
                raise UnreadableError(f"{inner.peek().text!r} is not expected here")
            return node

        with self.deeper():
            return read_environment(self, read)

    def argument_in_brackets(self) -> Node:
        """`(x)` behind the name of a function in plain words."""
        if self.peek().text != "(":
            raise UnreadableError("a function in words without brackets")
        return self._bracket()

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

    def _primes(self) -> str:
        r"""Takes the primes behind a name: `'`, `''`, `^\prime`, `^{\prime\prime}`."""
        found = ""
        while True:
            start = self._at
            braced = self.take("^") and self.take("{")
            count = 0
            while self.take("'"):
                count += 1
            if not count or (braced and not self.take("}")):
                self._at = start
                return found
            found += "'" * count

    def _name(self) -> Node:
        token = self.next()
        name = token.text
        if name == r"\Delta" and self.peek().kind == "letter":
            name += " " + self.next().text  # a difference, not a product
        if self.take("_"):
            name += "_" + self._subscript()
        name += self._primes()
        if self.peek().text == "(" and name in _SPECIAL:
            return self._special(name)
        if token.text in _APPLIED and self.peek().text == "(":
            bracket = self._bracket()
            arguments = bracket.items if isinstance(bracket, Sequence) else (bracket,)
            return Call(name, arguments)
        return Symbol(name)

    def _special(self, name: str) -> Node:
        r"""`P(A|B)`, `C(n,2)`, `\Gamma(n+1)`, `\zeta(2)`."""
        if name in ("P", "E", r"\Pr"):
            length = self._event()
            if length:
                text = "".join(self.next().text for _ in range(length))
                return Symbol(name + text)
        start = self._at
        bracket = self._bracket()
        if name == r"\Gamma":
            return Call("factorial", (_one_less(bracket),))
        if name == r"\zeta":
            return Call("zeta", (bracket,))
        if name == "C" and isinstance(bracket, Sequence) and len(bracket.items) == 2:
            return Call("binom", bracket.items)
        self._at = start
        return Symbol(name)

    def _event(self) -> int:
        """How many tokens the brackets behind P take, if what they hold is an event; else 0."""
        depth, is_event = 0, False
        for length in range(1, MAX_EVENT):
            text = self.peek(length - 1).text
            depth += (text == "(") - (text == ")")
            is_event |= text in _EVENT_SIGNS
            if not depth or not text:
                return length if is_event and text else 0
        return 0

    def _function(self) -> Node:
        r"""`\sin x`, `\sin^2 (x)`, `\log_2 8`: the argument is a group or what a term begins."""
        name = self.next().text
        if name == r"\det":
            return determinant_of(self.power())
        exponent = None
        base: Node | None = None
        if self.take("_"):
            name, base = self._base_of_logarithm(name)
        if self.take("^"):
            exponent = self.exponent()
            if exponent == Sum((("-", Number(Fraction(1))),)):
                if name not in _INVERSES:
                    raise UnreadableError("an inverse function written as a power")
                name, exponent = _INVERSES[name], None
        with self.deeper():
            argument = self._function_argument()
        call = Call(name, (argument,) if base is None else (base, argument))
        return call if exponent is None else Power(call, exponent)

    def _base_of_logarithm(self, name: str) -> tuple[str, Node | None]:
        r"""`\log_2` is a name; `\log_a` has the base for its first argument."""
        token = self.peek(1) if self.peek().text == "{" else self.peek()
        closed = self.peek(2).text == "}" or self.peek().text != "{"
        if name != r"\log" or (closed and (is_digits(token.text) or token.text == "e")):
            return f"{name}_{self._subscript()}", None
        return name, self.argument()

    def _function_argument(self) -> Node:
        if self.peek().text == "(":
            return self._bracket()
        factors = [(grouped(self.power()), False)]
        while not self.at_differential() and (
            self.peek().kind in ("number", "letter") or self.peek().text in GREEK
        ):
            factors.append((self.power(), False))
        return factors[0][0] if len(factors) == 1 else Product(tuple(factors))

    def _fraction(self) -> Node:
        self.expect(r"\frac")
        name = self._takes_derivative()
        if isinstance(name, str):
            return derivative(self.term(), name)
        if name is not None:
            return name
        numerator = grouped(self.argument())
        return Product(((numerator, False), (grouped(self.argument()), True)))

    def _takes_derivative(self) -> Symbol | str | None:
        r"""`\frac{d}{dx}`: the name x; `\frac{dy}{dx}`: a name of its own; None for others."""
        if self.peek(1).text != "d":
            return None
        texts = [self.peek(i).text for i in range(8)]
        kinds = [self.peek(i).kind for i in range(8)]
        if texts[:5] == ["{", "d", "}", "{", "d"] and kinds[5] == "letter" and texts[6] == "}":
            self._at += 7
            return texts[5]
        quotient = texts[:2] == ["{", "d"] and texts[3:6] == ["}", "{", "d"] and texts[7] == "}"
        if quotient and kinds[2] == kinds[6] == "letter":
            self._at += 8
            return Symbol(f"d{texts[2]}/d{texts[6]}")
        return None

    def _root(self) -> Node:
        if self.take("√"):
            # The sign alone covers the whole number behind it.
            return Call("root", (Number(Fraction(2)), self.atom()))
        for sign, order in (("∛", 3), ("∜", 4), ("cbrt", 3)):
            if self.take(sign):
                return Call("root", (Number(Fraction(order)), self.atom()))
        self.expect(r"\sqrt")
        degree: Node = Number(Fraction(2))
        if self.take("["):
            degree = self.sum()
            self.expect("]")
        inside = self._bracket() if self.peek().text == "(" else self._root_argument()
        return Call("root", (degree, inside))

    def _root_argument(self) -> Node:
        r"""`\sqrt3`; `\sqrt13` is root 1, then 3 to TeX and root 13 to people: refused."""
        token = self.peek()
        if token.kind == "number" and len(token.text) > 1:
            raise UnreadableError("a root of several digits without braces")
        return grouped(self.argument())


def _raised(base: Node, exponent: Node) -> Node:
    return raised(base, exponent) if isinstance(base, Matrix) else Power(base, exponent)


def _refuse(token: Token) -> NoReturn:
    raise UnreadableError(f"{token.text[:20]!r} is not read" if token.text else "it ends too early")


def _one_less(node: Node) -> Node:
    r"""The `n` of `\Gamma(n+1)`."""
    one = Number(Fraction(1))
    if isinstance(node, Sum) and len(node.terms) > 1 and node.terms[-1] == ("+", one):
        first = node.terms[0]
        return first[1] if len(node.terms) == 2 and first[0] == "+" else Sum(node.terms[:-1])
    return Sum((("+", node), ("-", one)))
