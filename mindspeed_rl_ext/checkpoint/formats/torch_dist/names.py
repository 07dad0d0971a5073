"""Under which names Megatron core's distributed checkpoints hold a model's tensors.

Covers: layers stacked on a leading axis or one by one; experts stacked or one by one; norms under
the names of transformer_engine's fused layers, which core uses for its own layers too; gate and up
as two tensors (`singleton_local_shards`); sections of linear attention; core's two downward
projections of latent attention.
Does not cover: optimizers; what of `transformer_engine` has no weights.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from mindspeed_rl_ext.checkpoint.formats.dcp.chunked import EXTRA
from mindspeed_rl_ext.checkpoint.mapping.chunks import Placed, by_source, cut_slot
from mindspeed_rl_ext.checkpoint.mapping.expected import Slot
from mindspeed_rl_ext.checkpoint.mapping.rules.delta import SECTIONED, SECTIONS
from mindspeed_rl_ext.checkpoint.tensors import Box, Shape

_LAYER = re.compile(r"(decoder\.layers\.)(\d+)\.(.+)")
_PREDICTION = re.compile(r"(mtp\.layers\.(\d+)\.transformer_layer\.)(.+)")
_EXPERT = re.compile(r"(.*mlp\.experts\.)local_experts\.(\d+)\.(.+)")
# What lies beside the model: (pattern, what messages call it).
LEFT_OUT = (
    (re.compile(r"(chained_\d+\.)?optimizer\."), "optimizer"),
    (re.compile(r".*\._extra_state(/|$)"), EXTRA),
    (re.compile(r"(rng_state|rerun_state_machine_state|opt_param_scheduler)\b"), "run state"),
)
# Core's own maps of names (`sharded_state_dict_keys_map`), and transformer_engine's fused layers.
FUSED = (
    ("input_layernorm.", "self_attention.linear_qkv.layer_norm_"),
    ("input_layernorm.", "self_attention.in_proj.layer_norm_"),
    ("pre_mlp_layernorm.", "mlp.linear_fc1.layer_norm_"),
    ("self_attention.q_layernorm.", "self_attention.linear_q_up_proj.layer_norm_"),
    ("self_attention.kv_layernorm.", "self_attention.linear_kv_up_proj.layer_norm_"),
)
_SECTION = re.compile(rf"(?<=\.weight)\.({'|'.join(SECTIONS)})$")
_FC1 = "linear_fc1.weight"
_GATE, _UP = "linear_fc1.weight_w", "linear_fc1.weight_v"


def place_slots(slots: Sequence[Slot], stored: Container[str]) -> tuple[list[Placed], list[str]]:
    """Finds the tensors of a model among the stored ones.

    Args:
        slots: the model's tensors, unsharded, one slot for each layer and expert.
        stored: names that are stored.

    Returns:
        The places found, and the names of slots that are stored under none of their names.
    """
    placed: list[Placed] = []
    missing: list[str] = []
    for slot in slots:
        found = _find(slot, stored)
        if found:
            placed += found
        else:
            missing.append(slot.name)
    return placed, missing


def _find(slot: Slot, stored: Container[str]) -> list[Placed]:
    for name, index in stored_names(slot.name):
        if name in stored:
            return [Placed(name, index, slot)]
    if slot.rule in SECTIONED:
        return _find_sections(slot, stored)
    if not slot.name.endswith(_FC1):
        return []
    found = []
    for (part, _), end in zip(by_source(slot), (_GATE, _UP), strict=True):
        for name, index in stored_names(slot.name.removesuffix(_FC1) + end):
            if name in stored:
                found.append(Placed(name, index, part))
                break
    return found if len(found) == 2 else []


def _find_sections(slot: Slot, stored: Container[str]) -> list[Placed]:
    found = []
    for end, part in sections_of(slot):
        for name, index in stored_names(slot.name):
            if f"{name}.{end}" in stored:
                found.append(Placed(f"{name}.{end}", index, part))
                break
    return found if len(found) == len(slot.copies) else []


def sections_of(slot: Slot) -> Iterator[tuple[str, Slot]]:
    """The sections of a whole tensor of linear attention: core's name for each, and the section."""
    for (end, name), copy in zip(SECTIONS.items(), slot.copies, strict=False):
        area = Box(copy.row, copy.box.rows, 0, copy.box.cols)
        part = cut_slot(slot, area, f"{slot.name}.{end}")
        shape = (copy.box.rows, *slot.shape[1:])
        yield end, replace(part, rule=name, shape=shape)


