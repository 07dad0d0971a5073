"""Converting: plan, write aside, move into place.

Covers: hf -> mg, mg -> hf and mg -> mg as one call; going on where a run was stopped.
Does not cover: flags and printing; `commands.convert` does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.copying.compare import equal_boxes
from mindspeed_rl_ext.checkpoint.copying.file_plan import FilePlan
from mindspeed_rl_ext.checkpoint.copying.journal import Journal
from mindspeed_rl_ext.checkpoint.copying.staging import finish_killed, staging
from mindspeed_rl_ext.checkpoint.copying.threads import Lane, Unit, run_units
from mindspeed_rl_ext.checkpoint.copying.write_files import Copying, Writing
from mindspeed_rl_ext.checkpoint.dtypes import by_name
from mindspeed_rl_ext.checkpoint.formats.huggingface.writer import (
    finish_hf,
    shard_file,
    write_beside,
)
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.args import build_args
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.reader import TRACKER
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.writer import (
    RankContent,
    finish_mg,
    rank_file,
)
from mindspeed_rl_ext.checkpoint.job import Job, check_replaceable, plan_id, plan_job
from mindspeed_rl_ext.checkpoint.manifest import Written, manifest_text, recorded_plan
from mindspeed_rl_ext.checkpoint.mapping.plan import CopyPair
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import VerifyReport, verify
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import CheckFailedError
from mindspeed_rl_ext.core.progress import progress

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConvertReport:
    """What was written.

    Args:
        tensors: number of tensors, over all files.
        files: number of files that hold them.
        bytes_written: bytes of their values.
        drifted: tensors whose copies on several ranks differ; the first rank's was taken.
        with_nan: tensors that hold NaN; they are written as they are.
        verified: the report of `verify`, if it was asked for.
    """

    tensors: int
    files: int
    bytes_written: int
    drifted: tuple[str, ...] = ()
    with_nan: tuple[str, ...] = ()
    verified: VerifyReport | None = None


def convert(options: ConvertOptions) -> ConvertReport:
    """Converts a checkpoint; the destination appears whole or not at all.

    Raises:
        InputError: the source or the layout is wrong; nothing was written.
        MachineError: too little disk; nothing was written.
        CheckFailedError: `verify` was asked for and found a difference.
    """
    return run_job(plan_job(options))


def run_job(job: Job) -> ConvertReport:
    """Writes what was planned."""
    options = job.options
    identity = plan_id(job)
    drifted: list[str] = []
    with_nan: list[str] = []
    with staging(options.save_dir, options.resume) as folder:
        if not (options.resume and _was_finished(job, folder, identity)):
            check_replaceable(options)
            journal = Journal(folder, identity)
            drifted = _write(job, folder, journal)
            written = _written(job, journal)
            with_nan = sorted({w.plan.ref.name for w in written if w.sums.has_nan})
            _finish(job, folder, _manifest(job, written, identity, drifted))
    if drifted:
        log.warning("copies differ, the first rank's is taken: %s", some(drifted))
    if with_nan:
        log.warning("values that are no numbers are kept as they are: %s", some(with_nan))
    return ConvertReport(
        tensors=len(job.plans),
        files=len(job.files),
        bytes_written=job.nbytes,
        drifted=tuple(drifted),
        with_nan=tuple(with_nan),
        verified=_verified(job) if options.verify else None,
    )


def _was_finished(job: Job, folder: Path, identity: str) -> bool:
    """Finishes what only had to be moved into place; whether the checkpoint is there now."""
    finish_killed(folder, job.options.save_dir)
    last = TRACKER if job.options.save_model_type == "mg" else "config.json"
    there = job.options.save_dir / last
    return there.is_file() and recorded_plan(job.options.save_dir) == identity


def _write(job: Job, folder: Path, journal: Journal) -> list[str]:
    """Writes the files that the journal does not have, and checks the source meanwhile.

    Nothing is final before both are done. Returns the names of tensors whose copies differ.
    """
    options, check = job.options, job.source.byte_check()
    todo = {name: plan for name, plan in _file_plans(job).items() if name not in journal.done}
    drifted: set[str] = set()

    def compare(pair: CopyPair, lane: Lane) -> None:
        if not equal_boxes(job.source, pair):
            drifted.add(pair.name)

    with progress("convert", job.nbytes, unit="B") as shown:
        shown.advance(sum(p.nbytes for name in journal.done for p in job.files[name]))
        lock = threading.Lock()

        def advance(amount: int) -> None:
            with lock:
                shown.advance(amount)

        copying = Copying(job.source, check, advance, journal.add, options.sha256)
        with Writing(folder, todo, copying) as writing:
            comparing: list[Unit] = [partial(compare, pair) for pair in job.copies]
            run_units([*writing.units(), *comparing], options.threads)
    run_units([partial(_call, read) for read in check.rest()], options.threads)
    check.finish()
    return sorted(drifted)


def _call(work: Callable[[], None], lane: Lane) -> None:
    work()


def _file_plans(job: Job) -> dict[str, FilePlan]:
    options = job.options
    if options.save_model_type == "hf":
        return {name: shard_file(plans) for name, plans in job.files.items()}
    dtype = by_name(options.params_dtype) if options.params_dtype else job.plans[0].dtype
    divisible_by = options.make_vocab_size_divisible_by
    args = build_args(job.sizes, job.layout, dtype, divisible_by, job.spec.mla)
    return {
        name: rank_file(plans, RankContent(args, tuple(job.chunk_keys[name])))
        for name, plans in job.files.items()
    }


def _written(job: Job, journal: Journal) -> list[Written]:
    return [
        Written(name, plan.ref.part.partition("/")[2], plan, sums)
        for name, plans in job.files.items()
        for plan, sums in zip(plans, journal.done[name], strict=True)
    ]


def _finish(job: Job, folder: Path, manifest: str) -> None:
    if job.options.save_model_type == "mg":
        finish_mg(folder, job.options.save_dir, manifest)
        return
    # What the weights no longer are; both are in the config of an FP8 model with MTP.
    changes: dict[str, Any] = {"quantization_config": None}
    if job.spec.mtp_key and job.spec.mtp_key in job.sizes.config:
        changes[job.spec.mtp_key] = 0
    write_beside(folder, job.files, job.cfg_dir, changes)
    finish_hf(folder, job.options.save_dir, manifest)


def _manifest(job: Job, written: list[Written], identity: str, drifted: list[str]) -> str:
    return manifest_text(
        kind=job.options.save_model_type,
        source=job.options.load_dir,
        cfg_dir=job.cfg_dir,
        model_type=job.spec.name,
        layout=job.layout,
        written=written,
        plan_id=identity,
        drifted=drifted,
    )


def _verified(job: Job) -> VerifyReport:
    options = job.options
    report = verify(options.load_dir, options.save_dir, hf_cfg_dir=job.cfg_dir)
    if not report.ok:
        raise CheckFailedError(
            f"{options.save_dir} is not the same model as {options.load_dir}",
            found=some(report.problems),
            remedy="do not use it; please report this",
        )
    return report
