"""Converting: plan, write aside, move into place.

Covers: hf -> mg and mg -> hf as one call.
Does not cover: flags and printing; `commands.convert` does.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from mindspeed_rl_ext.checkpoint.compare import equal_boxes
from mindspeed_rl_ext.checkpoint.dtypes import by_name
from mindspeed_rl_ext.checkpoint.hf_source import some
from mindspeed_rl_ext.checkpoint.job import Job, plan_job
from mindspeed_rl_ext.checkpoint.manifest import Written, manifest_text
from mindspeed_rl_ext.checkpoint.mcore_args import build_args
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.staging import staging
from mindspeed_rl_ext.checkpoint.verify import VerifyReport, verify
from mindspeed_rl_ext.checkpoint.write_hf import finish_hf, write_hf
from mindspeed_rl_ext.checkpoint.write_mg import finish_mg, write_mg
from mindspeed_rl_ext.errors import CheckFailedError
from mindspeed_rl_ext.progress import progress

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConvertReport:
    """What was written.

    Args:
        tensors: number of tensors, over all files.
        files: number of files that hold them.
        bytes_written: bytes of their values.
        drifted: tensors whose copies on several ranks differ; the first rank's was taken.
        verified: the report of `verify`, if it was asked for.
    """

    tensors: int
    files: int
    bytes_written: int
    drifted: tuple[str, ...] = ()
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
    drifted = _drifted(job)
    if drifted:
        log.warning("copies differ, the first rank's is taken: %s", some(drifted))
    with staging(options.save_dir) as folder:
        with progress("convert", job.nbytes, unit="B") as shown:
            if options.save_model_type == "mg":
                dtype = by_name(options.params_dtype) if options.params_dtype else None
                args = build_args(
                    job.sizes,
                    job.layout,
                    dtype or job.plans[0].dtype,
                    options.make_vocab_size_divisible_by,
                )
                written = write_mg(folder, job.plans, job.source, args, shown.advance)
            else:
                written = write_hf(folder, job.files, job.source, job.cfg_dir, shown.advance)
        finish = finish_mg if options.save_model_type == "mg" else finish_hf
        finish(folder, options.save_dir, _manifest(job, written))
    return ConvertReport(
        tensors=len(job.plans),
        files=len(job.files),
        bytes_written=job.nbytes,
        drifted=tuple(drifted),
        verified=_verified(options) if options.verify else None,
    )


def _manifest(job: Job, written: list[Written]) -> str:
    return manifest_text(
        kind=job.options.save_model_type,
        source=job.options.load_dir,
        cfg_dir=job.cfg_dir,
        model_type=job.spec.name,
        layout=job.layout,
        written=written,
    )


def _drifted(job: Job) -> list[str]:
    """Names of tensors whose copies in the source differ."""
    return sorted({pair.name for pair in job.copies if not equal_boxes(job.source, pair)})


def _verified(options: ConvertOptions) -> VerifyReport:
    report = verify(options.load_dir, options.save_dir, hf_cfg_dir=options.hf_cfg_dir)
    if not report.ok:
        raise CheckFailedError(
            f"{options.save_dir} is not the same model as {options.load_dir}",
            found=some(report.problems),
            remedy="do not use it; please report this",
        )
    return report
