"""On a real local Ray the rewards are those of this process, in every kind of actor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="ray is not installed")
pytest.importorskip("math_verify", reason="math-verify is not installed")

# A driver of its own: Ray must not stay in the process of the other tests. Its main is unguarded.
SCRIPT = r"""
import json, ray
from mindspeed_rl_ext.verifiers import score
from mindspeed_rl_ext.integrations import ray as on_ray

LIMIT = r"\boxed{\lim_{x \to 0} \frac{\sin x}{x}}"
HANG = r"\boxed{\int_0^{\pi} \frac{e^{a\sin x}}{1+b\cos^3 x} dx}"
RESPONSES = [r"\boxed{\frac{2}{4}}", LIMIT, HANG, "none", r"\boxed{9^{9^{9}}}", r"\boxed{3}"] * 3
# The second pair is sympy's: two limits, of which no rule decides.
ANSWERS = ["0.5", r"\lim_{x \to 0} \frac{\tan x}{x}", "a+b", "1", "2", "4"] * 3
NAMES = ["simplerl", "boxed_acc"]

def plain():
    found = score(RESPONSES, ANSWERS, verifiers=NAMES, weights=[1.0, 0.5])
    return [found.rewards, [[v.outcome.value for v in found.verdicts[n]] for n in NAMES]]

expected = plain()
ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)

class Sync:
    def go(self):
        return plain()

class Async:
    async def go(self):
        return plain()

said = {}
actors = {
    "sync": ray.remote(Sync).remote(),
    "threaded": ray.remote(Sync).options(max_concurrency=4).remote(),
    "async": ray.remote(Async).remote(),
}
for name, actor in actors.items():
    said[name] = ray.get(actor.go.remote(), timeout=300) == expected
    ray.kill(actor)
said["task"] = ray.get(ray.remote(plain).remote(), timeout=300) == expected
spread = on_ray.score(RESPONSES, ANSWERS, verifiers=NAMES, weights=[1.0, 0.5], rows_per_part=5)
said["spread"] = [
    spread.rewards, [[v.outcome.value for v in spread.verdicts[n]] for n in NAMES]
] == expected
said["metrics"] = spread.metrics["simplerl_outcome/TIMEOUT"]
said["outcomes"] = expected[1][0][:6]
print("SAID", json.dumps(said))
"""


def environment() -> dict[str, str]:
    paths = [*filter(None, sys.path), str(Path(__file__).parents[2])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "RAY_DISABLE_IMPORT_WARNING": "1",
    }


def test_every_kind_of_actor_gives_the_verdicts_of_the_driver(tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=environment(),
        check=False, cwd=tmp_path,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("SAID")]
    assert lines, done.stderr[-2000:]
    said = json.loads(lines[0][5:])
    outcomes = ["CORRECT", "CORRECT", "TIMEOUT", "BAD_FORMAT", "WRONG", "WRONG"]
    assert said.pop("outcomes") == outcomes
    assert said.pop("metrics") == pytest.approx(1 / 6)
    assert said == dict.fromkeys(["sync", "threaded", "async", "task", "spread"], True)


def test_the_command_scores_on_ray(tmp_path: Path) -> None:
    rows = [{"response": rf"\boxed{{{n}}}", "answer": "3"} for n in range(8)]
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = (
        "from mindspeed_rl_ext.cli._dispatch import main; import sys; sys.exit(main(sys.argv[1:]))"
    )
    words = ["score", "--input", str(source), "--output", str(target), "--engine", "ray"]
    done = subprocess.run(
        [sys.executable, "-c", command, *words, "--verifier", "boxed_acc"],
        capture_output=True, text=True, env=environment(), check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    scored = [json.loads(line)["reward"] for line in target.read_text().splitlines()]
    assert scored == [0, 0, 0, 1, 0, 0, 0, 0]
