"""Runs written by the same code that training writes them with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.core.files.jsonlines import write_jsonl
from mindspeed_rl_ext.core.responses.metrics import MetricsRow, append_metrics
from mindspeed_rl_ext.core.responses.rollouts import Rollout, VerdictRow

SCRIPT = "<script>alert('x')</script>"


@pytest.fixture
def rows() -> list[MetricsRow]:
    return [
        MetricsRow(
            step,
            {
                "grpo/rewards/mean": 0.1 * step,
                "countdown_rewards/mean": 0.123456789 * step,
                "countdown_format_rewards/mean": 1.0,
                "countdown_outcome/CORRECT": 0.1,
                "countdown_outcome/TIMEOUT": 0.0,
                "response_length/mean": 20.0 + step,
                "response_length/min": 5.0,
                "response_length/max": 40.0,
                "actor/entropy": 0.0,
                "grpo/zero_std_groups/frac": 0.5,
                "grad_norm": float("nan") if step == 2 else 1.0 / step,
            },
        )
        for step in range(1, 31)
    ]


@pytest.fixture
def run_dir(tmp_path: Path, rows: list[MetricsRow]) -> Path:
    folder = tmp_path / "my run"
    for row in rows:
        append_metrics(folder / "metrics.jsonl", row)
    rollouts = [
        Rollout(
            response=f"step {step}, sample {i} {SCRIPT}",
            answer=SCRIPT,
            prompt=SCRIPT,
            step=step,
            num_tokens=7,
            reward=0.25,
            verdicts={"countdown": VerdictRow(float(i), f"OUTCOME_{i % 2}", SCRIPT)},
        ).to_row()
        for step in range(1, 6)
        for i in range(8)
    ]
    write_jsonl(folder / "rollouts.jsonl", rollouts)
    return folder


@pytest.fixture
def pictures() -> None:
    """Asks for curves.png to be drawn."""
    pytest.importorskip("matplotlib", reason="the picture is drawn by matplotlib")


@pytest.fixture(autouse=True)
def _no_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib the report is the same but for its picture, and a second faster."""
    if "pictures" not in request.fixturenames:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
