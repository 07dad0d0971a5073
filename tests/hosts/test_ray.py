"""Our verifiers inside a real Ray actor, by the `.pth` and by the setup hook of runtime_env."""

from __future__ import annotations

import subprocess
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="ray is not installed")

CODE = """
import os, sys
import ray
import yaml

hook = {}
if sys.argv[1:]:
    with open(sys.argv[1]) as file:
        name = yaml.safe_load(file)["worker_process_setup_hook"]
    hook = {"runtime_env": {"worker_process_setup_hook": name}}
ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, **hook)


@ray.remote
class Reward:
    def score(self):
        from mindspeed_rl.models.rule_verifier import verifier
        from types import SimpleNamespace

        config = SimpleNamespace(verifier_function=["countdown", "acc"], verifier_weight=[1.0, 2.0])
        labels = ['{"target":49,"numbers":[44,43,48]}']
        return verifier(["<answer>44-43+48</answer>"], {"labels": labels}, config)

    async def in_a_nested_task(self):
        return await nested.remote()


@ray.remote
def nested():
    return ray.get(Reward.remote().score.remote())


for answer in (Reward.remote().score.remote(), Reward.remote().in_a_nested_task.remote()):
    rewards, metrics = ray.get(answer, timeout=100)
    print(rewards, metrics.get("countdown_rewards/mean"), metrics["acc_rewards/mean"])
"""


@pytest.fixture
def run_ray(host, tmp_path, repo_root):
    def run(python: Path, *arguments: object) -> str:
        script = tmp_path / "driver.py"
        script.write_text(textwrap.dedent(CODE))
        done = subprocess.run(
            [python, script, *map(str, arguments)],
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(tmp_path),
                "PYTHONPATH": f"{host()}:{repo_root}",
                "RAY_USAGE_STATS_ENABLED": "0",
            },
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_pth_reaches_actors_and_nested_tasks(run_ray, hooked_python):
    assert run_ray(hooked_python) == "[1.0] [1.0] [0.0]\n" * 2


def test_the_setup_hook_of_the_shipped_runtime_env_does_too(run_ray, unhooked_python, repo_root):
    config = repo_root / "configs" / "envs" / "runtime_env.yaml"
    assert run_ray(unhooked_python, config) == "[1.0] [1.0] [0.0]\n" * 2


def test_without_either_the_reward_would_be_lost(run_ray, unhooked_python):
    """Why activation exists: the host silently skips the name."""
    assert run_ray(unhooked_python) == "[0.0] None [0.0]\n" * 2
