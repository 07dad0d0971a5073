r"""Arithmetic of matrices, worked out while they are read: entries stay trees.

Covers: sums, products, multiples, powers with small whole exponents, inverses, transposes,
determinants of at most MAX_SIZE rows; and the brackets `[a+b]` that group inside a term.
Does not cover: norms, eigenvalues, block matrices.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Matrix,
    Node,
    Number,
    Product,
    Sum,
    Symbol,
    UnreadableError,
    children,
)

MAX_SIZE = 4
MAX_EXPONENT = 6
MATRIX_STARTS = tuple(
    rf"\begin{{{name}}}" for name in ("pmatrix", "bmatrix", "vmatrix", "matrix", "smallmatrix")
)
_MINUS_ONE = Sum((("-", Number(Fraction(1))),))
_TRANSPOSED = (Symbol("T"), Symbol(r"\top"), Symbol("t"))
Rows = tuple[tuple[Node, ...], ...]


def grouped(node: Node) -> Node:
    """Without square brackets that only group: what stands in them is a sum, or holds one."""
    if isinstance(node, Call) and node.name == "bracket" and _holds_sum(node.arguments[0]):
        return node.arguments[0]
    return node


def added(terms: Items[tuple[str, Node]]) -> Node:
    """A sum, entry by entry where its terms are matrices."""
    if not any(isinstance(term, Matrix) for _, term in terms):
        return Sum(tuple(terms))
    rows: list[Rows] = []
    for _, term in terms:
        if not isinstance(term, Matrix) or term.kind:
            raise UnreadableError("a matrix and a number added")
        rows.append(term.rows)
    shape = [len(row) for row in rows[0]]
    if any([len(row) for row in other] != shape for other in rows):
        raise UnreadableError("matrices of different shapes added")
    signs = [sign for sign, _ in terms]
    return Matrix(
        "",
        tuple(
            tuple(
                Sum(tuple((sign, one[i][j]) for sign, one in zip(signs, rows, strict=True)))
                for j in range(shape[i])
            )
            for i in range(len(shape))
        ),
    )


def multiplied(factors: Items[tuple[Node, bool]]) -> Node:
    """A product; matrices among its factors are multiplied, from left to right."""
    if len(factors) == 1:
        return factors[0][0]
    if not any(isinstance(factor, (Matrix, Call)) for factor, _ in factors):
        return Product(tuple(factors))
    factors = [(grouped(factor), divides) for factor, divides in factors]
    if not any(isinstance(factor, Matrix) for factor, _ in factors):
        return Product(tuple(factors))
    scalars = [(f, d) for f, d in factors if not isinstance(f, Matrix)]
    product: Rows | None = None
    for factor, divides in factors:
        if isinstance(factor, Matrix):
            if divides or factor.kind:
                raise UnreadableError("a division by a matrix")
            product = factor.rows if product is None else _times(product, factor.rows)
    if product is None:  # there is one, as above; for the type checker
        raise UnreadableError("no matrix")
    several = sum(isinstance(factor, Matrix) for factor, _ in factors) > 1
    if several and len(product) == len(product[0]) == 1:  # a row times a column
        return Product((*scalars, (product[0][0], False))) if scalars else product[0][0]
    if not scalars:
        return Matrix("", product)
    return Matrix(
        "",
        tuple(tuple(Product((*scalars, (entry, False))) for entry in row) for row in product),
    )


def raised(matrix: Matrix, exponent: Node) -> Node:
    """A power, inverse or transpose of a matrix."""
    if matrix.kind:
        raise UnreadableError("a power of bars around a matrix")
    if exponent in _TRANSPOSED:
        return Matrix("", tuple(zip(*matrix.rows, strict=True)))
    if exponent == _MINUS_ONE:
        return _inverse(matrix.rows)
    small = isinstance(exponent, Number) and exponent.value.denominator == 1
    if not isinstance(exponent, Number) or not small or not 1 <= exponent.value <= MAX_EXPONENT:
        raise UnreadableError("a power of a matrix that is not worked out")
    rows = matrix.rows
    for _ in range(int(exponent.value) - 1):
        rows = _times(rows, matrix.rows)
    return Matrix("", rows)


def determinant(rows: Rows) -> Node:
    """The determinant, by its first row.

    Example:
        >>> one, two = Number(Fraction(1)), Number(Fraction(2))
        >>> determinant(((two,),))
        Number(value=Fraction(2, 1), digits=0)
    """
    if len(rows) != len(rows[0]) or len(rows) > MAX_SIZE:
        raise UnreadableError("a determinant of no square, or of a large one")
    if len(rows) == 1:
        return rows[0][0]
    terms = []
    for at, entry in enumerate(rows[0]):
        minor = determinant(_without(rows, 0, at))
        terms.append(("-" if at % 2 else "+", Product(((entry, False), (minor, False)))))
    return Sum(tuple(terms))


def _times(left: Rows, right: Rows) -> Rows:
    if len(left[0]) != len(right) or len(left) * len(right) * len(right[0]) > MAX_SIZE**4:
        raise UnreadableError("matrices whose shapes do not fit, or large ones, multiplied")
    return tuple(
        tuple(
            Sum(
                tuple(
                    ("+", Product(((row[k], False), (right[k][j], False))))
                    for k in range(len(right))
                )
            )
            for j in range(len(right[0]))
        )
        for row in left
    )


def _inverse(rows: Rows) -> Node:
    under = determinant(rows)
    size = len(rows)
    if size == 1:
        return Matrix("", ((Product(((Number(Fraction(1)), False), (under, True))),),))
    entries = []
    for i in range(size):
        entries.append(
            tuple(
                Product(
                    (
                        (
                            Sum(
                                (("-" if (i + j) % 2 else "+", determinant(_without(rows, j, i))),)
                            ),
                            False,
                        ),
                        (under, True),
                    )
                )
                for j in range(size)
            )
        )
    return Matrix("", tuple(entries))


def _without(rows: Rows, row: int, column: int) -> Rows:
    return tuple(
        tuple(entry for j, entry in enumerate(one) if j != column)
        for i, one in enumerate(rows)
        if i != row
    )


def _holds_sum(node: Node) -> bool:
    return isinstance(node, Sum) or any(map(_holds_sum, children(node)))
