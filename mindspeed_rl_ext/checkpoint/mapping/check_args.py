"""A checkpoint's args against config.json: what must agree, and what is worth a warning.

Covers: the sizes that the model has tensors of, whichever names the args carry; settings that
change results but no shape (rotary base, scaling and part, epsilon, routing of tokens).
Does not cover: sizes that the family does not use: args of it carry any value there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from mindspeed_rl_ext.checkpoint.mapping.expected import applying_rows
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.rope import rope_scaling, rope_theta, rotary_percent
from mindspeed_rl_ext.core.errors import InputError

log = logging.getLogger(__name__)

# Size -> names in a checkpoint's args: Megatron's first, HuggingFace's after it.
_ARGS_NAMES: Mapping[str, tuple[str, ...]] = {
    "hidden": ("hidden_size",),
    "heads": ("num_attention_heads",),
    "groups": ("num_query_groups", "num_key_value_heads"),
    "head_dim": ("kv_channels", "head_dim"),
    "ffn": ("ffn_hidden_size", "intermediate_size"),
    "experts": ("num_experts", "num_local_experts", "n_routed_experts"),
}
# The sizes behind the dimensions that stand for several.
_BEHIND = {"q": ("heads", "head_dim"), "kv": ("groups", "head_dim")}


def check_args(model: Model, args: Mapping[str, Any], layout: Layout, place: str) -> None:
    """Compares a checkpoint's args and padded vocabulary with the sizes of config.json.

    A group count of args without grouped-query attention is a default that was never set.

    Raises:
        InputError: one of them differs; both values are named.
    """
    grouped = bool(args.get("group_query_attention"))
    sizes, used = model.sizes, _used(model)
    for size in (size for size in _ARGS_NAMES if size in used):
        for name in _ARGS_NAMES[size]:
            value, expected = args.get(name), getattr(sizes, size)
            if value is None or (name == "num_query_groups" and not grouped):
                continue
            if value != expected:
                raise _contradiction(place, f"{name}={value}", f"{expected}, by config.json")
    untied = args.get("untie_embeddings_and_output_weights")
    if isinstance(untied, bool) and untied is sizes.tied:
        raise _contradiction(
            place,
            f"untie_embeddings_and_output_weights={untied}",
            f"{not sizes.tied}, by tie_word_embeddings of config.json",
        )
    slots, noop = args.get("num_layers"), len(layout.noop_layers)
    if isinstance(slots, int) and slots != sizes.layers + noop:
        expected = f"{sizes.layers + noop} ({sizes.layers}, and {noop} noop)"
        raise _contradiction(place, f"num_layers={slots}", expected)
    if 0 < layout.padded_vocab < sizes.vocab:
        raise InputError(
            f"{place} holds fewer vocabulary rows than config.json says",
            found=str(layout.padded_vocab),
            expected=f"at least {sizes.vocab}",
            remedy="check --hf-cfg-dir",
        )


def _used(model: Model) -> set[str]:
    """The sizes that tensors of this model follow from; experts always count, none is 0."""
    found = {"experts"}
    for row in applying_rows(model.spec, model.sizes):
        for dim in (dim for hf in row.hf for dim in hf.dims):
            for name in dim.replace("*", "+").split("+"):
                found.update(_BEHIND.get(name, (name,)))
    return found


def _contradiction(place: str, found: str, expected: str) -> InputError:
    """The error of args that are of another model."""
    return InputError(
        f"the args of {place} contradict config.json",
        found=found,
        expected=expected,
        remedy="pass the --hf-cfg-dir of the model that the checkpoint was made from",
    )


class Difference(NamedTuple):
    """A setting that differs: its name in args, the value there, the value of config.json."""

    name: str
    in_args: Any
    in_config: Any


def warn_of_differences(model: Model, args: Mapping[str, Any], place: str) -> None:
    """Warns where the checkpoint was trained with other settings than config.json has."""
    for found in differences(model, args):
        log.warning(
            "%s was trained with %s=%s, config.json says %s; the latter is written",
            place, found.name, found.in_args, found.in_config,
        )  # fmt: skip


def differences(model: Model, args: Mapping[str, Any]) -> Iterator[Difference]:
    """Settings of args that differ from config.json."""
    config = model.sizes.config
    pairs = {
        "rotary_base": rope_theta(config),
        "norm_epsilon": config.get("rms_norm_eps"),
        "rope_scaling_type": rope_scaling(config).get("type"),
        "rope_scaling_factor": rope_scaling(config).get("factor"),
        "rotary_scaling_factor": rope_scaling(config).get("factor"),
        **(_routing(config) if model.sizes.experts else {}),
    }
    for name, expected in pairs.items():
        value = args.get(name)
        if value is not None and expected is not None and value != expected:
            yield Difference(name, value, expected)
    rotated = rotary_percent(config, model.sizes.head_dim)
    # Hosts have two options for it, of which a run sets one.
    shares = [args.get(name) for name in ("rotary_percent", "partial_rotary_factor")]
    if shares[0] is not None and rotated not in shares:
        yield Difference("rotary_percent", shares[0], rotated)
    if args.get("use_rope_scaling") and not rope_scaling(config):
        yield Difference("use_rope_scaling", True, "no rope_scaling")


def _routing(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "moe_router_topk": config.get("num_experts_per_tok"),
        "moe_router_topk_scaling_factor": config.get("routed_scaling_factor"),
    }


def other_settings(one: Model, two: Model) -> Iterator[str]:
    """What makes two models of the same tensors different ones: a line for each setting."""
    for name, first in _settings(one).items():
        second = _settings(two)[name]
        if first != second:
            yield f"config.json: {name} {first} and {second}"


def _settings(model: Model) -> dict[str, Any]:
    sizes, config = model.sizes, model.sizes.config
    numbers = {one.name: getattr(sizes, one.name) for one in fields(sizes) if one.name != "config"}
    shown = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in numbers.items()
    }
    rotary = {"rope_theta": rope_theta(config), "rope_scaling": dict(rope_scaling(config))}
    return {**shown, **rotary, "rms_norm_eps": config.get("rms_norm_eps")}
