"""Names of a running transformers model, as FSDP and DCP checkpoints have them.

Covers: prefixes and the names of wrappers (FSDP, torch.compile, activation checkpointing); experts
that transformers 5 keeps in one tensor each for gate and up and for down, or that the table of the
family packs; the output layer of a tied model, which must equal the embedding.
Does not cover: adapters (PEFT) and value heads, which are unknown names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch

from mindspeed_rl_ext.checkpoint.formats.dcp.chunked import Found
from mindspeed_rl_ext.checkpoint.mapping.chunks import Placed
from mindspeed_rl_ext.checkpoint.mapping.expected import NOT_SPLIT, Slot
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.packed import expert_slots
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import RULES
from mindspeed_rl_ext.checkpoint.tensors import OUTPUT_LAYER
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError

_WRAPPERS = re.compile(
    r"(?:^|(?<=\.))(_fsdp_wrapped_module|_checkpoint_wrapped_module|_orig_mod)\."
)
_OPTIMIZER = re.compile(r"(^|\.)optim(izer)?(\.|$)")
_EXPERT = re.compile(r"(.+\.experts)\.(\d+)\.(\w+)\.weight")
_GATE_UP = {"gate_proj": "up_proj", "w1": "w3"}
_DOWN = ("down_proj", "w2")
_MEGATRON = "embedding.word_embeddings.weight"


def is_optimizer(name: str) -> bool:
    """Whether a stored name is one of an optimizer.

    Example:
        >>> is_optimizer("optimizer.state.model.norm.weight.exp_avg"), is_optimizer("model.norm")
        (True, False)
    """
    return bool(_OPTIMIZER.search(name))


def find_model(model: Model, stored: Collection[str], place: object) -> Found:
    """Finds a model's tensors among stored ones.

    Args:
        model: the model.
        stored: stored names, those of optimizers left out.
        place: what to call the checkpoint in errors.

    Raises:
        InputError: tensors are missing, or the names do not say which are the model's.
    """
    _check_kind(stored, place)
    clean = {_WRAPPERS.sub("", name): name for name in stored}
    slots = model.whole().slots
    prefix = _prefix([slot.name for slot in slots], clean, place)
    mine = {key.removeprefix(prefix): name for key, name in clean.items() if key.startswith(prefix)}
    packed = _packed(model, slots, mine)
    placed, missing = _place([slot for slot in slots if slot.name not in packed], mine)
    placed += [item for item in packed.values() if item is not None]
    if missing:
        raise InputError(
            f"{place} lacks {len(missing)} tensors of the model",
            found=f"missing {some(missing)}; there are {some(stored, 3)}",
            expected="the names of the model in transformers",
            remedy="check --hf-cfg-dir; an adapter (LoRA) alone is no model",
        )
    tied = model.tied_name()
    if tied and OUTPUT_LAYER in mine:
        embedding = next(slot for slot in slots if slot.name == tied)
        placed.append(Placed(mine[OUTPUT_LAYER], (), replace(embedding, name=OUTPUT_LAYER)))
    known = {item.tensor for item in placed}
    unknown = [
        name
        for key, name in mine.items()
        if name not in known and not any(fnmatch(key, pattern) for pattern in model.ignored())
    ]
    return Found(placed, unknown)


def _check_kind(stored: Collection[str], place: object) -> None:
    """Raises InputError where the names are those of something else than a whole model."""
    adapters = [name for name in stored if ".lora_A." in name or ".lora_B." in name]
    if adapters:
        raise InputError(
            f"{place} holds LoRA adapters that are not merged into the model",
            found=f"{len(adapters)} tensors such as {adapters[0]}",
            expected="the model's own tensors",
            remedy="merge them in PEFT (merge_and_unload) and save the model",
        )
    if _MEGATRON in stored:
        raise InputError(
            f"{place} has Megatron core's names",
            found=_MEGATRON,
            expected="the names of the model in transformers",
            remedy="copy common.pt and metadata.json of the checkpoint as well: they make it a "
            "torch_dist checkpoint",
        )


def _prefix(names: list[str], clean: Mapping[str, str], place: object) -> str:
    """What stands before the model's own names; the same for all of them."""
    first = names[0]
    found = sorted(
        key.removesuffix(first)
        for key in clean
        if key == first or (key.endswith(f".{first}") and not is_optimizer(key))
    )
    if len(found) > 1:
        # `model.embed_tokens.weight` ends in itself: the shortest prefix holds all of the others.
        found = [prefix for prefix in found if all(prefix + name in clean for name in names[-1:])]
    if len(found) != 1:
        raise InputError(
            f"{place} does not hold the model once",
            found=f"{some(found)} before {first}" if found else f"no {first}; {some(clean, 3)}",
            expected="the names of the model in transformers, behind one prefix",
            remedy="check --hf-cfg-dir",
        )
    return found[0]


def _place(slots: Sequence[Slot], stored: Mapping[str, str]) -> tuple[list[Placed], list[str]]:
    placed: list[Placed] = []
    missing: list[str] = []
    table = {slot.name: slot for slot in slots}
    for slot in slots:
        name = next(
            (stored[spelling] for spelling in _spellings(slot.name) if spelling in stored), ""
        )
        if name:
            placed.append(Placed(name, (), slot))
            continue
        if slot.repeats:  # a copy that models may lack
            continue
        fused = _fused(slot, table, stored)
        if fused is None:
            missing.append(slot.name)
        elif fused.tensor:
            placed.append(fused)
    return placed, missing


def _packed(
    model: Model, slots: Sequence[Slot], stored: Mapping[str, str]
) -> dict[str, Placed | None]:
    """Where the stored packed tensors of a family have what they hold; None beside the first."""
    found: dict[str, Placed | None] = {}
    for one in expert_slots(model, {slot.name: slot for slot in slots}):
        if one.tensor in stored:
            found |= dict.fromkeys(one.slot.hf)
            found[one.slot.hf[0]] = Placed(stored[one.tensor], (one.expert,), one.slot)
    return found


def _spellings(name: str) -> Iterator[str]:
    yield name
    if ".block_sparse_moe." in name:  # Mixtral in transformers 5
        yield name.replace(".block_sparse_moe.", ".mlp.")


def _fused(slot: Slot, table: Mapping[str, Slot], stored: Mapping[str, str]) -> Placed | None:
    """An expert's place in the tensor of all experts.

    Returns:
        The place, with `tensor` "" for up, which lies below its gate; None where there is none.
    """
    match = _EXPERT.fullmatch(slot.name)
    if match is None:
        return None
    start, number, kind = match.groups()
    end = "down_proj" if kind in _DOWN else "gate_up_proj"
    name = next((stored[s] for s in _spellings(f"{start}.{end}") if s in stored), "")
    if not name:
        return None
    if kind in _DOWN:
        return Placed(name, (int(number),), slot)
    if kind not in _GATE_UP:
        return Placed("", (), slot)
    up = table[f"{start}.{number}.{_GATE_UP[kind]}.weight"]
    shard = RULES.get("stack").boxes([slot.shape, up.shape], NOT_SPLIT)
    both = replace(
        slot,
        name=f"{start}.{number}.{end}",
        shape=shard.shape,
        rule="stack",
        hf=(slot.name, up.name),
        copies=shard.copies,
    )
    return Placed(name, (int(number),), both)
