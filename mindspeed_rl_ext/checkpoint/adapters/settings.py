"""What an adapter says of itself: rank, alpha, and what of PEFT's variants it uses.

Covers: adapter_config.json of PEFT; variants that change more than low-rank products are refused by
name; the hosts' flags compared with what the adapter says.
Does not cover: tensors.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from mindspeed_rl_ext.core.errors import InputError

CONFIG = "adapter_config.json"
# An alpha beyond it leaves the range of float32.
_MOST = 1e30
_PRODUCT_ONLY = "only products of two matrices are merged"
_MERGE = "merge it with PEFT (merge_and_unload), then convert the merged model"
# Key of adapter_config.json -> what it is; any value but none, false and empty asks for it.
_REFUSED: Mapping[str, str] = {
    "use_dora": "DoRA: magnitudes beside the product",
    "modules_to_save": "modules that were trained wholly",
    "fan_in_fan_out": "weights that are stored transposed",
    "lora_bias": "biases of the matrices",
    "target_parameters": "adapters of parameters instead of modules",
    "trainable_token_indices": "rows of the embedding that were trained wholly",
    "layer_replication": "layers that are repeated",
    "alora_invocation_tokens": "adapters that act on some tokens only",
    "use_qalora": "QA-LoRA: input that is pooled",
    "arrow_config": "several adapters behind a router",
    "use_bdlora": "block-diagonal matrices",
    "velora_config": "VeLoRA",
    "monteclora_config": "MonteCLoRA",
}
# Ways to begin that change the base model: the adapter does not belong to the published one.
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")


@dataclass(frozen=True)
class AdapterSettings:
    """What scales the products.

    Args:
        rank: the rank that holds where no tensor says another.
        alpha: `lora_alpha`.
        rank_stabilized: the scale is alpha / sqrt(rank) instead of alpha / rank (rsLoRA).
        rank_pattern: pattern of module names -> their rank.
        alpha_pattern: pattern of module names -> their alpha.
        targets: names of the modules that it changes, as its configuration has them.
        base: the name or directory of the base model, as its configuration has it.
    """

    rank: int
    alpha: float
    rank_stabilized: bool = False
    rank_pattern: Mapping[str, float] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    base: str = ""

    def scale(self, module: str, rank: int) -> float:
        """The scale of a module's product.

        Example:
            >>> settings = AdapterSettings(8, 16, alpha_pattern={"o_proj": 4})
            >>> settings.scale("model.layers.0.o_proj", 8), settings.scale("q_proj", 4)
            (0.5, 4.0)
        """
        alpha = _of_pattern(self.alpha_pattern, module, self.alpha)
        return float(alpha / (math.sqrt(rank) if self.rank_stabilized else rank))

    def rank_of(self, module: str) -> int:
        """The rank that the configuration says of a module."""
        return int(_of_pattern(self.rank_pattern, module, self.rank))


def _of_pattern(patterns: Mapping[str, float], module: str, default: float) -> float:
    """The value of the first pattern that a module's name, or the end of it, is."""
    found = (
        value for pattern, value in patterns.items() if re.match(rf"(.*\.)?({pattern})$", module)
    )
    return next(found, default)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value can scale a product in float32."""
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return known and math.isfinite(value) and abs(value) < _MOST


def read_peft_settings(folder: Path) -> AdapterSettings:
    """The settings of a PEFT adapter.

    Raises:
        InputError: no readable adapter_config.json, or a variant that is not merged.
    """
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} is not readable", found=str(error), remedy="save the adapter again"
        ) from error
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        kind = config.get("peft_type") if isinstance(config, dict) else type(config).__name__
        raise InputError(
            f"{folder} holds no LoRA adapter", found=f"peft_type {kind}", expected="LORA"
        )
    _check_variants(path, config)
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not _is_rank(rank) or not is_number(alpha):
        raise InputError(
            f"{path} has no usable rank and alpha",
            found=f"r={rank!r}, lora_alpha={alpha!r}",
            expected="a positive integer and a number",
            remedy="save the adapter again",
        )
    targets = config.get("target_modules") or ()
    return AdapterSettings(
        rank,
        alpha,
        bool(config.get("use_rslora")),
        _patterns(path, config, "rank_pattern", _is_rank),
        _patterns(path, config, "alpha_pattern", is_number),
        tuple(targets) if isinstance(targets, (list, tuple)) else (),
        str(config.get("base_model_name_or_path") or ""),
    )


def _is_rank(value: Any) -> TypeGuard[int]:
    return is_number(value) and isinstance(value, int) and value > 0


def _patterns(
    path: Path, config: Mapping[str, Any], key: str, fits: Callable[[Any], bool]
) -> dict[str, float]:
    """A table of patterns; InputError where it is none."""
    found = config.get(key) or {}
    if not isinstance(found, dict) or not all(map(fits, found.values())):
        raise InputError(
            f"{path} has no usable {key}",
            found=repr(found),
            expected="pattern of module names -> number",
            remedy="save the adapter again",
        )
    for pattern in found:
        try:
            re.compile(pattern)
        except re.error as error:
            raise InputError(
                f"{path} has no usable {key}",
                found=f"{pattern!r}: {error}",
                expected="regular expressions",
                remedy="save the adapter again",
            ) from error
    return found


def _check_variants(path: Path, config: Mapping[str, Any]) -> None:
    for key, what in _REFUSED.items():
        if config.get(key):
            raise InputError(
                f"{path} has {key}: {what}",
                found=repr(config[key]),
                expected=_PRODUCT_ONLY,
                remedy=_MERGE,
            )
    if config.get("bias", "none") != "none":
        raise InputError(
            f"{path} has bias: biases of the model were trained",
            found=repr(config["bias"]),
            expected=_PRODUCT_ONLY,
            remedy=_MERGE,
        )
    begun = config.get("init_lora_weights")
    if isinstance(begun, str) and begun.lower().startswith(_CHANGES_BASE):
        raise InputError(
            f"{path} has init_lora_weights={begun}, which changes the base model",
            found="an adapter that does not belong to the published model",
            remedy="save it with save_pretrained(path_initial_model_for_weight_conversion=...), "
            "which makes it a plain adapter",
        )


def check_flag(name: str, given: float | None, found: float | None, place: Path) -> None:
    """Compares a flag with what the adapter says; InputError where they differ."""
    if given is not None and found is not None and given != found:
        raise InputError(
            f"{name} {given:g} is not what the adapter was trained with",
            found=f"{place} has {found:g}",
            remedy=f"{name} {found:g}, or leave it out",
        )
