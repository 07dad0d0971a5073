r"""Tokens to a tree: a recursive-descent reader of the LaTeX that answers are written in.

Covers: lists, unions, relations, sums, products written and implied, powers, fractions, mixed
numbers, roots, functions, tuples, intervals, sets, matrices (`reader_atoms` reads what a factor
is). Nesting is bounded.
Does not cover: integrals, limits, derivatives, long sums; and what is ambiguous, such as `1/2x`.
Those raise UnreadableError: no stage may guess.
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.equivalence.lexer import JOINS, Token
from mindspeed_rl_ext.verifiers.equivalence.reader_atoms import STARTS, AtomReader
from mindspeed_rl_ext.verifiers.equivalence.tree import (
    Joined,
    Listing,
    Node,
    Number,
    Product,
    Relation,
    Sum,
    UnreadableError,
)

_RELATIONS = {
    "=": "=", "<": "<", ">": ">", r"\le": "<=", r"\ge": ">=", r"\ne": "!=", r"\in": "in",
}  # fmt: skip


def read(found: list[Token]) -> Node:
    """Reads a whole answer.

    Raises:
        UnreadableError: it is ambiguous, outside what is covered, or nested too deeply.
    """
    reader = Reader(found)
    node = reader.listing()
    if not reader.at_end():
        raise UnreadableError(f"{reader.peek().text!r} is not expected here")
    return node


class Reader(AtomReader):
    """The levels between a list and a factor, loosest first."""

    def listing(self) -> Node:
        """Items separated by `,`, `;`, "and" or "or"; one item is itself."""
        items = self.items()
        return items[0] if len(items) == 1 else Listing(tuple(items))

    def items(self) -> list[Node]:
        """One or more items."""
        items = [self.union()]
        while self._skip_separators():
            items.append(self.union())
        return items

    def union(self) -> Node:
        """Relations joined by a union sign."""
        parts = [self.relation()]
        while self.take(r"\cup"):
            parts.append(self.relation())
        return parts[0] if len(parts) == 1 else Joined(tuple(parts))

    def relation(self) -> Node:
        """Sums with relation signs between them."""
        sides, signs = [self.sum()], []
        while self.peek().text in _RELATIONS and self.peek().kind != "text":
            sign = _RELATIONS[self.next().text]
            if sign in "<>" and self.take("="):
                sign += "="
            signs.append(sign)
            sides.append(self.sum())
        return Relation(tuple(signs), tuple(sides)) if signs else sides[0]

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
        while True:
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
                factors.append((self._implied(factors[-1][0]), False))
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
        return self.power()

    def _skip_separators(self) -> bool:
        skipped = False
        while not self.at_end():
            token = self.peek()
            is_join = token.kind == "text" and token.text in JOINS
            if not is_join and (token.kind != "mark" or token.text not in ",;"):
                break
            self.next()
            skipped = True
        return skipped
