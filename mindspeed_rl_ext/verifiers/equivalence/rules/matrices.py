"""Rules for matrices and vectors.

Covers: entries one by one, a column or row and its tuple. Does not cover: arithmetic of matrices;
the reader works it out (`reading.matrices`).
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Matrix
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Sequence as Bracketed
from mindspeed_rl_ext.verifiers.equivalence.rules.comparison import (
    Comparison,
    Decision,
    all_same,
)


def matrices(comparison: Comparison, left: Matrix, right: Matrix) -> Decision:
    """Entry by entry."""
    if left.kind != right.kind:
        return None
    if [len(row) for row in left.rows] != [len(row) for row in right.rows]:
        return False
    return all_same(comparison.ordered(a, b) for a, b in zip(left.rows, right.rows, strict=True))


def vector_and_tuple(comparison: Comparison, vector: Matrix, other: Bracketed) -> Decision:
    """A column or a row of numbers and the tuple of the same numbers are one vector."""
    if all(isinstance(item, Bracketed) and item.opening == "[" for item in other.items):
        rows = tuple(item.items for item in other.items if isinstance(item, Bracketed))
        return matrices(comparison, vector, Matrix("", rows))
    entries = [entry for row in vector.rows for entry in row]
    flat = len(vector.rows) == 1 or len(vector.rows[0]) == 1
    brackets = (other.opening, other.closing)
    if not flat or vector.kind or brackets not in (("(", ")"), ("[", "]")):
        return None
    return comparison.ordered(entries, other.items) if len(entries) == len(other.items) else False
