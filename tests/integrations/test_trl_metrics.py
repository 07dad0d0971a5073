from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.metrics import read_metrics
from mindspeed_rl_ext.integrations.trl_metrics import metrics_callback, to_metrics


def test_names_become_those_of_the_host():
    log = {
        "reward": 0.5,
        "frac_reward_zero_std": 0.25,
        "rewards/countdown/mean": 0.75,
        "rewards/countdown/std": 0.1,
        "completions/mean_length": 20.0,
        "entropy": 1.5,
        "loss": -0.01,
        "grad_norm": 0.3,
        "learning_rate": 1e-6,
        "step_time": 2.5,
        "epoch": 1,
        "countdown_outcome/CORRECT": 0.75,
    }
    assert to_metrics(log) == {
        "grpo/rewards/mean": 0.5,
        "grpo/zero_std_groups/frac": 0.25,
        "countdown_rewards/mean": 0.75,
        "countdown_rewards/std": 0.1,
        "response_length/mean": 20.0,
        "actor/entropy": 1.5,
        "actor/pg_loss": -0.01,
        "grad_norm": 0.3,
        "actor/lr": 1e-6,
        "timing/all": 2.5,
        "epoch": 1.0,
        "countdown_outcome/CORRECT": 0.75,
    }


def test_an_evaluation_is_kept_apart_from_training():
    found = to_metrics({"eval_reward": 0.5, "eval_rewards/countdown/mean": 1.0})
    assert found == {"eval/grpo/rewards/mean": 0.5, "eval/countdown_rewards/mean": 1.0}


def test_nothing_to_average_is_no_number_and_nan_stays_one():
    found = to_metrics({"reward": None, "note": "x", "flag": True, "loss": float("nan")})
    assert list(found) == ["actor/pg_loss"]
    assert math.isnan(found["actor/pg_loss"])


def test_the_summary_of_a_run_is_no_step():
    assert to_metrics({"train_runtime": 3.0, "train_loss": 0.1}) == {}


def state(step: int, main: bool = True) -> SimpleNamespace:
    return SimpleNamespace(global_step=step, is_world_process_zero=main)


def test_the_callback_writes_a_line_a_log_from_the_main_process_only(tmp_path):
    pytest.importorskip("transformers", reason="callbacks are transformers'")
    path = tmp_path / "run" / "metrics.jsonl"
    callback = metrics_callback(path)
    callback.on_train_begin(None, state(0), None)
    callback.on_log(None, state(1), None, logs={"reward": 0.5})
    callback.on_log(None, state(1, main=False), None, logs={"reward": 0.9})
    callback.on_log(None, state(2), None, logs={"reward": 1.0, "loss": float("nan")})
    callback.on_log(None, state(2), None, logs={"train_runtime": 1.0})
    rows = list(read_metrics(path))
    assert [(r.step, r.values["grpo/rewards/mean"]) for r in rows] == [(1, 0.5), (2, 1.0)]
    assert math.isnan(rows[1].values["actor/pg_loss"])


def test_two_runs_are_not_mixed_in_one_file(tmp_path):
    pytest.importorskip("transformers", reason="callbacks are transformers'")
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "grad_norm": 1.0}\n')
    with pytest.raises(InputError, match="metrics of another run"):
        metrics_callback(path).on_train_begin(None, state(0), None)
    metrics_callback(path).on_train_begin(None, state(1), None)
