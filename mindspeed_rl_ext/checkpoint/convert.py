"""Converting: plan, write aside, verify, move into place.

Covers: any format that is read into any that is written, as one call; going on where a run was
stopped.
Does not cover: flags and printing; `cli.convert` does.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.adapters.merged import MergedReader
from mindspeed_rl_ext.checkpoint.copying.compare import equal_boxes
from mindspeed_rl_ext.checkpoint.copying.journal import Journal
from mindspeed_rl_ext.checkpoint.copying.threads import Unit, Worker, run_units
from mindspeed_rl_ext.checkpoint.copying.write_files import Copying, Writing
from mindspeed_rl_ext.checkpoint.identity import plan_id, run_id
from mindspeed_rl_ext.checkpoint.job import Job, plan_job
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST, Written, write_manifest
from mindspeed_rl_ext.checkpoint.mapping.plan import CopyPair
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.parts.joining import (
    check_destination,
    part_destination,
    was_finished,
)
from mindspeed_rl_ext.checkpoint.parts.manifests import manifest_name, part_content
from mindspeed_rl_ext.checkpoint.tensors import OUTPUT_LAYER
from mindspeed_rl_ext.checkpoint.verify import VerifyReport, verify_opened
from mindspeed_rl_ext.checkpoint.wording import not_tied, some
from mindspeed_rl_ext.core.errors import CheckFailedError, InputError
from mindspeed_rl_ext.core.files.staging import finish_killed, install, staging
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
        part: which ranks were written; "" where all were.
    """

    tensors: int
    files: int
    bytes_written: int
    drifted: tuple[str, ...] = ()
    with_nan: tuple[str, ...] = ()
    verified: VerifyReport | None = None
    part: str = ""


def convert(options: ConvertOptions) -> ConvertReport:
    """Converts a checkpoint; the destination appears whole or not at all.

    Raises:
        InputError: the source or the layout is wrong; nothing was written.
        MachineError: too little disk; nothing was written.
        CheckFailedError: `verify` was asked for and found a difference; nothing was put in place.
    """
    return run_job(plan_job(options))


def run_job(job: Job) -> ConvertReport:
    """Writes what was planned."""
    options = job.options
    identity, plan = run_id(job), plan_id(job)
    drifted: list[str] = []
    with_nan: list[str] = []
    verified: VerifyReport | None = None
    with staging(
        options.save_dir,
        writer="conversion",
        option="--save-dir",
        name=job.staging_name,
        resume=options.resume,
    ) as folder:
        if options.resume and _was_finished(job, folder):
            verified = _verified(job, options.save_dir) if options.verify else None
        else:
            check_destination(job)
            journal = Journal(folder, identity)
            drifted = _write(job, folder, journal)
            if plan_id(job) != plan:
                raise InputError(
                    f"{options.load_dir} changed while it was converted",
                    found="files of another size or time than at the start",
                    remedy="wait until the checkpoint is wholly written, then convert again",
                )
            names = job.writer.finish(folder, job.target, job.files)
            with_nan = write_manifest(
                folder / manifest_name(job.part),
                kind=job.target_format.name,
                source=job.source.folder if options.save_lora_to_hf else options.load_dir,
                cfg_dir=job.model.folder,
                model_type=job.model.spec.name,
                layout=job.layout,
                written=_written(job, journal),
                plan_id=plan,
                drifted=drifted,
                part=part_content(job.part, job.whole_files) if job.part else None,
                adapter=_merged_adapter(job),
            )
            if options.verify:
                verified = _verified_staged(job, folder)
            _put_in_place(job, folder, _in_order(names, job.writer.marker))
    if drifted:
        log.warning("copies differ, the first rank's is taken: %s", some(drifted))
    if with_nan:
        log.warning("values that are no numbers are kept as they are: %s", some(with_nan))
    return ConvertReport(
        tensors=job.totals.tensors,
        files=len(job.files),
        bytes_written=job.totals.nbytes,
        drifted=tuple(drifted),
        with_nan=tuple(with_nan),
        verified=verified,
        part=job.part.text if job.part else "",
    )