def stored_names(name: str) -> Iterator[tuple[str, Shape]]:
    """All names that a tensor may be stored under, with its place on the leading axes.

    Args:
        name: Megatron's name, with the number of the layer and of the expert.

    Example:
        >>> next(stored_names("decoder.layers.3.mlp.linear_fc2.weight"))
        ('decoder.layers.mlp.linear_fc2.weight', (3,))
    """
    starts: list[tuple[str, Shape]] = [("", ())]
    rest = name
    layer, prediction = _LAYER.fullmatch(name), _PREDICTION.fullmatch(name)
    if layer:
        start, number, rest = layer.groups()
        starts = [(start, (int(number),)), (f"{start}{number}.", ())]
    elif prediction:  # core never stacks these
        starts, rest = [(prediction[1], ())], prediction[3]
    for (start, index), (end, more) in product(starts, _ends(rest)):
        yield start + end, index + more


def _ends(rest: str) -> Iterator[tuple[str, Shape]]:
    expert = _EXPERT.fullmatch(rest)
    if expert:
        start, number, end = expert.groups()
        yield f"{start}experts.{end}", (int(number),)
        yield f"{start}experts.{number}.{end}", ()
        return
    yield rest, ()
    for own, fused in FUSED:
        if rest.startswith(own):
            yield rest.replace(own, fused, 1), ()


def left_out(name: str) -> str:
    """What a stored tensor is that is no weight of a model; "" for all others.

    Example:
        >>> left_out("optimizer.state.exp_avg.decoder.final_layernorm.weight")
        'optimizer'
    """
    return next((what for pattern, what in LEFT_OUT if pattern.match(name)), "")


@dataclass(frozen=True)
class Naming:
    """How a checkpoint that we write names a model's tensors.

    Args:
        layer_by_layer: each layer has names of its own, as core does where layers differ.
        transformer_impl: "local" or "transformer_engine".
        names: the names of all slots.
    """

    layer_by_layer: bool
    transformer_impl: str
    names: frozenset[str]


def name_slot(slot: Slot, naming: Naming) -> list[Placed]:
    """The place of a slot in a checkpoint that we write, or the places of its sections."""
    if slot.rule in SECTIONED:
        place = _place(slot, naming)
        return [
            Placed(f"{place.tensor}.{end}", place.index, part) for end, part in sections_of(slot)
        ]
    return [_place(slot, naming)]


def _place(slot: Slot, naming: Naming) -> Placed:
    name = slot.name
    inside = _LAYER.fullmatch(name) or _PREDICTION.fullmatch(name)
    if inside:
        layer, rest = name.removesuffix(inside[3]), inside[3]
        for own, fused in FUSED:
            if rest.startswith(own) and _is_fused(own, fused, layer, naming):
                name = layer + rest.replace(own, fused, 1)
    one_by_one = bool(_LAYER.fullmatch(name)) and naming.layer_by_layer
    stored, index = next(
        (stored, index)
        for stored, index in stored_names(name)
        if bool(_LAYER.fullmatch(stored)) is one_by_one
    )
    return Placed(stored, index, slot)


def _is_fused(own: str, fused: str, layer: str, naming: Naming) -> bool:
    """Whether core keeps a norm under the name of the layer behind it.

    Its local layers always do, but those with downward projections of latent attention; those of
    transformer_engine do where the norm is fused, which it is not before experts, nor in front of
    latent attention.
    """
    latent = f"{layer}self_attention.linear_kv_down_proj.weight" in naming.names
    inside = own.startswith("self_attention.")
    if latent and (naming.transformer_impl == "local" or own == "input_layernorm."):
        return False
    if inside:
        return latent
    if (
        own == "input_layernorm."
        and f"{layer}{fused.rpartition('.')[0]}.weight" not in naming.names
    ):
        return False
    has_experts = f"{layer}mlp.router.weight" in naming.names
    before_experts = own == "pre_mlp_layernorm." and has_experts
    return naming.transformer_impl == "local" or not before_experts


def extra_states(placed: Iterable[tuple[Placed, Shape]], transformer_impl: str) -> Iterator[str]:
    """The names of `_extra_state` objects that core asks for when it loads.

    Args:
        placed: places of slots, with the sizes of their leading axes.
        transformer_impl: transformer_engine's attention and norms have some of their own.
    """
    met: set[str] = set()
    for item, sizes in placed:
        shard = f"{_joined(item.index or (0,))}_{_joined(sizes or (1,))}"
        for module in _modules_with_state(item.tensor, transformer_impl):
            name = f"{module}.{EXTRA}/shard_{shard}"
            if name not in met:
                met.add(name)
                yield name


def _modules_with_state(tensor: str, transformer_impl: str) -> Iterator[str]:
    module, _, kind = _SECTION.sub("", tensor).rpartition(".")
    last = module.rpartition(".")[2]
    if kind != "weight":
        return
    if last.startswith("linear_") or last in ("eh_proj", "in_proj", "out_proj"):
        yield module
    if transformer_impl == "transformer_engine":
        if last == "linear_proj":
            yield module.removesuffix("linear_proj") + "core_attention"
        if last.endswith(("layernorm", "out_norm")):
            yield module


def _joined(numbers: Shape) -> str:
    return ".".join(map(str, numbers))
