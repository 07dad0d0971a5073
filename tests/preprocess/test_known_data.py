"""The well-known data sets, in their published schemas: what each recipe makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.preprocess.dataset_config import read_dataset_config

Run = Callable[..., Any]
STEPS = "Please reason step by step, and put your final answer within \\boxed{}."
OPENED = (
    "<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{question}<|im_end|>\n"
    "<|im_start|>assistant\n"
)
ASKED = "What is $2^3$?"
MATH_8K = {
    "input": OPENED.format(system=STEPS, question=ASKED),
    "question": ASKED,
    "answer": "8",
    "gt_answer": "8",
    "ground_truth_answer": "8",
    "level": "Level 3",
}
ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "math_8k": (MATH_8K, "8"),
    "r1_zero": (MATH_8K, "8"),
    "math_17k": (
        {
            "data_source": "math_dapo",
            "prompt": [{"role": "user", "content": f"{ASKED} Answer: $Answer"}],
            "ability": "MATH",
            "reward_model": {"ground_truth": "34", "style": "rule-lighteval/MATH_v2"},
            "extra_info": {"index": "0"},
        },
        "34",
    ),
    "deepscaler": (
        {"problem": ASKED, "answer": "-\\frac{2}{3}", "solution": "Long text.\nSo it is."},
        "-\\frac{2}{3}",
    ),
    "gsm8k": ({"question": ASKED, "answer": "add <<4+4=8>>\n#### 1,008"}, "1008"),
    "countdown": (
        {"target": 98, "nums": [44, 19, 35]},
        '{"numbers":[44,19,35],"target":98}',
    ),
}


def recipe(name: str) -> dict[str, Any]:
    options = read_dataset_config(name)
    wanted = ("prompt_type", "map_keys", "derive", "label_extractor")
    return {key: options[key] for key in wanted if key in options}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_recipe_reads_the_published_columns(run_rows: Run, name: str) -> None:
    row, label = ROWS[name]
    report, texts, _ = run_rows([row], **recipe(name))
    assert report.dropped == {}
    assert texts[0]["labels"] == label
    asked = "numbers [44,19,35], create an equation that equals 98" if "nums" in row else ASKED
    assert asked in texts[0]["input_ids"]
    assert texts[0]["input_ids"].count("<|im_start|>system") <= 1


def test_math_8k_templated_column_is_found_and_the_way_out_named(
    run_rows: Run, tmp_path: Path, tokenizer_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "math.json").write_text(json.dumps([MATH_8K, MATH_8K]))
    words = [
        *("preprocess", "--input", str(tmp_path / "math.json")),
        *("--tokenizer-name-or-path", str(tokenizer_dir)),
        *("--output-prefix", str(tmp_path / "out" / "data")),
        *("--map-keys", '{"prompt":"input","query":"","response":"gt_answer"}'),
    ]
    assert cli.main([*words, "--prompt-type", "qwen_math_r1"]) == 2
    error = capsys.readouterr().err
    assert "second_system_block 2" in error
    assert "name the column of the raw question" in error
    assert cli.main([*words, "--prompt-type", "empty"]) == 0


def test_a_wrong_column_is_answered_with_those_of_the_data_set(run_rows: Run) -> None:
    from mindspeed_rl_ext.core.errors import InputError

    row = {"problem": "Q", "solution": "S", "answer": "1"}
    with pytest.raises(InputError) as caught:
        run_rows([row], map_keys={"prompt": "question", "response": "gt_answer"})
    assert '--map-keys \'{"prompt": "problem", "query": "", "response": "answer"}\'' in str(
        caught.value
    )


@pytest.mark.parametrize("missing", ["query", "system", "history", "tools"])
def test_optional_roles_may_be_left_out_or_empty(run_rows: Run, missing: str) -> None:
    keys = {"prompt": "question", "response": "answer", missing: ""}
    report, _, _ = run_rows([{"question": "Q?", "answer": "1"}], map_keys=keys)
    assert report.kept == 1


def test_rows_that_bring_tools_are_dropped_by_that_name(run_rows: Run) -> None:
    keys = {"prompt": "question", "response": "answer", "tools": "tools"}
    rows = [
        {"question": "Q?", "answer": "1", "tools": tools}
        for tools in ('[{"name": "calculator"}]', "", None, [""])
    ]
    report, _, rejects = run_rows(rows, map_keys=keys)
    assert (report.kept, report.dropped) == (3, {"tools": 1})
    assert "column 'tools' brings tools" in rejects[0]["detail"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("qwen_r1", "qwen_r1 is the text of the R1-Zero notes"),
        ("qwen_r1_mindspeed_llm", "is what MindSpeed-LLM ships as qwen_r1"),
        ("qwen_r1_mindspeed_rl", "is what MindSpeed-RL ships as qwen_r1"),
    ],
)
def test_the_report_says_which_qwen_r1_it_is(run_rows: Run, name: str, says: str) -> None:
    report, _, _ = run_rows([{"question": "Q?", "answer": "1"}], prompt_type=name)
    assert says in report.warnings[0]
    assert report.warnings[0].count("mindspeed_") >= 1


def test_a_hosts_file_whose_qwen_r1_is_another_text_is_named(
    run_rows: Run, tmp_path: Path, repo_root: Path
) -> None:
    entries = json.loads((repo_root / "configs" / "templates.json").read_text(encoding="utf-8"))
    theirs = next(entry for entry in entries if entry["name"] == "qwen_r1_mindspeed_llm")
    path = tmp_path / "templates.json"
    path.write_text(json.dumps([{**theirs, "name": "qwen_r1"}]))
    rows = [{"question": "Q?", "answer": "1"}]
    report, _, _ = run_rows(rows, prompt_type="qwen_r1", prompt_type_path=str(path))
    assert "prompt type qwen_r1 is what MindSpeed-LLM ships" in report.warnings[0]


def test_a_tokenizer_without_a_chat_template_says_what_to_do(run_rows: Run) -> None:
    from mindspeed_rl_ext.core.errors import InputError

    pytest.importorskip("transformers", reason="extra [data] is not installed")
    with pytest.raises(InputError, match="has no chat template"):
        run_rows([{"question": "Q?", "answer": "1"}], prompt_type="tokenizer")


@pytest.mark.parametrize(
    ("derive", "message"),
    [
        ('{"q": ', "--derive is not readable JSON"),
        ("[1]", "--derive is not a table of columns"),
        ({"q": 7}, "--derive is not a table of columns"),
        ({"q": "{nope}"}, "no column 'nope' (derive nope)"),
    ],
)
def test_a_derived_column_that_can_not_be_made_is_refused(
    run_rows: Run, derive: Any, message: str
) -> None:
    from mindspeed_rl_ext.core.errors import InputError

    with pytest.raises(InputError) as caught:
        run_rows([{"a": "1", "b": "2"}], map_keys={"prompt": "q"}, derive=derive)
    assert message in str(caught.value)


def test_a_row_without_a_column_that_is_needed_is_dropped(run_rows: Run) -> None:
    rows = [{"x": 1, "a": "1"}, {"x": None, "a": "1"}]
    keys = {"prompt": "q", "response": "a"}
    report, texts, _ = run_rows(rows, map_keys=keys, derive={"q": "x is {x}, {not a column}"})
    assert report.dropped == {"bad_column": 1}
    assert texts[0]["input_ids"] == "x is 1, {not a column}"
