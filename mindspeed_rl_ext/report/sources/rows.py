"""Rows of a log: a step and numbers each, packed, since a log may hold millions of numbers.

Covers: adding rows in the order of the file, reading them back one by one or as numpy columns of
runs of rows that have the same names.
Does not cover: merging steps; `table` does.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from struct import Struct

import numpy as np

Row = tuple[int, Mapping[str, float]]


@dataclass(frozen=True)
class Block:
    """Rows one after the other that have the same names.

    Args:
        names: the metrics, in the order of the file.
        packed_steps: the step of each row.
        packed_values: row after row, eight bytes a number.
    """

    names: tuple[str, ...]
    packed_steps: array[int] = field(default_factory=lambda: array("q"))
    packed_values: bytearray = field(default_factory=bytearray)

    @property
    def steps(self) -> np.ndarray:
        """int64 `[rows]`."""
        return np.asarray(self.packed_steps, dtype=np.int64)

    @property
    def values(self) -> np.ndarray:
        """float64 `[rows, names]`."""
        shape = (len(self.packed_steps), len(self.names))
        return np.frombuffer(self.packed_values, dtype=np.float64).reshape(shape)

    @cached_property
    def pack(self) -> Callable[..., bytes]:
        """Packs the numbers of one row; several times as fast as appending them to an array."""
        return Struct(f"{len(self.names)}d").pack


class Rows:
    """Rows in the order in which they were written.

    Example:
        >>> rows = Rows([(1, {"a": 0.5}), (2, {"a": 0.25})])
        >>> len(rows), rows.last_step, list(rows)[1], len(rows.blocks)
        (2, 2, (2, {'a': 0.25}), 1)
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.blocks: list[Block] = []
        for step, values in rows:
            self.add(step, values)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a row; its values are numbers."""
        self.add_named(step, tuple(values), values.values())

    def add_named(self, step: int, names: tuple[str, ...], values: Iterable[float]) -> None:
        """Adds a row whose names are distinct, with a value each."""
        if not self.blocks or self.blocks[-1].names != names:
            self.blocks.append(Block(names))
        block = self.blocks[-1]
        block.packed_values.extend(block.pack(*values))
        block.packed_steps.append(step)

    def extend(self, other: Rows) -> None:
        """Adds the rows of another, block by block."""
        self.blocks.extend(other.blocks)

    def __len__(self) -> int:
        return sum(len(block.packed_steps) for block in self.blocks)

    def __iter__(self) -> Iterator[Row]:
        for block in self.blocks:
            for step, values in zip(block.packed_steps, block.values.tolist(), strict=True):
                yield step, dict(zip(block.names, values, strict=True))

    @property
    def last_step(self) -> int | None:
        """The step of the last row; None where there is none."""
        return self.blocks[-1].packed_steps[-1] if self.blocks else None
