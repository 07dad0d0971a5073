"""Verifying that two checkpoints are the same model.

Covers: any two formats in either order and of any layouts: names and shapes complete on both sides,
values equal bit for bit, copies over ranks and of tied embeddings included; the files' checksums.
Does not cover: tensors that were left out by request (multi-token-prediction layers).

A sharded tensor is taken apart by the inverse of its rule, which reshapes whole arrays and shares
nothing with the boxes that conversion copies by. Where both sides are sharded, the first is put
together by boxes, and the second taken apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.adapters.merged import MergedReader
from mindspeed_rl_ext.checkpoint.adapters.opening import AdapterFlags, open_exported, with_adapter
from mindspeed_rl_ext.checkpoint.adapters.peft import is_peft
from mindspeed_rl_ext.checkpoint.adapters.record import SAME, how_to_verify, recorded_adapter
from mindspeed_rl_ext.checkpoint.copying.assembled import Assembled
from mindspeed_rl_ext.checkpoint.copying.compare import same_values
from mindspeed_rl_ext.checkpoint.copying.joined import Joined
from mindspeed_rl_ext.checkpoint.copying.shift import shifted, without_common_shift
from mindspeed_rl_ext.checkpoint.formats import open_checkpoint
from mindspeed_rl_ext.checkpoint.formats.protocol import CheckpointReader, TensorInfo
from mindspeed_rl_ext.checkpoint.mapping.check_args import other_settings
from mindspeed_rl_ext.checkpoint.mapping.expected import Part, Slot
from mindspeed_rl_ext.checkpoint.mapping.model import Model, read_model
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import RULES
from mindspeed_rl_ext.checkpoint.parts.ranks import ranks_text
from mindspeed_rl_ext.checkpoint.tensors import Ref, TensorSource, TensorView, whole
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.progress import Progress, progress


@dataclass(frozen=True)
class VerifyReport:
    """What was found.

    Args:
        tensors: tensors of the destination that were compared.
        compared_bytes: bytes of them.
        problems: one line for each thing that is wrong.
        part: which ranks were compared, where a side is only a part of a checkpoint.
        hint: what to do about them; "" where nothing is known.
    """

    tensors: int
    compared_bytes: int
    problems: tuple[str, ...] = field(default=())
    part: str = ""
    hint: str = ""

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.problems


def verify(
    src: Path, dst: Path, hf_cfg_dir: Path | None = None, adapter: AdapterFlags | None = None
) -> VerifyReport:
    """Compares two checkpoints, whatever their formats.

    Args:
        src: one checkpoint; or an adapter of a host, where the other is one of PEFT.
        dst: the other.
        hf_cfg_dir: config.json of the model, where a HuggingFace side's is not the one.
        adapter: names the adapter that was merged into src to make dst.

    Returns:
        The report; `ok` is False where anything differs.

    Raises:
        InputError: one of them cannot be read at all.
    """
    if is_peft(dst) and not is_peft(src):
        exported = open_exported(src, dst, hf_cfg_dir, adapter)
        return verify_opened(exported.host, exported.peft, exported.model)
    first, second = open_checkpoint(src), open_checkpoint(dst)
    if adapter is not None:
        first = with_adapter(first, adapter)
    if _alike(first, second):
        report, used = _named(_verify_alike(first, second), first, second), None
        other = tuple(_other_settings(first, second))
        report = replace(report, problems=other + report.problems)
    else:
        model = read_model(hf_cfg_dir or _config_of(first, second))
        mtp = min(side.prediction_layers(model) for side in (first, second))
        model = replace(model, mtp=mtp)
        report = verify_opened(first, second, model)
        used = first.record(model) if isinstance(first, MergedReader) else None
    return report if report.ok else replace(report, hint=_hint(second, used))


def _hint(made: CheckpointReader, used: Mapping[str, Any] | None) -> str:
    """How to compare with the adapter that was merged, where it was not compared with that one."""
    record = recorded_adapter(made.folder)
    if record is None or (used and all(used[key] == record.get(key) for key in SAME)):
        return ""
    return how_to_verify(record)


def verify_opened(first: CheckpointReader, second: CheckpointReader, model: Model) -> VerifyReport:
    """Compares two opened checkpoints of a model.

    Args:
        first: the one that the other was made from: its values are cast to the other's formats.
        second: the other.
        model: the model.
    """
    try:
        (one, parts_of_one), (two, parts_of_two) = first.joined(model), second.joined(model)
    except InputError as error:
        return VerifyReport(0, 0, (str(error),))
    if first.missing_ranks and not _is_whole(parts_of_two):
        raise InputError(
            f"{first.folder.parent} is only a part of a checkpoint",
            found=ranks_text(first.layout, held_ranks(first)),
            remedy="compare it with the HuggingFace model, or with ranks of the same layout",
        )
    problems = [*_damage(first), *_damage(second)]
    if _is_whole(parts_of_two):
        sides = _Sides(two, one, parts_of_one, whole_is_first=False)
    elif _is_whole(parts_of_one):
        sides = _Sides(one, two, parts_of_two, whole_is_first=True)
    else:
        held, wanted = without_common_shift(first.parts(model), parts_of_two)
        assembled = Assembled(first, held, model.whole())
        sides = _Sides(assembled, two, wanted, whole_is_first=True)
    is_part = bool(first.missing_ranks or second.missing_ranks)
    return _named(_compare_sides(sides, model, problems, is_part), first, second)


def held_ranks(reader: CheckpointReader) -> set[str]:
    """The directories of the ranks that a checkpoint of rank files, or a part of one, holds."""
    return reader.layout.rank_dirs() - set(reader.missing_ranks)


def part_of(reader: CheckpointReader) -> str:
    """Which ranks a part of a checkpoint holds; "" of a whole."""
    return ranks_text(reader.layout, held_ranks(reader)) if reader.missing_ranks else ""


def _named(report: VerifyReport, first: CheckpointReader, second: CheckpointReader) -> VerifyReport:
    """The report, with the part of a checkpoint that it is about."""
    parts = [side for side in (first, second) if side.missing_ranks]
    if not parts:
        return report
    held = set.intersection(*(held_ranks(side) for side in parts))
    return replace(report, part=ranks_text(parts[0].layout, held))


def _alike(first: CheckpointReader, second: CheckpointReader) -> bool:
    """Both have the same format and are cut alike, so that tensors of one name must be equal."""
    if type(first) is not type(second) or first.layout != second.layout:
        return False
    ours, theirs = first.tensors(), second.tensors()
    chunked = any(info.of for info in (*ours, *theirs))
    return not chunked or {info.ref for info in ours} == {info.ref for info in theirs}


def _config_of(first: CheckpointReader, second: CheckpointReader) -> Path:
    # A HuggingFace side has its own config.json, a converted one names its source's.
    for reader in sorted((second, first), key=lambda reader: reader.find_config() != reader.folder):
        found = reader.find_config()
        if found is not None:
            return found
    raise InputError(
        "comparing sharded checkpoints of different layouts needs config.json",
        found="no --hf-cfg-dir, and no manifest.json that names a directory with it",
        remedy="--hf-cfg-dir with the HuggingFace directory of the model",
    )


def _is_whole(parts: Sequence[Part]) -> bool:
    """Whether the parts are the model's tensors as HuggingFace has them."""
    return all(
        not part.shard and (slot.hf == (slot.name,) or slot.repeats)
        for part in parts
        for slot in part.slots
    )


