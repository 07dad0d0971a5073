"""Beside other jobs a verifier waits for a core; that is no fault of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mindspeed_rl_ext.verifiers import pool, score
from mindspeed_rl_ext.verifiers.pool import client

MODULE = """
import time
from mindspeed_rl_ext import verifier

@verifier("starving_says", isolated=True, cpu_s=0.6, levels=(1.0, -1.0))
def starving_says(response: str) -> float:
    if response == "sleep":
        time.sleep(30)
    while time.process_time() < float(response):
        pass
    return 1.0
"""
BUSY = "while True: pass"
LOW_PRIORITY = 12
WALL_S = 2.2  # of an isolated verifier, see isolation.py


def tells_waiting() -> bool:
    try:
        return len(Path("/proc/self/schedstat").read_text().split()) > 1
    except OSError:
        return False


pytestmark = pytest.mark.skipif(
    not tells_waiting(), reason="this system does not tell how long a process waits for a core"
)


@pytest.fixture
def starved_helper(tmp_path: Path) -> Iterator[None]:
    """A helper of low priority on a core that others keep busy."""
    (tmp_path / "starving_says_module.py").write_text(MODULE)
    sys.path.insert(0, str(tmp_path))
    import starving_says_module  # noqa: F401

    client._HOLDERS[0].close()
    pool.start()
    helper = client._HOLDERS[0].helper
    assert helper is not None
    helper.wait()
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(helper._process.pid, {core})
    os.setpriority(os.PRIO_PROCESS, helper._process.pid, LOW_PRIORITY)
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
    try:
        for other in others:
            os.sched_setaffinity(other.pid, {core})
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()
        client._HOLDERS[0].close()
        sys.path.remove(str(tmp_path))


def outcome_of(response: str) -> str:
    (verdict,) = score([response], verifiers=["starving_says"]).verdicts["starving_says"]
    return verdict.outcome.value


def test_waiting_for_a_core_is_no_timeout_and_sleeping_is(starved_helper: None) -> None:
    start_s = time.monotonic()
    assert outcome_of("0.15") == "SCORED"
    waited_s = time.monotonic() - start_s
    assert outcome_of("sleep") == "TIMEOUT"
    if waited_s < WALL_S:
        pytest.skip(f"the verifier had its core after {waited_s:.1f} s: nothing was shown")
