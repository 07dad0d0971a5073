"""Strip: instruction files, packed as the hosts' handlers pack them, become prompt-only ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.preprocess.packing.packed import files_of, read_packed
from mindspeed_rl_ext.preprocess.packing.staging import staging
from mindspeed_rl_ext.preprocess.packing.strip import split_masked
from mindspeed_rl_ext.preprocess.packing.writer import PackedWriter
from mindspeed_rl_ext.preprocess.record import Reason, RejectError
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
Pack = Callable[..., Path]


def opened(question: str, system: str = SYSTEM) -> str:
    return f"{system}<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture
def pack(tokenizer_dir: Path, tmp_path: Path) -> Pack:
    """Packs turns (text, is it a target) into input_ids and labels that are -100 elsewhere."""
    tokenizer = load_tokenizer(tokenizer_dir)

    def write(rows: Sequence[Sequence[tuple[str, bool]]], padding: int = 0) -> Path:
        prefix = tmp_path / "instruct"
        with staging(prefix, overwrite=True) as folder:
            writer = PackedWriter(folder, prefix.name, ("input_ids", "attention_mask", "labels"))
            for row in rows:
                turns = [(tokenizer.encode(text), target) for text, target in row]
                ids = [i for turn, _ in turns for i in turn] + [0] * padding
                labels = [i if target else -100 for turn, target in turns for i in turn]
                labels += [-100] * padding
                writer.add({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels})
            writer.finish()
        return prefix

    return write


def texts(prefix: Path, tokenizer_dir: Path) -> list[tuple[str, str]]:
    tokenizer = load_tokenizer(tokenizer_dir)
    return [
        (tokenizer.decode(row["input_ids"].tolist()), tokenizer.decode(row["labels"].tolist()))
        for row in read_packed(prefix)
    ]


@pytest.mark.parametrize("padding", [0, 3])
def test_what_comes_before_the_last_response_stays_and_the_answer_is_taken_out(
    pack: Pack,
    tokenizer_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    padding: int,
) -> None:
    later = "<|im_end|>\n<|im_start|>user\nAnd twice that?<|im_end|>\n<|im_start|>assistant\n"
    source = pack(
        [
            [(opened("How many apples?"), False), ("70 + 2\n#### 72<|im_end|>", True)],
            [(opened("One?"), False), ("36", True), (later, False), ("#### 72<|im_end|>", True)],
        ],
        padding,
    )
    target = tmp_path / "out" / "data"
    words = ["strip", str(source), str(target), "--tokenizer-name-or-path", str(tokenizer_dir)]
    assert cli.main(words) == 0
    assert "2 of 2 rows" in capsys.readouterr().out
    assert texts(target, tokenizer_dir) == [
        (opened("How many apples?"), "72"),
        (opened("One?") + "36" + later, "72"),
    ]
    assert [row["attention_mask"].tolist() for row in read_packed(target)] == [
        [1] * len(row["input_ids"]) for row in read_packed(target)
    ]


def test_stripped_files_are_those_of_preprocessing_the_raw_rows(
    pack: Pack, tokenizer_dir: Path, tmp_path: Path, run_rows: Callable[..., object]
) -> None:
    rows = [{"question": f"What is {n} + 1?", "answer": f"add\n#### {n + 1}"} for n in range(5)]
    source = pack(
        [[(opened(r["question"]), False), (r["answer"] + "<|im_end|>", True)] for r in rows]
    )
    run_rows(rows, prompt_type="qwen")
    target = tmp_path / "stripped" / "data"
    words = ["strip", str(source), str(target), "--tokenizer-name-or-path", str(tokenizer_dir)]
    assert cli.main(words) == 0
    raw = tmp_path / "out" / "data"
    packed = [path.name for path in files_of(raw) if "_packed_" in path.name]
    assert len(packed) == 6
    for name in packed:
        assert (target.parent / name).read_bytes() == (raw.parent / name).read_bytes()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([("no prompt at all", True)], "not_masked"),
        ([(opened("Q"), False)], "missing_answer"),
        ([(opened("Q"), False), ("<|im_end|>", True)], "empty_answer"),
        ([(opened("Q") + "early", False), ("72", True)], "text_after_header"),
        ([(SYSTEM + opened("Q"), False), ("72", True)], "second_system_block"),
        ([("<|im_start|>user\nQ<|im_end|>\n", False), ("72", True)], "no_assistant_header"),
        ([(opened("What is it? 72"), False), ("72", True)], "answer_in_prompt"),
    ],
)
def test_a_row_that_is_no_prompt_and_answer_is_rejected_by_name(
    pack: Pack,
    tokenizer_dir: Path,
    tmp_path: Path,
    row: list[tuple[str, bool]],
    reason: str,
) -> None:
    good = [(opened("How many?"), False), ("#### 1<|im_end|>", True)]
    target = tmp_path / "out" / "data"
    words = ["strip", str(pack([good, row])), str(target)]
    assert cli.main([*words, "--tokenizer-name-or-path", str(tokenizer_dir)]) == 0
    assert texts(target, tokenizer_dir) == [(opened("How many?"), "1")]
    assert reason in (tmp_path / "out" / "data_rejects.jsonl").read_text()


def test_prompt_only_files_are_not_stripped_again(
    run_rows: Callable[..., object],
    tokenizer_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_rows([{"question": "Q?", "answer": "1"}])
    source, target = tmp_path / "out" / "data", tmp_path / "again" / "data"
    words = ["strip", str(source), str(target), "--tokenizer-name-or-path", str(tokenizer_dir)]
    assert cli.main(words) == 2
    assert "not_masked 1" in capsys.readouterr().err
    assert not target.parent.exists() or list(target.parent.iterdir()) == []


runs = st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=6)


@given(runs)
def test_the_prompt_is_all_before_the_last_run_of_targets(spans: list[tuple[bool, int]]) -> None:
    flags = [target for target, count in spans for _ in range(count)]
    ids = np.arange(len(flags))
    labels = np.where(flags, ids, -100) if flags else ids
    if (False, True) not in pairwise(flags):
        with pytest.raises(RejectError) as caught:
            split_masked(ids, labels)
        assert caught.value.reason in (Reason.NOT_MASKED, Reason.MISSING_ANSWER)
        return
    prompt, response = split_masked(ids, labels)
    end = len(prompt) + len(response)
    assert prompt + response == list(range(end))
    assert all(flags[len(prompt) : end])
    assert not flags[len(prompt) - 1]
    assert not any(flags[end:])
