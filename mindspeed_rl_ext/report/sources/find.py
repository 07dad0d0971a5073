"""Which files of a path are a run's log, and which of them are read.

Covers: a file of any known kind, a directory with one run in it (also some levels down).
Does not cover: several runs at once; they are named instead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.report.sources.console import read_console_log
from mindspeed_rl_ext.report.sources.metrics_file import read_metrics_file
from mindspeed_rl_ext.report.sources.record import FileRead
from mindspeed_rl_ext.report.sources.tensorboard import read_event_file
from mindspeed_rl_ext.report.sources.trainer_state import read_trainer_state
from mindspeed_rl_ext.report.sources.verl import dump_files

METRICS_FILE = "metrics.jsonl"
ROLLOUTS_FILE = "rollouts.jsonl"
STATE_FILE = "trainer_state.json"
EVENTS = "events.out.tfevents"
LOG_ENDINGS = (".log", ".out", ".txt", ".err")
EXPECTED = (
    f"{METRICS_FILE}, {ROLLOUTS_FILE}, {STATE_FILE}, *{', *'.join(LOG_ENDINGS)} of a training, "
    f"or {EVENTS}.*"
)
_MAX_DEPTH = 3
_MAX_ENTRIES = 20_000
_CHECKPOINT = re.compile(r"checkpoint-(\d+)$")


@dataclass(frozen=True)
class Found:
    """The files of one run.

    Args:
        folder: where the report goes by default.
        logs: files of metrics as they were read, in the order in which they were written.
        rollouts: the rollouts, where there are some.
        left_out: other files that look like logs of the run.
    """

    folder: Path
    logs: tuple[FileRead, ...]
    rollouts: Path | None
    left_out: tuple[Path, ...] = ()


def find_sources(path: Path) -> Found:
    """Looks for the logs of one run and reads them.

    Args:
        path: a log, a rollouts file, or a directory.

    Raises:
        InputError: no such path, nothing there that is a log, several runs.
    """
    if path.is_file():
        return _of_file(path)
    if not path.is_dir():
        raise InputError(f"no such file or directory: {path}", remedy="check the path")
    files = list(_walk(path))
    picked = {kind: kind.pick(files) for kind in _KINDS}
    kind, logs = _first_with_rows(picked)
    near = logs[0].path.parent if logs else path
    written = (near / ROLLOUTS_FILE, path / ROLLOUTS_FILE)
    rollouts = next((f for f in written if f.is_file()), None)
    dumps = [] if rollouts else _dump_folders(files)
    rollouts = rollouts or next(iter(dumps), None)
    if not logs and rollouts is None:
        raise _nothing_there(path)
    read = {log.path for log in logs}
    others = tuple(f for kept in picked.values() for f in kept if f not in read)
    others += tuple(dumps[1:])
    folder = near if kind.read is read_metrics_file else path
    return Found(folder, logs, rollouts, others)


def _first_with_rows(
    picked: Mapping[_Kind, tuple[Path, ...]],
) -> tuple[_Kind, tuple[FileRead, ...]]:
    """The first kind that has a step in it, read; else the first that is there, for its faults."""
    there: tuple[_Kind, tuple[FileRead, ...]] | None = None
    for kind, files in picked.items():
        logs = tuple(kind.read(file) for file in files)
        if kind.read is read_console_log:
            logs = tuple(log for log in logs if log.rows)
        if any(log.rows for log in logs):
            return kind, logs
        if logs and there is None:
            there = kind, logs
    return there or (_KINDS[0], ())


def _dump_folders(files: list[Path]) -> list[Path]:
    """Folders of verl's dumps, the one of the most steps first: rollouts before validation."""
    folders = dict.fromkeys(f.parent for f in files if f.suffix == ".jsonl" and f.stem.isdecimal())
    counted = {folder: len(dump_files(folder)) for folder in folders}
    found = [folder for folder, count in counted.items() if count]
    return sorted(found, key=lambda folder: -counted[folder])


def _of_file(path: Path) -> Found:
    beside = path.with_name(ROLLOUTS_FILE)
    rollouts = beside if beside.is_file() else None
    if path.name == ROLLOUTS_FILE or _holds_rollouts(path):
        return Found(path.parent, (), path)
    return Found(path.parent, (_reader_of(path)(path),), rollouts)


