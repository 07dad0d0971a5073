r"""What stands in brackets of any kind: groups, tuples, sets, absolute values.

Covers: the bracketed part of the reader, under `atoms`. Does not cover: what stands inside, which
the looser levels read.
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.equivalence.reading.cursor import END, Cursor
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Joined,
    Listing,
    Matrix,
    Node,
    Product,
    Relation,
    Sequence,
    Symbol,
    UnreadableError,
    words,
)

# Decorations that are part of a name.
ACCENTS = words(r"""
    \vec \dot \ddot \hat \bar \tilde \widehat \overrightarrow \overline \mathbb{R} \mathbb{Z}
    \mathbb{N} \mathbb{Q} \mathbb{C} \mathring \acute \grave \check \underline""")
ROUNDED = {r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
ELLIPSIS = Symbol("...")


class GroupReader(Cursor):
    """Reads bracketed things from a list of tokens."""

    # Bars that are open and wait for their second one; brackets begin a count of their own.
    _open_bars = 0

    def sum(self) -> Node:
        """Reads a sum; `reader.Reader` does."""
        raise NotImplementedError

    def items(self, separators: str = ",;") -> list[Node]:
        """Reads items; `reader.Reader` does."""
        raise NotImplementedError

    def term(self) -> Node:
        """Reads a product; `reader.Reader` does."""
        raise NotImplementedError

    def _signs(self) -> str:
        """Reads the signs before a term; `reader.Reader` does."""
        raise NotImplementedError

    def listing(self) -> Node:
        """Reads a list; `reader.Reader` does."""
        raise NotImplementedError

    def group(self) -> Node:
        r"""`{...}`: braces that group and mean nothing, around a list too."""
        self.expect("{")
        outer, self._open_bars = self._open_bars, 0
        with self.deeper():
            condition = self._set_builder()
            items = [condition] if condition is not None else self.items()
            if len(items) == 1 and self.take(r"\choose"):
                items = [Call("binom", (items[0], self.sum()))]
            elif len(items) == 1 and self.take(r"\over"):
                items = [Product(((items[0], False), (self.sum(), True)))]
        self._open_bars = outer
        self.expect("}")
        return items[0] if len(items) == 1 else Listing(tuple(items))

    def _accented(self) -> Node:
        r"""`\vec{v}`, `\overline{AB}`, `\mathbb{R}`: one name."""
        accent = self.next().text
        if accent.startswith(r"\math"):
            return Symbol(accent)
        return Symbol(f"{accent}{{{self._subscript()}}}")

    def _rounded(self) -> Node:
        opening = self.next().text
        outer, self._open_bars = self._open_bars, 0
        with self.deeper():
            inside = self.sum()
        self._open_bars = outer
        self.expect(ROUNDED[opening])
        return Call("floor" if opening == r"\lfloor" else "ceil", (inside,))

    def _set_builder(self) -> Node | None:
        r"""`x \mid x > 2` behind a brace: what stands behind the bar; None for other sets."""
        after = 3 if self.peek(1).text == r"\in" and self.peek(2).text == r"\mathbb{R}" else 1
        if self.peek().kind != "letter" or self.peek(after).text not in ("|", ":"):
            return None
        start = self._at
        self._at += after + 1
        found = self.listing()
        if isinstance(found, (Relation, Listing, Joined)):
            return found
        self._at = start  # `{x|y|}` is a product in braces
        return None

    def _absolute(self) -> Node:
        self.expect("|")
        self._open_bars += 1
        with self.deeper():
            inside = self.sum()
        self.expect("|")
        self._open_bars -= 1
        return Call("abs", (inside,))

    def _bracket(self) -> Node:
        opening = self.next().text
        if opening == r"\{" and self.take(r"\}"):
            return Symbol(r"\emptyset")
        outer, self._open_bars = self._open_bars, 0
        with self.deeper():
            condition = self._set_builder() if opening == r"\{" else None
            items = [condition] if condition is not None else self.items()
        self._open_bars = outer
        closing = self.next().text
        if condition is not None and closing == r"\}":
            return condition
        if closing not in (")", "]", r"\}") or (opening == r"\{") != (closing == r"\}"):
            raise UnreadableError(f"{opening!r} closed by {closing!r}")
        if len(items) == 1 and (opening, closing) == ("(", ")"):
            return items[0]
        if len(items) == 1 and isinstance(items[0], Matrix) and opening != r"\{":
            return items[0]
        if len(items) == 1 and (opening, closing) == ("[", "]"):
            # It may be the floor of what stands inside; `matrices.grouped` tells where it is not.
            return Call("bracket", (items[0],))
        if len(items) == 1 and opening != r"\{":
            raise UnreadableError(f"{opening!r} closed by {closing!r}")
        return Sequence(opening, closing, tuple(items))

    def _subscript(self) -> str:
        """The text of a subscript: it is part of the name."""
        if not self.take("{"):
            return self.next().text
        parts, depth = [], 1
        while depth:
            token = self.next()
            if token is END:
                raise UnreadableError("a subscript that is not closed")
            depth += (token.text == "{") - (token.text == "}")
            parts.append(token.text)
        return "".join(parts[:-1])
