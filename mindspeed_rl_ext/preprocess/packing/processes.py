"""`--n-subs`: several processes pack a part each, then the parts are joined.

Covers: one new process per shard; options and errors go between the processes as data; the
same bytes as one run; nothing left where one fails.
Does not cover: several machines; `--shard` and `msrl-ext merge` do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mindspeed_rl_ext.core.errors import EXIT_MACHINE_FAILED, ExtError, MachineError
from mindspeed_rl_ext.core.options import from_json, to_json
from mindspeed_rl_ext.core.python_process import error_from_json, error_to_json, start_python
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.packing.merge import join_parts
from mindspeed_rl_ext.preprocess.packing.staging import staging
from mindspeed_rl_ext.preprocess.report import PreprocessReport

RUN_SHARD = "mindspeed_rl_ext.preprocess.packing.processes:run_shard"
PARTS = "parts"
POLL_S = 0.05


class _Shard(NamedTuple):
    """A running process and the files that it writes: its error, its log."""

    process: subprocess.Popen[bytes]
    error: Path
    log: Path


def preprocess_in_parts(options: PreprocessOptions) -> PreprocessReport:
    """Packs with `options.n_subs` processes.

    Raises:
        ExtError, OSError: as `preprocess`; the error is that of the process that failed first.
        MachineError: a process was killed.
    """
    start_s = time.monotonic()
    prefix, *beside = options.prefixes()
    with staging(prefix, *beside, overwrite=options.overwrite) as folder:
        parts = folder / PARTS
        parts.mkdir()
        shards = _shards_of(options, parts / prefix.name)
        _run_all(shards, parts)
        seed = options.seed if options.shuffle else None
        report = join_parts(folder, prefix, [shard.part_prefix() for shard in shards], seed)
    return replace(report, seconds=round(time.monotonic() - start_s, 3))


def _shards_of(options: PreprocessOptions, prefix: Path) -> list[PreprocessOptions]:
    count = options.n_subs
    threads = max(1, (options.workers or os.cpu_count() or 1) // count)
    return [
        replace(
            options,
            output_prefix=prefix,
            workers=threads,
            shard=(index + 1, count),
            n_subs=1,
            shuffle=False,
        )
        for index in range(count)
    ]


def run_shard(options: str, error_file: str) -> None:
    """Runs in a process of its own.

    Args:
        options: of the shard, as JSON.
        error_file: where an error goes, as JSON.
    """
    from mindspeed_rl_ext.preprocess.run import preprocess  # it imports this module

    try:
        preprocess(from_json(PreprocessOptions, options))
    except (ExtError, OSError, MemoryError) as error:
        Path(error_file).write_text(error_to_json(error), encoding="utf-8")
        sys.exit(getattr(error, "exit_code", EXIT_MACHINE_FAILED))


def _run_all(shards: Sequence[PreprocessOptions], folder: Path) -> None:
    running: list[_Shard] = []
    try:
        for number, shard in enumerate(shards):
            error, log = folder / f"{number}.error", folder / f"{number}.log"
            with log.open("wb") as file:
                process = start_python(
                    *(RUN_SHARD, to_json(shard), str(error)),
                    purpose="a process that packs a part",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=file,
                )
            running.append(_Shard(process, error, log))
        _wait(running)
    finally:
        for one in running:
            if one.process.poll() is None:
                one.process.kill()
            one.process.wait()


def _wait(running: Sequence[_Shard]) -> None:
    while True:
        codes = [one.process.poll() for one in running]
        for code, one in zip(codes, running, strict=True):
            if code:
                raise _failure(code, one)
        if None not in codes:
            return
        time.sleep(POLL_S)


def _failure(code: int, shard: _Shard) -> ExtError | OSError:
    if shard.error.is_file():
        return error_from_json(shard.error.read_text(encoding="utf-8"))
    if code < 0:
        return MachineError(
            f"a process was killed by signal {-code}",
            remedy="look for the system's out-of-memory killer; give fewer --n-subs",
        )
    lines = shard.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return MachineError(
        f"a process that packs a part ended with code {code}", found=lines[-1] if lines else ""
    )
