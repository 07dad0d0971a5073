"""Checks of a model family's table, made when it is loaded.

Covers: rules and options that a row names are declared; dimensions follow from the sizes that the
family reads; names use the placeholders that are filled in; no two rows make one tensor; packed
tensors hold what rows have of an expert.
Does not cover: whether the table is right; tests compare it with real models.
"""

from __future__ import annotations

from collections.abc import Iterator
from string import Formatter

from mindspeed_rl_ext.checkpoint.mapping.rules import packed  # noqa: F401  (declares rules)
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import RULES
from mindspeed_rl_ext.checkpoint.mapping.sizes import DIMENSIONS, Sizes
from mindspeed_rl_ext.checkpoint.mapping.spec import (
    BUFFERS,
    CONFIG_KEYS,
    CORE,
    CUT_EXPERTS,
    DENSE,
    EMBEDDING,
    FINAL_NORM,
    FULL,
    HEAD,
    HOST_MTP,
    HOSTS,
    LAYER,
    LINEAR,
    LOCAL,
    MM_SPLIT,
    MOE,
    PREDICTION,
    TP,
    WHOLE_DOWN,
    ModelSpec,
    Packed,
    Row,
)
from mindspeed_rl_ext.core.errors import InputError, nearest

_PLACES = (EMBEDDING, LAYER, FINAL_NORM, HEAD, PREDICTION)
_LAYOUTS = (CORE, HOST_MTP, MM_SPLIT, TP, HOSTS, BUFFERS, CUT_EXPERTS, WHOLE_DOWN, LOCAL)


def check_spec(spec: ModelSpec) -> None:
    """Checks a family's table.

    Raises:
        InputError: something in it can't be right; the family and the row are named.
    """
    seen: dict[tuple[str, ...], Row] = {}
    for row in spec.rows:
        for problem, remedy in _problems(spec, row):
            raise InputError(
                f"the table of {spec.name} is wrong in the row of {row.mcore}",
                found=problem,
                remedy=remedy,
            )
        kinds = (row.option, row.without, row.mlp, row.attention, row.layout, row.not_layout)
        key = (row.mcore, row.place, *kinds)
        if row.mcore and key in seen:
            raise InputError(
                f"the table of {spec.name} has two rows of {row.mcore}",
                found="both for the same models and layers",
                remedy="remove one, or give each an option",
            )
        seen[key] = row
    for one in spec.packed:
        for problem, remedy in _packed_problems(spec, one):
            raise InputError(
                f"the table of {spec.name} is wrong in {one.name}", found=problem, remedy=remedy
            )


def _packed_problems(spec: ModelSpec, one: Packed) -> Iterator[tuple[str, str]]:
    for name in filter(None, (one.rule, one.quantized)):
        if name not in RULES:
            yield f"unknown rule {name!r}", nearest(name, RULES.names())
    if _fields(one.name) != {"layer"}:
        yield f"{one.name!r} has {_shown(_fields(one.name))}", "write {layer}"
    names = [hf.name for row in spec.rows if row.per_expert for hf in row.hf]
    for name in one.of:
        if name not in names:
            yield f"{name!r}, which no row has of an expert", nearest(name, names)


def _problems(spec: ModelSpec, row: Row) -> Iterator[tuple[str, str]]:
    for name in filter(None, (row.rule, row.grouped_rule)):
        if name not in RULES:
            yield f"unknown rule {name!r}", nearest(name, RULES.names())
    for name in filter(None, (row.option, row.without)):
        if name not in spec.options:
            yield f"option {name!r}, which the family does not declare", nearest(name, spec.options)
    if row.place not in _PLACES:
        yield f"unknown place {row.place!r}", nearest(row.place, _PLACES)
    for name in filter(None, (row.layout, row.not_layout)):
        if name not in _LAYOUTS:
            yield f"unknown kind of layout {name!r}", nearest(name, _LAYOUTS)
    if row.mlp not in ("", DENSE, MOE):
        yield f"unknown kind of layer {row.mlp!r}", nearest(row.mlp, (DENSE, MOE))
    if row.attention not in ("", FULL, LINEAR):
        yield f"unknown kind of attention {row.attention!r}", nearest(row.attention, (FULL, LINEAR))
    if row.attention and spec.linear is None:
        yield "a row of one kind of attention", "say in `linear` which layers have it linear"
    if row.mlp == MOE and spec.sparse is None:
        yield "a row of layers with experts", "say in `sparse` which layers have experts"
    if bool(row.grouped) != bool(row.grouped_rule):
        yield f"grouped={row.grouped!r}, grouped_rule={row.grouped_rule!r}", "give both, or neither"
    if not row.hf:
        yield "no HuggingFace tensor", "name those that the rule takes"
    yield from _wrong_names(row)
    yield from _wrong_dimensions(spec, row)


def _wrong_names(row: Row) -> Iterator[tuple[str, str]]:
    allowed = {"layer"} if row.place in (LAYER, PREDICTION) else set()
    for hf in row.hf:
        needed = allowed | ({"expert"} if row.per_expert else set())
        # What a model has once may stand in a prediction layer's row.
        once = row.place == PREDICTION and not _fields(hf.name)
        if _fields(hf.name) != needed and not once:
            yield f"{hf.name!r} has {_shown(_fields(hf.name))}", f"write {_shown(needed)}"
    for name in filter(None, (row.mcore, row.te, row.newer, row.grouped, row.grouped_te)):
        unknown = _fields(name) - allowed - ({"expert"} if row.per_expert else set())
        if unknown:
            yield f"{name!r} has {_shown(unknown)}", f"only {_shown(allowed)} is filled in"


def _fields(name: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(name) if field is not None}


def _shown(fields: set[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(fields)) or "no placeholder"


def _wrong_dimensions(spec: ModelSpec, row: Row) -> Iterator[tuple[str, str]]:
    """Dimensions that do not follow from the sizes that the family reads."""
    known = {*DIMENSIONS, *spec.config_keys, *spec.optional_keys} - set(CONFIG_KEYS)
    known |= set(DIMENSIONS)
    one = Sizes(1, 1, 1, 1, 1, 1, 1, False, extra=dict.fromkeys(known, 1))
    for hf in row.hf:
        try:
            shape = one.shape(hf.dims)
        except KeyError as error:
            name = str(error.args[0])
            yield f"unknown dimension {name!r} of {hf.name}", nearest(name, known)
        else:
            if not shape:
                yield f"{hf.name} has no dimensions", "name them in the order of the shape"
