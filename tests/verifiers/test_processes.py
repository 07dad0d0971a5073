"""The same verdicts in the main thread, a thread, asyncio, a forked and a spawned process."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mindspeed_rl_ext.verifiers import score
from mindspeed_rl_ext.verifiers.pool.symbolic import available

RESPONSES = [
    r"<think>a</think><answer>\boxed{\frac{2}{4}}</answer>",
    r"<think>a</think><answer>\boxed{\sqrt{72}}</answer>",
    r"<think>a</think><answer>\boxed{(a+b)^{2}}</answer>",
    r"<think>a</think><answer>\boxed{\lim_{x \to 0} \frac{\sin x}{x}}</answer>",
    r"<think>a</think><answer>\boxed{\int_0^{\pi} \frac{e^{a\sin x}}{1+b\cos^3 x} dx}</answer>",
    r"\boxed{3}",
    "nothing",
]
ANSWERS = ["0.5", r"6\sqrt2", "a^2+2ab+b^2", "1", "a+b", "4", None]


def verdicts() -> str:
    """Every verdict, written out."""
    result = score(RESPONSES, ANSWERS, verifiers=["simplerl", "r1_acc", "r1_format"])
    return json.dumps([result.rewards, str(result.verdicts)])


def put_verdicts(queue: multiprocessing.Queue[str]) -> None:
    queue.put(verdicts())


@pytest.fixture(scope="module")
def expected() -> str:
    return verdicts()


@pytest.mark.skipif(bool(available()), reason=available())
def test_every_stage_has_its_say(expected: str) -> None:
    assert "stage='sympy'" in expected
    assert "TIMEOUT" in expected


def test_many_threads_at_once(expected: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        scored = set(pool.map(lambda _: verdicts(), range(8)))
    assert scored == {expected}


def test_asyncio_and_its_threads(expected: str) -> None:
    async def both() -> set[str]:
        return {verdicts(), await asyncio.to_thread(verdicts)}

    assert asyncio.run(both()) == {expected}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("daemon", [False, True])
def test_a_forked_process_also_from_a_thread(expected: str, daemon: bool) -> None:
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=put_verdicts, args=(queue,), daemon=daemon)
    starter = threading.Thread(target=child.start)
    starter.start()
    starter.join()
    assert queue.get(timeout=60) == expected
    child.join()


def test_a_fresh_interpreter_with_an_unguarded_main(expected: str, tmp_path: Path) -> None:
    # A spawned process starts like this one: a new interpreter, with another hash seed.
    script = tmp_path / "unguarded.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_processes\nprint(test_processes.verdicts())\n"
    )
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONHASHSEED": "7",
    }
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, env=env
    )
    assert done.stdout.strip() == expected


def test_a_spawned_process(expected: str, tmp_path: Path) -> None:
    script = tmp_path / "guarded.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import multiprocessing, test_processes\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    queue = context.Queue()\n"
        "    child = context.Process(target=test_processes.put_verdicts, args=(queue,))\n"
        "    child.start(); print(queue.get(timeout=60)); child.join()\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, env=env
    )
    assert done.stdout.strip() == expected
