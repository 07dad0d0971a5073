"""S0-5, S0-19, S3-2, S4-2: what the notes learned about the models and data of our recipes.

Covers: the model of each size of a recipe, or the one that a user names with --model; verifiers
beside the dataset YAML or the packed files that a size names.
Does not cover: keys and groups; `trl_rules` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

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
from mindspeed_rl_ext.shipped import resolve_config

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
    if model is not None:
        yield from _about(document, str(model), Place(str(model)))
    for path in sizes or [()]:
        named = document.table(*path).get("model")
        if model is None and isinstance(named, str):
            yield from _about(document, named, document.place(*path, "model"))
        yield from _rewards_and_data(document, path)


def _rewards_and_data(document: Document, path: KeyPath) -> Iterator[Finding]:
    """S0-19 and R9: the prompts of the data ask for what the verifiers look for."""
    at = path if "verifiers" in document.table(*path) else ()
    specs = document.table(*at).get("verifiers")
    # The keys of a size go over the common ones.
    dataset = {**document.table("dataset"), **document.table(*path, "dataset")}
    options = {
        **document.table("dataset", "options"),
        **document.table(*path, "dataset", "options"),
    }
    if not isinstance(specs, list):
        return
    # Here, not above: the doctor looks at an environment without PyYAML too.
    from mindspeed_rl_ext.doctor.yaml_file import read

    if isinstance(dataset.get("config"), str):
        data = hint_of_recipe(read(resolve_config(dataset["config"], "datasets")), options)
    elif isinstance(dataset.get("packed"), str):
        data = hint(dataset["packed"])
    else:
        return
    place = document.place(*at, "verifiers")
    yield from against_data([str(spec) for spec in specs], place, {}, data)


def _about(document: Document, model: str, place: Place) -> Iterator[Finding]:
    recipe = document.value.get("name")
    name = name_of_model(model)
    if recipe == ZERO and INSTRUCT.search(name):
        yield Finding("S0-5", place, {"model": model})
    billions = billions_of(name)
    if recipe == COUNTDOWN and billions is not None and billions < SMALLEST:
        yield Finding("S3-2", place, {"model": model, "size": f"{billions:g}"})
    verifiers = [bare_name(str(spec)) for spec in document.value.get("verifiers") or ()]
    tagged = [name for name in verifiers if TAGS in OURS_READ.get(name, frozenset())]
    if BASE_MATH.search(name) and tagged:
        yield Finding("S4-2", place, {"model": model, "name": tagged[0]})
