"""Throughput and times against the formulas of the host's guide, written out here by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.report.load import Run, load_run
from mindspeed_rl_ext.report.sources.table import build_table
from mindspeed_rl_ext.report.throughput import missing_sizes, throughput_of, timing_of

SIZES = {"global_batch_size": 32.0, "n_samples_per_prompt": 8.0, "world_size": 16.0}
NUMBERS = st.floats(1.0, 500.0)


def run_of(*rows: dict[str, float], **sizes: float) -> Run:
    return Run(None, build_table(list(enumerate(rows, start=1))), sizes=sizes)


def step(kind: str = "mean", **changes: float) -> dict[str, float]:
    row = {
        **{"response_length/mean": 300.0, "response_length/max": 900.0},
        **{"prompt_length/mean": 100.0, "prompt_length/max": 250.0},
        **{"timing/all": 100.0, "timing/update": 40.0, "timing/rollout": 50.0},
        **SIZES,
    }
    tokens = (row[f"response_length/{kind}"] + row[f"prompt_length/{kind}"]) * 32 * 8 / 16
    row |= {"e2e_tps": tokens / 100, "update_tps": tokens / 40, "vllm_tps": tokens / 50}
    return row | changes


@pytest.mark.parametrize("kind", ["mean", "max"])
def test_the_log_says_which_lengths_it_used(kind):
    found = throughput_of(run_of(*[step(kind)] * 3))
    assert [one.name for one in found] == ["e2e_tps", "update_tps", "vllm_tps"]
    assert [one.matches for one in found] == [kind] * 3
    assert [one.mismatches for one in found] == [0] * 3
    assert found[0].by_length == pytest.approx({"mean": 64.0, "max": 184.0})
    assert found[1].by_length["mean"] == pytest.approx(400 * 32 * 8 / 16 / 40)
    assert found[2].by_length["mean"] == pytest.approx(400 * 32 * 8 / 16 / 50)


@pytest.mark.parametrize(("factor", "wrong"), [(1.009, 0), (1.012, 1), (0.985, 1)])
def test_more_than_a_hundredth_off_is_a_mismatch(factor, wrong):
    rows = [step(), step(e2e_tps=64.0 * factor), step()]
    (e2e, *_) = throughput_of(run_of(*rows))
    assert (e2e.mismatches, e2e.compared) == (wrong, 3)
    assert e2e.is_wrong is bool(wrong)


def test_a_card_of_a3_is_two_devices():
    (plain, *_), (card, *_) = (throughput_of(run_of(step()), a3=a3) for a3 in (False, True))
    assert (plain.per_card, card.per_card) == (1.0, 2.0)
    assert plain.logged == card.logged


def test_sizes_that_the_log_lacks_are_named_or_given():
    row = {name: value for name, value in step().items() if name not in SIZES}
    bare = run_of(row)
    assert missing_sizes(bare) == list(SIZES)
    assert throughput_of(bare)[0].by_length == {}
    given_sizes = run_of(row, **SIZES)
    assert throughput_of(given_sizes)[0].matches == "mean"


def test_the_inequality_has_the_slack_of_the_formula():
    row = step() | {
        **{"timing/old_log_p": 3.0, "timing/reference_model": 2.0},
        **{"timing/resharding_to_train": 1.0, "timing/resharding_to_infer": 0.5},
        **{"timing/non_overlap_rule_reward": 0.25, "timing/non_overlap_reference_model": 1.25},
    }
    timing = timing_of(run_of(row, row | {"timing/all": 97.0}))
    # 100 - (50 + 3 + 40 + 2 + 1 + 0.5 + max(0.25, 1.25))
    assert timing.worst == (2, pytest.approx(-0.75))
    assert timing.slack_s == pytest.approx((2.25 - 0.75) / 2)
    assert (timing.steps, timing.violated, timing.missing) == (2, 1, ())


def test_the_decimals_of_a_log_are_no_violation():
    exact = step() | {"timing/all": 90.0 - 1e-4}
    assert timing_of(run_of(exact)).violated == 0
    assert timing_of(run_of(exact | {"timing/all": 89.99})).violated == 1


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_slack_is_what_is_left_of_the_whole(whole, rollout, update, old):
    times = {"timing/all": whole, "timing/rollout": rollout, "timing/update": update,
             "timing/old_log_p": old}  # fmt: skip
    timing = timing_of(run_of(times))
    assert timing.slack_s == pytest.approx(whole - rollout - update - old)
    assert "timing/reference_model" in timing.missing


def test_a_log_through_the_file_gives_the_same(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps({"step": i, **step("max")}) + "\n" for i in range(1, 4)))
    assert throughput_of(load_run(path))[0].matches == "max"


def test_steps_that_do_not_log_everything_are_left_out():
    half = {k: v for k, v in step().items() if k != "response_length/mean"}
    (e2e, *_) = throughput_of(run_of(step(), half, step()))
    assert e2e.compared == 3  # by the max lengths
    assert e2e.mismatches == 1  # which the log of that step does not use
