"""The monitor of reward hacks: what counts as a sign, and the rule on late rollouts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindspeed_rl_ext.core.files.jsonlines import write_jsonl
from mindspeed_rl_ext.core.responses.rollouts import Rollout, VerdictRow
from mindspeed_rl_ext.report.diagnosis.diagnose import diagnose
from mindspeed_rl_ext.report.load import load_run
from mindspeed_rl_ext.report.sources.reward_hacks import signs_of, stated_answer


@pytest.mark.parametrize(
    ("response", "answer", "signs"),
    [
        (r"so \boxed{3}", "3", set()),
        (r"<think>a \boxed{1} or \boxed{2}</think> \boxed{3}", "3", set()),
        (r"\boxed{x=1 \text{ or } x=2}", r"x=1 \text{ or } x=2", set()),
        (r"first \boxed{2}. No: \boxed{3}", "3", set()),
        (r"\boxed{3}, or so it seems" + "", "3", {"hedged"}),
        (r"\boxed{3} or 4 or 5", "3", {"hedged"}),
        (r"\boxed{3} or \boxed{4}", "3", {"hedged"}),
        (r"$\boxed{3}$ 或 $\boxed{4}$", "3", {"hedged"}),
        (r"\boxed{3 \text{ or } 4}", "3", {"hedged"}),
        (r"<think>\boxed{3}</think> done", "3", {"box_only_in_think"}),
        (r"\boxed{3}</think>", "3", {"box_only_in_think"}),
        ("", "3", set()),
        (r"\boxed{", "3", set()),
    ],
)
def test_signs_of_a_response(response: str, answer: str, signs: set[str]) -> None:
    assert signs_of(Rollout(response=response, answer=answer)) == signs


def test_a_restated_question_is_what_a_verifier_says_it_is() -> None:
    verdicts = {"simplerl": VerdictRow(-0.5, "RESTATED")}
    assert signs_of(Rollout("x", "3", verdicts=verdicts)) == {"restated"}


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"\boxed{1} then \boxed{2}", "2"),
        ("<answer> 4 </answer>", "4"),
        ("it is 12.", "12"),
        ("no", ""),
    ],
)
def test_the_answer_that_is_stated(response: str, answer: str) -> None:
    assert stated_answer(response) == answer


def run_of(tmp_path: Path, late: str) -> Path:
    """Nine steps of eight problems; in the last ones every other response is `late`."""
    rows = []
    for step in range(1, 10):
        for problem in range(8):
            honest = Rollout(
                rf"\boxed{{{problem}}}", str(problem), f"p{problem}", group=f"p{problem}",
                step=step, reward=1.0, verdicts={"simplerl": VerdictRow(1.0, "CORRECT")},
            )  # fmt: skip
            hacked = Rollout(
                late.replace("ANSWER", str(problem)), str(problem), f"p{problem}",
                group=f"p{problem}", step=step, reward=1.0,
                verdicts={"simplerl": VerdictRow(1.0, "CORRECT")},
            )  # fmt: skip
            rows.append((hacked if step > 6 and problem % 2 else honest).to_row())
    write_jsonl(tmp_path / "rollouts.jsonl", rows)
    return tmp_path


@pytest.mark.parametrize(
    ("late", "sign"),
    [
        (r"\boxed{ANSWER} or \boxed{99}", "hedged"),
        (r"<think>\boxed{ANSWER}</think>", "box_only_in_think"),
        (r"\boxed{99}", "identical_answers"),
    ],
)
def test_late_responses_that_aim_at_the_reward_are_found(
    tmp_path: Path, late: str, sign: str
) -> None:
    run = load_run(run_of(tmp_path, late))
    shares = run.series[f"reward_hack/{sign}/frac"].values
    assert shares[:6].max() <= 1 / 8
    assert shares[-1] == 0.5
    (found,) = [one for one in diagnose(run).findings if one.rule == "reward_hacks"]
    assert found.numbers[sign] == 0.5
    assert "50%" in str(found.numbers["details"])
    if sign != "identical_answers":
        assert "50% paid" in str(found.numbers["details"])


def test_problems_of_one_answer_are_no_sign(tmp_path: Path) -> None:
    rows = [
        {"response": r"\boxed{yes}", "answer": "yes", "group": f"p{n}", "step": step}
        for step in range(1, 4)
        for n in range(8)
    ]
    (tmp_path / "rollouts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = load_run(tmp_path)
    assert run.series["reward_hack/identical_answers/frac"].values.tolist() == [1.0] * 3
    assert not [one for one in diagnose(run).findings if one.rule == "reward_hacks"]
