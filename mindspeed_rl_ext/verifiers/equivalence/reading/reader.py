r"""Tokens to a tree: a recursive-descent reader of the LaTeX that answers are written in.

Covers: lists, unions, relations, sums, products written and implied, powers, fractions, mixed
numbers, roots, functions, tuples, intervals, sets, matrices (`reader_atoms` reads what a factor
is), integrals and sums (`reader_calculus`). Nesting is bounded.
Does not cover: integrals without ends, limits, derivatives; and what is ambiguous, such as `1/2x`.
Those raise UnreadableError: no stage may guess.
"""

from __future__ import annotations

from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.atoms import STARTS
from mindspeed_rl_ext.verifiers.equivalence.reading.calculus import CalculusReader
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import JOINS, Token
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Joined,
    Listing,
    Node,
    Number,
    Product,
    Relation,
    Sequence,
    Sum,
    Symbol,
    UnreadableError,
)

_RELATIONS = {
    "=": "=", "<": "<", ">": ">", r"\le": "<=", r"\ge": ">=", r"\ne": "!=", r"\in": "in",
    r"\approx": "~", r"\equiv": "=",
}  # fmt: skip


def read(found: list[Token]) -> Node:
    """Reads a whole answer.

    Raises:
        UnreadableError: it is ambiguous, outside what is covered, or nested too deeply.
    """
    reader = Reader(found)
    node = reader.listing()
    if reader.take(r"\choose"):
        node = Call("binom", (node, reader.listing()))
    if not reader.at_end():
        raise UnreadableError(f"{reader.peek().text!r} is not expected here")
    return node


