r"""What stands in brackets of any kind: groups, tuples, sets, absolute values, matrices.

Covers: the bracketed part of the reader, under `reader_atoms`. Does not cover: what stands inside,
which the looser levels read.
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.equivalence.reading.cursor import END, Cursor
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Listing,
    Matrix,
    Node,
    Sequence,
    Symbol,
    UnreadableError,
    words,
)

# Decorations that are part of a name.
ACCENTS = words(r"""
    \vec \dot \ddot \hat \bar \tilde \widehat \overrightarrow \overline \mathbb{R} \mathbb{Z}
    \mathbb{N} \mathbb{Q} \mathbb{C}""")
ROUNDED = {r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
_MATRIX_KINDS = {
    "pmatrix": "",
    "bmatrix": "",
    "vmatrix": "|",
    "Vmatrix": "||",
    "matrix": "",
    "array": "",
    "smallmatrix": "",
}


class GroupReader(Cursor):
    """Reads bracketed things from a list of tokens."""

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

    def relation(self) -> Node:
        """Reads a relation; `reader.Reader` does."""
        raise NotImplementedError

    def group(self) -> Node:
        r"""`{...}`: braces that group and mean nothing, around a list too."""
        self.expect("{")
        with self.deeper():
            items = self.items()
            if len(items) == 1 and self.take(r"\choose"):
                items = [Call("binom", (items[0], self.sum()))]
        self.expect("}")
        return items[0] if len(items) == 1 else Listing(tuple(items))

    def _accented(self) -> Node:
        r"""`\vec{v}`, `\overline{AB}`, `\mathbb{R}`: one name."""
        accent = self.next().text
        if accent.startswith(r"\mathbb"):
            return Symbol(accent)
        return Symbol(f"{accent}{{{self._subscript()}}}")

    def _rounded(self) -> Node:
        opening = self.next().text
        with self.deeper():
            inside = self.sum()
        self.expect(ROUNDED[opening])
        return Call("floor" if opening == r"\lfloor" else "ceil", (inside,))

    def _set_builder(self) -> Node | None:
        r"""`x \mid x > 2` behind a brace: what stands behind the bar; None for other sets."""
        after = 3 if self.peek(1).text == r"\in" and self.peek(2).text == r"\mathbb{R}" else 1
        if self.peek().kind != "letter" or self.peek(after).text not in ("|", ":"):
            return None
        self._at += after + 1
        return self.relation()

    def _absolute(self) -> Node:
        self.expect("|")
        with self.deeper():
            inside = self.sum()
        self.expect("|")
        return Call("abs", (inside,))

    def _bracket(self) -> Node:
        opening = self.next().text
        if opening == r"\{" and self.take(r"\}"):
            return Symbol(r"\emptyset")
        with self.deeper():
            condition = self._set_builder() if opening == r"\{" else None
            items = [condition] if condition is not None else self.items()
        closing = self.next().text
        if condition is not None and closing == r"\}":
            return condition
        if closing not in (")", "]", r"\}") or (opening == r"\{") != (closing == r"\}"):
            raise UnreadableError(f"{opening!r} closed by {closing!r}")
        if len(items) == 1 and (opening, closing) in (("(", ")"), ("[", "]")):
            return items[0]
        if len(items) == 1 and opening != r"\{":
            raise UnreadableError(f"{opening!r} closed by {closing!r}")
        return Sequence(opening, closing, tuple(items))

    def _matrix(self) -> Node:
        kind = self.next().text[len(r"\begin{") : -1]
        if kind not in _MATRIX_KINDS:
            raise UnreadableError(f"the environment {kind[:20]!r}")
        if kind == "array":
            self._subscript()  # how its columns are aligned
        rows: list[tuple[Node, ...]] = []
        row: list[Node] = []
        end = rf"\end{{{kind}}}"
        with self.deeper():
            while not self.take(end):
                row.append(self.sum())
                if self.take("\\\\") or self.peek().text == end:
                    rows.append(tuple(row))
                    row = []
                else:
                    self.expect("&")
        if row or not rows or len({len(r) for r in rows}) != 1:
            raise UnreadableError("a matrix whose rows differ in length")
        return Matrix(_MATRIX_KINDS[kind], tuple(rows))

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
