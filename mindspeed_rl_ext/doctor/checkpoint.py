"""R8: a converted checkpoint beside the YAML that loads it and the model that it came from.

Covers: manifest.json of `msrl-ext convert`; without it the cut, from the names of rank directories.
Does not cover: tensors; `msrl-ext verify` does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.doctor.layers import Layers

MANIFEST = "manifest.json"
_RANK = re.compile(r"mp_rank_(\d{2})(?:_(\d{3}))?(?:_(\d{3}))?$")


class Cut(NamedTuple):
    """Parallel sizes."""

    tp: int
    pp: int
    ep: int

    def __str__(self) -> str:
        return f"TP {self.tp} PP {self.pp} EP {self.ep}"


class Found(NamedTuple):
    """A checkpoint: its cut, its manifest ({} without one), its rank directories."""

    cut: Cut
    manifest: Mapping[str, Any]
    ranks: frozenset[str]


def read_checkpoint(folder: Path) -> Found:
    """What a checkpoint directory says of itself.

    Raises:
        InputError: no checkpoint, or a broken manifest.
    """
    ranks = frozenset(p.name for p in folder.glob("iter_*/mp_rank_*") if p.is_dir()) | frozenset(
        p.name for p in folder.glob("release/mp_rank_*") if p.is_dir()
    )
    path = folder / MANIFEST
    if path.is_file():
        try:
            manifest = json.loads(path.read_text("utf-8"))
            layout = manifest["layout"]
            cut = Cut(int(layout["tp"]), int(layout["pp"]), int(layout["ep"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} is broken", found=repr(error), remedy="convert again"
            ) from error
        return Found(cut, manifest, ranks)
    if not ranks:
        raise InputError(
            f"{folder} is no Megatron checkpoint",
            found="neither manifest.json nor iter_*/mp_rank_*",
            remedy="give the directory that --save-dir named",
        )
    return Found(_cut_of(ranks), {}, ranks)


def _cut_of(ranks: frozenset[str]) -> Cut:
    numbers = [match.groups() for name in ranks if (match := _RANK.match(name))]
    tp, second, third = (
        1 + max((int(row[i]) for row in numbers if row[i] is not None), default=0) for i in range(3)
    )
    if any(row[2] is not None for row in numbers):
        return Cut(tp, second, third)
    # One suffix is the stage where there are several; Megatron writes EP alone in the same place.
    return Cut(tp, second, 1)


def whole(found: Found, folder: Path) -> Iterator[Finding]:
    """Every rank directory is there."""
    if not found.manifest:
        yield Finding("R8-no-manifest", Place(str(folder)))
    expected = {
        _rank_dir(t, p, e, found.cut)
        for t in range(found.cut.tp)
        for p in range(found.cut.pp)
        for e in range(found.cut.ep)
    }
    missing = sorted(expected - found.ranks)
    if found.manifest.get("kind") != "hf" and missing:
        values = {"missing": len(missing), "count": len(expected), "first": missing[0]}
        yield Finding("R8-incomplete", Place(str(folder)), values)


def _rank_dir(tp: int, pp: int, ep: int, cut: Cut) -> str:
    stage = f"_{pp:03d}" if cut.pp > 1 else ""
    return f"mp_rank_{tp:02d}{stage}" + (f"_{ep:03d}" if cut.ep > 1 else "")


def layout(found: Found, folder: Path, roles: Mapping[str, Layers]) -> Iterator[Finding]:
    """The cut is that of the roles that load it; of the actor where none names it."""
    named = {
        name: role for name, role in roles.items() if _names(str(role.get("load") or ""), folder)
    }
    first = next(iter(roles))
    for name, role in (named or {first: roles[first]}).items():
        ours = Cut(
            role.size("tensor_model_parallel_size"),
            role.size("pipeline_model_parallel_size"),
            role.size("expert_model_parallel_size"),
        )
        place = role.place("tensor_model_parallel_size")
        flags = (
            f"--target-tensor-parallel-size {ours.tp} --target-pipeline-parallel-size {ours.pp}"
        ) + (f" --target-expert-parallel-size {ours.ep}" if ours.ep > 1 else "")
        values = {"theirs": found.cut, "ours": ours, "role": name, "flags": flags}
        same = ours == found.cut if found.manifest else ours[:2] == found.cut[:2]
        yield Finding("R8-layout-same" if same else "R8-layout", place, values)
        yield from _experts(found, role)


def _names(load: str, folder: Path) -> bool:
    return bool(load) and Path(load).name == folder.resolve().name


def _experts(found: Found, role: Layers) -> Iterator[Finding]:
    cut = found.manifest.get("layout", {})
    if not role.number("num_experts") or "extend_ep" not in cut:
        return
    theirs, ours = bool(cut["extend_ep"]), bool(role.get("moe_tp_extend_ep"))
    if theirs != ours and role.size("tensor_model_parallel_size") > 1:
        values = {"theirs": "cut with" if theirs else "cut without", "ours": str(ours).lower()}
        values |= {"theirs_zh": "带" if theirs else "不带"}
        values |= {"remedy": "with" if ours else "without", "remedy_zh": "带" if ours else "不带"}
        yield Finding("R8-expert-cut", role.place("moe_tp_extend_ep"), values)


def hashes(found: Found, folder: Path, model: Path) -> Iterator[Finding]:
    """config.json and tokenizer are those of the conversion."""
    recorded = found.manifest.get("sha256")
    if not isinstance(recorded, dict) or not recorded:
        return
    place, differing = Place(str(folder / MANIFEST), "sha256"), []
    for name, expected in recorded.items():
        path = model / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            differing.append(name)
    if "config.json" in differing:
        yield Finding("R8-config", place, {"model": model})
    tokenizer = [name for name in differing if name != "config.json"]
    if tokenizer:
        yield Finding("R8-tokenizer", place, {"model": model, "files": ", ".join(tokenizer)})
    if not differing:
        yield Finding("R8-same", place)