@dataclass(frozen=True)
class _Sides:
    """The side that gives whole HuggingFace tensors, and the side that is taken apart."""

    whole: TensorSource
    sharded: TensorSource
    parts: Sequence[Part]
    whole_is_first: bool

    def same(self, whole: TensorView, sharded: TensorView, shift: float = 0.0) -> bool:
        """Whether the first side's values, cast to the second's format, are the second's.

        Args:
            whole: values of the whole side.
            sharded: values of the other.
            shift: by how much the other's are larger.
        """
        if shift and self.whole_is_first:
            whole = shifted(whole, shift, sharded.dtype)
        elif shift:
            sharded = shifted(sharded, -shift, whole.dtype)
        one, two = (whole, sharded) if self.whole_is_first else (sharded, whole)
        return same_values(one.array, two.array, one.dtype, two.dtype)


def _compare_sides(sides: _Sides, model: Model, problems: list[str], is_part: bool) -> VerifyReport:
    names = (slot.name for slot in model.whole().slots if not slot.repeats)
    unseen = {name: _nbytes(sides.whole, whole(name)) for name in names}
    refs = [part.ref(slot) for part in sides.parts for slot in part.slots]
    total = sum(_nbytes(sides.sharded, ref) for ref in refs)
    with progress("verify", total, unit="B") as shown:
        for part in sides.parts:
            for slot in part.slots:
                problems += _compare(sides, part.ref(slot), slot, unseen)
                shown.advance(_nbytes(sides.sharded, part.ref(slot)))
    if not is_part:  # the ranks of a part were compared by name and shape
        problems += [
            f"{name}: {left} bytes are in no rank" for name, left in unseen.items() if left > 0
        ]
    return VerifyReport(len(refs), total, tuple(problems))


