r"""The form of an expression: its tree without what changes no meaning.

Covers: the order of terms and factors, brackets, zeros that are added, ones that multiply, divide
or stand in an exponent, signs of signs. Nothing is worked out: `2+2` and `4` differ.
Does not cover: reading; `equivalence.reading` does.

Example:
    >>> from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import tokens
    >>> from mindspeed_rl_ext.verifiers.equivalence.reading.reader import read
    >>> form_of(read(tokens("b+a+0"))) == form_of(read(tokens(r"1\cdot(a+b)")))
    True
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Listing,
    Node,
    Number,
    Power,
    Product,
    Sequence,
    Sum,
    Symbol,
)

Form = Hashable


def is_bare(key: Form) -> bool:
    """A name, or a function of names such as `f(x)`: no content of its own."""
    if not isinstance(key, tuple) or not key:
        return False
    if key[0] == "symbol":
        return True
    if key[0] == "text":
        return not any(char.isdigit() for char in str(key[1])) and "\\" not in str(key[1])
    if key[0] == "Call" and len(str(key[1])) == 1:
        return all(map(is_bare, key[2:]))
    return key[0] == "product" and key[1] == 1 and all(is_bare(k) for k, _ in key[2])


def contains(form: Form, part: Form) -> bool:
    """Whether an expression is a part of another: inside it, or some of its terms or factors."""
    if form == part:
        return True
    if not isinstance(form, tuple):
        return False
    if isinstance(part, tuple) and part[:1] == form[:1]:
        if part[0] == "sum" and _is_among(part[1:], form[1:]):
            return True
        if part[0] == "product" and _is_among(part[2], form[2]):
            return True
        if part[0] == "text":
            return f" {part[1]} " in f" {form[1]} "
    return any(contains(inner, part) for inner in form)


def _is_among(some: tuple[Form, ...], all_of_them: tuple[Form, ...]) -> bool:
    return not Counter(some) - Counter(all_of_them)


def form_of(node: Node) -> Form:
    """A tree without what changes no meaning: order, brackets, zeros, ones, signs of signs."""
    if isinstance(node, Number):
        return ("number", node.value)
    if isinstance(node, Symbol):
        return ("symbol", node.name)
    if isinstance(node, Sum):
        return _sum_form(node)
    if isinstance(node, (Product, Power)):
        sign, factors = _factors(node, divides=False)
        return _product_form(sign, factors)
    if isinstance(node, Call):
        return ("Call", node.name, *map(form_of, node.arguments))
    parts = getattr(node, "sides", None) or getattr(node, "items", None)
    if parts is not None and isinstance(node, (Listing, Sequence)):
        forms = [form_of(part) for part in parts]
        if all(form == forms[0] for form in forms):
            return forms[0]  # one thing in brackets, or said twice
    if parts is not None:
        names = (getattr(node, "signs", ""), getattr(node, "opening", ""))
        return (type(node).__name__, *names, *map(form_of, parts))
    return ("node", repr(node))


def _sum_form(node: Sum) -> Form:
    terms = [term for term in _terms(node, 1) if term[1] != ("number", Fraction(0))]
    if not terms:
        return ("number", Fraction(0))
    if len(terms) == 1:
        sign, form = terms[0]
        if sign in ("1", "-1"):
            return form if sign == "1" else _negative(form)
    return ("sum", *sorted(terms, key=repr))


def _terms(node: Node, sign: int) -> Iterator[tuple[str, Form]]:
    """The signs and forms of all terms, those of inner sums included."""
    if not isinstance(node, Sum):
        form = form_of(node)
        if isinstance(form, tuple) and form[0] == "product" and form[1] == -1:
            yield str(-sign), _product_form(1, list(form[2]))
        elif isinstance(form, tuple) and form[0] == "number" and form[1] < 0:
            yield str(-sign), ("number", -form[1])
        elif isinstance(form, tuple) and form[0] == "sum":
            for written, term in form[1:]:
                yield _signed(written, sign), term
        else:
            yield str(sign), form
        return
    for written, term in node.terms:
        if written in "+-":
            yield from _terms(term, -sign if written == "-" else sign)
        else:
            yield f"{written}{sign}", form_of(term)


def _signed(written: str, sign: int) -> str:
    return written if sign == 1 or not written.lstrip("-").isdigit() else str(-int(written))


def _negative(form: Form) -> Form:
    if isinstance(form, tuple) and form[0] == "number":
        return ("number", -form[1])
    if isinstance(form, tuple) and form[0] == "product":
        return _product_form(-form[1], list(form[2]))
    return _product_form(-1, [(form, False)])


def _factors(node: Node, *, divides: bool) -> tuple[int, list[tuple[Form, bool]]]:
    """The sign of a product and the forms of its factors, those of inner products included."""
    if isinstance(node, Product):
        sign, found = 1, []
        for factor, inverse in node.factors:
            inner_sign, inner = _factors(factor, divides=divides != inverse)
            sign *= inner_sign
            found += inner
        return sign, found
    if isinstance(node, Power):
        exponent = form_of(node.exponent)
        if exponent == ("number", Fraction(0)):
            return 1, []
        if exponent == ("number", Fraction(1)):
            return _factors(node.base, divides=divides)
        return 1, [(("power", form_of(node.base), exponent), divides)]
    form = form_of(node)
    if isinstance(form, tuple) and form[0] == "number" and form[1] < 0:
        return -1, [(("number", -form[1]), divides)]
    if isinstance(form, tuple) and form[0] == "product":
        return form[1], [(key, inverse != divides) for key, inverse in form[2]]
    return 1, [(form, divides)]


def _product_form(sign: int, factors: list[tuple[Form, bool]]) -> Form:
    left = [factor for factor in factors if factor[0] != ("number", Fraction(1))]
    if not left:
        return ("number", Fraction(sign))
    if len(left) == 1 and not left[0][1]:
        form = left[0][0]
        if sign == 1:
            return form
        if isinstance(form, tuple) and form[0] == "number":
            return ("number", -form[1])
    return ("product", sign, tuple(sorted(left, key=repr)))
