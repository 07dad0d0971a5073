"""Where each rank's part of a tensor begins.

Covers: ranks in the order of the mesh; hybrid meshes, where several ranks hold the same part;
uneven parts; parts that say where they begin, ranks that know their place in the mesh.
Does not cover: meshes whose ranks do not ascend; where ranks do not know their place, those whose
sharded axis is neither the first nor the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from mindspeed_rl_ext.checkpoint.formats.fsdp.dtensor import LocalTensor
from mindspeed_rl_ext.checkpoint.tensors import Shape
from mindspeed_rl_ext.core.errors import InputError

_ONE_RUN = "the files are of different runs; copy those of one"


@dataclass(frozen=True)
class RankPart:
    """One rank's part of a tensor.

    Args:
        rank: the rank.
        local: its values.
        offset: their first index on each axis; () where `whole` is not known.
        whole: the tensor's shape; () where the ranks' files do not say.
    """

    rank: int
    local: LocalTensor
    offset: Shape = ()
    whole: Shape = ()


def rank_parts(name: str, by_rank: Sequence[Sequence[LocalTensor]]) -> list[RankPart]:
    """The parts of one tensor, those without values left out.

    Args:
        name: the tensor's name.
        by_rank: what each rank holds of it, in the order of ranks.

    Raises:
        InputError: the ranks contradict each other, or do not fill the tensor.
    """
    flat = [(rank, local) for rank, held in enumerate(by_rank) for local in held]
    if not flat:
        raise InputError(f"no rank holds anything of {name}")
    kinds = {(local.whole, local.axis, local.mesh_axis, local.mesh_axes) for _, local in flat}
    if len(kinds) > 1:
        raise InputError(
            f"ranks hold {name} in different ways",
            found=f"shape, axis, mesh: {sorted(kinds, key=str)}"[:300],
            remedy=_ONE_RUN,
        )
    first = flat[0][1]
    if first.whole is None:
        return [RankPart(rank, local) for rank, local in flat]
    if first.axis is None or first.offset is not None:
        placed = [(rank, local, local.offset or 0) for rank, local in flat]
    else:
        placed = _by_order(name, by_rank)
    return [
        RankPart(rank, local, _offset(local, at), local.whole or ())
        for rank, local, at in placed
        if min(local.values.shape, default=1)
    ]


def _offset(local: LocalTensor, at: int) -> Shape:
    axes = range(len(local.whole or ()))
    return tuple(at if axis == local.axis else 0 for axis in axes)


def _by_order(
    name: str, by_rank: Sequence[Sequence[LocalTensor]]
) -> list[tuple[int, LocalTensor, int]]:
    """Parts one behind the other; ranks that hold the same part have it at the same place."""
    if any(len(held) != 1 for held in by_rank):
        raise InputError(f"{name} is not in the files of all ranks", remedy="copy all files again")
    locals_ = [held[0] for held in by_rank]
    axis = locals_[0].axis or 0
    sizes = [local.values.shape[axis] for local in locals_]
    part_of = _by_mesh(name, locals_) or _by_sizes(name, locals_, sizes)
    by_part = [
        {sizes[rank] for rank, part in enumerate(part_of) if part == n}
        for n in range(max(part_of) + 1)
    ]
    if any(len(found) != 1 for found in by_part):
        raise InputError(
            f"ranks that hold the same part of {name} differ in its size",
            found=f"{sizes} on axis {axis}"[:200],
            remedy=_ONE_RUN,
        )
    starts = [0, *accumulate(found.pop() for found in by_part)]
    total = (locals_[0].whole or ())[axis]
    if starts[-1] != total:
        raise _not_filled(name, starts[-1], locals_)
    return [(rank, local, starts[part_of[rank]]) for rank, local in enumerate(locals_)]


def _by_mesh(name: str, locals_: Sequence[LocalTensor]) -> list[int]:
    """Which part each rank holds, by its place in the mesh; [] where not all ranks know theirs."""
    parts = [local.part for local in locals_]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return []
    # A group of processes orders its ranks, whatever their order in the mesh: torch's own
    # functions do not agree on what such a mesh means.
    if list(dict.fromkeys(known)) != list(range(max(known) + 1)):
        raise InputError(
            f"the ranks that hold {name} are not in the order of its mesh",
            found=f"rank by rank, the parts {known}"[:200],
            expected="a mesh whose ranks ascend, as init_device_mesh makes it",
            remedy="where files were renamed, copy them again under their own names",
        )
    return known


def _by_sizes(name: str, locals_: Sequence[LocalTensor], sizes: Sequence[int]) -> list[int]:
    """The same by the order of ranks: how many share a part follows from the sizes' sum."""
    first, ranks = locals_[0], len(locals_)
    total = (first.whole or ())[first.axis or 0]
    copies = sum(sizes) // total if total else 0
    if not copies or sum(sizes) % total or ranks % copies:
        raise _not_filled(name, sum(sizes), locals_)
    if 0 < first.mesh_axis < first.mesh_axes - 1:
        raise InputError(
            f"{name} is sharded on a middle axis of its mesh, which is not read",
            found=f"axis {first.mesh_axis} of {first.mesh_axes}, and no rank's place in it",
        )
    is_last = first.mesh_axis == first.mesh_axes - 1
    shards = ranks // copies
    return [rank % shards if is_last else rank // copies for rank in range(ranks)]


def _not_filled(name: str, count: int, locals_: Sequence[LocalTensor]) -> InputError:
    axis = locals_[0].axis or 0
    total = (locals_[0].whole or ())[axis]
    return InputError(
        f"the ranks' parts of {name} do not fill it",
        found=f"{count} of {total} on axis {axis}, on {len(locals_)} ranks",
        remedy=_ONE_RUN,
    )
