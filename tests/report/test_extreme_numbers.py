"""Any float may be logged: a report is made of it, finite where it says so, without a warning."""

from __future__ import annotations

import io
import json
import math
import random
import re
import sys
import warnings
from contextlib import redirect_stdout

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.files.jsonlines import write_jsonl
from mindspeed_rl_ext.report.load import load_run
from mindspeed_rl_ext.report.page.axes import ticks
from mindspeed_rl_ext.report.series import Series, mean_of, panels_of, running_mean

MOST = sys.float_info.max
NAMES = (
    "grpo/rewards/mean", "grpo/rewards/std", "actor/entropy", "grad_norm", "actor/pg_loss",
    "response_length/mean", "response_length/min", "response_length/max", "prompt_length/mean",
    "prompt_length/max", "timing/all", "timing/rollout", "timing/update", "e2e_tps", "update_tps",
    "actor/kl_loss", "actor/pg_clipfrac", "grpo/zero_std_groups/frac", "acc_rewards/mean",
    "response_length/clip_ratio", "acc_outcome/CORRECT", "acc_outcome/TIMEOUT",
    "acc_format_rewards/mean", "non_overlap_rule_reward", "global_batch_size", "world_size",
    "n_samples_per_prompt", "mini_batch_size", "ppo_epochs",
)  # fmt: skip
EDGES = st.sampled_from(
    [MOST, -MOST, 1e308, -1e308, 5e-324, -5e-324, 2.3e-308, 0.0, -0.0, 1.0, 1 + 2**-52, 1e-300]
)
NUMBERS = EDGES | st.floats(allow_nan=False, allow_infinity=False) | st.floats(-2, 2)
PATH = re.compile(r'd="([^"]*)"')


@st.composite
def logs(draw):
    """Steps of a few metrics, now and then enough steps for trends and running means."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
    few = draw(st.lists(NUMBERS | st.sampled_from([math.nan, math.inf]), min_size=1, max_size=6))
    steps, seed = draw(st.sampled_from([1, 2, 9, 30, 250])), draw(st.integers(0, 99))
    rng = random.Random(seed)
    always = {"grpo/rewards/mean": 0.5}
    return [
        {"step": i + 1, **always, **{name: rng.choice(few) for name in names}} for i in range(steps)
    ]


@settings(max_examples=25)
@given(logs())
@example([{"step": 1, "actor/entropy": 1e308}, {"step": 2, "actor/entropy": -1e308}])
@example([{"step": i, "actor/entropy": MOST} for i in range(1, 40)])
@example([{"step": i, "actor/entropy": 5e-324 * (i % 2)} for i in range(1, 40)])
@example([{"step": i, "response_length/mean": 0.0, "response_length/max": 0.0} for i in range(9)])
def test_a_report_is_made_of_any_numbers(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("run")
    write_jsonl(folder / "metrics.jsonl", rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for flags in (["--lang", "en"], ["--json"]):
            printed = io.StringIO()
            with redirect_stdout(printed):
                assert main(["report", str(folder), *flags]) == 0
    json.loads(printed.getvalue(), parse_constant=pytest.fail)
    page = (folder / "report.html").read_text("utf-8")
    for path in PATH.findall(page):
        assert "nan" not in path
        assert "inf" not in path
    for data in re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.S):
        json.loads(data, parse_constant=pytest.fail)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | EDGES, min_size=1, max_size=40),
       st.integers(0, 12))  # fmt: skip
def test_a_running_mean_lies_within_its_window(values, reach):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        means = running_mean(np.asarray(values), reach)
        whole = mean_of(np.asarray(values))
    for i, mean in enumerate(means.tolist()):
        window = values[max(0, i - reach) : i + reach + 1]
        exact = math.fsum(v / 64 for v in window) / len(window) * 64
        room = 1e-12 * max(map(abs, window)) + 1e-320
        assert mean == pytest.approx(exact, rel=0, abs=room)
    assert math.isfinite(whole)


def test_a_spike_leaves_no_trace_outside_its_own_windows():
    values = np.full(100, 0.5)
    values[40] = 1e25
    means = running_mean(values, 5)
    assert means[:35].tolist() == [0.5] * 35
    assert means[46:].tolist() == [0.5] * 54


@given(NUMBERS, NUMBERS)
def test_ticks_are_few_and_lie_between_the_ends(one, other):
    low, high = sorted((one, other))
    marks = ticks(low, high)
    assert len(marks) <= 12
    room = 1e-9 * max(abs(low), abs(high))
    assert all(low - room <= mark <= high + room for mark in marks)


HOSTILE = {
    "apart": [MOST, -MOST] * 20, "high": [MOST] * 5, "low": [-MOST] * 30, "tiny": [5e-324, 0.0] * 4,
    "alike": [1.0, 1 + 2**-52] * 15, "lost": [math.nan, math.inf] * 3, "one": [1e308],
    "mixed": [math.nan, 1e308, -5e-324, -1e308, math.inf, 1.0] * 9,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_the_picture_is_drawn_of_any_numbers(pictures, tmp_path, name):
    from mindspeed_rl_ext.report.picture.curves import draw_curves

    values = HOSTILE[name]
    columns = ("grpo/rewards/mean", "response_length/mean", "response_length/min",
               "response_length/max", "grad_norm")  # fmt: skip
    rows = [{"step": i, **dict.fromkeys(columns, v)} for i, v in enumerate(values, start=1)]
    write_jsonl(tmp_path / "metrics.jsonl", rows)
    run = load_run(tmp_path, {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw_curves(panels_of(run.series), run.series).startswith(b"\x89PNG")


@pytest.mark.parametrize(("values", "printed"), [
    ([0.0, 0.0], "not_logged"), ([math.nan, math.inf], "never_finite"), ([0.0, math.nan], None),
    ([0.0, 1.0], None),
])  # fmt: skip
def test_why_an_entropy_has_no_curve(values, printed):
    assert Series("actor/entropy", np.arange(2), np.asarray(values)).absent == printed
