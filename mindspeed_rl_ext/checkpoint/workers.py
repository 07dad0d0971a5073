"""Files written by several processes.

Covers: shares of about equal size, progress, errors and deaths of a process as errors here; the
processes end when this one does.
Does not cover: what is written; a process inherits that by fork, nothing is pickled.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess

from mindspeed_rl_ext.checkpoint.streaming import Sums
from mindspeed_rl_ext.errors import MachineError

Advance = Callable[[int], None]
WriteFile = Callable[[str, Advance], list[Sums]]
_REPORT_BYTES = 64 << 20


def write_files(
    files: Sequence[tuple[str, int]], write: WriteFile, workers: int, advance: Advance
) -> Iterator[tuple[str, list[Sums]]]:
    """Writes files, and says which are whole as they become so.

    Args:
        files: names and sizes in bytes.
        write: writes the file of that name; called in a process of its own where workers > 1.
        workers: most processes at a time.
        advance: called here with the bytes written.

    Raises:
        MachineError: a process was killed.
    """
    if workers <= 1 or len(files) <= 1:
        for name, _ in files:
            yield name, write(name, advance)
        return
    running: dict[Connection, ForkProcess] = {}
    try:
        for share in _shares(files, workers):
            here, process = _start(share, write)
            running[here] = process
        while running:
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                yield from _received(ready, running, advance)
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.join()


def _shares(files: Sequence[tuple[str, int]], workers: int) -> list[list[str]]:
    """The largest file goes to the share that has least."""
    shares: list[list[str]] = [[] for _ in range(min(workers, len(files)))]
    loads = [0] * len(shares)
    for name, size in sorted(files, key=lambda file: -file[1]):
        least = loads.index(min(loads))
        shares[least].append(name)
        loads[least] += size
    return shares


def _start(share: list[str], write: WriteFile) -> tuple[Connection, ForkProcess]:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, share, write), daemon=True)
    process.start()
    there.close()  # so that the process's death closes the pipe
    return here, process


def _received(
    here: Connection, running: dict[Connection, ForkProcess], advance: Advance
) -> Iterator[tuple[str, list[Sums]]]:
    try:
        kind, value = here.recv()
    except EOFError:
        process = running.pop(here)
        process.join()
        if process.exitcode:
            raise MachineError(
                "a writing process ended early",
                found=f"exit code {process.exitcode}",
                remedy="was it killed for memory? try fewer --workers",
            ) from None
        return
    if kind == "error":
        raise value
    if kind == "bytes":
        advance(value)
    else:
        yield value


def _work(there: Connection, share: list[str], write: WriteFile) -> None:
    """The process: its pipe breaks when the parent is gone, which ends it too."""
    waiting = 0

    def report(amount: int) -> None:
        nonlocal waiting
        waiting += amount
        if waiting >= _REPORT_BYTES:
            there.send(("bytes", waiting))
            waiting = 0

    try:
        for name in share:
            sums = write(name, report)
            there.send(("bytes", waiting))
            waiting = 0
            there.send(("file", (name, sums)))
    except BrokenPipeError:
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent raises it
        there.send(("error", error))
