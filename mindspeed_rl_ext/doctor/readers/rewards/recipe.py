"""A recipe of ours as the rules see it: the model, the verifiers and the data of each size.

Covers: the model of each size, or the one that a user names with --model; the dataset YAML or the
packed files that a size names. Does not cover: keys and groups; `trl_part` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.files.shipped import resolve_config
from mindspeed_rl_ext.core.files.yaml_file import Document, KeyPath, read_yaml
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers.rewards.prompts import hint, hint_of_recipe
from mindspeed_rl_ext.doctor.readers.rewards.scoring import ScoredPrompts, TrainedModel


def recipe_subjects(
    document: Document, model: Path | None
) -> Iterator[TrainedModel | ScoredPrompts]:
    """What rules look at in a recipe; nothing for a file that is none.

    Args:
        document: a TRL file or a recipe.
        model: the directory that takes the place of the recipe's models.

    Raises:
        InputError: a recipe names a dataset YAML that is not there.
    """
    sizes: list[KeyPath] = [("sizes", str(size)) for size in document.table("sizes")]
    if not sizes and "verifiers" not in document.value:
        return
    paths = sizes or [()]
    models = [found for path in paths for found in _models(document, path, model)]
    # A model that a user names is the same one in every size.
    yield from {(m.path, m.place, tuple(m.names)): m for m in models}.values()
    for path in paths:
        yield from _prompts(document, path)


def _models(document: Document, path: KeyPath, model: Path | None) -> Iterator[TrainedModel]:
    where = path if "model" in document.table(*path) else ()
    named = document.table(*where).get("model")
    names, _ = _verifiers(document, path)
    recipe = str(document.value.get("name", ""))
    if model is not None:
        yield TrainedModel(str(model), Place(str(model)), recipe, names, {})
    elif isinstance(named, str):
        yield TrainedModel(named, document.place(*where, "model"), recipe, names, {})


def _prompts(document: Document, path: KeyPath) -> Iterator[ScoredPrompts]:
    names, place = _verifiers(document, path)
    # The keys of a size go over the common ones.
    dataset = {**document.table("dataset"), **document.table(*path, "dataset")}
    options = {
        **document.table("dataset", "options"),
        **document.table(*path, "dataset", "options"),
    }
    if isinstance(dataset.get("config"), str):
        data = hint_of_recipe(read_yaml(resolve_config(dataset["config"], "datasets")), options)
    elif isinstance(dataset.get("packed"), str):
        data = hint(dataset["packed"])
    else:
        return
    yield ScoredPrompts(names, place, {}, data)


def _verifiers(document: Document, path: KeyPath) -> tuple[list[str], Place]:
    """The names of a size, or those of all sizes, and where they are."""
    where = path if "verifiers" in document.table(*path) else ()
    specs = document.table(*where).get("verifiers")
    names = [str(spec) for spec in specs] if isinstance(specs, list) else []
    return names, document.place(*where, "verifiers")
