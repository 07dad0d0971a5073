r"""Tokens to a tree: a recursive-descent reader of the LaTeX that answers are written in.

Covers: lists, unions, relations, sums, products written and implied, powers, fractions, mixed
numbers, roots, functions, tuples, intervals, sets, matrices (`reader_atoms` reads what a factor
is), integrals and sums (`reader_calculus`). Nesting is bounded.
Does not cover: integrals without ends, limits, derivatives; and what is ambiguous, such as `1/2x`.
Those raise UnreadableError: no stage may guess.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from mindspeed_rl_ext.verifiers.equivalence.reading.atoms import FUNCTIONS, GREEK, STARTS
from mindspeed_rl_ext.verifiers.equivalence.reading.calculus import CalculusReader
from mindspeed_rl_ext.verifiers.equivalence.reading.groups import ELLIPSIS
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import JOINS, Token
from mindspeed_rl_ext.verifiers.equivalence.reading.matrices import (
    MATRIX_STARTS,
    added,
    grouped,
    multiplied,
)
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
    children,
    words,
)

MAX_WRITTEN = 100
# What ends a term at sight; the empty text is that of the end.
_ENDS_TERM = words("+ - , ; = < > } ) ]") | {""}
_SIGNS = words(r"+ - \pm \mp")
_SET_SIGNS = words(r"\cup \cap \setminus")
_BEHIND_A_HEAD = words("( _ ^ '")
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
    elif reader.take(r"\over"):
        node = Product(((node, False), (reader.listing(), True)))
    if not reader.at_end():
        raise UnreadableError(f"{reader.peek().text!r} is not expected here")
    return node


class Reader(CalculusReader):
    """The levels between a list and a factor, loosest first."""

    def listing(self) -> Node:
        """Items separated by `,`, `;`, "and" or "or"; one item is itself."""
        items, separators = [self.union()], list[str]()
        while separator := "" if self.at_end() else self._separator(",;"):
            items.append(self.union())
            separators.append(separator)
        if not separators:
            return items[0]
        solutions = _solutions(items, separators)
        if solutions is not None:
            return solutions
        joined = "or" if "or" in separators else "and" if "and" in separators else ","
        if joined == "or" and _is_union(items):
            return Joined(tuple(items))  # `x < 1 or x > 3`
        return Listing(progression(items), joined)

    def items(self, separators: str = ",;") -> list[Node]:
        """One or more items."""
        items = [self.union()]
        while self._separator(separators):
            items.append(self.union())
        return list(progression(items)) if len(items) > 2 else items

    def union(self) -> Node:
        """Relations joined by a union sign; what a `\\setminus` takes away is the last part."""
        first = self.relation()
        if self.peek().text not in _SET_SIGNS:
            return first
        parts = [self.intersection(first)]
        while self.take(r"\cup"):
            parts.append(self.intersection(self.relation()))
        node = parts[0] if len(parts) == 1 else Joined(tuple(parts))
        if self.take(r"\setminus"):
            return Call("setminus", (node, self.relation()))
        return node

    def intersection(self, first: Node) -> Node:
        """Relations joined by an intersection sign."""
        parts = [first]
        while self.take(r"\cap"):
            parts.append(self.relation())
        return parts[0] if len(parts) == 1 else Call("cap", tuple(parts))

    def relation(self) -> Node:
        """Sums with relation signs between them; a head such as `f(x)` may stand first."""
        self.take(r"\approx")
        sides, signs = [self._head() or self.ratio()], []
        while (token := self.peek()).text in _RELATIONS and token.kind != "text":
            sign = _RELATIONS[self.next().text]
            if sign in "<>" and self.take("="):
                sign += "="
            signs.append(sign)
            sides.append(self.ratio())
        if self.take(r"\pmod"):
            sides[-1] = Call("mod", (sides[-1], self.argument_or_bracket()))
        return Relation(tuple(signs), tuple(sides)) if signs else sides[0]

    def _head(self) -> Node | None:
        """The `x(t)` of `x(t) = t^2`, `f^{-1}(3)` of `f^{-1}(3) = 2`; None for products."""
        if self.peek().kind != "letter" or self.peek(1).text not in _BEHIND_A_HEAD:
            return None
        start, name = self._at, self.next().text
        if self.take("_"):
            name += "_" + self._subscript()
        name += self._primes()
        if [self.peek(i).text for i in range(5)] == ["^", "{", "-", "1", "}"]:
            self._at += 5
            name += "^-1"
        arguments = self._simple_arguments(name[0])
        if arguments is not None and self.peek().text == "=":
            return Call(name, arguments)
        self._at = start
        return None

    def _simple_arguments(self, name: str) -> tuple[Node, ...] | None:
        """Names and numbers in brackets, none of them the function's own; else None."""
        arguments: list[Node] = []
        if not self.take("("):
            return None
        while True:
            negative = self.take("-")
            token = self.peek()
            if (token.kind not in ("letter", "number") and token.text not in GREEK) or (
                token.text == name
            ):
                return None
            node = self.power() if token.kind == "number" else self._name()
            arguments.append(Sum((("-", node),)) if negative else node)
            if self.take(")"):
                return tuple(arguments)
            if not self.take(","):
                return None

    def argument_or_bracket(self) -> Node:
        r"""The modulus of `\pmod{7}`, `\bmod 7`."""
        return self.sum() if self.peek().kind == "number" else self.argument()

    def ratio(self) -> Node:
        """Sums with `:` between them."""
        first = self.sum()
        if self.peek().text != ":":
            return first
        parts = [first]
        while self.peek().kind == "mark" and self.take(":"):
            parts.append(self.sum())
        return first if len(parts) == 1 else Sequence(":", ":", tuple(parts))

    def sum(self) -> Node:
        """Signed terms."""
        with self.deeper():
            terms = [(self._signs(), self.term())]
            while self.peek().text in _SIGNS:
                terms.append((self._signs(), self.term()))
        if len(terms) == 1:
            return terms[0][1] if terms[0][0] == "+" else Sum(tuple(terms))
        if len(terms) == 2 and terms[1][0] == "-" and _is_set(terms[1][1]):
            return Call("setminus", (terms[0][1], terms[1][1]))  # `(0,3) - \{1\}`
        return added([(sign, grouped(term)) for sign, term in terms])

    def term(self) -> Node:
        """Factors with `*`, `/` or nothing between them."""
        first = self.power()
        if self.peek().text in _ENDS_TERM:
            return first
        factors: list[tuple[Node, bool]] = [(first, False)]
        after_slash = False
        while not self.at_differential():
            token = self.peek()
            if token.text in ("*", "/") and token.kind in ("mark", "cross"):
                self.next()
                # `2***3` and `7//2` are other operations, not products.
                if self.peek().text in ("*", "/"):
                    raise UnreadableError(f"{token.text}{self.peek().text} is not read")
                after_slash = token.text == "/"
                factor = self._signed_factor()
                if token.kind == "cross" and not isinstance(factor, Number):
                    before = multiplied(factors)
                    factors = [(before, False)]
                    if not isinstance(before, Number):
                        factors = [(Call("cross", (before, factor)), False)]
                        continue
                factors.append((factor, after_slash))
            elif self._starts_factor(token):
                if after_slash and not self._ends_fraction(factors, token):
                    raise UnreadableError("a product without a sign after / is ambiguous")
                after_slash = False
                self._take_implied(factors)
            else:
                break
        return multiplied(factors)

    def _starts_factor(self, token: Token) -> bool:
        if token.text == "|":
            return not self._open_bars and token.kind == "mark"
        starts = token.kind in STARTS or token.text in STARTS
        return starts or token.text.startswith(MATRIX_STARTS)

    @staticmethod
    def _ends_fraction(factors: list[tuple[Node, bool]], token: Token) -> bool:
        r"""Whether `1/2` ends where a function begins, as in `1/2 \ln x`."""
        numbers = all(isinstance(factor, Number) for factor, _ in factors[-2:])
        return numbers and token.text in FUNCTIONS

    def _take_implied(self, factors: list[tuple[Node, bool]]) -> None:
        before = factors[-1][0]
        factor = self._implied(before)
        if isinstance(before, Symbol) and factor == Number(Fraction(0)):
            # `I(0)` is a value of I; as a product it would be 0 whatever I is.
            factors[-1] = (Call(before.name, (factor,)), factors[-1][1])
        else:
            factors.append((factor, False))

    def _signs(self) -> str:
        """The sign before a term: `+`, `-`, `+-` or `-+`."""
        negative, double = False, ""
        while (token := self.peek()).text in _SIGNS and token.kind != "text":
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
        named = isinstance(before, Symbol) and before.name.isalpha()
        # `n2^{n-1}` can only be a product.
        if self.peek().kind == "number" and named and self.peek(1).text != "^":
            raise UnreadableError("a number behind a name: `x1` may be a name or a product")
        return self.power()

    def _separator(self, separators: str) -> str:
        """Takes separators: "and", "or" or the mark; empty where none comes."""
        skipped = ""
        while not self.at_end():
            token = self.peek()
            is_join = token.kind == "text" and token.text in JOINS
            if not is_join and (token.kind != "mark" or token.text not in separators):
                break
            skipped = token.text if is_join or not skipped else skipped
            self.next()
        return skipped


