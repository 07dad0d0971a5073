"""A plain TRL file, such as that of the Datawhale note, as the keys of a recipe.

Covers: model, data, tracker and prompt length, which are other sections of a recipe; the rest is
the `trl` of the stage grpo.
Does not cover: SFT files.

Example:
    >>> as_recipe_keys({"model_name_or_path": "m", "beta": 0.001}, "x.yaml")
    {'model': 'm', 'grpo': {'trl': {'beta': 0.001}}}
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from mindspeed_rl_ext.recipes.training.recipe.trl_keys import translated

logger = logging.getLogger(__name__)

# Keys of the file that are keys of a recipe: where they go.
_PLACES: Mapping[str, tuple[str, ...]] = {
    "model_name_or_path": ("model",),
    "seed": ("seed",),
    "report_to": ("report_to",),
    "reward_weights": ("weights",),
    "dataset_name": ("dataset", "options", "input"),
    "dataset_id_or_path": ("dataset", "options", "input"),
    "max_prompt_length": ("dataset", "options", "max_prompt_length"),
}
_OLD = {
    "dataset_id_or_path": "it is dataset.options.input",
    "max_prompt_length": "longer prompts are dropped: dataset.options.max_prompt_length",
    "swanlab": "it is report_to: [swanlab]",
    "workspace": "SWANLAB_WORKSPACE in the environment says it",
}
# Said on the command line, or nothing that a run needs.
_DROPPED = ("output_dir", "workspace", "swanlab", "model_revision")


def as_recipe_keys(table: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Sorts the keys of a TRL file into the sections of a recipe.

    Args:
        table: the file.
        place: its name, for warnings.
    """
    result: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, value in table.items():
        if key in _OLD:
            logger.warning("%s: %s is a key of an older script: %s", place, key, _OLD[key])
        if key == "output_dir":
            logger.warning("%s: output_dir is not read: --output DIR says where", place)
        if key in _PLACES:
            _put(result, _PLACES[key], value)
        elif key not in _DROPPED:
            rest[key] = value
    if table.get("swanlab"):
        result["report_to"] = ["swanlab"]
    rest = translated(rest, place)
    model_kwargs = dict(rest.get("model_init_kwargs") or {})
    if "dtype" in model_kwargs:
        result["dtype"] = model_kwargs.pop("dtype")
    if "model_init_kwargs" in rest:
        rest["model_init_kwargs"] = model_kwargs
    result["grpo"] = {"trl": rest}
    return result


def _put(table: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *sections, last = path
    for section in sections:
        table = table.setdefault(section, {})
    table[last] = value
