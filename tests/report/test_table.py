from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.report.series import Series, panels_of, running_mean, thin
from mindspeed_rl_ext.report.sources.names import host_name
from mindspeed_rl_ext.report.sources.table import build_table

FLOATS = st.floats(-1e3, 1e3) | st.just(math.nan) | st.just(math.inf)
VALUES = st.lists(FLOATS, max_size=30)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.dictionaries(st.sampled_from(["a", "b", "c"]), st.floats(-9, 9), min_size=1),
    ),
    min_size=1,
    max_size=40,
)


@given(ROWS)
def test_the_later_value_of_a_step_counts(rows):
    table = build_table(rows)
    expected: dict[tuple[str, int], float] = {}
    for step, values in rows:
        for name, value in values.items():
            expected[name, step] = value
    found = {
        (name, step): value
        for name, line in table.series.items()
        for step, value in zip(line.steps.tolist(), line.values.tolist(), strict=True)
    }
    assert found == expected
    assert table.steps == tuple(sorted({step for step, _ in rows}))
    for line in table.series.values():
        assert (np.diff(line.steps) > 0).all()


def test_a_restart_is_told_from_lines_out_of_order():
    resumed = build_table([(s, {"a": s}) for s in (1, 2, 3, 4, 2, 3)])
    assert (resumed.repeated, resumed.stale_from, resumed.unordered) == (2, 4, False)
    whole = build_table([(s, {"a": s}) for s in (1, 2, 3, 2, 3, 4)])
    assert (whole.repeated, whole.stale_from) == (2, None)
    shuffled = build_table([(s, {"a": s}) for s in (3, 1, 2)])
    assert (shuffled.repeated, shuffled.unordered) == (0, True)


def test_an_evaluation_at_a_step_is_no_restart():
    table = build_table([(1, {"reward": 1}), (1, {"eval_reward": 2}), (2, {"reward": 3})])
    assert table.repeated == 0
    assert set(table.series) == {"grpo/rewards/mean", "eval/grpo/rewards/mean"}


def test_names_of_trl_are_those_that_training_writes():
    trl = pytest.importorskip("mindspeed_rl_ext.integrations.trl_metrics")
    logs = [*trl.TRL_NAMES, "rewards/acc/mean", "rewards/acc/std", "eval_reward", "num_tokens"]
    assert {name: host_name(name) for name in logs} == {
        name: next(iter(trl.to_metrics({name: 1.0}))) for name in logs
    }


def test_names_of_the_host_stay():
    for name in ("grpo/rewards/mean", "grpo/score/max", "critic/vf_loss", "timing/all", "e2e_tps"):
        assert host_name(name) == name


def panels(*names: str) -> dict[str, list[str]]:
    series = {name: Series(name, np.asarray([1]), np.asarray([0.5])) for name in names}
    return {panel.key: sorted(lines) for panel, lines in panels_of(series)}


def test_verifiers_share_a_panel_under_their_bare_names():
    found = panels("countdown_rewards/mean", "simplerl_rewards/mean", "grpo/rewards/mean")
    assert found == {"reward": ["grpo/rewards/mean"], "by_verifier": ["countdown", "simplerl"]}


def test_a_log_with_scores_only_has_a_reward_curve():
    assert panels("grpo/score/mean") == {"reward": ["grpo/score/mean"]}
    assert panels("grpo/score/mean", "grpo/rewards/mean") == {"reward": ["grpo/rewards/mean"]}


def test_evaluations_and_spreads_are_no_training_curves():
    assert panels("eval/countdown_rewards/mean", "countdown_rewards/std") == {
        "evaluation": ["countdown_rewards/mean"]
    }


def test_an_entropy_of_constant_zero_is_not_logged():
    def line(name, *values):
        return Series(name, np.arange(len(values)), np.asarray(values))

    assert not line("actor/entropy", 0.0, 0.0).logged
    assert line("actor/entropy", 0.0, 0.1).logged
    assert line("grad_norm", 0.0, 0.0).logged


@given(VALUES)
def test_extremes_are_of_finite_values_and_at_their_first_step(values):
    line = Series("x", np.arange(len(values)), np.asarray(values, dtype=float))
    finite = [v for v in values if math.isfinite(v)]
    assert line.num_not_finite == len(values) - len(finite)
    if not finite:
        assert line.lowest is line.highest is None
    else:
        assert line.lowest == (min(finite), values.index(min(finite)))
        assert line.highest == (max(finite), values.index(max(finite)))


@given(VALUES.filter(bool), st.integers(1, 8))
def test_the_running_mean_is_that_of_python_loops(values, reach):
    found = running_mean(np.asarray(values), reach)
    for i, mean in enumerate(found):
        near = [v for v in values[max(0, i - reach) : i + reach + 1] if math.isfinite(v)]
        expected = math.fsum(near) / len(near) if near else math.nan
        assert mean == pytest.approx(expected, abs=1e-6, nan_ok=True)


@given(st.lists(FLOATS, min_size=1, max_size=400), st.integers(4, 50))
def test_thinning_keeps_the_extremes_and_both_ends(values, points):
    array = np.asarray(values)
    at = thin(array, points)
    assert at[0] == 0
    assert at[-1] == len(values) - 1
    assert len(at) <= max(points + 2, 0) or len(values) <= points
    assert (np.diff(at) > 0).all()
    size = -(-2 * len(values) // points) if len(values) > points else 1
    for start in range(0, len(values) // size * size, size):
        part = [v for v in values[start : start + size] if math.isfinite(v)]
        if part:
            kept = [values[i] for i in at if start <= i < start + size]
            assert max(part) in kept
            assert min(part) in kept
