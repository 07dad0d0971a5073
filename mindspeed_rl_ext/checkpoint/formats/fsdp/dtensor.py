"""One rank's part of a tensor, as torch pickles it, taken apart without torch.

Covers: DTensor of torch 2.1 and newer, sharded on one mesh axis and replicated on others;
ShardedTensor of FSDP 1; plain tensors.
Does not cover, and refuses by name: partial sums, several sharded mesh axes, strided shards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mindspeed_rl_ext.checkpoint.formats.torch_file.unpickle import LazyTensor, Placeholder
from mindspeed_rl_ext.checkpoint.tensors import Shape
from mindspeed_rl_ext.core.errors import InputError


@dataclass(frozen=True)
class LocalTensor:
    """What one rank holds of a tensor.

    Args:
        values: the rank's values.
        whole: the tensor's shape; None where the rank's file does not say.
        axis: the axis that is sharded; None where the rank holds all of it.
        mesh_axis: which axis of the mesh shards it.
        mesh_axes: number of axes of the mesh.
        offset: where the values begin on `axis`; None where it follows from the ranks' order.
        part: which of the parts on `axis` these values are, by the rank's place in the mesh; None
            where the rank's file does not say.
    """

    values: LazyTensor
    whole: Shape | None
    axis: int | None = None
    mesh_axis: int = 0
    mesh_axes: int = 1
    offset: int | None = None
    part: int | None = None


def local_tensors(name: str, value: Any, place: str) -> list[LocalTensor]:
    """What a rank's file holds under a name.

    Args:
        name: the tensor's name.
        value: what the pickle has there.
        place: what to call the file in errors.

    Returns:
        One or several parts; none where the rank holds nothing of the tensor.

    Raises:
        InputError: no tensor, or one that is sharded in another way.
    """
    if isinstance(value, LazyTensor):
        return [LocalTensor(value, None)]
    kind = _class_of(value)
    if kind.endswith(".DTensor"):
        return [_dtensor(name, value, place)]
    if kind.endswith(".ShardedTensor"):
        return _sharded_tensor(name, value, place)
    raise InputError(
        f"{name} of {place} is no tensor",
        found=kind or type(value).__name__,
        expected="a DTensor, a ShardedTensor or a plain tensor",
    )


def _class_of(value: Any) -> str:
    """The class of the object that a placeholder stands for."""
    if not isinstance(value, Placeholder):
        return ""
    return str(getattr(value.arguments[1], "what", "")) if _is_rebuilt(value) else value.what


def _is_rebuilt(value: Placeholder) -> bool:
    """Whether torch rebuilds it of (function, class, the function's arguments, state)."""
    arguments = value.__dict__.get("arguments", ())
    return value.what.endswith("_rebuild_from_type_v2") and len(arguments) == 4


def _dtensor(name: str, value: Any, place: str) -> LocalTensor:
    """`_rebuild_from_type_v2(function, DTensor, (class, dtype, size, ...), state)`."""
    try:
        _, _, call, state = value.arguments
        whole = tuple(int(n) for n in call[2])
        fields = _fields(state)
        values, spec = fields["_local_tensor"], _state(fields["_spec"])
        placements = list(spec["placements"])
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise _unknown(name, place, repr(error)) from error
    if not isinstance(values, LazyTensor):
        raise _unknown(name, place, f"local values {values!r}"[:200])
    sharded = [(at, kind) for at, kind in enumerate(placements) if not _is(kind, "Replicate")]
    refused = [kind for _, kind in sharded if not _is(kind, "Shard")]
    if refused or len(sharded) > 1:
        raise InputError(
            f"{name} of {place} is sharded in a way that is not read",
            found=f"placements {[getattr(kind, 'what', kind) for kind in placements]}",
            expected="Shard on one axis of the mesh, Replicate on the others",
            remedy="save the model without tensor parallelism under FSDP",
        )
    if not sharded:
        return LocalTensor(values, whole)
    at, kind = sharded[0]
    axis = _state(kind).get("dim")
    if axis is None and kind.__dict__.get("arguments"):
        axis = kind.__dict__["arguments"][0]
    if not isinstance(axis, int) or not -len(whole) <= axis < len(whole):
        raise _unknown(name, place, f"Shard on axis {axis!r}")
    part = _mesh_place(spec, len(placements))[at]
    return LocalTensor(values, whole, axis % len(whole), at, len(placements), part=part)


def _mesh_place(spec: Mapping[str, Any], axes: int) -> Sequence[int | None]:
    """The rank's index on each axis of the mesh, as far as the pickle of the mesh has it."""
    found = _state(spec.get("mesh")).get("_coordinate_on_dim")
    if not isinstance(found, (tuple, list)) or len(found) != axes:
        return [None] * axes
    return [n if isinstance(n, int) and n >= 0 else None for n in found]


def _sharded_tensor(name: str, value: Any, place: str) -> list[LocalTensor]:
    """State: (local shards, metadata of the whole, ...); each shard has its offsets."""
    try:
        state = value.arguments[3] if _is_rebuilt(value) else value.state
        shards, metadata = state[:2]
        whole = tuple(int(n) for n in _state(metadata)["size"])
        parts = []
        for shard in shards:
            fields = _state(shard)
            offsets = tuple(int(n) for n in _state(fields["metadata"])["shard_offsets"])
            parts.append((fields["tensor"], offsets))
    except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        raise _unknown(name, place, repr(error)) from error
    found = []
    for values, offsets in parts:
        if not isinstance(values, LazyTensor) or any(offsets[1:]):
            raise _unknown(name, place, f"a shard at {offsets}")
        found.append(LocalTensor(values, whole, 0, offset=offsets[0]))
    return found


def _fields(state: Any) -> Mapping[str, Any]:
    """A state of slots is (None, {...}) in a pickle; one of attributes is {...}."""
    if isinstance(state, Sequence) and len(state) == 2:
        state = state[1]
    if not isinstance(state, Mapping):
        raise TypeError(f"a state {state!r}"[:200])
    return state


def _state(value: Any) -> Mapping[str, Any]:
    """What a placeholder's object held; {} where that is not known."""
    state = value.__dict__.get("state") if isinstance(value, Placeholder) else None
    try:
        return _fields(state)
    except TypeError:
        return {}


def _is(placement: Any, name: str) -> bool:
    return str(getattr(placement, "what", "")).rpartition(".")[2] == name


def _unknown(name: str, place: str, found: str) -> InputError:
    return InputError(
        f"{name} of {place} is pickled in a way that is not known",
        found=found,
        expected="a DTensor or ShardedTensor as torch 2.1 and newer pickle them",
        remedy="please report this, with the version of torch that saved it",
    )
