"""The least values of a recipe's numbers: checked before anything is loaded.

Covers: numbers of our sections, and those of TRL's that TRL itself notices late or not at all.
Does not cover: rules between keys; who uses them checks those.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe

# By the name of the key, which means the same in every section.
LEAST: Mapping[str, int] = {
    "seed": 0, "rows": 1, "held_out": 0, "prompts": 1, "samples_per_prompt": 1,
    "keep_per_prompt": 1, "max_new_tokens": 1, "temperature": 0, "batch_size": 1,
    "tensor_parallel_size": 1, "rounds": 1, "max_rounds": 0, "rollouts_every_steps": 1,
}  # fmt: skip
LEAST_OF_TRL: Mapping[str, int] = {
    "per_device_train_batch_size": 1, "gradient_accumulation_steps": 1, "num_iterations": 1,
    "steps_per_generation": 1, "max_completion_length": 1, "logging_steps": 1, "save_steps": 1,
}  # fmt: skip
# TRL draws by dividing by it.
POSITIVE_OF_TRL = ("temperature",)


def require_bounds(recipe: Recipe, place: str) -> None:
    """Refuses numbers that mean nothing.

    Args:
        recipe: as it was read.
        place: its file, for messages.

    Raises:
        InputError: a number is too small, or a weight is not finite.
    """
    for key, value in _numbers(recipe, ""):
        least = LEAST.get(key.rpartition(".")[2])
        if least is not None and not value >= least:
            raise _too_small(place, key, value, f"{least} or more")
    for weight in recipe.weights:
        if not math.isfinite(weight):
            raise InputError(f"{place}: a weight is not finite", found=repr(list(recipe.weights)))


def require_trl_bounds(table: Mapping[str, Any], place: str) -> None:
    """The same for a section of TRL's keys.

    Raises:
        InputError: a number is too small.
    """
    for key, least in LEAST_OF_TRL.items():
        value = table.get(key)
        # A fraction of all steps, as save_steps may be, counts as one step or more.
        if isinstance(value, int | float) and not value > least - 1:
            raise _too_small(place, key, value, f"{least} or more")
    for key in POSITIVE_OF_TRL:
        value = table.get(key)
        if isinstance(value, int | float) and not value > 0:
            raise _too_small(place, key, value, "more than 0")


def _numbers(table: Any, path: str) -> Iterator[tuple[str, float]]:
    for one in fields(table):
        value, key = getattr(table, one.name), f"{path}{one.name}"
        if is_dataclass(value):
            yield from _numbers(value, f"{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield key, value


def _too_small(place: str, key: str, value: float, expected: str) -> InputError:
    return InputError(f"{place}: {key} is too small", found=repr(value), expected=expected)
