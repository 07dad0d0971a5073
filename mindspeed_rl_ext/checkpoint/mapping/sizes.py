"""A model's sizes, read from config.json.

Covers: both spellings of keys (transformers 4 and 5), head_dim that is not hidden / heads, which
layers have experts.
Does not cover: tensor shapes; the plan compares those.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.spec import CONFIG_KEYS, ModelSpec
from mindspeed_rl_ext.checkpoint.tensors import Shape
from mindspeed_rl_ext.checkpoint.wording import no_directory
from mindspeed_rl_ext.core.errors import InputError


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
        config: all of config.json, and what the absence of keys means in this family.
        extra: the spec's further sizes, such as "experts".
        moe_layers: layers that have experts.
        linear_layers: layers that have linear attention.
        window: tokens that a layer with a sliding window attends to; 0 where none has one.
        window_layers: layers that have it.
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
    extra: Mapping[str, int] = field(default_factory=dict)
    moe_layers: frozenset[int] = frozenset()
    linear_layers: frozenset[int] = frozenset()
    window: int = 0
    window_layers: frozenset[int] = frozenset()

    @property
    def experts(self) -> int:
        """Routed experts of a layer; 0 in a dense model."""
        return self.extra.get("experts", 0) if self.moe_layers else 0

    @property
    def shared_ffn(self) -> int:
        """Width of the shared experts together; 0 without."""
        shared = self.extra.get("shared", 0) * self.extra.get("moe_ffn", 0)
        return self.extra.get("shared_ffn", shared)

    @property
    def head_parts(self) -> tuple[int, int, int]:
        """Widths of the parts of a head of latent attention: without rotation, with, value."""
        nope, rope, value = (self.extra.get(name, 0) for name in ("qk_nope", "qk_rope", "v_dim"))
        return nope, rope, value

    @property
    def delta(self) -> tuple[int, int]:
        """Widths of key and value over all heads of linear attention; 0 without."""
        key = self.extra.get("key_heads", 0) * self.extra.get("key_dim", 0)
        return key, self.extra.get("value_heads", 0) * self.extra.get("value_dim", 0)

    def shape(self, dims: tuple[str, ...]) -> Shape:
        """The shape that a table's dimensions mean.

        Args:
            dims: sums of products of numbers, names of DIMENSIONS and the spec's further sizes,
                such as "q+2*kv".
        """
        return tuple(self._value(dim) for dim in dims)

    def _value(self, dim: str) -> int:
        sums = (prod(self._factor(name) for name in part.split("*")) for part in dim.split("+"))
        return sum(sums)

    def _factor(self, name: str) -> int:
        if name.isdigit():
            return int(name)
        return DIMENSIONS[name](self) if name in DIMENSIONS else self.extra[name]


# Planning takes time for each of these; several times what published models have.
_MOST = {"layers": 1000, "heads": 4096, "groups": 4096, "experts": 4096}

# Names of dimensions that the models' tables use.
DIMENSIONS: Mapping[str, Callable[[Sizes], int]] = {
    "hidden": lambda s: s.hidden,
    "q": lambda s: s.heads * s.head_dim,
    "kv": lambda s: s.groups * s.head_dim,
    "heads": lambda s: s.heads,
    "head_dim": lambda s: s.head_dim,
    "ffn": lambda s: s.ffn,
    "vocab": lambda s: s.vocab,
    "experts": lambda s: s.experts,
    "shared_ffn": lambda s: s.shared_ffn,
}


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a HuggingFace directory.

    Raises:
        InputError: missing or broken.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(
            f"no config.json in {folder}",
            found=no_directory(folder) or "a directory without it",
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
    for key, values in spec.required.items():
        if config.get(key) is not None and config[key] not in values:
            raise InputError(
                f"{spec.name} is not converted with such a {key}: Megatron has no option for it",
                found=f"{key}={config[key]!r}",
                expected=" or ".join(map(repr, values)),
            )
    config = {**spec.defaults, **config}
    keys = {**CONFIG_KEYS, **spec.config_keys}
    keys = {size: _spelling(config, key) for size, key in keys.items()}
    defaults = dict(config)
    if "heads" in keys and keys["heads"] in config:
        if defaults.get(keys["groups"]) is None:
            defaults[keys["groups"]] = config[keys["heads"]]
        if defaults.get(keys["head_dim"]) is None:
            defaults[keys["head_dim"]] = _default_head_dim(config, keys)
    numbers = {size: _number(defaults, key) for size, key in keys.items()}
    for size, most in _MOST.items():
        if numbers.get(size, 0) > most:
            raise InputError(
                f"config.json has more {size} than any model",
                found=f"{keys[size]}={numbers[size]}",
                expected=f"at most {most}",
                remedy="check config.json",
            )
    if numbers["heads"] % numbers["groups"]:
        raise InputError(
            "attention heads do not share key-value heads evenly",
            found=f"{keys['heads']}={numbers['heads']}, {keys['groups']}={numbers['groups']}",
            remedy="check config.json",
        )
    extra = {size: numbers.pop(size) for size in keys if size not in CONFIG_KEYS}
    for size, key in spec.optional_keys.items():
        extra[size] = _number(config, key) if config.get(key) else 0
    window, window_layers = _windows(spec, config, numbers["layers"])
    return Sizes(
        **numbers,
        tied=bool(config.get("tie_word_embeddings")),
        options=frozenset(name for name, value in spec.options.items() if _is_set(value, config)),
        config=config,
        extra=extra,
        moe_layers=_moe_layers(spec, config, numbers["layers"]),
        linear_layers=_linear_layers(spec, config, numbers["layers"]),
        window=window,
        window_layers=window_layers,
    )


def _spelling(config: Mapping[str, Any], keys: str) -> str:
    """The key that config.json has, of several with | between."""
    names = keys.split("|")
    return next((name for name in names if name in config), names[0])


def _is_set(value: bool | str, config: Mapping[str, Any]) -> bool:
    return value if isinstance(value, bool) else bool(config.get(value))


def _windows(spec: ModelSpec, config: Mapping[str, Any], layers: int) -> tuple[int, frozenset[int]]:
    """The width of sliding windows and the layers that have one; 0 and none without."""
    width = int(config.get("sliding_window") or 0)
    have = spec.windows(config, layers) if width else ()
    found = frozenset(layer for layer, has in enumerate(have) if has)
    return (width, found) if found else (0, found)


def _moe_layers(spec: ModelSpec, config: Mapping[str, Any], layers: int) -> frozenset[int]:
    sparse = spec.sparse
    if sparse is None:
        return frozenset()
    first = int(config.get(sparse.first_dense) or 0)
    every = _number(config, sparse.every) if config.get(sparse.every) is not None else 1
    dense = set(config.get(sparse.dense_layers) or ())
    return frozenset(
        layer
        for layer in range(first, layers)
        if layer not in dense and (layer + sparse.every_offset) % every == 0
    )


def _linear_layers(spec: ModelSpec, config: Mapping[str, Any], layers: int) -> frozenset[int]:
    linear = spec.linear
    if linear is None:
        return frozenset()
    kinds = config.get(linear.types)
    if kinds is None:
        every = _number({linear.every: linear.default, **config}, linear.every)
        return frozenset(layer for layer in range(layers) if (layer + 1) % every)
    if not isinstance(kinds, list) or len(kinds) != layers:
        raise InputError(
            f"config.json has no usable {linear.types}",
            found=f"{len(kinds)} entries" if isinstance(kinds, list) else repr(kinds),
            expected=f"a list with the kind of each of {layers} layers",
        )
    return frozenset(layer for layer, kind in enumerate(kinds) if kind == linear.kind)


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