def _put_in_place(job: Job, folder: Path, names: list[str]) -> None:
    """Moves what is staged to the destination; a part beside the others that are there."""
    destination = part_destination(job)
    if destination is None:
        install(folder, job.options.save_dir, names, _old(job, names))
        return
    with destination.locked():
        destination.check(job.options.overwrite)  # again: others may have put theirs there
        install(folder, job.options.save_dir, destination.names, destination.replaced())
        destination.finish(folder)


def _merged_adapter(job: Job) -> dict[str, Any] | None:
    return job.source.record(job.model) if isinstance(job.source, MergedReader) else None


def _was_finished(job: Job, folder: Path) -> bool:
    """Finishes what only had to be moved into place; whether the checkpoint is there now."""
    destination = part_destination(job)
    if destination is None:
        finish_killed(folder, job.options.save_dir)
        return was_finished(job)
    with destination.locked():
        finish_killed(folder, job.options.save_dir)
        there = destination.is_there()
        if there:
            destination.finish(folder)
    return there


def _write(job: Job, folder: Path, journal: Journal) -> list[str]:
    """Writes the files that the journal does not have, and checks the source meanwhile.

    Nothing is final before both are done. Returns the names of tensors whose copies differ.
    """
    options, check, tied = job.options, job.source.byte_check(), job.model.tied_name()
    todo = [file for file in job.files if file.name not in journal.done]
    drifted: set[str] = set()

    def compare(pair: CopyPair, worker: Worker) -> None:
        if equal_boxes(job.source, pair):
            return
        # Ranks may drift by a bit; an output layer that was trained by itself is another model.
        refs = (pair.first.ref, pair.second.ref)
        if pair.name == tied and any(OUTPUT_LAYER in ref.name for ref in refs):
            raise not_tied(pair.name)
        drifted.add(pair.name)

    with progress("convert", job.totals.nbytes, unit="B") as shown:
        done = (file for file in job.files if file.name in journal.done)
        shown.advance(sum(file.totals.nbytes for file in done))
        lock = threading.Lock()

        def advance(amount: int) -> None:
            with lock:
                shown.advance(amount)

        copying = Copying(job.source, check, advance, journal.add, options.sha256)
        with Writing(folder, {file.name: file.lay_out for file in todo}, copying) as writing:
            comparing: list[Unit] = [partial(compare, pair) for pair in job.compared_copies()]
            run_units(chain(writing.units(), comparing), options.threads)
    run_units([partial(_call, read) for read in check.rest(job.used)], options.threads)
    check.finish()
    return sorted(drifted)


def _call(work: Callable[[], None], worker: Worker) -> None:
    work()


def _written(job: Job, journal: Journal) -> Iterator[Written]:
    for file in job.files:
        for plan, sums in zip(file.plans, journal.done[file.name], strict=True):
            yield Written(file.name, plan, sums)


def _in_order(names: list[str], marker: str) -> list[str]:
    """The names to move into place, the marker last."""
    return [*(name for name in names if name not in (MANIFEST, marker)), MANIFEST, marker]


def _old(job: Job, names: list[str]) -> list[Path]:
    """What the new files replace, what made the old ones loadable first.

    Raises:
        InputError: a file that is no checkpoint's would be replaced, without --overwrite.
    """
    folder = job.options.save_dir
    known = job.writer.existing(folder)
    others = [folder / name for name in names if (folder / name).exists()]
    others = [path for path in others if path not in known]
    if others and not job.options.overwrite:
        raise InputError(
            f"{folder} holds files of the names that are written",
            found=some(path.name for path in others),
            remedy="--overwrite replaces them",
        )
    return [*known, *others]


def _verified_staged(job: Job, folder: Path) -> VerifyReport:
    """Verifies what is staged; what is wrong is removed, so that no later run puts it in place."""
    try:
        return _verified(job, folder)
    except CheckFailedError:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


def _verified(job: Job, folder: Path) -> VerifyReport:
    written = job.target_format.open(folder)
    report = verify_opened(job.source, written, job.model)
    if not report.ok:
        raise CheckFailedError(
            f"what was written is not the same model as {job.options.load_dir}",
            found=some(report.problems),
            remedy="nothing was put in place; please report this",
        )
    return report