def _damage(reader: CheckpointReader) -> list[str]:
    try:
        check = reader.byte_check()
        for read in check.rest():
            read()
        check.finish()
    except InputError as error:
        return [f"{error.what}: {error.found}"]
    return []


def _compare(sides: _Sides, here: Ref, slot: Slot, unseen: dict[str, int]) -> list[str]:
    """Problems of one sharded tensor; counts down what of the model was met."""
    shard = sides.sharded.view(here)
    sources = [sides.whole.view(whole(name)) for name in slot.hf]
    problems = []
    pairs = RULES.get(slot.rule).take_apart(shard.array, [s.array for s in sources], slot.split)
    shift = slot.copies[0].shift if slot.copies else 0.0
    for number, of_whole, of_shard in pairs:
        source = sources[number]
        pair = TensorView(source.dtype, of_whole), TensorView(shard.dtype, of_shard)
        if not sides.same(*pair, shift):
            problems.append(f"{here} differs from {slot.hf[number]}")
        unseen[slot.hf[number]] -= of_whole.size * source.dtype.itemsize
    for name in slot.hf:
        sides.whole.release(whole(name))
    sides.sharded.release(here)
    return problems


def _nbytes(source: TensorSource, ref: Ref) -> int:
    if isinstance(source, (Assembled, Joined)):
        return source.nbytes(ref)
    view = source.view(ref)
    return prod(view.shape) * view.dtype.itemsize


def _verify_alike(first: CheckpointReader, second: CheckpointReader) -> VerifyReport:
    missing = {*first.missing_ranks, *second.missing_ranks}
    ours, theirs = (
        {info.ref: info for info in side.tensors() if info.ref.shard not in missing}
        for side in (first, second)
    )
    if missing and not (ours and theirs):
        raise InputError(
            f"{first.folder.parent} and {second.folder.parent} have no rank in common",
            found="; ".join(ranks_text(side.layout, held_ranks(side)) for side in (first, second)),
            remedy="compare each with the HuggingFace model",
        )
    problems = [f"{ref} is missing" for ref in ours if ref not in theirs]
    problems += [f"{ref} is extra" for ref in theirs if ref not in ours]
    both = [info for ref, info in ours.items() if ref in theirs]
    total = sum(info.nbytes for info in both)
    with progress("verify", total, unit="B") as shown:
        for info in both:
            problems += _differs(first, second, info, shown)
    return VerifyReport(len(both), total, tuple(problems))


def _other_settings(first: CheckpointReader, second: CheckpointReader) -> list[str]:
    """How the config.json of two HuggingFace directories makes their tensors other models."""
    if any(side.find_config() != side.folder for side in (first, second)):
        return []
    try:
        models = [read_model(side.folder) for side in (first, second)]
    except InputError:  # of a family that is not known, only tensors are compared
        return []
    return list(other_settings(*models))


def _differs(
    first: TensorSource, second: TensorSource, info: TensorInfo, shown: Progress
) -> list[str]:
    ref = info.ref
    left, right = first.view(ref), second.view(ref)
    shown.advance(info.nbytes)
    if left.shape != right.shape:
        return [f"{ref}: shape {left.shape} and {right.shape}"]
    if left.dtype != right.dtype:
        return [f"{ref}: {left.dtype.name} and {right.dtype.name}"]
    same = same_values(left.array, right.array, left.dtype, right.dtype)
    first.release(ref)
    second.release(ref)
    return [] if same else [f"{ref}: values differ"]
