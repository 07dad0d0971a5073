"""`--n-subs`: several processes pack a part each, then the parts are joined.

Covers: one process a shard, started anew (no fork of a process with threads, no second run of a
user's script); the same bytes as one run; nothing left where one fails.
Does not cover: several machines; `--shard` and `msrl-ext merge` do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError, MachineError
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.packing.merge import merge, shards_of
from mindspeed_rl_ext.preprocess.packing.packed import heldout_prefix
from mindspeed_rl_ext.preprocess.packing.staging import refuse_stale, scratch_folder
from mindspeed_rl_ext.preprocess.report import PreprocessReport

PROGRAM = "mindspeed_rl_ext.cli"
POLL_S = 0.05


def preprocess_in_parts(options: PreprocessOptions) -> PreprocessReport:
    """Packs with `options.n_subs` processes.

    Raises:
        InputError: as `preprocess`; the message is that of the process that failed first.
        MachineError: a process was killed.
    """
    start_s = time.monotonic()
    prefix = Path(options.output_prefix)
    refuse_stale(prefix, overwrite=options.overwrite)
    if options.split is not None:
        refuse_stale(heldout_prefix(prefix), overwrite=options.overwrite)
    with scratch_folder(prefix) as folder:
        threads = max(1, (options.workers or os.cpu_count() or 1) // options.n_subs)
        inner = replace(options, output_prefix=folder / prefix.name, workers=threads)
        _run_all([flags_of(inner, index + 1) for index in range(options.n_subs)], folder)
        seed = options.seed if options.shuffle else None
        parts = shards_of(inner.output_prefix)
        report = merge(prefix, parts, shuffle_seed=seed, overwrite=options.overwrite)
    return replace(report, seconds=round(time.monotonic() - start_s, 3))


def flags_of(options: PreprocessOptions, index: int) -> list[str]:
    """The words of `msrl-ext preprocess` for one part of a run."""
    words = ["preprocess", "--shard", f"{index}/{options.n_subs}"]
    for name, value in vars(options).items():
        flag = "--" + name.replace("_", "-")
        if name in ("shard", "n_subs", "shuffle") or value in (None, False, ()):
            continue
        if value is True:
            words.append(flag)
        elif name in ("map_keys", "derive"):
            text = value if isinstance(value, str) else json.dumps(dict(value))
            words.append(f"{flag}={text}")
        elif isinstance(value, tuple):
            words += [flag, *value]
        else:
            words.append(f"{flag}={value}")
    return words


def _run_all(commands: Sequence[list[str]], folder: Path) -> None:
    paths = [str(Path(__file__).resolve().parents[3]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    running: list[tuple[subprocess.Popen[bytes], Path]] = []
    try:
        for number, words in enumerate(commands):
            said = folder / f"{number}.stderr"
            with said.open("wb") as file:
                process = subprocess.Popen(
                    [sys.executable, "-m", PROGRAM, *words],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=file,
                    env=environment,
                )
            running.append((process, said))
        _wait(running)
    finally:
        for process, _ in running:
            if process.poll() is None:
                process.kill()
            process.wait()


def _wait(running: Sequence[tuple[subprocess.Popen[bytes], Path]]) -> None:
    while True:
        codes = [process.poll() for process, _ in running]
        for code, (_, said) in zip(codes, running, strict=True):
            if code:
                raise _failure(code, said.read_text(encoding="utf-8", errors="replace"))
        if None not in codes:
            return
        time.sleep(POLL_S)


def _failure(code: int, said: str) -> InputError | MachineError:
    _, _, message = said.rpartition("error: ")
    message = message.strip() or f"a process ended with code {code}"
    if code < 0:
        return MachineError(
            f"a process was killed by signal {-code}",
            remedy="look for the system's out-of-memory killer; give fewer --n-subs",
        )
    return MachineError(message) if code == MachineError.exit_code else InputError(message)
