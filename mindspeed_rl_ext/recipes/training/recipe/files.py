"""The YAML file of a recipe: found by name or path, one size chosen, changes applied, checked.

Covers: recipes of the package and of the folders that `MSRL_EXT_RECIPES` names; `sizes` with the
keys of each size over the common ones; `--set key=value` with dotted keys; a plain TRL YAML (as
the Datawhale note's) in the place of a recipe.
Does not cover: TRL's own keys (`trl_keys`); whether files and models are there (the stages).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.files import yaml_file
from mindspeed_rl_ext.core.files.shipped import resolve_config, shipped_folder
from mindspeed_rl_ext.core.typed import build
from mindspeed_rl_ext.recipes.training.recipe.bounds import require_bounds
from mindspeed_rl_ext.recipes.training.recipe.schema import SIZES, STAGES, Recipe

KIND = "recipes"
# Folders of recipes besides the shipped one, separated as in PATH.
VARIABLE = "MSRL_EXT_RECIPES"
# A plain TRL file: what it trains, in TRL's words.
TRL_FILE_MARK = "model_name_or_path"
TRL_FILE_RECIPE = "countdown"


def recipe_folders() -> list[Path]:
    """The user's folders of recipes, from MSRL_EXT_RECIPES, those named first before the others.

    Raises:
        InputError: one of them is no folder.
    """
    folders = [Path(text) for text in os.environ.get(VARIABLE, "").split(os.pathsep) if text]
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                f"{VARIABLE} names {folder}, which is no folder",
                expected=f"folders of recipes (*.yaml), separated by {os.pathsep!r}",
                remedy=f"unset {VARIABLE}, or make the folder",
            )
    return folders


def find_recipe(name_or_path: str) -> Path:
    """The file of a recipe.

    Args:
        name_or_path: a name, looked up in MSRL_EXT_RECIPES and then in the package, or a file.

    Raises:
        InputError: there is none.
    """
    return resolve_config(name_or_path, KIND, recipe_folders())


def recipe_names() -> list[str]:
    """All recipes by name: those of the package and of MSRL_EXT_RECIPES.

    Example:
        >>> "countdown" in recipe_names()
        True
    """
    folders = [shipped_folder("configs") / KIND, *recipe_folders()]
    return sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML file that is a table of keys.

    Raises:
        InputError: not readable, or no table.
    """
    return {str(key): value for key, value in yaml_file.read_yaml(path).value.items()}


def load_recipe(name_or_path: str, size: str | None = None, changes: Sequence[str] = ()) -> Recipe:
    """Reads a recipe of one size.

    Args:
        name_or_path: a shipped recipe, or a YAML file.
        size: "cpu" or "real"; "cpu" where the file has it and None is given.
        changes: `key=value` each, the key dotted, the value YAML.

    Raises:
        InputError: no such recipe, unreadable YAML, an unknown key, a value of the wrong type,
            stages, verifiers and weights that do not go together.
    """
    path = find_recipe(name_or_path)
    table = read_yaml(path)
    if TRL_FILE_MARK in table:
        table, size = _from_trl_file(table, path), size or "real"
    table = _of_size(table, size, path)
    for change in changes:
        _apply(table, change)
    recipe = build(Recipe, table, str(path))
    _check(recipe, str(path))
    return recipe


def _of_size(table: dict[str, Any], size: str | None, path: Path) -> dict[str, Any]:
    sizes = table.pop("sizes", None)
    if sizes is None:
        if size is not None and table.get("size", size) != size:
            raise InputError(
                f"{path} has no size {size!r}", found=f"size: {table['size']}", remedy="omit --size"
            )
        return {"size": size or "real", "name": path.stem, "summary": "", **table}
    if not isinstance(sizes, Mapping) or not sizes or set(sizes) - set(SIZES):
        raise InputError(f"{path}: sizes is not a table of {', '.join(SIZES)}", found=repr(sizes))
    chosen = size or next(iter(sizes))
    if chosen not in sizes:
        raise InputError(f"{path} has no size {chosen!r}", remedy=nearest(chosen, sizes))
    return _merged(table, sizes[chosen] or {}) | {"size": chosen}


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of `over` win; tables are merged key by key."""
    result = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = _merged(result[key], value) if both else value
    return result


def _apply(table: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise InputError(
            f"--set {change!r} can't be read",
            expected="key=value, such as grpo.trl.max_steps=100",
        )
    value = yaml_file.parse_yaml(text, Path(f"--set {key}")).value
    *path, last = key.split(".")
    at: Any = table
    for part in path:
        at = at.setdefault(part, {})
        if not isinstance(at, dict):
            raise InputError(f"--set {key}: {part} is not a table of keys", found=repr(at))
    at[last] = value


def _from_trl_file(table: dict[str, Any], path: Path) -> dict[str, Any]:
    from mindspeed_rl_ext.recipes.training.recipe.trl_file import as_recipe_keys

    base = read_yaml(resolve_config(TRL_FILE_RECIPE, KIND))
    real = _merged(base, base.pop("sizes")["real"])
    return _merged(real, as_recipe_keys(table, str(path))) | {"name": path.stem}


def _check(recipe: Recipe, place: str) -> None:
    for stage in recipe.stages:
        if stage not in STAGES:
            raise InputError(
                f"{place} has an unknown stage {stage!r}", remedy=nearest(stage, STAGES)
            )
    if len(set(recipe.stages)) != len(recipe.stages) or not recipe.stages:
        raise InputError(
            f"{place}: stages must be named once each", found=", ".join(recipe.stages) or "none"
        )
    if len(recipe.verifiers) != len(recipe.weights) or not recipe.verifiers:
        raise InputError(
            f"{place}: weights and verifiers differ in number",
            found=f"{len(recipe.verifiers)} verifiers, {len(recipe.weights)} weights",
            expected="one weight for each verifier",
        )
    _check_dataset(recipe, place)
    require_bounds(recipe, place)
    from mindspeed_rl_ext.verifiers import resolve

    for spec in recipe.verifiers:
        resolve(spec)


def _check_dataset(recipe: Recipe, place: str) -> None:
    dataset = recipe.dataset
    named = [key for key in ("config", "packed", "task") if getattr(dataset, key)]
    if len(named) != 1:
        raise InputError(
            f"{place}: dataset must name one of config, packed and task",
            found=", ".join(named) or "none",
        )
    if dataset.options and not dataset.config:
        raise InputError(
            f"{place}: dataset.options has no effect without dataset.config",
            found=", ".join(dataset.options),
            remedy="leave it out",
        )
