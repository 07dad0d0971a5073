"""Verifying that two checkpoints are the same model.

Covers: hf and mg in either order, hf and hf, mg and mg of any layouts: names and shapes complete on
both sides, values equal bit for bit, copies over ranks and of tied embeddings included; the CRC-32
of every rank file.
Does not cover: tensors that were left out by request (multi-token-prediction layers).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mindspeed_rl_ext.checkpoint.copying.compare import PAIRS, same_values
from mindspeed_rl_ext.checkpoint.dtypes import Array, DType
from mindspeed_rl_ext.checkpoint.formats.huggingface.reader import HfSource, is_hf
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.assembled import Assembled
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.reader import MgSource, is_mg
from mindspeed_rl_ext.checkpoint.job import checked_parts, ignored_names, tied_name
from mindspeed_rl_ext.checkpoint.manifest import recorded_cfg_dir
from mindspeed_rl_ext.checkpoint.mapping.expected import RankPart, Slot, expected_hf, hf_part
from mindspeed_rl_ext.checkpoint.mapping.sizes import Sizes, read_config, sizes_of_config
from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec
from mindspeed_rl_ext.checkpoint.models import model_of_config
from mindspeed_rl_ext.checkpoint.tensors import Ref, TensorSource
from mindspeed_rl_ext.checkpoint.wording import no_directory
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.progress import Progress, progress


@dataclass(frozen=True)
class VerifyReport:
    """What was found.

    Args:
        tensors: tensors of the destination that were compared.
        compared_bytes: bytes of them.
        problems: one line for each thing that is wrong.
    """

    tensors: int
    compared_bytes: int
    problems: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.problems


def verify(src: Path, dst: Path, hf_cfg_dir: Path | None = None) -> VerifyReport:
    """Compares two checkpoints, whichever of the two formats they have.

    Args:
        src: one checkpoint.
        dst: the other.
        hf_cfg_dir: config.json of the model, where the HuggingFace side's is not the one.

    Returns:
        The report; `ok` is False where anything differs.

    Raises:
        InputError: one of them cannot be read at all.
    """
    first, second = open_source(src), open_source(dst)
    if isinstance(first, HfSource) and isinstance(second, MgSource):
        return _verify_across(_Pair(first, second, hf_is_source=True), hf_cfg_dir)
    if isinstance(first, MgSource) and isinstance(second, HfSource):
        return _verify_across(_Pair(second, first, hf_is_source=False), hf_cfg_dir)
    if isinstance(first, MgSource) and isinstance(second, MgSource) and _recut(first, second):
        return _verify_recut(first, second, hf_cfg_dir or _recorded(src, dst))
    return _verify_alike(first, second)


def _recut(first: MgSource, second: MgSource) -> bool:
    return first.layout != second.layout


def _recorded(src: Path, dst: Path) -> Path:
    found = recorded_cfg_dir(dst) or recorded_cfg_dir(src)
    if found is None:
        raise InputError(
            "comparing Megatron checkpoints that are cut differently needs config.json",
            found="no --hf-cfg-dir, and no manifest.json that names a directory with it",
            remedy="--hf-cfg-dir with the HuggingFace directory of the model",
        )
    return found


def open_source(folder: Path) -> HfSource | MgSource:
    """Opens a checkpoint of either format; InputError where it is neither."""
    if is_mg(folder):
        return MgSource(folder)
    if is_hf(folder):
        return HfSource(folder)
    raise InputError(
        f"no checkpoint in {folder}",
        found=no_directory(folder) or "neither format",
        expected="a HuggingFace model with safetensors, or a Megatron checkpoint",
    )


def refs_of(source: HfSource | MgSource) -> list[Ref]:
    """All tensors of a source."""
    if isinstance(source, MgSource):
        return source.refs()
    return [Ref("", name) for name in source.names()]


@dataclass(frozen=True)
class _Pair:
    """The two sides, and which of them the other was made from."""

    hf: HfSource | Assembled
    mg: MgSource
    hf_is_source: bool

    def same(self, hf: Array, mg: Array, hf_dtype: DType, mg_dtype: DType) -> bool:
        """Whether the source's values, cast to the other's format, are the other's."""
        if self.hf_is_source:
            return same_values(hf, mg, hf_dtype, mg_dtype)
        return same_values(mg, hf, mg_dtype, hf_dtype)


