from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.errors import InputError
from mindspeed_rl_ext.metrics import MetricsRow
from mindspeed_rl_ext.report.load import load_run, merge_steps, pick_rollouts
from mindspeed_rl_ext.rollouts import Rollout, VerdictRow


def test_a_directory_and_its_metrics_file_are_the_same_run(run_dir, rows):
    by_folder, by_file = load_run(run_dir), load_run(run_dir / "metrics.jsonl")
    assert by_folder.folder == by_file.folder == run_dir
    assert [row.step for row in by_folder.rows] == [row.step for row in rows]
    assert by_folder.rollouts == by_file.rollouts
    assert by_folder.num_rollouts == 40


def test_rollouts_are_of_the_first_the_middle_and_the_last_step_and_of_each_outcome(run_dir):
    run = load_run(run_dir)
    assert sorted({rollout.step for rollout in run.rollouts}) == [1, 3, 5]
    for step in (1, 3, 5):
        outcomes = [r.verdicts["countdown"].outcome for r in run.rollouts if r.step == step]
        assert outcomes == ["OUTCOME_0"] * 2 + ["OUTCOME_1"] * 2


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abc")), max_size=60))
def test_at_most_two_rollouts_of_an_outcome_are_kept(pairs):
    rollouts = [
        Rollout(response=str(i), answer="", step=step, verdicts={"v": VerdictRow(0.0, outcome)})
        for i, (step, outcome) in enumerate(pairs)
    ]
    picked, number = pick_rollouts(rollouts)
    assert number == len(pairs)
    assert set(picked) <= set(rollouts) if not pairs else all(r in rollouts for r in picked)
    steps = sorted({step for step, _ in pairs})
    assert {r.step for r in picked} == (
        {steps[0], steps[len(steps) // 2], steps[-1]} if steps else set()
    )
    for step in {r.step for r in picked}:
        for outcome in {o for s, o in pairs if s == step}:
            there = sum(pair == (step, outcome) for pair in pairs)
            kept = [r for r in picked if r.step == step and r.verdicts["v"].outcome == outcome]
            assert len(kept) == min(2, there)


def test_a_resumed_run_counts_the_later_value_of_a_step():
    rows = [
        MetricsRow(s, {"a": v}) for s, v in [(1, 0.1), (2, 0.2), (3, 0.3), (2, 0.25), (3, 0.35)]
    ]
    assert [row.values["a"] for row in merge_steps(rows)] == [0.1, 0.25, 0.35]


def test_a_directory_without_metrics_says_what_was_looked_for(tmp_path):
    (tmp_path / "train.log").write_text("x")
    with pytest.raises(InputError, match=r"found: +train\.log\n +expected: metrics\.jsonl"):
        load_run(tmp_path)


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file or directory"):
        load_run(tmp_path / "nowhere")


def test_an_empty_file_has_no_steps(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("\n")
    with pytest.raises(InputError, match="holds no steps"):
        load_run(tmp_path)


@pytest.mark.parametrize("name", ["metrics.jsonl", "rollouts.jsonl"])
def test_a_broken_line_is_named_by_its_number(run_dir, name):
    lines = (run_dir / name).read_text().splitlines()
    lines[3] = lines[3][:20]
    (run_dir / name).write_text("\n".join(lines))
    with pytest.raises(InputError, match=rf"{name}, line 4 is not readable JSON"):
        load_run(run_dir)
