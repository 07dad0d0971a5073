"""`msrl-ext score` reads rollouts, writes scored ones, and says what is wrong with its input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.responses.rollouts import read_rollouts

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
    once, again = tmp_path / "once.jsonl", tmp_path / "again.jsonl"
    for source, out in ((rollouts, once), (once, again)):
        words = ["score", "--input", str(source), "--output", str(out), "--verifier", "countdown"]
        assert main(words) == 0
    assert [row.reward for row in read_rollouts(again)] == [1.0, 0.0]


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


def test_two_verifiers_show_where_they_disagree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.jsonl"
    rows = [r"\boxed{1}", r"<answer>\boxed{1}</answer>", r"\boxed{2}"]
    path.write_text("".join(json.dumps({"response": r, "answer": "1"}) + "\n" for r in rows))
    assert main(["score", "--input", str(path), "--verifier", "boxed_acc,r1_acc"]) == 0
    shown = capsys.readouterr().out
    assert "boxed_acc / r1_acc: 1: CORRECT / NO_ANSWER 1; first at row 1" in shown


def test_one_row_is_explained_step_by_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.jsonl"
    row = {"id": "p1", "response": r"\boxed{1} <answer>\boxed{0.5}</answer>", "answer": r"\frac12"}
    path.write_text(json.dumps(row) + "\n")
    words = ["score", "--input", str(path), "--verifier", "r1_acc"]
    assert main([*words, "--explain", "p1"]) == 0
    shown = capsys.readouterr().out
    for expected in (
        "<answer> </answer>", "box at 0, closed: '1'", "compared: '0.5'",
        "decided by tree: CORRECT", "r1_acc: CORRECT, score 1",
    ):  # fmt: skip
        assert expected in shown
    assert main([*words, "--explain", "p2"]) == 2
    assert "known: p1" in capsys.readouterr().err


def test_references_are_compared_with_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.jsonl"
    answers = ["so 72\n#### 72", r"it is \boxed{\frac12}", r"90^\circ", "1,000"]
    path.write_text("".join(json.dumps({"answer": a}) + "\n" for a in answers))
    assert main(["score", "--check-references", str(path)]) == 0
    assert "4 references, 0 not equal" in capsys.readouterr().out
    path.write_text(path.read_text() + '{"answer": " "}\n')
    assert main(["score", "--check-references", str(path)]) == 1
    assert "line 5: no reference answer" in capsys.readouterr().out
    assert main(["score", "--check-references", str(path), "--answer-column", "gold"]) == 2


def test_every_reference_of_the_data_sets_equals_itself(real_data: Path) -> None:
    for name in ("gsm8k", "math500", "aime24", "amc23"):
        assert main(["score", "--check-references", f"{real_data}/math/{name}/test.jsonl"]) == 0
    minerva = f"{real_data}/math/minerva_math/test.jsonl"
    words = ["score", "--check-references", minerva, "--label-extractor", "boxed"]
    assert main([*words, "--answer-column", "solution"]) == 0


def test_a_module_of_the_users_is_imported_first(
    rollouts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "my_own_rewards.py").write_text(
        "from mindspeed_rl_ext import verifier\n"
        "@verifier('my_own_length')\n"
        "def my_own_length(response: str) -> float:\n"
        "    return float(len(response))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ["score", "--input", str(rollouts), "--verifier", "my_own_length"]
    assert main([*words, "--import", "my_own_rewards"]) == 0
    assert "SCORED 2" in capsys.readouterr().out
    assert main([*words, "--import", "no_such_rewards"]) == 2


def test_an_output_that_exists_is_kept_and_the_input_always(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    row = json.dumps({"response": r"\boxed{1}", "answer": "1"}) + "\n"
    source.write_text(row, encoding="utf-8")
    out.write_text("mine\n", encoding="utf-8")
    link = tmp_path / "link.jsonl"
    link.symlink_to(source)
    words = ["score", "--input", str(source), "--verifier", "simplerl", "--output"]
    assert main([*words, str(out)]) == 2
    assert out.read_text(encoding="utf-8") == "mine\n"
    for same in (source, link):
        assert main([*words, str(same), "--overwrite"]) == 2
    assert source.read_text(encoding="utf-8") == row
    assert main([*words, str(out), "--overwrite"]) == 0
    assert '"reward"' in out.read_text(encoding="utf-8")


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize(
    ("wanted", "response"),
    [
        ("p2", "two"),  # by its id
        ("line 3", "three"),  # a row without an id is named by its line
        ("line 1", "one"),  # and so may be a row that has one
        ("7", "seven"),  # a number in the file is an id as text
    ],
)
def test_a_row_is_explained_by_its_id_or_its_line(
    tmp_path: Path, wanted: str, response: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.jsonl"
    rows: list[dict[str, object]] = [
        {"id": "p1", "response": r"\boxed{one}"}, {"id": "p2", "response": r"\boxed{two}"},
        {"response": r"\boxed{three}"}, {"id": 7, "response": r"\boxed{seven}"},
    ]  # fmt: skip
    write_rows(path, [{**row, "answer": "x"} for row in rows])
    assert main(["score", "--input", str(path), "--verifier", "r1_acc", "--explain", wanted]) == 0
    assert f"'{response}'" in capsys.readouterr().out


def test_a_row_that_is_not_there_is_named_without_listing_a_thousand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.jsonl"
    write_rows(path, [{"response": "a", "answer": "1"}] * 1600)
    words = ["score", "--input", str(path), "--verifier", "r1_acc", "--explain"]
    assert main([*words, "xyz"]) == 2
    said = capsys.readouterr().err
    assert "'line 1600'" in said
    assert len(said) < 400
    assert main([*words, "line 1601"]) == 2
    assert len(capsys.readouterr().err) < 400


def test_the_answer_column_is_honoured_when_rows_are_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "r.jsonl", tmp_path / "out.jsonl"
    write_rows(path, [{"response": r"\boxed{5}", "answer": "4", "gold": 5.0}])
    words = ["score", "--input", str(path), "--verifier", "simplerl"]
    assert main([*words, "--answer-column", "gold", "--output", str(out)]) == 0
    (row,) = read_rollouts(out)
    assert (row.reward, row.answer, row.extra["gold"]) == (1.0, "5", 5.0)
    assert main([*words, "--answer-column", "reference"]) == 2
    assert "has no column 'reference'" in capsys.readouterr().err


def test_an_extractor_takes_the_reference_out_of_a_solution(tmp_path: Path) -> None:
    path, out = tmp_path / "r.jsonl", tmp_path / "out.jsonl"
    solutions = ["6 * 12 = 72\n#### 1,072", "no answer at all"]
    write_rows(path, [{"response": r"\boxed{1072}", "solution": text} for text in solutions])
    words = ["score", "--input", str(path), "--verifier", "simplerl", "--output", str(out)]
    assert main([*words, "--answer-column", "solution", "--label-extractor", "gsm8k"]) == 0
    outcomes = [row.verdicts["simplerl"].outcome for row in read_rollouts(out)]
    assert outcomes == ["CORRECT", "BAD_REFERENCE"]


def test_the_reason_of_an_error_is_shown_with_the_counts(
    rollouts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["score", "--input", str(rollouts), "--verifier", "repetition(ngram=0)"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "ERROR: InputError: repetition has parameters that do not fit" in shown
    assert "(2, first: row a)" in shown


@pytest.mark.parametrize("locale", ["zh_CN.UTF-8", "C"])
def test_help_and_listing_come_in_the_language_of_the_locale(
    locale: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    assert main(["score", "--list"]) == 0
    listed = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    helped = capsys.readouterr().out
    is_chinese = locale.startswith("zh")
    assert ("框对得 1 分" in listed) is is_chinese
    assert ("rollout 文件" in helped) is is_chinese


def test_a_structured_reference_is_not_explained_as_if_it_were_compared(
    rollouts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["score", "--input", str(rollouts), "--verifier", "countdown", "--explain", "a"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "countdown: CORRECT, score 1" in shown
    assert "UNPARSEABLE" not in shown


def test_the_counts_of_a_file_come_in_the_language_that_is_asked(
    rollouts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["score", "--input", str(rollouts), "--verifier", "simplerl,repetition(ngram=0)"]
    assert main([*words, "--lang", "zh"]) == 0
    shown = capsys.readouterr().out
    assert "个回复，平均奖励" in shown
    assert "判断不一致之处" in shown
    reason = next(line for line in shown.splitlines() if "repetition has parameters" in line)
    assert "首次：行 a" in reason, "a reason of several lines is one line here"
