"""Which ranks one node holds: `--ranks` and `--node`.

Covers: ranges on the axes of a layout; nodes as Megatron numbers ranks (TP innermost, then EP and
DP, PP outermost).
Does not cover: context parallelism, where Megatron's older versions number EP after it.

Example:
    >>> from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
    >>> ranks_of_node(Layout(tp=2, pp=2), 1, 2)
    [GridRank(tp=0, pp=1, ep=0), GridRank(tp=1, pp=1, ep=0)]
    >>> rank_part(Layout(tp=2, pp=2), ranks="tp=0").dirs
    ('mp_rank_00_000', 'mp_rank_00_001')
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import prod

from mindspeed_rl_ext.checkpoint.mapping.layout import GridRank, Layout, divisors
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError

AXES = GridRank._fields
_RANGE = re.compile(r"(\w+)=(\d{1,9})(?:-(\d{1,9}))?")
_NODE = re.compile(r"(\d{1,9})/(\d{1,9})")
_RANKS_EXAMPLE = "such as tp=0-7,pp=2"


@dataclass(frozen=True)
class RankPart:
    """Some of the ranks of a checkpoint.

    Args:
        dirs: their directories, in Megatron's order.
        of: the number of all ranks.
        text: what it is, for people.
    """

    dirs: tuple[str, ...]
    of: int
    text: str

    @property
    def name(self) -> str:
        """A name that no other choice of ranks has, for files."""
        return f"{self.dirs[0]}-{zlib.crc32(','.join(self.dirs).encode()):08x}"


def parse_ranks(text: str) -> dict[str, set[int]]:
    """The ranks of each axis that `--ranks` names; one that is named again adds to it.

    Raises:
        InputError: it can't be read, or an unknown axis.

    Example:
        >>> parse_ranks("tp=0-2,pp=1,pp=3")
        {'tp': {0, 1, 2}, 'pp': {1, 3}}
    """
    found: dict[str, set[int]] = {}
    for word in text.split(","):
        match = _RANGE.fullmatch(word.strip())
        if match is None or match[1].lower() not in AXES:
            raise InputError(
                "--ranks can't be read",
                found=repr(word.strip()),
                expected=f"{', '.join(AXES)} with a number or a range, {_RANKS_EXAMPLE}",
            )
        first, last = int(match[2]), int(match[3] or match[2])
        if last < first or last - first > 1_000_000:
            raise InputError(
                "--ranks can't be read", found=repr(word.strip()), expected=_RANKS_EXAMPLE
            )
        found.setdefault(match[1].lower(), set()).update(range(first, last + 1))
    return found


def parse_node(text: str) -> tuple[int, int]:
    """The node and the number of nodes that `--node` names.

    Raises:
        InputError: it can't be read, or there is no such node.

    Example:
        >>> parse_node("0/8")
        (0, 8)
    """
    match = _NODE.fullmatch(text.strip())
    if match is None or int(match[1]) >= int(match[2]):
        count = match[2] if match else "N"
        raise InputError(
            "--node can't be read" if match is None else "there is no such node",
            found=text,
            expected=f"I/{count}, I counted from 0 as NODE_RANK is, such as 0/8",
        )
    return int(match[1]), int(match[2])


def rank_part(
    layout: Layout, ranks: str = "", node: str = "", npus_per_node: int | None = None
) -> RankPart | None:
    """The ranks that the options choose; None for all.

    Args:
        layout: of the checkpoint.
        ranks: the value of `--ranks`; "" without it.
        node: the value of `--node`; "" without it.
        npus_per_node: ranks that run on a node; None where each rank directory is one rank's.

    Raises:
        InputError: there are no such ranks, or nodes can't be equal.
    """
    if not (ranks or node):
        return None
    grid = layout.grid()
    if ranks:
        chosen = _in_ranges(layout, parse_ranks(ranks), ranks)
        label = ""
    else:
        number, nodes = parse_node(node)
        wanted = set(ranks_of_node(layout, number, nodes, npus_per_node))
        chosen = [rank for rank in grid if rank in wanted]
        label = f"node {number} of {nodes}: "
    if len(chosen) == len(grid):
        return None
    dirs = tuple(layout.rank_dir(*rank) for rank in chosen)
    return RankPart(dirs, len(grid), label + ranks_text(layout, dirs))


def ranks_text(layout: Layout, dirs: Collection[str]) -> str:
    """Which of a layout's ranks some directories are.

    Example:
        >>> ranks_text(Layout(tp=2, pp=2), {"mp_rank_00_001", "mp_rank_01_001"})
        'tp 0-1, pp 1, ep 0: 2 of 4 ranks (TP 2 x PP 2 x EP 1)'
    """
    grid = layout.grid()
    chosen = [rank for rank in grid if layout.rank_dir(*rank) in dirs]
    return f"{_shown(chosen)}: {len(chosen)} of {len(grid)} ranks ({grid_text(layout)})"


def ranks_of_node(
    layout: Layout, node: int, nodes: int, npus_per_node: int | None = None
) -> list[GridRank]:
    """The ranks whose files a node loads.

    Megatron gives a node consecutive ranks of the world; with more data-parallel ranks than
    experts need, several nodes load the same files.

    Args:
        layout: of the checkpoint.
        node: which one, from 0.
        nodes: how many.
        npus_per_node: ranks that run on each; None for the least world, in which each file is
            one rank's.

    Raises:
        InputError: the ranks do not divide.
    """
    grid = layout.grid()
    world = nodes * npus_per_node if npus_per_node else len(grid)
    if world % len(grid) or world % nodes:
        raise InputError(
            f"{len(grid)} ranks do not divide among {nodes} nodes",
            found=f"{grid_text(layout)}"
            + (f", {nodes} nodes of {npus_per_node} NPUs" if npus_per_node else ""),
            expected="a multiple of the ranks"
            if npus_per_node
            else f"a number of nodes among {divisors(len(grid))}",
            remedy="check --npus-per-node"
            if npus_per_node
            else "--npus-per-node, where data parallelism gives several nodes the same files",
        )
    stage, here = world // layout.pp, world // nodes
    files_of_stage = len(grid) // layout.pp
    return [
        grid[rank // stage * files_of_stage + rank % stage % files_of_stage]
        for rank in range(node * here, (node + 1) * here)
    ]


def grid_text(layout: Layout) -> str:
    """The sizes of a layout, for messages."""
    return f"TP {layout.tp} x PP {layout.pp} x EP {layout.ep}"


def _in_ranges(layout: Layout, wanted: dict[str, set[int]], text: str) -> list[GridRank]:
    for axis, numbers in wanted.items():
        size = getattr(layout, axis)
        if max(numbers) >= size:
            raise InputError(
                f"--ranks {text} asks for {axis} {max(numbers)}",
                found=grid_text(layout),
                expected=f"{axis}=0-{size - 1}" if size > 1 else f"{axis}=0",
            )
    chosen = [
        rank
        for rank in layout.grid()
        if all(getattr(rank, axis) in numbers for axis, numbers in wanted.items())
    ]
    if not chosen:
        pairs = (f"tp={t},ep={e}" for t, e in layout.ranks())
        raise InputError(
            f"--ranks {text} names no rank",
            found=f"{grid_text(layout)}, where TP cuts no experts",
            expected=f"pairs of TP and EP rank among {some(pairs, 8)}",
        )
    return chosen


def _shown(chosen: Sequence[GridRank]) -> str:
    """Ranges where the ranks are all of these, else the ranks one by one."""
    axes = [sorted({getattr(rank, axis) for rank in chosen}) for axis in AXES]
    if prod(len(numbers) for numbers in axes) == len(chosen):
        return ", ".join(
            f"{axis} {_ranges(numbers)}" for axis, numbers in zip(AXES, axes, strict=True)
        )
    return some((f"tp {rank.tp} pp {rank.pp} ep {rank.ep}" for rank in chosen), 4)


def _ranges(numbers: Sequence[int]) -> str:
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return "+".join(str(a) if a == b else f"{a}-{b}" for a, b in found)
