"""TRL's keys: those of older versions translated, unknown ones refused, values of their type.

Covers: the eight keys of the Datawhale note that TRL 1.16 does not know, and a few others that
recipes of their time carry; each translation is one warning.
Does not cover: a whole TRL file in the place of a recipe (`trl_file`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError, nearest
from mindspeed_rl_ext.core.typed import convert

logger = logging.getLogger(__name__)

Change = tuple[dict[str, Any], str]
# Keys of older TRL and of the scripts around it: what takes their place, and why.
RENAMED: Mapping[str, Callable[[Any], Change]] = {
    "torch_dtype": lambda v: ({"model_init_kwargs": {"dtype": v}}, "it is model_init_kwargs.dtype"),
    "dtype": lambda v: ({"model_init_kwargs": {"dtype": v}}, "it is model_init_kwargs.dtype"),
    "attn_implementation": lambda v: (
        {"model_init_kwargs": {"attn_implementation": v}},
        "it is model_init_kwargs.attn_implementation",
    ),
    "model_revision": lambda v: (
        {"model_init_kwargs": {"revision": v}},
        "it is model_init_kwargs.revision",
    ),
    "experiment_name": lambda v: ({"run_name": v}, "it is run_name"),
    "warmup_ratio": lambda v: ({"warmup_steps": v}, "warmup_steps below 1 is a fraction"),
    "vllm_device": lambda v: (
        {"vllm_mode": "colocate"},
        "vLLM shares the training devices (vllm_mode: colocate): start one process per device, not "
        "one less; vllm_mode: server is the other way",
    ),
    "vllm_max_model_len": lambda v: ({"vllm_max_model_length": v}, "it is vllm_max_model_length"),
    "use_liger_loss": lambda v: ({"use_liger_kernel": v}, "it is use_liger_kernel"),
    "overwrite_output_dir": lambda v: ({}, "--output is never overwritten; --resume continues"),
}
# Not renamed: keys that were never deprecated names, so that a recipe may write them so.
WITHOUT_WARNING = frozenset({"dtype", "attn_implementation", "model_revision"})
# Keys that belong to another section of the recipe.
ELSEWHERE = {
    "dataset_id_or_path": "dataset.options.input",
    "max_prompt_length": "dataset.options.max_prompt_length",
    "swanlab": "report_to: [swanlab]",
    "workspace": "the environment: export SWANLAB_WORKSPACE=NAME",
    "model_name_or_path": "model",
    "reward_weights": "weights",
    "output_dir": "the flag --output",
    "seed": "seed",
    "report_to": "report_to",
}


def translated(table: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Puts today's keys in the place of old ones, each with a warning.

    Args:
        table: keys and values.
        place: file and section, for messages.

    Example:
        >>> translated({"warmup_ratio": 0.03, "save_strategy": False}, "x.yaml")
        {'warmup_steps': 0.03, 'save_strategy': 'no'}
    """
    result: dict[str, Any] = {}
    for key, value in table.items():
        if key not in RENAMED:
            # YAML 1.1 reads the word no as false.
            result[key] = "no" if value is False and key.endswith("_strategy") else value
            continue
        new, why = RENAMED[key](value)
        if key not in WITHOUT_WARNING:
            logger.warning("%s: %s is a key of an older TRL: %s", place, key, why)
        for name, part in new.items():
            if isinstance(part, dict):
                part = {**(table.get(name) or {}), **result.get(name, {}), **part}
            result[name] = part
    return result


def config_arguments(kind: str, table: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Checks a section against the installed TRL's dataclass.

    Args:
        kind: "grpo" or "sft".
        table: keys and values of a recipe's `trl`.
        place: file and section, for messages.

    Returns:
        Arguments of the config, values of the declared types.

    Raises:
        InputError: an unknown key, one of another section, a value of a wrong type.
        MissingExtraError: trl is not installed.
    """
    config = config_class(kind)
    hints, known = get_type_hints(config), {f.name for f in fields(config)}
    arguments: dict[str, Any] = {}
    for key, value in translated(table, place).items():
        if key in ELSEWHERE:
            raise InputError(
                f"{place}: {key} does not belong here", remedy=f"say it with {ELSEWHERE[key]}"
            )
        if key not in known:
            raise InputError(
                f"{place} has an unknown key {key!r}",
                found=f"{config.__name__} of the installed TRL has no such key",
                remedy=nearest(key, known),
            )
        arguments[key] = _value(value, hints[key], f"{place}: {key}")
    return arguments


def config_class(kind: str) -> Any:
    """TRL's dataclass of that stage."""
    try:
        import trl
    except ImportError as error:
        raise MissingExtraError(error.name or "trl", "train", "training") from error
    return {"grpo": trl.GRPOConfig, "sft": trl.SFTConfig}[kind]


# Words of annotations whose values TRL or transformers look at themselves.
_TRL_CHECKS = ("Strategy", "Optimizer", "Scheduler", "Hub", "Literal", "dict", "Any")


def _value(value: Any, hint: Any, place: str) -> Any:
    """The value, checked where the annotation is a plain one; TRL looks at the others itself."""
    if any(word in str(hint) for word in _TRL_CHECKS):
        return value
    return convert(value, hint, place)
