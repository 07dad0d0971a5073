"""Scores again and again in a host while its audit can't be written, in each way that occurs."""

import os
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path

from mindspeed_rl_ext.core.responses import audit

BATCHES = 3 * audit.MAX_BATCHES
HOLDS_LOCK = """
import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


def place(root):
    folder = Path(root, socket.gethostname())
    folder.mkdir(parents=True)
    return folder


def full():
    (place("full") / audit.FILE).symlink_to("/dev/full")
    return "full"


def read_only():
    return "/proc/self/task"  # nobody can make a directory there, root neither


def no_directory():
    Path("file").write_text("")
    return "file"


def dead_mount():
    """Opening a FIFO that nobody reads blocks, as opening a file on a dead mount does."""
    os.mkfifo(place("dead") / audit.FILE)
    return "dead"


def stopped_neighbour():
    """Another process holds the lock of the file and is stopped."""
    lock = place("stopped") / ".lock"
    other = subprocess.Popen([sys.executable, "-c", HOLDS_LOCK, lock], stdout=subprocess.PIPE)
    other.stdout.readline()
    other.send_signal(signal.SIGSTOP)
    OTHERS.append(other)
    return "stopped"


def fork():
    return "fork"


OTHERS = []
FAULTS = (full, read_only, no_directory, dead_mount, stopped_neighbour, fork)


def rows_written(root):
    path = Path(root, socket.gethostname(), audit.FILE)
    return len(path.read_text().splitlines()) if path.is_file() else 0


def _of_child(score, expected, root):
    """0 where a forked process scores and writes as its parent does; else what is wrong."""
    try:
        if score() != expected:
            return 2
        return 3 if audit._writers[root].close(60) else 0
    except BaseException:  # noqa: BLE001  a child may not go on as a second parent
        traceback.print_exc()
        return 4


def scores_under_faults(score, score_ours):
    """By fault: whether all scores are those without an audit, and what became of the batches.

    Args:
        score: scores one batch, with a grader of the host too; its result is compared.
        score_ours: with our verifiers alone. The hosts' graders from 2.2 on score in a pool of
            processes, which a forked child does not have.
    """
    expected, expected_ours, found = score(), score_ours(), {}
    for fault in FAULTS:
        root = fault()
        os.environ[audit.VARIABLE] = root
        right, child = 0, None
        for number in range(BATCHES):
            right += score() == expected
            if fault is fork and number == audit.MAX_BATCHES:
                child = os.fork()
                if child == 0:
                    os._exit(_of_child(score_ours, expected_ours, root))
        # A writer that works is given the time that it needs.
        lost = audit._writers[root].close(60 if fault is fork else 0.2)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else 0
        written = rows_written(root) if fault is fork else 0
        found[fault.__name__] = {"right": right, "lost": lost, "child": code, "rows": written}
    del os.environ[audit.VARIABLE]
    for other in OTHERS:
        other.kill()
    return {"batches": BATCHES, "faults": found}