class Reader(CalculusReader):
    """The levels between a list and a factor, loosest first."""

    def __init__(self, found: list[Token]) -> None:
        super().__init__(found)
        self._joins: set[str] = set()

    def listing(self) -> Node:
        """Items separated by `,`, `;`, "and" or "or"; one item is itself."""
        groups = [self.items(",")]
        while self._skip_separators(";"):
            groups.append(self.items(","))
        if len(groups) > 1 and all(_is_solution(group) for group in groups):
            # `p=5, q=2; p=7, q=2`: each group is one solution of several unknowns.
            return Listing(tuple(Sequence("(", ")", _values(group)) for group in groups))
        items = [item for group in groups for item in group]
        if "or" in self._joins and all(map(_is_inequality, items)):
            return Joined(tuple(items))  # `x < 1 or x > 3`
        return items[0] if len(items) == 1 else Listing(tuple(items))

    def items(self, separators: str = ",;") -> list[Node]:
        """One or more items."""
        items = [self.union()]
        while self._skip_separators(separators):
            items.append(self.union())
        return items

    def union(self) -> Node:
        """Relations joined by a union sign; what a `\\setminus` takes away is the last part."""
        parts = [self.intersection()]
        while self.take(r"\cup"):
            parts.append(self.intersection())
        node = parts[0] if len(parts) == 1 else Joined(tuple(parts))
        if self.take(r"\setminus"):
            return Call("setminus", (node, self.relation()))
        return node

    def intersection(self) -> Node:
        """Relations joined by an intersection sign."""
        parts = [self.relation()]
        while self.take(r"\cap"):
            parts.append(self.relation())
        return parts[0] if len(parts) == 1 else Call("cap", tuple(parts))

    def relation(self) -> Node:
        """Sums with relation signs between them; of `a \\approx b` the exact side counts."""
        self.take(r"\approx")
        sides, signs = [self.ratio()], []
        while self.peek().text in _RELATIONS and self.peek().kind != "text":
            sign = _RELATIONS[self.next().text]
            if sign in "<>" and self.take("="):
                sign += "="
            signs.append(sign)
            sides.append(self.ratio())
        if self.take(r"\pmod"):
            sides[-1] = Call("mod", (sides[-1], self.argument_or_bracket()))
        if "~" in signs:
            signs, sides = _exact_part(signs, sides)
        return Relation(tuple(signs), tuple(sides)) if signs else sides[0]

    def argument_or_bracket(self) -> Node:
        r"""The modulus of `\pmod{7}`, `\bmod 7`."""
        return self.sum() if self.peek().kind == "number" else self.argument()

    def ratio(self) -> Node:
        """Sums with `:` between them."""
        parts = [self.sum()]
        while self.peek().kind == "mark" and self.take(":"):
            parts.append(self.sum())
        return parts[0] if len(parts) == 1 else Sequence(":", ":", tuple(parts))

    def sum(self) -> Node:
        """Signed terms."""
        with self.deeper():
            terms = [(self._signs(), self.term())]
            while self.peek().text in ("+", "-", r"\pm", r"\mp"):
                terms.append((self._signs(), self.term()))
        return terms[0][1] if terms[0][0] == "+" and len(terms) == 1 else Sum(tuple(terms))

    def term(self) -> Node:
        """Factors with `*`, `/` or nothing between them."""
        factors: list[tuple[Node, bool]] = [(self.power(), False)]
        after_slash = False
        while not self.at_differential():
            token = self.peek()
            if token.text in ("*", "/") and token.kind == "mark":
                self.next()
                # `2**3` and `7//2` are other operations, not products.
                if self.peek().text in ("*", "/"):
                    raise UnreadableError(f"{token.text}{self.peek().text} is not read")
                after_slash = token.text == "/"
                factors.append((self._signed_factor(), after_slash))
            elif token.kind in STARTS or token.text in STARTS:
                if after_slash:
                    raise UnreadableError("a product without a sign after / is ambiguous")
                before = factors[-1][0]
                factor = self._implied(before)
                if isinstance(before, Symbol) and factor == Number(Fraction(0)):
                    # `I(0)` is a value of I; as a product it would be 0 whatever I is.
                    factors[-1] = (Call(before.name, (factor,)), factors[-1][1])
                else:
                    factors.append((factor, False))
            else:
                break
        return factors[0][0] if len(factors) == 1 else Product(tuple(factors))

    def _signs(self) -> str:
        """The sign before a term: `+`, `-`, `+-` or `-+`."""
        negative, double = False, ""
        while self.peek().text in ("+", "-", r"\pm", r"\mp") and self.peek().kind != "text":
            sign = self.next().text
            if sign in (r"\pm", r"\mp"):
                if double:
                    raise UnreadableError("two signs of plus or minus in a row")
                double = "+-" if sign == r"\pm" else "-+"
            negative ^= sign == "-"
        if double:
            return double[::-1] if negative else double
        return "-" if negative else "+"

    def _signed_factor(self) -> Node:
        sign = self._signs()
        factor = self.power()
        return factor if sign == "+" else Sum(((sign, factor),))

    def _implied(self, before: Node) -> Node:
        if self.peek().kind == "number" and isinstance(before, Number):
            raise UnreadableError("two numbers without a sign between them")
        if self.peek().kind == "number" and isinstance(before, Symbol) and before.name.isalpha():
            raise UnreadableError("a number behind a name: `x1` may be a name or a product")
        return self.power()

    def _skip_separators(self, separators: str) -> bool:
        skipped = False
        while not self.at_end():
            token = self.peek()
            is_join = token.kind == "text" and token.text in JOINS
            if not is_join and (token.kind != "mark" or token.text not in separators):
                break
            if is_join:
                self._joins.add(token.text)
            self.next()
            skipped = True
        return skipped


def _is_inequality(node: Node) -> bool:
    return isinstance(node, Relation) and not {"=", "~"}.intersection(node.signs)


def _exact_part(signs: list[str], sides: list[Node]) -> tuple[list[str], list[Node]]:
    """Of `x = 1/3 \\approx 0.33` what stands before the sign; of `x \\approx 0.33` all of it."""
    cut = signs.index("~")
    if all(isinstance(side, Symbol) for side in sides[: cut + 1]):
        return ["=" if sign == "~" else sign for sign in signs], sides
    return signs[:cut], sides[: cut + 1]


def _is_solution(group: list[Node]) -> bool:
    """Whether items are `name = value`, each with another name."""
    names = [item.sides[0] for item in group if isinstance(item, Relation)]
    return (
        len(names) == len(group) > 1
        and len(set(names)) == len(names)
        and all(isinstance(name, Symbol) for name in names)
        and all(isinstance(item, Relation) and item.signs == ("=",) for item in group)
    )


def _values(group: list[Node]) -> tuple[Node, ...]:
    return tuple(item.sides[1] for item in group if isinstance(item, Relation))
