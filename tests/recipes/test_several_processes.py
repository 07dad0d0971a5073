"""Two CPU processes under `accelerate launch`, joined by gloo: really started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="training needs trl")

from mindspeed_rl_ext.core.files.jsonlines import read_jsonl
from mindspeed_rl_ext.core.files.shipped import resolve_config

CHANGES = [
    "report_to=[none]",
    "sft.data=dataset",
    "sft.demonstration=plain",
    'verifiers=["overlong(max_tokens=200, buffer=10)"]',
    "weights=[1.0]",
    "sft.trl.max_steps=2",
    "sft.trl.per_device_train_batch_size=4",
    "grpo.trl.max_steps=2",
    "grpo.trl.per_device_train_batch_size=4",
    "grpo.trl.max_completion_length=8",
    "grpo.rollouts_every_steps=1",
    "grpo.dynamic_sampling={max_rounds: 1}",
    "evaluation.max_new_tokens=2",
    "evaluation.batch_size=512",
]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_two_processes_train_one_policy(tmp_path: Path) -> None:
    output = tmp_path / "run"
    command = [sys.executable, "-m", "accelerate.commands.launch"]
    command += ["--config_file", str(resolve_config("cpu", "accelerate"))]
    command += ["--main_process_port", str(free_port()), "-m", "mindspeed_rl_ext.cli", "train"]
    command += ["--config", "countdown", "--size", "cpu", "--output", str(output)]
    command += [word for change in CHANGES for word in ("--set", change)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    finished = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert finished.stdout.count("held-out accuracy") == 3, finished.stdout
    steps = [row for _, row in read_jsonl(output / "grpo" / "metrics.jsonl")]
    assert [row["step"] for row in steps] == [1, 2]
    assert all(row["world_size"] == 2.0 for row in steps)
    # Two processes with four responses each: one group of eight.
    assert all(row["global_batch_size"] == 1.0 for row in steps)
    assert (output / "grpo" / "policy" / "model.safetensors").is_file()
