"""Which tensors a HuggingFace model has in place of those of single experts.

Covers: replacing, in what a whole model must hold, the tensors of experts by the packed ones that a
family's table names; the part of one expert in a packed tensor.
Does not cover: how a packed tensor lies; `rules.packed` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from mindspeed_rl_ext.checkpoint.mapping.expected import NOT_SPLIT, Part, Slot
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import RULES
from mindspeed_rl_ext.checkpoint.mapping.spec import Packed

# A packed tensor's table entry, its name and that of the first that it holds -> whether it is
# quantised; None where the model has what it would hold.
Form = Callable[[Packed, str, str], bool | None]


def _as_written(packed: Packed, name: str, member: str) -> bool | None:
    return False if packed.written else None


class _Group(NamedTuple):
    """A packed tensor and the names of what it holds, in the rule's order."""

    name: str
    packed: Packed
    members: tuple[str, ...]


def pack(model: Model, form: Form = _as_written) -> Part:
    """The whole model with packed tensors in place of what they hold.

    Args:
        model: the model.
        form: which of them it has; those that models are written with where it is left out.
    """
    part = model.whole()
    slots = {slot.name: slot for slot in part.slots}
    groups: dict[str, tuple[_Group, bool]] = {}
    for group in _groups(model):
        quantized = form(group.packed, group.name, group.members[0])
        if quantized is not None:
            groups |= dict.fromkeys(group.members, (group, quantized))
    found: dict[str, Slot] = {}
    for slot in part.slots:
        if slot.name not in groups:
            found[slot.name] = slot
            continue
        group, quantized = groups[slot.name]
        if group.name not in found:
            found[group.name] = _packed_slot(group, slots, quantized)
    return replace(part, slots=tuple(found.values()))


def _groups(model: Model) -> Iterator[_Group]:
    sizes = model.sizes
    for layer in sorted(sizes.moe_layers):
        for packed in model.spec.packed:
            members = tuple(
                name.format(layer=layer, expert=expert)
                for expert in range(sizes.experts)
                for name in packed.of
            )
            yield _Group(packed.name.format(layer=layer), packed, members)


class ExpertSlot(NamedTuple):
    """What a packed tensor holds of one expert.

    Args:
        tensor: the packed tensor's name.
        expert: the expert's number.
        slot: what it holds; its shape has no axis of experts.
    """

    tensor: str
    expert: int
    slot: Slot


def expert_slots(model: Model, slots: dict[str, Slot]) -> Iterator[ExpertSlot]:
    """All packed tensors of a family, expert by expert.

    Args:
        model: the model.
        slots: the model's tensors by name.
    """
    for group in _groups(model):
        each = len(group.packed.of)
        for expert in range(len(group.members) // each):
            members = group.members[expert * each : (expert + 1) * each]
            one = _packed_slot(group._replace(members=members), slots, quantized=False)
            one = replace(one, name=f"{group.name}[{expert}]", shape=one.shape[1:])
            yield ExpertSlot(group.name, expert, _as_column(one) if len(one.shape) == 1 else one)


def _as_column(slot: Slot) -> Slot:
    """A vector as one column, as all vectors are seen, instead of one row."""
    copies = tuple(
        replace(copy, row=copy.col, col=copy.row, transposed=not copy.transposed)
        for copy in slot.copies
    )
    return replace(slot, copies=copies, matrix=None)


def _packed_slot(group: _Group, slots: dict[str, Slot], quantized: bool) -> Slot:
    members: Sequence[Slot] = [slots[name] for name in group.members]
    packed = group.packed
    name = packed.quantized if quantized and packed.quantized else packed.rule
    shard = RULES.get(name).boxes([slot.shape for slot in members], NOT_SPLIT)
    return Slot(
        group.name,
        shard.shape,
        name,
        group.members,
        shard.copies,
        shard.matrix,
        keep_dtype=members[0].keep_dtype,
    )
