"""S0-5, S0-19, S3-2, S4-2: what the notes learned about the models and data of our recipes.

Covers: the model of each size of a recipe, or the one that a user names with --model; verifiers
beside the dataset YAML or the packed files that a size names.
Does not cover: keys and groups; `trl_rules` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.shipped import resolve_config
from mindspeed_rl_ext.doctor.data_hints import hint, hint_of_recipe
from mindspeed_rl_ext.doctor.document import Document, KeyPath
from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.doctor.rewards import (
    BASE_MATH,
    INSTRUCT,
    against_data,
    bare_name,
    name_of_model,
)
from mindspeed_rl_ext.doctor.trl_rules import SMALLEST, billions_of
from mindspeed_rl_ext.doctor.verifier_table import OURS_READ, TAGS

ZERO, COUNTDOWN = "simplerl_zero", "countdown"


def rules(document: Document, model: Path | None) -> Iterator[Finding]:
    """All rules on a recipe; nothing for a file that is none.

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
    about = [f for path in paths for f in _models(document, path, model)]
    # A model that a user names is the same one in every size.
    yield from {(f.id, f.at): f for f in about}.values()
    for path in paths:
        yield from _rewards_and_data(document, path)


def _models(document: Document, path: KeyPath, model: Path | None) -> Iterator[Finding]:
    at = path if "model" in document.table(*path) else ()
    named = document.table(*at).get("model")
    if model is not None:
        yield from _about(document, path, str(model), Place(str(model)))
    elif isinstance(named, str):
        yield from _about(document, path, named, document.place(*at, "model"))


def _rewards_and_data(document: Document, path: KeyPath) -> Iterator[Finding]:
    """S0-19 and R9: the prompts of the data ask for what the verifiers look for."""
    specs, place = _verifiers(document, path)
    # The keys of a size go over the common ones.
    dataset = {**document.table("dataset"), **document.table(*path, "dataset")}
    options = {
        **document.table("dataset", "options"),
        **document.table(*path, "dataset", "options"),
    }
    # Here, not above: the doctor looks at an environment without PyYAML too.
    from mindspeed_rl_ext.doctor.yaml_file import read

    if isinstance(dataset.get("config"), str):
        data = hint_of_recipe(read(resolve_config(dataset["config"], "datasets")), options)
    elif isinstance(dataset.get("packed"), str):
        data = hint(dataset["packed"])
    else:
        return
    yield from against_data(specs, place, {}, data)


def _verifiers(document: Document, path: KeyPath) -> tuple[list[str], Place]:
    """The names of a size, or those of all sizes, and where they are."""
    at = path if "verifiers" in document.table(*path) else ()
    specs = document.table(*at).get("verifiers")
    names = [str(spec) for spec in specs] if isinstance(specs, list) else []
    return names, document.place(*at, "verifiers")


def _about(document: Document, path: KeyPath, model: str, place: Place) -> Iterator[Finding]:
    recipe = document.value.get("name")
    name = name_of_model(model)
    if recipe == ZERO and INSTRUCT.search(name):
        yield Finding("S0-5", place, {"model": model})
    billions = billions_of(name)
    if recipe == COUNTDOWN and billions is not None and billions < SMALLEST:
        yield Finding("S3-2", place, {"model": model, "size": f"{billions:g}"})
    verifiers = [bare_name(spec) for spec in _verifiers(document, path)[0]]
    tagged = [name for name in verifiers if TAGS in OURS_READ.get(name, frozenset())]
    if BASE_MATH.search(name) and tagged:
        yield Finding("S4-2", place, {"model": model, "name": tagged[0]})
