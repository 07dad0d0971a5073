"""Each rule fires on what it is for, and on nothing of a run that learns."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from mindspeed_rl_ext.core.files.jsonlines import write_jsonl
from mindspeed_rl_ext.report.diagnosis.diagnose import RULES, diagnose
from mindspeed_rl_ext.report.diagnosis.finding import SEVERITIES
from mindspeed_rl_ext.report.diagnosis.texts import describe_finding, title_of
from mindspeed_rl_ext.report.load import Run, load_run
from mindspeed_rl_ext.report.sources.rollouts import scan_rollouts
from mindspeed_rl_ext.report.sources.table import build_table

RUNS = Path(__file__).parent / "runs"
STEPS = 60


def run_of(steps: int = STEPS, rollouts=None, sizes=None, **curves) -> Run:
    """A run whose metrics are functions of the progress from 0 to 1, with some noise."""
    rng = random.Random(0)
    names = {
        "reward": "grpo/rewards/mean", "entropy": "actor/entropy", "length": "response_length/mean",
        "longest": "response_length/max", "zero": "grpo/zero_std_groups/frac",
        "format": "countdown_format_rewards/mean", "clipped": "response_length/clip_ratio",
        "timeouts": "acc_outcome/TIMEOUT", "clip_fraction": "actor/pg_clipfrac",
    }  # fmt: skip
    rows = []
    for i in range(steps):
        at = i / (steps - 1)
        noise = {"reward": 0.01, "entropy": 0.005, "length": 0.5}
        rows.append(
            (i + 1, {names[k]: f(at) + rng.gauss(0, noise.get(k, 0)) for k, f in curves.items()})
        )
    return Run(Path(), build_table(rows), rollouts=rollouts, sizes=sizes or {})


def rules_of(run: Run) -> set[str]:
    return {finding.rule for finding in diagnose(run).findings}


def rising(at):
    return 0.3 + 0.4 * at


def flat(at):
    return 0.3


LEARNS = {
    "reward": rising, "entropy": lambda at: 1.0 - 0.3 * at, "length": lambda at: 200 + 100 * at,
    "zero": lambda at: 0.1 + 0.2 * at, "format": lambda at: 0.9 + 0.1 * at,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("healthy", None),
        ("entropy_up", "entropy_up_reward_gone"),
        ("entropy_down", "entropy_down_no_signal"),
    ],
)
def test_real_runs_are_told_apart(name, rule):
    found = diagnose(load_run(RUNS / name))
    errors = [finding.rule for finding in found.findings if finding.severity == "error"]
    assert errors == ([rule] if rule else [])
    if rule is None:
        assert found.findings == ()


def test_equal_rewards_that_rounding_hides_from_trl_are_seen():
    """TRL logged 0 here while all rewards of a group were 0.2: their deviation is 1.5e-8."""
    line = {"grpo/rewards/mean": 0.2, "grpo/rewards/std": 1.5e-8, "grpo/zero_std_groups/frac": 0.0}
    start = line | {"grpo/rewards/mean": 0.5, "grpo/rewards/std": 0.3}
    rows = [(i, start if i < 20 else line) for i in range(60)]
    assert "few_groups_with_signal" in rules_of(Run(Path(), build_table(rows)))


def test_a_run_that_learns_has_no_finding():
    assert rules_of(run_of(**LEARNS)) == set()


@pytest.mark.parametrize(
    ("rule", "curves"),
    [
        ("flat_reward", {"reward": flat}),
        ("flat_reward", {"reward": lambda at: 0.0}),
        ("length_flat", {"reward": flat, "length": lambda at: 200.0}),
        ("entropy_up_reward_gone", {
            "reward": lambda at: 0.3 + 0.2 * at if at < 0.5 else 0.0,
            "entropy": lambda at: 0.5 if at < 0.48 else 5.0}),
        ("entropy_jump", {"reward": flat, "entropy": lambda at: 0.5 if at < 0.6 else 3.0}),
        ("entropy_down_no_signal", {
            "reward": flat, "entropy": lambda at: 1 - 0.9 * at, "zero": lambda at: 0.1 + 0.8 * at}),
        ("few_groups_with_signal", {"reward": rising, "zero": lambda at: 0.2 + 0.6 * at}),
        ("drawdown", {"reward": lambda at: 0.3 + at if at < 0.4 else 0.7 - 0.5 * (at - 0.4)}),
        ("reward_up_format_down", {"format": lambda at: 0.9 - 0.3 * at}),
        ("length_clipped", {"clipped": lambda at: 0.5 * at}),
        ("length_clipped", {"length": lambda at: 100 + 1900 * at, "longest": lambda at: 2048.0}),
        ("verdicts_fail", {"timeouts": lambda at: 0.1 * at}),
        ("too_many_updates", {"clip_fraction": lambda at: 0.4}),
        ("entropy_not_logged", {}),
        ("not_finite", {"reward": lambda at: math.nan if at > 0.5 else 0.3}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_rule_fires_on_its_curves(rule, curves):
    run = run_of(**(LEARNS | curves))
    if rule == "entropy_not_logged":
        rows = [(i, {"grpo/rewards/mean": i / 99, "actor/entropy": 0.0}) for i in range(60)]
        run = Run(Path(), build_table(rows))
    assert rule in rules_of(run)


def test_a_solved_task_is_no_flat_reward_and_no_collapse():
    curves = {"reward": lambda at: 0.97, "zero": lambda at: 0.3 + 0.6 * at,
              "entropy": lambda at: 1 - 0.9 * at}  # fmt: skip
    found = diagnose(run_of(**(LEARNS | curves)))
    assert [(one.rule, one.severity) for one in found.findings] == [
        ("few_groups_with_signal", "note")
    ]


def test_rewards_below_zero_count_from_their_own_floor():
    falls = run_of(
        reward=lambda at: -0.5 + at if at < 0.5 else -1.0,
        entropy=lambda at: 0.3 if at < 0.5 else 4.0,
    )
    assert "entropy_up_reward_gone" in rules_of(falls)


@pytest.mark.parametrize("constant", [0.0, 1.0, -1.0])
def test_a_short_or_constant_run_is_no_reason_to_fail(constant):
    for steps in (2, 7, 8, 9, 19, 20, 21):
        diagnose(run_of(steps, **{name: lambda at: constant for name in LEARNS}))


def test_what_cannot_be_checked_says_what_is_missing():
    unchecked = diagnose(run_of(reward=rising)).unchecked
    assert unchecked["entropy_down_no_signal"] == "actor/entropy"
    assert unchecked["template_echo"] == "rollouts.jsonl"
    assert "n_samples_per_prompt" in unchecked["throughput_mismatch"]


PROMPT = "Answer as <think> reasoning process here </think> <answer> answer here </answer>. "
ECHO = "<think> reasoning process here </think> <answer> 1 </answer>"


def _rollouts(tmp_path, response, steps=6, prompts=4, samples=4):
    rows = [
        {"response": response(step, p, s), "answer": "1", "prompt": f"{PROMPT} Question {p}.",
         "group": f"{p}", "step": step}
        for step in range(1, steps + 1) for p in range(prompts) for s in range(samples)
    ]  # fmt: skip
    write_jsonl(tmp_path / "rollouts.jsonl", rows)
    return run_of(rollouts=scan_rollouts(tmp_path / "rollouts.jsonl"), **LEARNS)


def test_the_collapse_of_the_note_is_an_echo_and_one_fixed_answer(tmp_path):
    def response(step, p, s):
        return ECHO if step > 3 else f"<think> {p} {s} </think> <answer> {step} </answer>"

    found = {one.rule: one for one in diagnose(_rollouts(tmp_path, response)).findings}
    assert set(found) == {"template_echo", "one_fixed_answer"}
    assert found["template_echo"].severity == "error"
    assert found["one_fixed_answer"].numbers["share"] == 1.0
    assert ECHO in describe_finding(found["template_echo"], "en").evidence


def test_the_same_answer_within_a_group_is_no_fixed_answer(tmp_path):
    run = _rollouts(tmp_path, lambda step, p, s: f"<think> {p} </think> <answer> {p} </answer>")
    assert rules_of(run) == set()


@pytest.mark.parametrize(("mini", "fires"), [(256, False), (16, True)])
def test_updates_a_rollout_are_counted_where_sizes_are_known(mini, fires):
    sizes = {"global_batch_size": 32, "n_samples_per_prompt": 8, "mini_batch_size": mini}
    run = run_of(sizes=sizes, **LEARNS)
    assert ("too_many_updates" in rules_of(run)) is fires


def test_findings_come_worst_first():
    curves = {"reward": lambda at: math.nan if at > 0.9 else 0.3, "timeouts": lambda at: 0.5}
    found = diagnose(run_of(**(LEARNS | curves))).findings
    order = [SEVERITIES.index(one.severity) for one in found]
    assert order == sorted(order)
    assert len(found) >= 2


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_rule_has_words_in_both_languages(language):
    for rule in RULES:
        assert title_of(rule.__name__, language)


def test_the_languages_have_the_same_fields():
    from string import Formatter

    from mindspeed_rl_ext.report.diagnosis.texts_en import ENGLISH
    from mindspeed_rl_ext.report.diagnosis.texts_zh import CHINESE

    assert set(ENGLISH) == set(CHINESE) == {rule.__name__ for rule in RULES}
    for rule in ENGLISH:
        for part in ("title", "evidence", "causes", "try"):
            fields = [
                sorted({name for _, name, _, _ in Formatter().parse(texts[rule][part]) if name})
                for texts in (ENGLISH, CHINESE)
                if part == "evidence"
            ]
            assert len({tuple(one) for one in fields}) <= 1
            assert ENGLISH[rule][part]
            assert CHINESE[rule][part]
