"""What makes a Parquet file useless to verl is found in files of anybody's making."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.verl.checks import problems, row_problem
from mindspeed_rl_ext.preprocess.verl.reading import VerlFile

pa = pytest.importorskip("pyarrow", reason="extra [data] is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="extra [data] is not installed")


def row(content: Any = "What is 1 + 1?", truth: Any = "2", **others: Any) -> dict[str, Any]:
    prompt = [{"role": "user", "content": content}] if isinstance(content, str) else content
    return {
        "data_source": "openai/gsm8k",
        "prompt": prompt,
        "reward_model": {"style": "rule", "ground_truth": truth},
        "extra_info": {"split": "train", "index": "0", "question": "What is 1 + 1?"},
        **others,
    }


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., VerlFile]:
    def write(name: str, *rows: dict[str, Any]) -> VerlFile:
        pq.write_table(pa.Table.from_pylist(list(rows)), tmp_path / f"{name}.parquet")
        return VerlFile(tmp_path / f"{name}.parquet")

    return write


TEMPLATED = "<|im_start|>user\nWhat is 1 + 1?<|im_end|>\n<|im_start|>assistant\n"
TURNS = [{"role": "user", "content": "What is 1 + 1?"}, {"role": "assistant", "content": "2"}]


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (row(prompt="What is 1 + 1?"), "string_prompt"),
        (row(prompt=None), "bad_prompt"),
        (row([]), "bad_prompt"),
        (row([{"role": "user", "content": None}]), "bad_prompt"),
        (row(TEMPLATED), "template_twice"),
        (row([{"role": "system", "content": "<|im_start|>system"}, TURNS[0]]), "template_twice"),
        (row(TURNS), "trailing_turn"),
        (row(" "), "empty_prompt"),
        (row(truth=None), "missing_answer"),
        (row(reward_model=None), "missing_answer"),
        (row(truth=" "), "empty_answer"),
        (row("What is 6 * 12? 72", truth="72"), "answer_in_prompt"),
        (row(extra_info={"answer": "1 + 1 = 2\n#### 2"}), "solution_beside"),
        (row(solution="It is 2."), "solution_beside"),
    ],
)
def test_a_row_that_verl_can_not_use_is_named(bad: dict[str, Any], kind: str) -> None:
    found = row_problem(bad)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    "good",
    [
        row(),
        row(truth=["2", "two"]),
        row(truth={"target": 5, "numbers": [2, 3]}),
        row(truth='{"target":5,"numbers":[2,3]}'),
        row([{"role": "system", "content": "Be brief."}, *TURNS, TURNS[0]]),
        row(extra_info=None),
    ],
)
def test_a_row_that_verl_can_use_has_no_problem(good: dict[str, Any]) -> None:
    assert row_problem(good) is None


def test_types_that_differ_between_files_are_named(save: Callable[..., VerlFile]) -> None:
    text, number = save("text", row(), row()), save("number", row(truth=2))
    (found,) = problems([text, number], max_rows=0)
    assert (found.kind, found.file, found.row) == ("mixed_types", "number.parquet", None)
    assert "reward_model" in found.detail


def test_prompts_that_verl_would_cut_are_counted(save: Callable[..., VerlFile]) -> None:
    class Words:
        def text(self, messages: list[dict[str, str]], *, opens: bool = True) -> str:
            return " ".join(message["content"] for message in messages)

    file = save("rows", row("one two three"), row("one " * 9 + "?"))
    given = {"template": Words(), "count_tokens": lambda text: len(text.split())}
    found = list(problems([file], max_rows=9, max_prompt_length=5, **given))
    assert [(one.kind, one.row) for one in found] == [("too_long", 1)]
    assert "10 tokens, cut from the left to 5" in found[0].detail


def test_only_as_many_rows_are_read_as_are_asked_for(save: Callable[..., VerlFile]) -> None:
    file = save("rows", row(), row(""), row(""))
    assert [one.row for one in problems([file], max_rows=2)] == [1]


def test_a_file_without_prompts_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"question": ["?"]}), tmp_path / "q.parquet")
    with pytest.raises(InputError, match="no column 'prompt'"):
        VerlFile(tmp_path / "q.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "q.parquet").read_bytes()[:-9])
    with pytest.raises(InputError, match="not a readable Parquet"):
        VerlFile(tmp_path / "cut.parquet")
