"""S0-5, S3-2, S4-2: what the notes learned about the model that one of our recipes starts from.

Covers: the model of each size of a recipe, or the one that a user names with --model.
Does not cover: keys and groups; `trl_rules` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.doctor.document import Document
from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.doctor.rewards import BASE_MATH, INSTRUCT, bare_name, name_of_model
from mindspeed_rl_ext.doctor.trl_rules import SMALLEST, billions_of
from mindspeed_rl_ext.doctor.verifier_table import OURS_READ, TAGS

ZERO, COUNTDOWN = "simplerl_zero", "countdown"


def rules(document: Document, model: Path | None) -> Iterator[Finding]:
    """All rules on the models of a recipe; nothing for a file that is none.

    Args:
        document: a TRL file or a recipe.
        model: the directory that takes the place of the recipe's models.
    """
    sizes = document.table("sizes")
    if not sizes:
        return
    if model is not None:
        yield from _about(document, str(model), Place(str(model)))
        return
    for size in sizes:
        named = document.table("sizes", size).get("model")
        if isinstance(named, str):
            yield from _about(document, named, document.place("sizes", size, "model"))


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
