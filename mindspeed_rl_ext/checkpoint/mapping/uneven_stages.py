"""Layers of each model chunk, where a checkpoint's args do not divide them evenly.

Covers: Megatron's `--decoder-first-pipeline-num-layers` and `-last-`, also with virtual stages;
`--account-for-embedding-in-pipeline-split` and `-loss-`; `--pipeline-model-parallel-layout` as text
or as the object that newer Megatron keeps of it.
Does not cover: prediction layers elsewhere than in the last chunk.

Example:
    >>> layers_of_text("Et*3|(tt|)*2,t|L")
    (3, 2, 2, 1, 0)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mindspeed_rl_ext.core.errors import InputError

_TEXT, _KINDS = re.compile(r"[EtmL|]*"), {"E": "embedding", "t": "decoder", "m": "mtp", "L": "loss"}
_REPEATED = (re.compile(r"\(([^()]+)\)\*(\d{1,4})"), re.compile(r"(.)\*(\d{1,4})"))
_MOST_LETTERS = 10_000
_LAYOUT = "pipeline_model_parallel_layout"


def chunk_layers(args: Mapping[str, Any], pp: int, virtual: int) -> tuple[int, ...]:
    """Layers of each chunk in the order of the model; () where they are equal.

    Args:
        args: a checkpoint's args.
        pp: its pipeline stages.
        virtual: its virtual stages per stage.

    Raises:
        InputError: a layout that is not read, or that does not fit the other args.
    """
    if args.get(_LAYOUT):
        found = _layers(_stages(args[_LAYOUT]))
        if len(found) % pp:
            raise _unreadable(args[_LAYOUT], f"{len(found)} chunks for {pp} stages")
        return found
    layers = args.get("num_layers")
    if pp < 2 or not isinstance(layers, int):
        return ()
    accounted = [bool(args.get(f"account_for_{end}_in_pipeline_split")) for end in _ENDS]
    if any(accounted):
        return _less_at_the_ends(layers, pp * virtual, *accounted)
    each = _ends_apart(args, layers, pp)
    return tuple(count // virtual for count in each) * virtual


_ENDS = ("embedding", "loss")


def _less_at_the_ends(layers: int, chunks: int, first: bool, last: bool) -> tuple[int, ...]:
    """Embedding and loss count as a layer each."""
    each = [(layers + first + last) // chunks] * chunks
    each[0] -= first
    each[-1] -= last
    return tuple(each)


def _ends_apart(args: Mapping[str, Any], layers: int, pp: int) -> tuple[int, ...]:
    """Layers of each stage, where the first or the last is set apart."""
    first, last = (args.get(f"decoder_{end}_pipeline_num_layers") for end in ("first", "last"))
    if first is None and last is None:
        return ()
    ends = [int(number) for number in (first, last) if number is not None]
    count = pp - len(ends)
    each = (layers - sum(ends)) // count if count else 0
    front = ends[:1] if first is not None else []
    back = ends[-1:] if last is not None else []
    return (*front, *([each] * count), *back)


def layers_of_text(text: str) -> tuple[int, ...]:
    """Decoder layers of each chunk that a layout's text names."""
    return _layers(_stages(text))


def _stages(layout: Any) -> list[list[str]]:
    """What each chunk holds: "embedding", "decoder", "mtp", "loss"."""
    inner = getattr(layout, "state", None)  # the object, as an inert placeholder
    if isinstance(inner, dict):
        layout = inner.get("input_data")
    if isinstance(layout, str):
        return [[_KINDS[letter] for letter in stage] for stage in _written_out(layout).split("|")]
    if isinstance(layout, (list, tuple)) and all(isinstance(row, (list, tuple)) for row in layout):
        return [[_kind(item) for item in row] for row in layout]
    raise _unreadable(layout, "neither text nor lists")


def _written_out(text: str) -> str:
    found = text.replace(",", "")
    for pattern in _REPEATED:
        size = sum(len(m[1]) * int(m[2]) for m in pattern.finditer(found)) + len(found)
        if size > _MOST_LETTERS:
            raise _unreadable(text, f"{size} letters")
        found = pattern.sub(lambda match: match[1] * int(match[2]), found)
    if not _TEXT.fullmatch(found):
        raise _unreadable(text, f"other letters than {', '.join(_KINDS)} and |")
    return found


def _kind(item: Any) -> str:
    if isinstance(item, str):
        return item.strip().lower()
    raise _unreadable(item, "no name of a kind of layer")


def _layers(stages: Sequence[Sequence[str]]) -> tuple[int, ...]:
    kinds = [kind for stage in stages for kind in stage]
    if set(kinds) - set(_KINDS.values()) or kinds[:1] != ["embedding"] or kinds[-1:] != ["loss"]:
        raise _unreadable(kinds, "not from embedding to loss")
    if any("mtp" in stage for stage in stages[:-1]):
        raise InputError(
            f"prediction layers before the last stage are not read ({_LAYOUT})",
            found="|".join(",".join(stage) for stage in stages)[:200],
            remedy="save it as torch_dist, which has no stages",
        )
    return tuple(list(stage).count("decoder") for stage in stages)


def _unreadable(layout: Any, why: str) -> InputError:
    return InputError(
        f"the {_LAYOUT} of a checkpoint is not readable",
        found=f"{layout!r}"[:200] + f": {why}",
        expected="such as Et*3|(tt|)*29,m|L",
        remedy="save it as torch_dist, which has no stages",
    )
