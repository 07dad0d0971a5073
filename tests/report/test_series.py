from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.metrics import MetricsRow
from mindspeed_rl_ext.report.curves import running_mean
from mindspeed_rl_ext.report.series import Series, all_series, panels_of

VALUES = st.lists(st.floats(-1e3, 1e3) | st.just(math.nan) | st.just(math.inf), max_size=30)


def panels(*names: str) -> dict[str, list[str]]:
    series = all_series([MetricsRow(1, dict.fromkeys(names, 0.5))])
    return {panel.title: sorted(lines) for panel, lines in panels_of(series)}


def test_verifiers_share_a_panel_under_their_bare_names():
    found = panels("countdown_rewards/mean", "grpo/simplerl_rewards/mean", "grpo/rewards/mean")
    assert found == {
        "Reward (mean)": ["grpo/rewards/mean"],
        "Score by verifier (mean)": ["countdown", "simplerl"],
    }


def test_evaluations_and_spreads_are_no_training_curves():
    assert panels("eval/countdown_rewards/mean", "countdown_rewards/std", "actor/lr") == {}


def test_an_entropy_of_constant_zero_is_not_logged():
    assert not Series("actor/entropy", (1, 2), (0.0, 0.0)).logged
    assert Series("actor/entropy", (1, 2), (0.0, 0.1)).logged
    assert Series("grad_norm", (1, 2), (0.0, 0.0)).logged


@given(VALUES)
def test_extremes_are_of_finite_values_and_at_their_first_step(values):
    line = Series("x", tuple(range(len(values))), tuple(values))
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
