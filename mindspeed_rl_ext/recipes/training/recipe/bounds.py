"""The limits of a recipe's values: checked before anything is loaded.

Covers: the limits that the fields of the schema declare, and those of TRL's numbers that TRL
itself notices late or not at all.
Does not cover: rules between keys; who uses them checks those.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.options import Declared, declared_options
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe

LEAST_OF_TRL: Mapping[str, int] = {
    "per_device_train_batch_size": 1, "gradient_accumulation_steps": 1, "num_iterations": 1,
    "steps_per_generation": 1, "max_completion_length": 1, "logging_steps": 1, "save_steps": 1,
}  # fmt: skip
# TRL samples by dividing by it.
POSITIVE_OF_TRL = ("temperature",)


def declared_values(section: Any, path: str = "") -> Iterator[tuple[str, Declared, Any]]:
    """Every option of a section and of those within it: dotted key, declaration, value.

    Args:
        section: a dataclass whose fields are options, such as a `Recipe`.
        path: the dotted key of the section, with a dot at its end.
    """
    for name, one in declared_options(type(section)).items():
        value = getattr(section, name)
        if is_dataclass(value):
            yield from declared_values(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", one, value


def require_bounds(recipe: Recipe, place: str) -> None:
    """Refuses values that mean nothing.

    Args:
        recipe: as it was read.
        place: its file, for messages.

    Raises:
        InputError: a number is too small, a word is not among the choices, or a weight is not
            finite.
    """
    for key, one, value in declared_values(recipe):
        least = one.option.minimum
        if least is not None and value is not None and not value >= least:
            raise _too_small(place, key, value, f"{least:g} or more")
        if one.option.choices and value not in one.option.choices:
            words = [str(choice) for choice in one.option.choices]
            raise InputError(f"{place}: unknown {key} {value!r}", remedy=nearest(str(value), words))
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


def _too_small(place: str, key: str, value: float, expected: str) -> InputError:
    return InputError(f"{place}: {key} is too small", found=repr(value), expected=expected)