def _is_union(items: list[Node]) -> bool:
    """Whether alternatives are sets: inequalities, intervals that can be nothing else."""
    signs = {sign for item in items if isinstance(item, Relation) for sign in item.signs}
    if all(isinstance(item, Relation) for item in items):
        return bool(signs - {"=", "~"})
    infinite = any(r"\infty" in symbols_and_signs(item) for item in items)
    return infinite and all(isinstance(item, Sequence) and len(item.items) == 2 for item in items)


def symbols_and_signs(node: Node) -> frozenset[str]:
    """All names in a tree, infinity too."""
    found = {node.name} if isinstance(node, Symbol) else set()
    return frozenset(found).union(*map(symbols_and_signs, children(node)))


def _is_set(node: Node) -> bool:
    return isinstance(node, Sequence) and node.opening == r"\{"


def _solutions(items: list[Node], separators: list[str]) -> Listing | None:
    """`p=5, q=2; p=7, q=2`: each group is one solution of several unknowns."""
    strong = [sep for sep in separators if sep in (";", "or")]
    if not strong:
        return None
    groups = [[items[0]]]
    for item, separator in zip(items[1:], separators, strict=True):
        if separator in (";", "or"):
            groups.append([])
        groups[-1].append(item)
    if not all(map(_is_solution, groups)):
        return None
    return Listing(tuple(Sequence("(", ")", _values(group)) for group in groups))


def progression(items: list[Node]) -> tuple[Node, ...]:
    r"""Items with the dots of `3, 4, \dots, 13` written out; others as they are."""
    dots = [at for at, item in enumerate(items) if item == ELLIPSIS]
    numbers = [item.value for item in items if isinstance(item, Number)]
    if len(dots) != 1 or len(numbers) != len(items) - 1 or not 2 <= dots[0] < len(items) - 1:
        return tuple(items)
    before, after = numbers[: dots[0]], numbers[dots[0] :]
    step = before[1] - before[0]
    count = (after[0] - before[-1]) / step if step else Fraction(0)
    if count.denominator != 1 or not 0 < count <= MAX_WRITTEN:
        return tuple(items)
    between = [before[-1] + step * k for k in range(1, int(count))]
    whole = [*before, *between, *after]
    if any(b - a != step for a, b in pairwise(whole)):
        return tuple(items)
    return tuple(Number(value) for value in whole)


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
