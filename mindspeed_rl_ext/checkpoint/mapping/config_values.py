"""Checks of single values of config.json that are read beside the sizes.

Covers: numbers that change what a model computes, also those of rotary embeddings.
Does not cover: sizes; `sizes` reads and checks them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from mindspeed_rl_ext.core.errors import InputError

_NUMBERS = (
    "attention_dropout",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "partial_rotary_factor",
    "query_pre_attn_scalar",
    "rms_norm_eps",
    "rope_theta",
    "rotary_dim",
    "routed_scaling_factor",
    "swiglu_limit",
)
_COUNTS = (
    "first_k_dense_replace",
    "index_topk",
    "max_position_embeddings",
    "max_window_layers",
    "n_group",
    "num_experts_per_tok",
    "num_nextn_predict_layers",
    "sliding_window",
    "topk_group",
)
_ROPE = ("rope_parameters", "rope_scaling")
_ROPE_NUMBERS = (
    "attention_factor",
    "beta_fast",
    "beta_slow",
    "factor",
    "high_freq_factor",
    "low_freq_factor",
    "mscale",
    "mscale_all_dim",
    "original_max_position_embeddings",
    "partial_rotary_factor",
    "rope_theta",
)
# What null means by itself; elsewhere it is as if the key were absent.
_NULL = ("attn_logit_softcapping", "final_logit_softcapping", "sliding_window")


def with_defaults(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """config.json with what the absence of a key, or null as a number, means in a family.

    Raises:
        InputError: a value is of another kind than its key asks for.

    Example:
        >>> with_defaults({"rms_norm_eps": None, "sliding_window": None}, {"rms_norm_eps": 1e-5})
        {'rms_norm_eps': 1e-05, 'sliding_window': None}
    """
    for key, value, expected in _wrong(config):
        raise InputError(f"config.json has no usable {key}", found=repr(value), expected=expected)
    numbers = {*_NUMBERS, *_COUNTS} - {*_NULL}
    given = {k: value for k, value in config.items() if value is not None or k not in numbers}
    return {**defaults, **given}


def _wrong(config: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    for key in _NUMBERS:
        if not _is_number(config.get(key)):
            yield key, config[key], "a number"
    for key in _COUNTS:
        value = config.get(key)
        if not _is_number(value) or (value is not None and (value != int(value) or value < 0)):
            yield key, value, "a number of 0 or more"
    dense = config.get("mlp_only_layers")
    if dense is not None and not _are_layers(dense):
        yield "mlp_only_layers", dense, "a list of layers"
    for key in _ROPE:
        nested = config.get(key)
        if isinstance(nested, dict):
            wrong = (name for name in _ROPE_NUMBERS if not _is_number(nested.get(name)))
            yield from ((f"{name} in {key}", nested[name], "a number") for name in wrong)
        elif nested is not None:
            yield key, nested, "an object, or null"


def _are_layers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(layer, int) for layer in value)


def _is_number(value: Any) -> bool:
    """A finite number, or nothing."""
    if isinstance(value, bool):
        return False
    return value is None or (isinstance(value, (int, float)) and isfinite(value))
