"""A second grader beside ours: what it takes for right and ours does not, by family."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.verifiers import Outcome, Verdict
from mindspeed_rl_ext.verifiers.audit.comparing import (
    answer_kind,
    comparison_lines,
    disagreement_families,
)
from mindspeed_rl_ext.verifiers.audit.graders import find_grader
from mindspeed_rl_ext.verifiers.pool.symbolic import available

RIGHT, WRONG = (
    Verdict(Outcome.CORRECT, 1.0, "equal", "tree"),
    Verdict(Outcome.WRONG, 0.0, "no", "tree"),
)
GRADER = """
def same_expression(response, answer):
    return answer in response

def raises(response, answer):
    raise KeyError("gold")

def table(response, answer):
    return {"score": -1.0, "acc": True}

def pair(response, answer):
    return True, "because"
"""


@pytest.fixture
def rollouts(tmp_path: Path) -> Path:
    rows = [
        {"id": "a", "response": r"\boxed{3}", "answer": "3"},
        {"id": "b", "response": "so it must be 3", "answer": "3"},
        {"id": "c", "response": "so it must be 4", "answer": "4"},
        {"id": "d", "response": r"\boxed{0.5}", "answer": r"\frac{1}{2}"},
    ]
    path = tmp_path / "r.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_disagreements_are_grouped_and_the_largest_family_comes_first() -> None:
    ours = [RIGHT, WRONG, WRONG, WRONG, RIGHT]
    theirs = [RIGHT, RIGHT, RIGHT, WRONG, WRONG]
    families = disagreement_families(ours, theirs, ["1", "2", "3", "4", r"\frac{1}{2}x"])
    assert [(f.kind, f.rows) for f in families] == [
        (("number", "WRONG at tree", "CORRECT"), [1, 2]),
        (("product", "CORRECT at tree", "WRONG"), [4]),
    ]


def test_a_function_is_a_grader_and_its_disagreements_are_shown(
    rollouts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "their_grader.py").write_text(GRADER)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ["score", "--input", str(rollouts), "--verifier", "boxed_acc,r1_format", "--compare"]
    assert main([*words, "their_grader:same_expression"]) == 0
    shown = capsys.readouterr().out
    assert "boxed_acc and their_grader:same_expression: 1 of 4 rows alike" in shown
    assert "1 CORRECT by boxed_acc alone, 2 by their_grader:same_expression alone" in shown
    assert "2 x reference is a number: boxed_acc NO_ANSWER at extraction" in shown
    assert "row b, reference '3'" in shown
    assert "'no closed box'" in shown
    # What judges the layout alone has no opinion on the answer.
    assert "r1_format and" not in shown


@pytest.mark.parametrize(
    ("function", "outcome"),
    [("same_expression", "CORRECT"), ("raises", "ERROR"), ("table", "WRONG"), ("pair", "CORRECT")],
)
def test_what_a_function_returns_is_read(
    function: str, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other_grader.py").write_text(GRADER)
    monkeypatch.syspath_prepend(str(tmp_path))
    grade = find_grader(f"other_grader:{function}")
    (verdict,) = grade(["3"], {"answer": ["3"]})
    assert verdict.outcome.value == outcome
    assert verdict.reason


def test_any_verifier_is_a_grader(rollouts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["score", "--input", str(rollouts), "--verifier", "boxed_acc"]
    assert main([*words, "--compare", "last_answer,dapo(boxed=True)"]) == 0
    shown = capsys.readouterr().out
    assert "boxed_acc and last_answer: 2 of 4 rows alike" in shown
    assert "boxed_acc and dapo(boxed=True): 4 of 4 rows alike" in shown


@pytest.mark.skipif(bool(available()), reason=available())
def test_math_verify_is_asked_in_a_worker(
    rollouts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["score", "--input", str(rollouts), "--verifier", "boxed_acc"]
    assert main([*words, "--compare", "math-verify"]) == 0
    shown = capsys.readouterr().out
    # math-verify reads numbers in prose too.
    assert "2 by math-verify alone" in shown
    assert "reads 3" in shown


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("boxd_acc", "did you mean boxed_acc"),
        ("no_such_module_of_mine:f", "cannot be imported"),
        ("json:nothing", "no such function"),
    ],
)
def test_an_unknown_grader_is_named_before_anything_is_scored(name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        find_grader(name)


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("3", "number"), (r"\frac{1}{2}", "product"), ("x^2+1", "sum"), ("(1,2)", "sequence"),
        (r"\text{Evelyn}", "words"), ("5 cm", "number with a unit"), ("(B)", "choice"),
        ("x=3", "relation"), ("}{", "not read"),
    ],
)  # fmt: skip
def test_the_kind_of_a_reference_is_a_word(reference: str, kind: str) -> None:
    assert answer_kind(reference) == kind


@pytest.mark.parametrize("other", list(Outcome))
def test_a_plain_score_disagrees_with_nothing_and_is_counted_apart(other: Outcome) -> None:
    scored, judged = Verdict(Outcome.SCORED, 0.3), Verdict(other, 0.0)
    assert disagreement_families([scored, judged], [judged, scored], ["1", "2"]) == []
    (line,) = comparison_lines(("a", "b"), [scored, judged], [judged, scored], ["1", "2"], "xy")
    assert "0 of 0 rows alike" in line
    assert line.endswith("rows with a score and no verdict: 2")
