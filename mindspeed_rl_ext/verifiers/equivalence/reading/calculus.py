r"""Integrals with ends, sums and products over a range.

Covers: the calculus part of the reader, above `reader_atoms`: what is polynomial is written out,
the rest stays an integral or an infinite sum. Does not cover: integrals without ends (a family of
functions), limits, several running names.
"""

from __future__ import annotations

from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.atoms import GREEK, AtomReader
from mindspeed_rl_ext.verifiers.equivalence.reading.substitution import MAX_TERMS, written_out
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Integral,
    Node,
    Number,
    Power,
    Product,
    Series,
    Sum,
    Symbol,
    UnreadableError,
    symbols,
)
from mindspeed_rl_ext.verifiers.equivalence.values import polynomials

_INFINITY = Symbol(r"\infty")
_ONE = Number(Fraction(1))
_MAX_BASE, _MAX_EXPONENT = 1000, 64


class CalculusReader(AtomReader):
    """Reads integral, sum and product signs from a list of tokens."""

    # The depth at which a `dx` ends what is integrated; 0 outside of integrals.
    _integrand_depth = 0

    def at_differential(self) -> bool:
        """Whether the `dx` of the integral that is being read comes next."""
        inside = self._integrand_depth and self._depth - self._integrand_depth in (0, 1)
        if not inside or self.peek().text != "d":
            return False
        return self.peek(1).kind == "letter" or self.peek(1).text in GREEK

    def integral(self) -> Node:
        r"""`\int_0^1 x^2 dx`, `\int_0^1 \frac{dx}{1+x}`."""
        self.expect(r"\int")
        self.expect("_")
        low = self._end()
        self.expect("^")
        high = self._end()
        outer, self._integrand_depth = self._integrand_depth, self._depth + 1
        body, name = self._integrand()
        self._integrand_depth = outer
        order = polynomials.degree(body, name)
        endless = _INFINITY.name in symbols(low) | symbols(high)
        if order is None or endless:
            return Integral(name, body, low, high)
        return polynomials.integral(body, name, low, high, order)

    def _integrand(self) -> tuple[Node, str]:
        """What is integrated, up to its differential, which may stand in a numerator."""
        with self.deeper():
            terms = [(self._signs(), self.term())]
            while not self.at_differential():
                inner = _inner_differential(terms[0][1]) if len(terms) == 1 else None
                if inner is not None:
                    return Sum(((terms[0][0], inner[0]),)), inner[1]
                if self.peek().text not in ("+", "-"):
                    raise UnreadableError("an integral without its differential")
                terms.append((self._signs(), self.term()))
            self.next()
        return Sum(tuple(terms)), self.next().text

    def _end(self) -> Node:
        if self.take("-"):
            raise UnreadableError("a signed end without braces")
        return self.exponent()

    def big_operator(self) -> Node:
        r"""`\sum_{k=1}^{10} k^2`, written out; `\sum_{n=1}^{\infty}` of what is no number."""
        sign = self.next().text
        self.expect("_")
        self.expect("{")
        name = self.next().text
        self.expect("=")
        first = self.sum()
        self.expect("}")
        self.expect("^")
        last = self.exponent()
        with self.deeper():
            body = self.term()
        start, stop = _whole(first), _whole(last)
        if start is None:
            raise UnreadableError(f"a {sign} that begins at no whole number")
        if stop is not None and stop - start < MAX_TERMS:
            return written_out(sign, name, start, stop, body)
        if sign == r"\sum" and last == _INFINITY:
            return Series(name, body, start)
        if sign == r"\prod":
            return _product_of_all(name, body, start, last)
        order = polynomials.degree(body, name)
        if order is None or _INFINITY.name in symbols(last) or (stop is None and not symbols(last)):
            raise UnreadableError(f"a {sign} that is not written out")
        return polynomials.finite_sum(body, name, start, last, order)


def _product_of_all(name: str, body: Node, first: int, last: Node) -> Node:
    r"""`\prod_{k=1}^{n} (k+1)` as the quotient of factorials that it is."""
    terms = body.terms if isinstance(body, Sum) else (("+", body),)
    names = [sign for sign, term in terms if term == Symbol(name)]
    rest = [(sign, term) for sign, term in terms if term != Symbol(name)]
    whole = [_whole(term) for _, term in rest]
    if names != ["+"] or None in whole or last == _INFINITY or not symbols(last):
        raise UnreadableError("a product that is not written out")
    shift = sum(int(f"{sign}{n}") for (sign, _), n in zip(rest, whole, strict=True))
    if first + shift < 1:
        raise UnreadableError("a product with a factor that is not positive")
    top = Call("factorial", (Sum((("+", last), ("+", Number(Fraction(shift))))),))
    below = Call("factorial", (Number(Fraction(first + shift - 1)),))
    return Product(((top, False), (below, True)))


def _whole(node: Node) -> int | None:
    """The whole number that a bound is, with its sign."""
    if isinstance(node, Sum) and len(node.terms) == 1 and len(node.terms[0][0]) == 1:
        inner = _whole(node.terms[0][1])
        return None if inner is None else int(f"{node.terms[0][0]}1") * inner
    if isinstance(node, Power):
        base, exponent = _whole(node.base), _whole(node.exponent)
        small = abs(base or 0) <= _MAX_BASE and 0 < (exponent or 0) <= _MAX_EXPONENT
        return base**exponent if base and exponent and small else None
    whole = isinstance(node, Number) and node.value.denominator == 1
    return node.value.numerator if isinstance(node, Number) and whole else None


def _inner_differential(body: Node) -> tuple[Node, str] | None:
    r"""The integrand of `\frac{x dx}{1+x}` and its name; None for other terms."""
    if isinstance(body, Product):
        for i, (factor, divides) in enumerate(body.factors):
            if isinstance(factor, Product) and not divides:
                parts = [part for part, _ in factor.factors]
                if len(parts) > 1 and parts[-2] == Symbol("d") and isinstance(parts[-1], Symbol):
                    rest = (*factor.factors[:-2], *body.factors[:i], *body.factors[i + 1 :])
                    kept = rest if rest and not rest[0][1] else ((_ONE, False), *rest)
                    return Product(kept), parts[-1].name
    return None
