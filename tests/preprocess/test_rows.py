"""From rows to packed text: what is kept, what is dropped and why, and what never leaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.core.errors import InputError

Run = Callable[..., Any]
GOOD = {"question": "How many apples?", "answer": "They have 70 + 2.\n#### 72"}
SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"


def opened(question: str) -> str:
    return f"{SYSTEM}<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


def test_text_survives_ids_files_and_decoding(run_rows: Run) -> None:
    report, texts, rejects = run_rows([GOOD], prompt_type="qwen")
    assert texts == [{"input_ids": opened("How many apples?"), "labels": "72"}]
    assert (report.kept, report.dropped, report.labels) == (1, {}, {"gsm8k": 1})
    assert rejects == []


def test_query_joins_the_prompt_by_a_newline_and_an_empty_one_is_absent(run_rows: Run) -> None:
    rows = [{"q": "Sum:", "x": "1 + 2", "a": "3"}, {"q": "Only", "x": "", "a": "3"}]
    keys = {"prompt": "q", "query": "x", "response": "a"}
    _, texts, _ = run_rows(rows, map_keys=keys)
    assert [row["input_ids"] for row in texts] == ["Sum:\n1 + 2", "Only"]


def test_alpaca_names_are_the_default_and_input_may_be_missing(run_rows: Run) -> None:
    rows = [{"instruction": "Do", "output": "x"}, {"instruction": "Do", "input": "it", "output": 1}]
    _, texts, _ = run_rows(rows, map_keys=None)
    assert [row["input_ids"] for row in texts] == ["Do", "Do\nit"]


def test_the_system_column_replaces_the_default_where_it_has_text(run_rows: Run) -> None:
    rows = [{"q": "Hi", "s": "Be brief.", "a": 1}, {"q": "Hi", "s": None, "a": 1}]
    keys = {"prompt": "q", "response": "a", "system": "s"}
    _, texts, _ = run_rows(rows, map_keys=keys, prompt_type="qwen")
    assert texts[0]["input_ids"].startswith("<|im_start|>system\nBe brief.<|im_end|>")
    assert texts[1]["input_ids"] == opened("Hi")


def test_chat_prompts_and_reward_model_objects_are_unwrapped(run_rows: Run) -> None:
    row = {
        "prompt": [
            {"role": "system", "content": "Count."},
            {"role": "user", "content": "1?"},
            {"role": "assistant", "content": "one"},
            {"role": "user", "content": "2?"},
        ],
        "reward_model": {"ground_truth": "two", "style": "rule"},
    }
    keys = {"prompt": "prompt", "query": "", "response": "reward_model", "system": ""}
    _, texts, _ = run_rows([row], map_keys=keys, prompt_type="qwen")
    assert texts == [
        {
            "input_ids": "<|im_start|>system\nCount.<|im_end|>\n"
            "<|im_start|>user\n1?<|im_end|>\n<|im_start|>assistant\none<|im_end|>"
            "\n<|im_start|>user\n2?<|im_end|>\n<|im_start|>assistant\n",
            "labels": "two",
        }
    ]


def test_history_pairs_come_before_the_question(run_rows: Run) -> None:
    row = {"q": "2?", "a": "two", "h": [["1?", "one"]]}
    keys = {"prompt": "q", "response": "a", "history": "h"}
    _, texts, _ = run_rows([row], map_keys=keys)
    assert texts[0]["input_ids"] == "1?one2?"


def test_without_a_response_role_there_are_no_labels(run_rows: Run) -> None:
    report, texts, _ = run_rows([GOOD], map_keys={"prompt": "question"})
    assert report.keys == ("input_ids", "attention_mask")
    assert texts == [{"input_ids": "How many apples?"}]


def test_additional_columns_are_packed_as_text(run_rows: Run) -> None:
    row = {**GOOD, "level": 3, "meta": {"b": 1, "a": 2}, "topic": "fruit"}
    _, texts, _ = run_rows([row], dataset_additional_keys=("labels", "level", "meta", "topic"))
    assert {key: texts[0][key] for key in ("level", "meta", "topic", "labels")} == {
        "level": "3",
        "meta": '{"a":2,"b":1}',
        "topic": "fruit",
        "labels": "72",
    }


TEMPLATED = opened("How many?")
LONG = "First we add 2 and 3, which makes 5 apples in all.\n#### 5"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"question": "", "answer": "1"}, "empty_prompt"),
        ({"question": " \n\t", "answer": "1"}, "empty_prompt"),
        ({"question": None, "answer": "1"}, "empty_prompt"),
        ({"answer": "1"}, "empty_prompt"),
        ({"question": [], "answer": "1"}, "empty_prompt"),
        ({"question": 7, "answer": "1"}, "bad_prompt"),
        ({"question": [{"role": "assistant", "content": "x"}], "answer": "1"}, "bad_prompt"),
        ({"question": [{"role": "critic", "content": "x"}], "answer": "1"}, "bad_prompt"),
        ({"question": [{"role": "tool", "content": "x"}], "answer": "1"}, "tools"),
        (
            {
                "question": [
                    {"role": "user", "content": "x"},
                    {"role": "assistant", "content": "", "tool_calls": [{"name": "f"}]},
                    {"role": "user", "content": "y"},
                ],
                "answer": "1",
            },
            "tools",
        ),
        (
            {
                "question": [
                    {"role": "user", "content": "x"},
                    {"role": "assistant", "content": "1"},
                ],
                "answer": "1",
            },
            "bad_prompt",
        ),
        ({"question": "Q"}, "missing_answer"),
        ({"question": "Q", "answer": None}, "missing_answer"),
        ({"question": "Q", "answer": ""}, "empty_answer"),
        ({"question": "Q", "answer": "a\nb"}, "answer_not_found"),
        ({"question": "Q", "answer": "x <|im_end|>"}, "label_not_lossless"),
        ({"question": "Q\ud800", "answer": "1"}, "bad_text"),
        ({"question": "Q", "answer": "\udfff"}, "bad_text"),
        ({"question": TEMPLATED, "answer": "1"}, "second_system_block"),
        ({"question": "<|im_start|>user\nQ", "answer": "1"}, "second_system_block"),
        ({"question": f"Q\n{LONG}", "answer": LONG}, "answer_in_prompt"),
        ({"question": f"{LONG}\nWhy?", "answer": LONG}, "answer_in_prompt"),
        ({"question": "What is 6 * 12? 72", "answer": "72"}, "answer_in_prompt"),
        ({"question": "Compute. The answer is 72.", "answer": "72"}, "answer_in_prompt"),
        ({"question": "Compute. \\boxed{72}", "answer": "72"}, "answer_in_prompt"),
        ({"question": "word " * 200, "answer": "1"}, "too_long"),
    ],
)
def test_a_bad_row_is_dropped_with_its_reason_and_kept_in_the_rejects(
    run_rows: Run, row: dict[str, Any], reason: str
) -> None:
    report, texts, rejects = run_rows([GOOD, row], prompt_type="qwen", max_prompt_length=150)
    assert (report.kept, report.dropped) == (1, {reason: 1})
    assert [row["labels"] for row in texts] == ["72"]
    assert [(r["line"], r["reason"], r["row"]) for r in rejects] == [(2, reason, row)]
    assert rejects[0]["detail"]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Tom has 72 apples and gives 0 away. How many are left?", "72"),
        ("Find x, if x is one of\n1\n2\n3", "3"),
        ("Which is right?\nA sum of two even numbers\nA sum of two odd numbers", "A sum of"),
        ("Round 5.4 to 5", "5"),
        ("Is 2 + 2 = 4? Answer yes or no", "no"),
        ("Put your final answer within \\boxed{}.", "{}"),
        ("Read <think> and <answer> tags: <answer> answer here </answer>. 7", "7"),
    ],
)
def test_an_answer_that_the_question_merely_mentions_is_no_leak(
    run_rows: Run, question: str, answer: str
) -> None:
    report, _, _ = run_rows([{"question": question, "answer": answer}])
    assert report.dropped == {}


def test_a_templated_prompt_passes_where_no_template_is_added(run_rows: Run) -> None:
    report, texts, _ = run_rows([{"question": TEMPLATED, "answer": "1"}], prompt_type="empty")
    assert report.dropped == {}
    assert texts[0]["input_ids"] == TEMPLATED


def test_two_system_blocks_are_found_also_where_no_template_is_added(run_rows: Run) -> None:
    rows = [GOOD, {"question": SYSTEM + TEMPLATED, "answer": "1"}]
    report, _, _ = run_rows(rows, prompt_type="empty")
    assert report.dropped == {"second_system_block": 1}


def test_limits_count_tokens_and_seq_length_excludes_its_own_value(run_rows: Run) -> None:
    rows = [{"question": "a" * n, "answer": "1"} for n in (3, 4, 5)]
    # A run of one letter that the tokenizer never merged: a token each.
    assert run_rows(rows)[0].lengths["max"] == 5
    assert run_rows(rows, max_prompt_length=4)[0].dropped == {"too_long": 1}
    assert run_rows(rows, seq_length=4)[0].dropped == {"too_long": 2}


def test_all_rows_bad_is_an_error_with_counts_and_leaves_no_file(
    run_rows: Run, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="all 2 rows") as caught:
        run_rows([{"question": "", "answer": "1"}, {"question": "Q", "answer": None}])
    assert "empty_prompt 1, missing_answer 1" in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("role", ["prompt", "response", "system", "query", "history"])
def test_a_missing_column_is_an_error_that_lists_those_that_exist(run_rows: Run, role: str) -> None:
    keys = {"prompt": "question", "response": "answer", role: "nope"}
    with pytest.raises(InputError) as caught:
        run_rows([GOOD], map_keys=keys)
    assert f"no column 'nope' (map-keys {role})" in str(caught.value)
    assert "columns answer, question" in str(caught.value)


def test_a_missing_additional_column_is_an_error(run_rows: Run) -> None:
    with pytest.raises(InputError, match="no column 'level'"):
        run_rows([GOOD], dataset_additional_keys=("level",))


def test_labels_without_a_response_are_refused(run_rows: Run) -> None:
    with pytest.raises(InputError, match="names no response"):
        run_rows([GOOD], map_keys={"prompt": "question"}, dataset_additional_keys=("labels",))


def test_the_report_file_says_what_the_report_says(run_rows: Run, tmp_path: Path) -> None:
    report, _, _ = run_rows([GOOD] * 10 + [{"question": "", "answer": "1"}] * 4)
    written = json.loads((tmp_path / "out" / "data_report.json").read_text())
    assert written["kept"] == 10
    assert written["dropped"] == {"empty_prompt": 4}
    assert written["tokens"] == report.tokens == 10 * report.lengths["p50"]
    assert written["labels"] == {"gsm8k": 10}
    assert any("4 of 14 rows were dropped" in warning for warning in report.warnings)


def test_auto_warns_where_it_found_labels_in_different_ways(run_rows: Run) -> None:
    report, _, _ = run_rows([GOOD, {"question": "Q", "answer": "raw"}])
    assert report.labels == {"gsm8k": 1, "raw": 1}
    assert any("gsm8k 1, raw 1" in warning for warning in report.warnings)


def test_a_template_whose_stop_word_is_no_token_is_warned_of(run_rows: Run, tmp_path: Path) -> None:
    path = tmp_path / "templates.json"
    path.write_text(json.dumps([{"name": "t", "stop_words": ["<stop>"], "replace_eos": True}]))
    report, _, _ = run_rows([GOOD], prompt_type="t", prompt_type_path=str(path))
    assert any("'<stop>', which is no token" in warning for warning in report.warnings)


def test_a_histogram_counts_every_row_once() -> None:
    np = pytest.importorskip("numpy")
    from mindspeed_rl_ext.preprocess.report import histogram

    lengths = np.array([3, 3, 4, 90, 17, 256, 255])
    for bars in (1, 2, 8, 100, 1000):
        lines = histogram(lengths, bars=bars)
        counts = [int(line.split()[-1]) for line in lines]
        edges = [tuple(map(int, line.replace(" to ", " ").split()[:2])) for line in lines]
        assert counts == [sum(low <= n <= high for n in lengths) for low, high in edges]
        assert sum(counts) == len(lengths)


def test_megatron_reads_back_the_text_that_went_in(
    run_rows: Run, tmp_path: Path, tokenizer_dir: Path
) -> None:
    indexed = pytest.importorskip(
        "megatron.core.datasets.indexed_dataset", reason="megatron-core is not installed"
    )
    from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

    questions = [f"How many of {n} apples? 你好 \\frac{{1}}{{{n}}}" for n in range(1, 30)]
    rows = [{"question": q, "answer": f"so\n#### {n}"} for n, q in enumerate(questions)]
    run_rows(rows, prompt_type="qwen", dataset_additional_keys=("question",))
    tokenizer = load_tokenizer(tokenizer_dir)
    expected = {
        "input_ids": [opened(question) for question in questions],
        "labels": [str(n) for n in range(len(questions))],
        "question": questions,
    }
    for key, texts in expected.items():
        data = indexed.IndexedDataset(str(tmp_path / "out" / f"data_packed_{key}_document"))
        assert [tokenizer.decode(data[i].tolist()) for i in range(len(data))] == texts
