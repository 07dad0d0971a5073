"""The pool: any thread or process may use it, one worker dies alone, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mindspeed_rl_ext.verifiers import Outcome, equivalent, pool, resolve, score
from mindspeed_rl_ext.verifiers.equivalence import cascade
from mindspeed_rl_ext.verifiers.pool import Budget, Task, client
from mindspeed_rl_ext.verifiers.pool.symbolic import available


def helper_pid() -> int | None:
    """The process id of this process's helper, where it runs."""
    helper = client._HOLDERS[0].helper
    return None if helper is None else helper._process.pid


needs_sympy = pytest.mark.skipif(bool(available()), reason=available())

MODULE = """
import os, time
from mindspeed_rl_ext import verifier

@verifier("pool_says", isolated=True, cpu_s=0.3, levels=(1.0, -1.0))
def pool_says(response: str, *, wait: float = 30.0) -> float:
    if response == "spin":
        while True:
            pass
    if response == "sleep":
        time.sleep(wait)
    if response == "die":
        os._exit(3)
    if response == "C":
        return float(9**9**9 > 0)
    if response == "raise":
        raise KeyError("lost")
    return float(response)
"""


@pytest.fixture(scope="module")
def own_verifier(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("own")
    (folder / "pool_says_module.py").write_text(MODULE)
    sys.path.insert(0, str(folder))
    import pool_says_module  # noqa: F401

    return "pool_says"


def scored(name: str, responses: list[str]) -> list[tuple[str, float]]:
    verdicts = score(responses, verifiers=[name]).verdicts["pool_says"]
    return [(v.outcome.value, v.score) for v in verdicts]


def test_a_worker_that_hangs_or_dies_takes_no_neighbour_along(own_verifier: str) -> None:
    responses = ["1", "spin", "2", "die", "C", "3", "sleep", "raise", "4"]
    assert scored(own_verifier, responses) == [
        ("SCORED", 1.0), ("TIMEOUT", -1.0), ("SCORED", 2.0), ("ERROR", -1.0), ("TIMEOUT", -1.0),
        ("SCORED", 3.0), ("TIMEOUT", -1.0), ("ERROR", -1.0), ("SCORED", 4.0),
    ]  # fmt: skip


def test_a_single_call_of_an_isolated_verifier_is_isolated_too(own_verifier: str) -> None:
    assert resolve(own_verifier)("die").outcome is Outcome.ERROR
    assert resolve(own_verifier)("0.5").score == 0.5


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def worker_states() -> list[str]:
    pid = helper_pid()
    assert pid is not None
    stats = [Path(f"/proc/{child}/stat").read_text() for child in children(pid)]
    return [stat.rpartition(")")[2].split()[0] for stat in stats]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system has no /proc")
def test_no_zombies_stay_and_no_more_workers_than_cores(own_verifier: str) -> None:
    scored(own_verifier, ["die", "spin", "1", "die", "raise", "2"] * 3)
    assert "Z" not in worker_states()
    assert len(worker_states()) <= len(os.sched_getaffinity(0))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system has no /proc")
def test_a_killed_worker_and_a_killed_helper_are_replaced(own_verifier: str) -> None:
    assert scored(own_verifier, ["1"]) == [("SCORED", 1.0)]
    first = helper_pid()
    assert first is not None
    for worker in children(first):
        os.kill(worker, signal.SIGKILL)
    assert scored(own_verifier, ["2"]) in ([("SCORED", 2.0)], [("ERROR", -1.0)])
    os.kill(first, signal.SIGKILL)
    assert scored(own_verifier, ["3"]) == [("SCORED", 3.0)]
    assert helper_pid() != first


def test_threads_do_not_mix_answers_up(own_verifier: str) -> None:
    def one(index: int) -> bool:
        wanted = [f"{index}.{k}" for k in range(5)]
        return scored(own_verifier, wanted) == [("SCORED", float(text)) for text in wanted]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(one, range(24)))


def test_a_fork_while_threads_are_waiting_gets_a_helper_of_its_own(own_verifier: str) -> None:
    busy = threading.Thread(target=scored, args=(own_verifier, ["spin", "1"]))
    busy.start()
    parents = helper_pid()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            right = scored(own_verifier, ["7"]) == [("SCORED", 7.0)]
            os.write(writer, b"1" if right and helper_pid() != parents else b"0")
        finally:
            os._exit(0)
    os.close(writer)
    answer = os.read(reader, 1)
    os.waitpid(pid, 0)
    os.close(reader)
    busy.join()
    assert answer == b"1"
    assert scored(own_verifier, ["8"]) == [("SCORED", 8.0)]