def _reader_of(path: Path) -> Callable[[Path], FileRead]:
    if EVENTS in path.name:
        return read_event_file
    head = _head(path).lstrip()
    if path.suffix == ".json" and head.startswith(b"{"):
        return read_trainer_state
    looks_like_json = head.startswith(b'{"') or path.suffix == ".jsonl"
    return read_metrics_file if looks_like_json else read_console_log


def _holds_rollouts(path: Path) -> bool:
    first = _head(path).lstrip().split(b"\n", 1)[0]
    return path.suffix == ".jsonl" and b'"response":' in first and b'"answer":' in first


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1 << 16)


def _walk(folder: Path) -> Iterator[Path]:
    """Files at most some levels down, those of the upper levels first."""
    count = 0
    level = [folder]
    for _ in range(_MAX_DEPTH + 1):
        below: list[Path] = []
        for here in level:
            try:
                entries = sorted(os.scandir(here), key=lambda entry: entry.name)
            except PermissionError:
                continue
            for entry in entries:
                count += 1
                if count > _MAX_ENTRIES:
                    return
                if entry.is_file():
                    yield Path(entry.path)
                elif entry.is_dir(follow_symlinks=False):
                    below.append(Path(entry.path))
        level = below


def _metrics_files(files: list[Path]) -> tuple[Path, ...]:
    found = _of_the_uppermost_level([f for f in files if f.name == METRICS_FILE])
    if len(found) > 1:
        raise InputError(
            "several runs are in this directory",
            found=", ".join(str(f.parent) for f in found[:8]),
            expected="one run, or each of several by its directory",
            remedy="give the directory of one of them, or of several: msrl-ext report A B",
        )
    return tuple(found)


def _verl_files(files: list[Path]) -> tuple[Path, ...]:
    """What verl's `logger: file` writes: PROJECT/EXPERIMENT.jsonl."""
    found = [f for f in files if f.suffix == ".jsonl" and not f.stem.isdecimal()]
    logs = [f for f in found if f.name not in (METRICS_FILE, ROLLOUTS_FILE) and _is_verl_log(f)]
    return tuple(_of_the_uppermost_level(logs))


def _is_verl_log(path: Path) -> bool:
    head = _head(path).lstrip()
    return head.startswith(b'{"step":') and b'"data":{' in head.replace(b" ", b"")[:80]


def _last_state(files: list[Path]) -> tuple[Path, ...]:
    """The state of the last checkpoint: it holds the whole history."""
    found = _of_the_uppermost_level([f for f in files if f.name == STATE_FILE])
    return tuple(sorted(found, key=_checkpoint_number)[-1:])


def _checkpoint_number(state: Path) -> int:
    found = _CHECKPOINT.search(state.parent.name)
    # A state that lies beside the checkpoints was written at the end.
    return int(found[1]) if found else 1 << 60


def _console_logs(files: list[Path]) -> tuple[Path, ...]:
    logs = [f for f in files if f.suffix in LOG_ENDINGS and EVENTS not in f.name]
    found = _of_the_uppermost_level(logs)
    return tuple(sorted(found, key=lambda f: (f.stat().st_mtime_ns, f.name)))


def _event_files(files: list[Path]) -> tuple[Path, ...]:
    # Their names carry the time of the start.
    found = [f for f in files if f.name.startswith(EVENTS)]
    return tuple(sorted(found, key=lambda f: f.name))


def _of_the_uppermost_level(files: list[Path]) -> list[Path]:
    if not files:
        return []
    depth = min(len(f.parts) for f in files)
    return [f for f in files if len(f.parts) == depth]


@dataclass(frozen=True)
class _Kind:
    """A kind of log: which files are one, and how one is read."""

    pick: Callable[[list[Path]], tuple[Path, ...]]
    read: Callable[[Path], FileRead]


# In this order: the first kind that is there is read.
_KINDS = (
    _Kind(_metrics_files, read_metrics_file),
    _Kind(_verl_files, read_metrics_file),
    _Kind(_last_state, read_trainer_state),
    _Kind(_console_logs, read_console_log),
    _Kind(_event_files, read_event_file),
)


def _nothing_there(path: Path) -> InputError:
    names = sorted(entry.name for entry in path.iterdir())
    return InputError(
        f"{path} holds no log of a run",
        found=", ".join(names[:8]) + (", ..." if len(names) > 8 else "") or "nothing",
        expected=EXPECTED,
        remedy="give the directory that the run wrote, or its log",
    )
