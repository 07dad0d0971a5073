"""What makes two runs the same: source, options, program, and the ranks that are written.

Covers: the identity that manifest and journal record.
Does not cover: options that may differ between a run and the one that goes on with it; `options`
declares them.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from mindspeed_rl_ext.core.options import identity_of
from mindspeed_rl_ext.version import __version__

if TYPE_CHECKING:
    from mindspeed_rl_ext.checkpoint.job import Job


def run_id(job: Job) -> str:
    """The identity of a run: that of its plan, and the ranks that it writes."""
    if job.part is None:
        return plan_id(job)
    return hashlib.sha256(",".join((plan_id(job), *job.part.dirs)).encode()).hexdigest()


def plan_id(job: Job) -> str:
    """The identity of a plan: equal where source, options and program are."""
    options = {**identity_of(job.options), "load_model_type": job.source_format.name}
    sources = [
        (path.name, path.parent.name, path.stat().st_size, path.stat().st_mtime_ns)
        for path in job.source.paths()
    ]
    config = (job.model.folder / "config.json").read_text("utf-8")
    text = json.dumps([options, sources, config, __version__], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
