"""Benchmark files: each schema, each fault, and the real files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.recipes.evaluation.problems.benchmarks import BENCHMARKS, benchmarks_named
from mindspeed_rl_ext.recipes.evaluation.problems.loading import load_benchmark, read_reference

OLYMPIAD = {
    "id": 1606, "subfield": "Combinatorics", "context": None, "question": "q",
    "solution": ["Count."], "final_answer": ["$\\frac{1}{2}$"], "is_multiple_answer": False,
    "unit": None, "answer_type": "Numerical", "error": None,
}  # fmt: skip
ROWS = {
    "aime24": ({"id": 60, "problem": "p", "question": "q", "answer": "033"}, "033"),
    "amc23": ({"id": 0, "problem": "p", "question": "q", "answer": 27.0}, "27"),
    "gsm8k": ({"question": "q", "answer": "6 * 12 = <<6*12=72>>72\n#### 1,072"}, "1072"),
    "math500": (
        {"problem": "q", "solution": "s", "answer": "\\frac{1}{2}", "subject": "Algebra",
         "level": 2, "unique_id": "test/algebra/1.json"},
        "\\frac{1}{2}",
    ),
    "minerva_math": (
        {"problem": "q", "solution": "\\boxed{1}, rather \\boxed{4.5e33} erg", "type": "Physics"},
        "4.5e33",
    ),
    "olympiadbench": (OLYMPIAD, "\\frac{1}{2}"),
}  # fmt: skip


def write(folder: Path, name: str, *rows: object) -> Path:
    path = folder / name / "test.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ROWS)
def test_each_schema_is_read(tmp_path, name):
    row, answer = ROWS[name]
    loaded = load_benchmark(BENCHMARKS[name], write(tmp_path, name, row))
    (problem,) = loaded.problems
    assert (problem.question, problem.answer, problem.fault) == ("q", answer, "")
    assert problem.id == f"{name}/0"
    assert loaded.warnings == (
        f"{name} has 1 rows; the published file has {BENCHMARKS[name].rows}",
    )


def test_levels_and_subjects_are_kept(tmp_path):
    row, _ = ROWS["math500"]
    (problem,) = load_benchmark(BENCHMARKS["math500"], write(tmp_path, "math500", row)).problems
    assert problem.slices == {"level": "2", "subject": "Algebra"}
    assert problem.source_id == "test/algebra/1.json"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (["$2$"], None, "2"),
        (["$3$", "$-1$"], None, "3, -1"),
        (["$1,3$"], "", "1,3"),
        (["$5$"], "cm", r"5 \text{ cm}"),
        (["$a$ and $b$"], None, "$a$ and $b$"),
        (7, None, "7"),
        ([], None, ""),
        ([None], None, ""),
        (None, "cm", ""),
        (["$2$", None, ""], None, "2"),
        (["{ x }"], "m", r"{ x } \text{ m}"),
    ],
)
def test_answers_in_lists(value, unit, text):
    assert read_reference(value, "list", unit) == text


@pytest.mark.parametrize(
    ("name", "change", "printed"),
    [
        ("math500", {"answer": ""}, "empty"),
        ("math500", {"answer": None}, "null"),
        ("math500", {"answer": "{"}, "NO_ANSWER"),
        ("gsm8k", {"answer": "no mark"}, "found no answer"),
        ("minerva_math", {"solution": "no box"}, "found no answer"),
        ("olympiadbench", {"final_answer": []}, "no reference"),
    ],
)
def test_a_bad_reference_is_named_and_the_others_are_kept(tmp_path, name, change, printed):
    row, _ = ROWS[name]
    loaded = load_benchmark(BENCHMARKS[name], write(tmp_path, name, row, row | change))
    assert [p.id for p in loaded.bad_references] == [f"{name}/1"]
    (warning,) = [w for w in loaded.warnings if "BAD_REFERENCE" in w]
    assert f"{name}/1" in warning
    assert printed in warning


def test_a_unit_that_cannot_be_read_is_left_out(tmp_path):
    rows = [
        OLYMPIAD | {"final_answer": ["$5$"], "unit": unit}
        for unit in ("cm", "}{", "", r"^\circ", 7)
    ]
    loaded = load_benchmark(BENCHMARKS["olympiadbench"], write(tmp_path, "olympiadbench", *rows))
    assert [p.answer for p in loaded.problems] == [r"5 \text{ cm}", "5", "5", "5", "5"]
    assert not loaded.bad_references


def test_a_question_asked_twice_is_said(tmp_path):
    row, _ = ROWS["gsm8k"]
    loaded = load_benchmark(BENCHMARKS["gsm8k"], write(tmp_path, "gsm8k", row, row))
    assert "asks 1 question(s) twice" in loaded.warnings[-1]


def test_a_limit_keeps_the_first_and_remembers_the_others(tmp_path):
    row, _ = ROWS["gsm8k"]
    loaded = load_benchmark(BENCHMARKS["gsm8k"], write(tmp_path, "gsm8k", row, row, row), 2)
    assert [p.index for p in loaded.problems] == [0, 1]
    assert [p.index for p in loaded.left_out] == [2]
    assert loaded.rows == 3


@pytest.mark.parametrize(
    ("rows", "printed"),
    [
        ([], "has no rows"),
        ([{"question": "q"}], "no row of gsm8k"),
        ([{"answer": "#### 1"}], "no row of gsm8k"),
        ([{"question": "", "answer": "#### 1"}], "the question is no text"),
        ([{"question": 5, "answer": "#### 1"}], "the question is no text"),
        ([[1]], "not a JSON object"),
    ],
)
def test_a_file_that_is_no_benchmark_is_refused(tmp_path, rows, printed):
    with pytest.raises(InputError, match=printed):
        load_benchmark(BENCHMARKS["gsm8k"], write(tmp_path, "gsm8k", *rows))


def test_a_benchmark_that_is_not_there_names_those_that_are(tmp_path):
    write(tmp_path, "math500", ROWS["math500"][0])
    with pytest.raises(InputError) as caught:
        load_benchmark(BENCHMARKS["gsm8k"], tmp_path)
    assert caught.value.found == "math500"
    with pytest.raises(InputError, match="no such directory"):
        load_benchmark(BENCHMARKS["gsm8k"], tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("words", "printed"),
    [("gsm8", "gsm8k"), ("math_500", "math500"), ("", "no benchmark"), ("gsm8k,gsm8k", "twice")],
)
def test_an_unknown_name_gives_the_nearest(words, printed):
    with pytest.raises(InputError) as caught:
        benchmarks_named(words)
    assert printed in str(caught.value)


@pytest.mark.parametrize("name", [n for n in BENCHMARKS if n != "olympiadbench"])
def test_the_real_files_have_the_published_rows_and_usable_references(real_data, name):
    loaded = load_benchmark(BENCHMARKS[name], real_data / "math")
    assert loaded.rows == {
        "aime24": 30, "amc23": 40, "gsm8k": 1319, "math500": 500, "minerva_math": 272,
    }[name]  # fmt: skip
    assert not loaded.bad_references
    assert all(p.answer for p in loaded.problems)


def test_real_references_are_those_of_the_rows(real_data):
    rows = (real_data / "math" / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    problems = load_benchmark(BENCHMARKS["gsm8k"], real_data / "math").problems
    for line, problem in zip(rows, problems, strict=True):
        final = json.loads(line)["answer"].split("####")[1].strip().replace(",", "")
        assert problem.answer == final
    levels = [
        p.slices["level"]
        for p in load_benchmark(BENCHMARKS["math500"], real_data / "math").problems
    ]
    assert {level: levels.count(level) for level in "12345"} == {
        "1": 43, "2": 90, "3": 105, "4": 128, "5": 134,
    }  # fmt: skip