SCRIPT = """
import os, sys, signal
from mindspeed_rl_ext.verifiers.pool import client, run, Task, Budget
from mindspeed_rl_ext.verifiers.pool.symbolic import available
assert run([Task("probe")], Budget())[0].status == "ok"
print(client._HOLDERS[0].helper._process.pid, flush=True)
{end}
"""


@pytest.mark.parametrize("end", ["sys.exit(0)", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_no_process_outlives_its_caller_however_that_ends(end: str) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(end=end)],
        capture_output=True, text=True, env=env, check=False,
    )  # fmt: skip
    helper = int(done.stdout)
    for _ in range(600):
        if not running(helper):
            return
        time.sleep(0.05)
    pytest.fail(f"helper {helper} still runs")


def running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@needs_sympy
def test_a_batch_that_spent_its_budget_times_out_the_rest_and_the_next_starts_afresh() -> None:
    hang = Task(
        "equivalent", {"prediction": r"\int_0^\infty e^{-x^2}\sin(x^3) dx", "reference": "1"}
    )
    easy = Task("equivalent", {"prediction": "1+x", "reference": "x+1"})
    replies = pool.run([hang] * 6, Budget((0.2,), 2.0, 0.3))
    assert [reply.status for reply in replies] == ["timeout"] * 6
    assert any("batch" in reply.reason for reply in replies)
    assert pool.run([easy], Budget())[0].value is True


@needs_sympy
def test_a_second_round_finishes_what_the_first_could_not(own_verifier: str) -> None:
    hang = Task(
        "equivalent", {"prediction": r"\int_0^\infty e^{-x^2}\sin(x^3) dx", "reference": "1"}
    )
    slow = Task("equivalent", {"prediction": "1+x", "reference": "x+1"})
    # So little CPU that nothing ends in the first round.
    replies = pool.run([hang, slow], Budget((0.0001, 1.0), 2.0, 12.0))
    assert [reply.status for reply in replies] == ["timeout", "ok"]


@needs_sympy
def test_a_timeout_scores_as_wrong_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cascade.symbolic, "ONE", Budget((0.1,), 2.0, 1.0))
    result = score(
        [r"\boxed{\int_0^{\pi} \frac{e^{a\sin x}}{1+b\cos^3 x} dx}", r"\boxed{1}"], ["a+b", "1"],
        verifiers=["simplerl"],
    )  # fmt: skip
    assert result.rewards == [-0.5, 1.0]
    assert result.metrics["simplerl_outcome/TIMEOUT"] == 0.5


def test_without_math_verify_a_pair_is_unparseable_and_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cascade.symbolic, "available", lambda: "math-verify 0.1.0 is older")
    monkeypatch.setattr(cascade.symbolic, "_warned", threading.Event())
    for _ in range(2):
        verdict = equivalent(r"\lim_{x \to 0} \frac{\sin x}{x}", "1")
        assert (verdict.outcome, verdict.stage) == (Outcome.UNPARSEABLE, "sympy")
    assert sum("older" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize(
    ("antlr", "reason"),
    [
        ("4.7.2", "math-verify does not run with antlr4-python3-runtime 4.7.2"),
        ("4.13.1", "math-verify does not run with antlr4-python3-runtime 4.13.1"),
        ("4.9.3", ""),
        ("4.11.1", ""),
        ("4.13.2", ""),
    ],
)
def test_an_antlr_that_math_verify_has_no_grammar_for_is_named(
    antlr: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in (("math_verify", "0.9.0"), ("antlr4_python3_runtime", antlr)):
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name.replace('_', '-')}\nVersion: {version}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert available() == reason


@needs_sympy
@pytest.mark.parametrize(
    ("limit", "value", "outcome"),
    [
        # sin(kx)/x tends to k, by the series of sin.
        (r"\lim_{x \to 0} \frac{\sin x}{x}", "1", Outcome.CORRECT),
        (r"\lim_{x \to 0} \frac{\sin 3x}{x}", "3", Outcome.CORRECT),
        (r"\lim_{x \to 0} \frac{\sin 3x}{x}", "1", Outcome.WRONG),
    ],
)
def test_sympy_decides_where_it_can(limit: str, value: str, outcome: Outcome) -> None:
    verdict = equivalent(limit, value)
    assert (verdict.outcome, verdict.stage) == (outcome, "sympy")
    assert verdict.score == float(outcome is Outcome.CORRECT)
