"""A checkpoint of any format: its layout, its manifest, its rank directories, beside a run.

Covers: manifest.json of `msrl-ext convert`; without it the layout, from the names of rank
directories; whether it opens, which reads the headers of its files.
Does not cover: tensors; `msrl-ext verify` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Role

MANIFEST = "manifest.json"
_RANK = re.compile(r"mp_rank_(\d{2})(?:_(\d{3}))?(?:_(\d{3}))?$")


class Layout(NamedTuple):
    """Parallel sizes."""

    tp: int
    pp: int
    ep: int

    def __str__(self) -> str:
        return f"TP {self.tp} PP {self.pp} EP {self.ep}"


@dataclass(frozen=True)
class CheckpointInUse:
    """A checkpoint, and what uses it.

    Args:
        folder: its directory.
        kind: the name of its format.
        layout: its parallel sizes; all 1 where its format has none.
        convert: the command that converts it; "" where it does not open.
        broken: why it does not open; None where it does.
        manifest: manifest.json; empty without one.
        ranks: names of its rank directories.
        roles: the roles of the run, the actor first; empty where no run is given.
        model: the HuggingFace directory that it may come from.
        part: which ranks it holds, where it is only one node's part; "" of a whole.
    """

    label: ClassVar[Text] = Text("checkpoint", "检查点")

    folder: Path
    kind: str
    convert: str
    broken: InputError | None
    layout: Layout
    manifest: Mapping[str, Any]
    ranks: frozenset[str]
    roles: Mapping[str, Role]
    model: Path | None
    part: str = ""


def read_checkpoint(folder: Path, roles: Mapping[str, Role], model: Path | None) -> CheckpointInUse:
    """What a checkpoint directory says of itself.

    Args:
        folder: the directory.
        roles: the roles of the run beside it.
        model: the HuggingFace directory beside it.

    Raises:
        InputError: no checkpoint, or a broken manifest.
    """
    # Formats need numpy, which a doctor without --checkpoint does not import.
    from mindspeed_rl_ext.checkpoint.describe import how_to_convert
    from mindspeed_rl_ext.checkpoint.formats import find_format, formats, recognise
    from mindspeed_rl_ext.checkpoint.manifest import manifests
    from mindspeed_rl_ext.checkpoint.verify import part_of

    ranks = frozenset(p.name for p in folder.glob("iter_*/mp_rank_*") if p.is_dir()) | frozenset(
        p.name for p in folder.glob("release/mp_rank_*") if p.is_dir()
    )
    path, manifest = next(iter(manifests(folder)), folder / MANIFEST), dict[str, Any]()
    layout = _layout_of(ranks) if ranks else Layout(1, 1, 1)
    if path.is_file():
        try:
            manifest = json.loads(path.read_text("utf-8"))
            sizes = manifest["layout"]
            layout = Layout(int(sizes["tp"]), int(sizes["pp"]), int(sizes["ep"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} is broken", found=repr(error), remedy="convert again"
            ) from error
    made = find_format(manifest["kind"]) if manifest.get("kind") in formats() else recognise(folder)
    convert, part, broken = "", "", None
    try:
        opened = made.open(folder)
        convert, part = how_to_convert(made, opened, folder), part_of(opened)
    except InputError as error:
        broken = error
    return CheckpointInUse(
        folder, made.name, convert, broken, layout, manifest, ranks, roles, model, part
    )  # fmt: skip


def _layout_of(ranks: frozenset[str]) -> Layout:
    numbers = [match.groups() for name in ranks if (match := _RANK.match(name))]
    tp, second, third = (
        1 + max((int(row[i]) for row in numbers if row[i] is not None), default=0) for i in range(3)
    )
    if any(row[2] is not None for row in numbers):
        return Layout(tp, second, third)
    # One suffix is the stage where there are several; Megatron writes EP alone in the same place.
    return Layout(tp, second, 1)
