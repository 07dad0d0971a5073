"""`preprocess` and `score --check-references` take the same answer out of a column."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.core.responses.answers import EXTRACTORS
from mindspeed_rl_ext.verifiers.audit import references

COLUMNS = [
    "so\n#### 1,072",
    "#### a\nso \\boxed{7}",
    "\\boxed{7}\n#### 8",
    72.0,
    ["x"],
    {"ground_truth": [3.0, 4]},
    {"ground_truth": "so it is\n#### 5"},
    "two\nlines",
    "",
    None,
]


@pytest.mark.parametrize("raw", COLUMNS, ids=json.dumps)
@pytest.mark.parametrize("extractor", [*EXTRACTORS, "regex:[0-9]+"])
def test_both_commands_take_the_same_answer(
    extractor: str, raw: object, run_rows: Callable[..., Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    always = {"question": "How many?", "answer": 1}
    row = {"question": "What is it?", "answer": raw}
    _, texts, rejects = run_rows([always, row], label_extractor=extractor)
    checked: list[str] = []
    monkeypatch.setattr(references, "reference_fault", lambda text: checked.append(text) or "")
    path = tmp_path / "references.jsonl"
    path.write_text(json.dumps({"answer": raw}) + "\n")
    faults = references.check_references(path, extractor=extractor).faults
    assert [packed["labels"] for packed in texts[1:]] == checked
    assert [f"{one['reason']}: {one['detail']}" for one in rejects] == [
        fault.removeprefix("line 1: no reference answer: ") for fault in faults
    ]


def test_a_heading_of_the_solution_is_not_its_answer(run_rows: Callable[..., Any]) -> None:
    _, texts, _ = run_rows([{"question": "What is it?", "answer": "#### a\nso \\boxed{7}"}])
    assert texts[0]["labels"] == "7"
