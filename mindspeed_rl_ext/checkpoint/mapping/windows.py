"""Sliding windows of attention: their width, and which layers have one, by config.json.

Covers: `layer_types`, and what each family does without it.
Does not cover: chunked attention.

Example:
    >>> alternate_layers({"sliding_window": 8}, 4)
    (True, False, True, False)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mindspeed_rl_ext.core.errors import InputError

# config.json and the number of layers -> which layers have the window.
Windows = Callable[[Mapping[str, Any], int], tuple[bool, ...]]
_SLIDING, _FULL = "sliding_attention", "full_attention"


def no_layers(config: Mapping[str, Any], layers: int) -> tuple[bool, ...]:
    """The family has no windows."""
    return (False,) * layers


def all_layers(config: Mapping[str, Any], layers: int) -> tuple[bool, ...]:
    """Every layer has the window, unless `use_sliding_window` says no."""
    return (bool(config.get("use_sliding_window", True)),) * layers


def alternate_layers(config: Mapping[str, Any], layers: int) -> tuple[bool, ...]:
    """The first layer has the window, the second not, and so on."""
    return _typed(config, layers, lambda layer: layer % 2 == 0)


def upper_layers(config: Mapping[str, Any], layers: int) -> tuple[bool, ...]:
    """With `use_sliding_window` the layers from `max_window_layers` on."""
    return _chosen(config, layers, lambda layer, most: layer >= most)


def lower_alternate_layers(config: Mapping[str, Any], layers: int) -> tuple[bool, ...]:
    """With `use_sliding_window` each second layer before `max_window_layers`."""
    return _chosen(config, layers, lambda layer, most: layer % 2 == 0 and layer < most)


def _chosen(
    config: Mapping[str, Any], layers: int, has: Callable[[int, int], bool]
) -> tuple[bool, ...]:
    if not config.get("use_sliding_window"):
        return (False,) * layers
    most = int(config.get("max_window_layers", 28))
    return _typed(config, layers, lambda layer: has(layer, most))


def _typed(config: Mapping[str, Any], layers: int, has: Callable[[int], bool]) -> tuple[bool, ...]:
    kinds = config.get("layer_types")
    if kinds is None:
        return tuple(has(layer) for layer in range(layers))
    if not isinstance(kinds, list) or len(kinds) < layers or not {*kinds} <= {_SLIDING, _FULL}:
        raise InputError(
            "config.json has no usable layer_types",
            found=repr(kinds),
            expected=f"a list of {_SLIDING} and {_FULL} for each of {layers} layers",
        )
    return tuple(kind == _SLIDING for kind in kinds[:layers])
