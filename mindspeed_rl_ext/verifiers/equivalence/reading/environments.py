r"""Environments: matrices, systems of equations, definitions by cases, aligned lines.

Covers: `\begin{pmatrix}`, `array`, `cases`, `align` and their like: cells are cut out of the tokens
and read by themselves. What an `array` is, its cells tell: a system where each row is a relation,
cases where the second column says when.
Does not cover: tables with lines, nested arrays that mean something of their own.
"""

from __future__ import annotations

from collections.abc import Callable

from mindspeed_rl_ext.verifiers.equivalence.reading.cursor import Cursor
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.matrices import determinant
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Cases,
    Listing,
    Matrix,
    Node,
    Relation,
    Symbol,
    UnreadableError,
    words,
)

MAX_CELLS = 4000
_MATRICES = {
    "pmatrix": "", "bmatrix": "", "matrix": "", "smallmatrix": "", "vmatrix": "|",
    "Vmatrix": "||", "array": "",
}  # fmt: skip
_LINES = words("""
    align align* aligned alignat alignat* gather gather* gathered split eqnarray eqnarray* equation
    equation* multline multline* displaymath math""")
_WHEN = words("if for when where , ; and")
_OTHERWISE = words("otherwise else elsewhere")
Cells = list[list[list[Token]]]
Read = Callable[[list[Token]], Node]


def read_environment(cursor: Cursor, read: Read) -> Node:
    """Reads the environment that comes next.

    Args:
        cursor: stands before the `\\begin`.
        read: reads the tokens of one cell as a list.
    """
    name = cursor.next().text[len(r"\begin{") : -1]
    if name not in _MATRICES and name not in _LINES and name not in ("cases", "dcases", "rcases"):
        raise UnreadableError(f"the environment {name[:20]!r}")
    cells = _cut(cursor, name)
    if name in _LINES:
        lines = [[token for cell in row for token in cell] for row in cells]
        return _listed([read(line) for line in lines if line])
    if name == "array" and cells and cells[0] and cells[0][0][:1] == [Token("mark", "{")]:
        _drop_alignment(cells[0][0])
    rows = [[_cell(cell, read) for cell in row] for row in cells if row != [[]]]
    if not rows:
        raise UnreadableError("an environment without a cell")
    found = _system(rows) or _cases(rows, certain=name.endswith("cases"))
    if found is not None:
        return found
    return _matrix(_MATRICES.get(name, ""), rows)


def _cut(cursor: Cursor, name: str) -> Cells:
    """The tokens of the cells, by rows."""
    cells: Cells = [[[]]]
    depth = 0
    for _ in range(MAX_CELLS):
        token = cursor.next()
        if token.kind == "end":
            break
        if token.text == rf"\end{{{name}}}" and not depth:
            return cells
        depth += token.text.startswith(r"\begin{") - token.text.startswith(r"\end{")
        if token.text == "&" and not depth:
            cells[-1].append([])
        elif token.text == "\\\\" and not depth:
            cells.append([[]])
        elif token.text != r"\hline":
            cells[-1][-1].append(token)
    raise UnreadableError("an environment that is not closed")


def _drop_alignment(cell: list[Token]) -> None:
    """The `{cc}` behind the beginning of an array."""
    while cell and cell.pop(0).text != "}":
        pass


def _cell(cell: list[Token], read: Read) -> Node | None:
    """What a cell says; None for an empty one."""
    while cell and cell[-1].text in (",", ";", "."):
        cell = cell[:-1]
    while cell and cell[0].text.casefold() in _WHEN and (cell[0].kind in ("text", "mark", "word")):
        cell = cell[1:]
    if len(cell) == 1 and cell[0].text.casefold() in _OTHERWISE:
        return Symbol("otherwise")
    if cell and cell[0].kind == "text" and cell[0].text.split()[0].casefold() in _WHEN:
        raise UnreadableError(f"the words {cell[0].text[:40]!r} inside mathematics")
    return read(cell) if cell else None


def _system(rows: list[list[Node | None]]) -> Node | None:
    """Equations one under the other."""
    single = [row[0] for row in rows if len(row) == 1 or not any(row[1:])]
    if len(single) < len(rows) or not all(isinstance(one, (Relation, Listing)) for one in single):
        return None
    return _listed([one for one in single if one is not None])


def _cases(rows: list[list[Node | None]], *, certain: bool) -> Node | None:
    pairs = [(row[0], row[1]) for row in rows if len(row) == 2]
    if len(pairs) < len(rows):
        return None
    found = [(value, when) for value, when in pairs if value is not None and when is not None]
    whens = [isinstance(when, Relation) or when == Symbol("otherwise") for _, when in found]
    if len(found) < len(rows) or not (certain or all(whens)):
        return None
    return Cases(tuple(found))


def _matrix(kind: str, rows: list[list[Node | None]]) -> Node:
    full = [tuple(entry for entry in row if entry is not None) for row in rows]
    if len({len(row) for row in full}) != 1 or any(
        len(a) != len(b) for a, b in zip(full, rows, strict=True)
    ):
        raise UnreadableError("a matrix whose rows differ in length")
    if any(isinstance(entry, (Relation, Listing)) for row in full for entry in row):
        raise UnreadableError("a matrix of what are no values")
    matrix = Matrix(kind, tuple(full))
    return determinant(matrix.rows) if kind == "|" else matrix


def _listed(items: list[Node]) -> Node:
    flat = [
        part for item in items for part in (item.items if isinstance(item, Listing) else [item])
    ]
    return flat[0] if len(flat) == 1 else Listing(tuple(flat))


def determinant_of(node: Node) -> Node:
    """`\\det` of a matrix; a call for others."""
    if isinstance(node, Matrix) and not node.kind:
        return determinant(node.rows)
    return Call(r"\det", (node,))
