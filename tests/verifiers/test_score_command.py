"""`msrl-ext score` reads rollouts, writes scored ones, and says what is wrong with its input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli import main
from mindspeed_rl_ext.rollouts import read_rollouts

ROWS = [
    {
        "id": "a",
        "response": "<think>x</think><answer>1+2</answer>",
        "answer": {"target": 3, "numbers": [1, 2]},
        "kept": 7,
    },
    {"id": "b", "response": "<answer>1+1</answer>", "answer": '{"target":3,"numbers":[1,2]}'},
]


@pytest.fixture
def rollouts(tmp_path: Path) -> Path:
    path = tmp_path / "rollouts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def test_rows_are_scored_written_and_counted(
    rollouts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scored.jsonl"
    words = ["score", "--input", str(rollouts), "--output", str(out)]
    words += [
        "--verifier",
        "countdown(think_prefilled=False),countdown_format",
        "--weight",
        "0.5,2",
    ]
    assert main(words) == 0
    scored = list(read_rollouts(out))
    assert [row.reward for row in scored] == [2.5, 0.0]
    assert scored[0].extra == {"kept": 7}
    assert scored[1].verdicts["countdown"].outcome == "WRONG"
    assert scored[1].verdicts["countdown"].stage == "numbers"
    shown = capsys.readouterr().out
    assert "2 responses, mean reward 1.2500" in shown
    assert "countdown: mean 0.5000; CORRECT 1, WRONG 1" in shown


def test_the_flag_may_be_repeated(rollouts: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.jsonl"
    words = ["score", "--input", str(rollouts), "--output", str(out), "--verifier", "countdown"]
    words += ["--verifier", "countdown_format", "--weight", "1", "--weight", "1"]
    assert main(words) == 0
    assert [row.reward for row in read_rollouts(out)] == [2.0, 0.0]


def test_scored_rows_can_be_scored_again(rollouts: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.jsonl"
    for source in (rollouts, out):
        words = ["score", "--input", str(source), "--output", str(out), "--verifier", "countdown"]
        assert main(words) == 0
    assert [row.reward for row in read_rollouts(out)] == [1.0, 0.0]


def test_the_list_shows_levels_and_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "--list"]) == 0
    shown = capsys.readouterr().out
    assert "simplerl  levels: 1 / -0.5 / -1  needs: answer" in shown
    assert "think_prefilled=False" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--verifier", "countdwn"], "did you mean countdown"),
        (["--verifier", "countdown", "--weight", "1,2"], "differ in number"),
        (["--verifier", "countdown", "--weight", "nan"], "not a finite number"),
        (["--verifier", "countdown", "--weight", "inf"], "not a finite number"),
        (["--verifier", "countdown", "--weight", "much"], "not a number"),
        (["--verifier", "countdown(1)"], "unreadable verifier"),
        ([], "nothing to score"),
    ],
)
def test_wrong_usage_says_what_is_meant(
    rollouts: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", "--input", str(rollouts), *words]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        ('{"response": "a", "answer": "b"}\n{broken\n', "line 2 is not readable JSON"),
        ('{"response": "a"}\n', "line 1 has no column 'answer'"),
        ("", "has no rows"),
    ],
)
def test_bad_input_names_the_line_and_writes_nothing(
    tmp_path: Path, content: str | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    if content is not None:
        path.write_text(content)
    words = ["score", "--input", str(path), "--output", str(out), "--verifier", "simplerl"]
    assert main(words) == 2
    assert says in capsys.readouterr().err
    assert not out.exists()


def test_a_column_that_a_row_lacks_is_named(
    rollouts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mindspeed_rl_ext import verifier

    @verifier("test_needs_num_tokens", needs=("num_tokens",))
    def needs(response: str, *, num_tokens: int) -> float:
        return float(num_tokens)

    words = ["score", "--input", str(rollouts), "--verifier", "test_needs_num_tokens"]
    assert main(words) == 2
    assert "row a has no column 'num_tokens'" in capsys.readouterr().err