def _verify_recut(first: MgSource, second: MgSource, cfg_dir: Path) -> VerifyReport:
    """The first checkpoint put together tensor by tensor, against the second."""
    spec, sizes = _model(cfg_dir)
    try:
        parts = checked_parts(spec, sizes, first)
    except InputError as error:
        return VerifyReport(0, 0, (str(error),))
    whole = Assembled(first, parts, hf_part(spec, sizes), cfg_dir)
    return _verify_across(_Pair(whole, second, hf_is_source=True), cfg_dir)


def _model(cfg_dir: Path) -> tuple[ModelSpec, Sizes]:
    config = read_config(cfg_dir)
    spec = model_of_config(config)
    return spec, sizes_of_config(spec, config)


def _verify_across(pair: _Pair, hf_cfg_dir: Path | None) -> VerifyReport:
    hf, mg = pair.hf, pair.mg
    spec, sizes = _model(hf_cfg_dir or hf.folder)
    names = expected_hf(spec, sizes)
    try:
        if isinstance(hf, HfSource):
            hf.check(names, ignored_names(spec, sizes), tied_name(spec) if sizes.tied else "")
        parts = checked_parts(spec, sizes, mg)
    except InputError as error:
        return VerifyReport(0, 0, (str(error),))
    problems = _damage(mg)
    unseen = {name: _size(hf, Ref("", name)) for name in names}
    total = sum(_size(mg, Ref(part.part, slot.name)) for part in parts for slot in part.slots)
    count = 0
    with progress("verify", total, unit="B") as shown:
        for part in parts:
            for slot in part.slots:
                problems += _compare(pair, part, slot, sizes, unseen)
                count += 1
                shown.advance(_size(mg, Ref(part.part, slot.name)))
    problems += [
        f"{name}: {left} bytes are in no rank" for name, left in unseen.items() if left > 0
    ]
    return VerifyReport(count, total, tuple(problems))


def _damage(mg: MgSource) -> list[str]:
    try:
        check = mg.byte_check()
        for read in check.rest():
            read()
        check.finish()
    except InputError as error:
        return [f"{error.what}: {error.found}"]
    return []


def _compare(
    pair: _Pair, part: RankPart, slot: Slot, sizes: Sizes, unseen: dict[str, int]
) -> list[str]:
    """Problems of one rank's tensor; counts down what of the model was met."""
    here = Ref(part.part, slot.name)
    shard = pair.mg.view(here)
    sources = [pair.hf.view(Ref("", name)) for name in slot.hf]
    problems = []
    pairs = PAIRS[slot.rule](
        shard.array, [s.array for s in sources], slot.tp, slot.tp_rank, sizes.groups
    )
    for number, hf_values, mg_values in pairs:
        source = sources[number]
        if not pair.same(hf_values, mg_values, source.dtype, shard.dtype):
            problems.append(f"{part.part}/{slot.name} differs from {slot.hf[number]}")
        unseen[slot.hf[number]] -= hf_values.size * source.dtype.itemsize
    for name in slot.hf:
        pair.hf.release(Ref("", name))
    pair.mg.release(here)
    return problems


def _size(source: TensorSource, ref: Ref) -> int:
    if isinstance(source, Assembled):
        return source.nbytes(ref)
    view = source.view(ref)
    return int(view.array.size) * view.dtype.itemsize


def _verify_alike(first: HfSource | MgSource, second: HfSource | MgSource) -> VerifyReport:
    ours, theirs = refs_of(first), refs_of(second)
    known, found = set(ours), set(theirs)
    problems = [f"{'/'.join(ref).lstrip('/')} is missing" for ref in ours if ref not in found]
    problems += [f"{'/'.join(ref).lstrip('/')} is extra" for ref in theirs if ref not in known]
    both = [ref for ref in ours if ref in found]
    total = sum(_size(first, ref) for ref in both)
    with progress("verify", total, unit="B") as shown:
        for ref in both:
            problems += _differs(first, second, ref, shown)
    return VerifyReport(len(both), total, tuple(problems))


def _differs(first: TensorSource, second: TensorSource, ref: Ref, shown: Progress) -> list[str]:
    left, right = first.view(ref), second.view(ref)
    name = "/".join(ref).lstrip("/")
    shown.advance(_size(first, ref))
    if left.shape != right.shape:
        return [f"{name}: shape {left.shape} and {right.shape}"]
    if left.dtype != right.dtype:
        return [f"{name}: {left.dtype.name} and {right.dtype.name}"]
    same = same_values(left.array, right.array, left.dtype, right.dtype)
    first.release(ref)
    second.release(ref)
    return [] if same else [f"{name}: values differ"]
