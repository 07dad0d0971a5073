"""A model's sizes, read from config.json and cross-checked with a checkpoint's `args`.

Covers: both spellings of keys (transformers 4 and 5), head_dim that is not hidden / heads.
Does not cover: tensor shapes; the plan compares those.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.spec import CONFIG_KEYS, ModelSpec
from mindspeed_rl_ext.checkpoint.tensors import Shape
from mindspeed_rl_ext.errors import InputError


@dataclass(frozen=True)
class Sizes:
    """The numbers that shapes follow from.

    Args:
        layers: hidden layers, without noop layers.
        hidden: width of the residual stream.
        heads: query heads.
        groups: key-value heads (num_query_groups).
        head_dim: width of a head.
        ffn: width of the MLP.
        vocab: rows of the embedding, without padding.
        tied: the output layer is the embedding.
        options: the spec's options that this model has, such as "qkv_bias".
        config: all of config.json.
    """

    layers: int
    hidden: int
    heads: int
    groups: int
    head_dim: int
    ffn: int
    vocab: int
    tied: bool
    options: frozenset[str] = frozenset()
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def shape(self, dims: tuple[str, ...]) -> Shape:
        """The shape that a table's dimension names mean."""
        values = {
            "hidden": self.hidden,
            "q": self.heads * self.head_dim,
            "kv": self.groups * self.head_dim,
            "head_dim": self.head_dim,
            "ffn": self.ffn,
            "vocab": self.vocab,
        }
        return tuple(values[dim] for dim in dims)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a HuggingFace directory.

    Raises:
        InputError: missing or broken.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(
            f"no config.json in {folder}",
            found="no such directory" if not folder.is_dir() else "a directory without it",
            expected="a HuggingFace model directory",
            remedy="check --load-dir or --hf-cfg-dir",
        )
    try:
        config = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(
            f"{path} is not readable JSON", found=str(error), remedy="download it again"
        ) from error
    if not isinstance(config, dict):
        raise InputError(f"{path} is not a JSON object", found=type(config).__name__)
    return config


def sizes_of_config(spec: ModelSpec, config: Mapping[str, Any]) -> Sizes:
    """Sizes from config.json.

    Raises:
        InputError: a key is missing, no positive integer, or something not converted is set.
    """
    for key, what in spec.refused.items():
        if config.get(key):
            raise InputError(f"{what} are not converted", found=f"{key}={config[key]!r}")
    keys = {**CONFIG_KEYS, **spec.config_keys}
    defaults = dict(config)
    if "heads" in keys and keys["heads"] in config:
        if defaults.get(keys["groups"]) is None:
            defaults[keys["groups"]] = config[keys["heads"]]
        if defaults.get(keys["head_dim"]) is None:
            defaults[keys["head_dim"]] = _default_head_dim(config, keys)
    numbers = {size: _number(defaults, key) for size, key in keys.items()}
    if numbers["heads"] % numbers["groups"]:
        raise InputError(
            "attention heads do not share key-value heads evenly",
            found=f"{keys['heads']}={numbers['heads']}, {keys['groups']}={numbers['groups']}",
            remedy="check config.json",
        )
    options = frozenset(
        name
        for name, value in spec.options.items()
        if (config.get(value) if isinstance(value, str) else value)
    )
    tied = bool(config.get("tie_word_embeddings", spec.tied_by_default))
    return Sizes(**numbers, tied=tied, options=options, config=config)


def _default_head_dim(config: Mapping[str, Any], keys: Mapping[str, str]) -> int:
    hidden, heads = _number(config, keys["hidden"]), _number(config, keys["heads"])
    if hidden % heads:
        raise InputError(
            f"config.json has no {keys['head_dim']} and it does not follow",
            found=f"{keys['hidden']}={hidden}, {keys['heads']}={heads}",
            remedy=f"add {keys['head_dim']} to config.json",
        )
    return hidden // heads


def _number(config: Mapping[str, Any], key: str) -> int:
    value = config.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(
            f"config.json has no usable {key}",
            found=repr(value) if key in config else "no such key",
            expected="a positive integer",
        )
    return value


# Size -> names in a checkpoint's args: Megatron's first, HuggingFace's after it.
_ARGS_NAMES: Mapping[str, tuple[str, ...]] = {
    "hidden": ("hidden_size",),
    "heads": ("num_attention_heads",),
    "groups": ("num_query_groups", "num_key_value_heads"),
    "head_dim": ("kv_channels", "head_dim"),
    "ffn": ("ffn_hidden_size", "intermediate_size"),
}


def check_args(sizes: Sizes, args: Mapping[str, Any], place: str) -> None:
    """Compares a checkpoint's args with the sizes of config.json, whichever names they carry.

    A group count of args without grouped-query attention is a default that was never set.

    Raises:
        InputError: one of them differs; both values are named.
    """
    grouped = bool(args.get("group_query_attention"))
    for size, names in _ARGS_NAMES.items():
        for name in names:
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


def _contradiction(place: str, found: str, expected: str) -> InputError:
    return InputError(
        f"the args of {place} contradict config.json",
        found=found,
        expected=expected,
        remedy="pass the --hf-cfg-dir of the model that the checkpoint was made from",
    )
