"""`doctor --data`: packed files of anybody's making, and what is found in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.core.rules import Finding
from mindspeed_rl_ext.doctor.readers.packed import read_packed_files
from mindspeed_rl_ext.doctor.rulebook import load_rules
from mindspeed_rl_ext.preprocess.packing.packed import key_file
from mindspeed_rl_ext.preprocess.packing.staging import staging
from mindspeed_rl_ext.preprocess.packing.writer import PackedWriter
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer
from mindspeed_rl_ext.preprocess.verl import checks

# What is wrong with a reference or a prompt, as other modules name it.
REFERENCES = ("missing_answer", "empty_answer", "bad_answer", "answer_in_prompt")
SYSTEM = "<|im_start|>system\nBe kind.<|im_end|>\n"
TOLD = "She sells nine eggs a day at two dollars each, eighteen dollars in all"
OPENED = f"{SYSTEM}<|im_start|>user\nHow many?<|im_end|>\n<|im_start|>assistant\n"


def packed_data(prefix: str, model: str | None, limit: int | None = None) -> list[Finding]:
    return [*load_rules().examine(read_packed_files(prefix, model, limit))]


Pack = Callable[[Sequence[Mapping[str, Any]]], Path]


def test_prompt_only_files_pass(
    pack: Pack, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix = pack([{"input_ids": OPENED, "labels": "72"}] * 3)
    assert cli.main(["doctor", "--data", str(prefix), "--model", str(model)]) in (0, 1)
    findings = list(packed_data(str(prefix), str(model)))
    assert {finding.level for finding in findings} == {"note", "ok"}
    assert "3 rows looked at: prompts and nothing else" in capsys.readouterr().out


BAD: list[tuple[str, dict[str, Any]]] = [
    ("masked_labels", {"input_ids": [9, 9, 8], "labels": [-100, -100, 8]}),
    ("text_after_header", {"input_ids": OPENED + "72", "labels": "72"}),
    ("answer_in_prompt", {"input_ids": OPENED.replace("many?", "many? 72"), "labels": "72"}),
    ("answer_in_prompt", {"input_ids": "How many? The answer is 72", "labels": "72"}),
    ("answer_in_prompt", {"input_ids": OPENED.replace("many?", f"{TOLD} How?"), "labels": TOLD}),
    ("second_system_block", {"input_ids": SYSTEM + OPENED, "labels": "72"}),
    ("no_assistant_header", {"input_ids": OPENED[:-22], "labels": "72"}),
    ("empty_prompt", {"input_ids": "", "labels": "72"}),
    ("empty_label", {"input_ids": OPENED, "labels": ""}),
    ("empty_label", {"input_ids": OPENED, "labels": " \n"}),
    ("negative_ids", {"input_ids": [5, -1], "labels": "72"}),
    ("negative_ids", {"input_ids": OPENED, "labels": [5, -1]}),
    ("mask_length", {"input_ids": OPENED, "labels": "72", "attention_mask": [1]}),
    ("mask_not_ones", {"input_ids": [5, 6], "labels": "72", "attention_mask": [1, 0]}),
    ("special_in_label", {"input_ids": OPENED, "labels": "72<|im_end|>"}),
]


@pytest.mark.parametrize(("kind", "row"), BAD)
def test_each_fault_is_found_counted_and_its_row_named(
    pack: Pack, model: Path, kind: str, row: dict[str, Any]
) -> None:
    rule = load_rules().rules.get(f"packed-{kind.replace('_', '-')}")
    prefix = pack([{"input_ids": OPENED, "labels": "72"}, row])
    found = [f for f in packed_data(str(prefix), str(model)) if f.level in ("error", "warning")]
    assert [(f.level, f.remedy) for f in found] == [(rule.level, rule.words["en"].remedy)]
    assert found[0].cause.startswith("1 of 2 rows: ")
    assert " (row 1: " in found[0].cause


LONG_EXPRESSION = "\\begin{pmatrix} -7 \\\\ 16 \\\\ 5 \\end{pmatrix}"
MANY = "many?"


@pytest.mark.parametrize(
    ("question", "label"),
    [
        (f"Ann has ducks. {TOLD}. How many dollars?", TOLD),
        (f"Ann has ducks. It is 5. {TOLD}. How many?", TOLD),
        (f"Ann has ducks. She sells{TOLD[9:40]}\n{TOLD[41:]}. How many?", TOLD),
        (f"Find the vector. {LONG_EXPRESSION} is what I found. Show how.", LONG_EXPRESSION),
        (
            "小明每天早上吃三个鸡蛋，其余的鸡蛋以每个两美元的价格在农贸市场出售，一共得到十八美元，请问怎么算？",
            "小明每天早上吃三个鸡蛋，其余的鸡蛋以每个两美元的价格在农贸市场出售，一共得到十八美元",
        ),
        (f"Which one?\n(A) {TOLD}\n(B) none\nHint: {TOLD}. Choose.", TOLD),
    ],
)
def test_a_long_answer_in_the_middle_of_a_prompt_is_found(
    pack: Pack, model: Path, question: str, label: str
) -> None:
    prefix = pack([{"input_ids": OPENED.replace(MANY, question), "labels": label}])
    assert "packed-answer-in-prompt" in {f.id for f in packed_data(str(prefix), str(model))}


@pytest.mark.parametrize(
    ("question", "label"),
    [
        ("There are 4 ducks with 4 eggs each. How many eggs are 4 times 4 less 12?", "4"),
        ("Tom, Ann and Eve walk 4 miles. Who walks most?", "Tom, Ann and Eve"),
        (f"{TOLD}s. How much?", TOLD),
        (f"Which one?\n(A) {TOLD}\n(B) She keeps them", TOLD),
        (f"Which one? A. {TOLD} B. She keeps them", TOLD),
        (f"Which one?\n- {TOLD}\n- She keeps them", TOLD),
        (f"Simplify {LONG_EXPRESSION[:-20]}", LONG_EXPRESSION),
    ],
)
def test_a_short_answer_or_a_choice_in_a_prompt_is_no_leak(
    pack: Pack, model: Path, question: str, label: str
) -> None:
    prefix = pack([{"input_ids": OPENED.replace(MANY, question), "labels": label}])
    assert {f.level for f in packed_data(str(prefix), str(model))} == {"note", "ok"}


def test_every_kind_of_fault_has_a_case() -> None:
    of_rows = [rule.id for rule in load_rules() if "{row}: {detail}" in rule.words["en"].cause]
    kinds = {name for name in of_rows if name.startswith("packed-")}
    assert {f"packed-{kind.replace('_', '-')}" for kind, _ in BAD} == kinds


def test_every_problem_of_a_chat_has_a_rule() -> None:
    source = Path(checks.__file__).read_text("utf-8")
    kinds = {*re.findall(r'(?:RowProblem|FileProblem)\(\s*"(\w+)"', source), *REFERENCES}
    assert {"string_prompt", "mixed_types"} <= kinds
    names = {rule.id for rule in load_rules()}
    assert {f"chat-{kind.replace('_', '-')}" for kind in kinds} <= names


def test_prompts_that_verl_would_cut_are_counted_with_their_lengths(
    chat_model: Path, tmp_path: Path, findings: Any
) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="extra [data] is not installed")
    from pyarrow import parquet

    texts = ["How many?", "How many " * 40 + "?", "How many?"]
    rows = [{"prompt": [{"role": "user", "content": text}], "data_source": "x",
             "reward_model": {"ground_truth": "7"}} for text in texts]  # fmt: skip
    path = tmp_path / "chats.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)

    def found(**options: Any) -> dict[str, Any]:
        return {f.id: f for f in findings(data=str(path), model=chat_model, **options)}

    long = found(max_prompt_length=60)["chat-too-long"]
    assert long.level == "error"
    assert "1 of 3 rows" in long.cause
    assert "cut from the left to 60" in long.cause
    assert "chat-prompts-only" in found(max_prompt_length=2000)
    assert "chat-too-long" not in found()  # no length is named
    of_run = f"data.train_files={path} data.max_prompt_length=60"
    assert found(verl=of_run)["chat-too-long"].level == "error"
    dropped = found(verl=f"{of_run} data.filter_overlong_prompts=True")
    assert dropped["chat-left-out"].level == "note"
    assert "chat-too-long" not in dropped


def test_a_prefilled_think_tag_and_history_are_no_faults(pack: Pack, model: Path) -> None:
    history = OPENED + "12<|im_end|>\n<|im_start|>user\nAnd now?<|im_end|>\n<|im_start|>assistant\n"
    prefix = pack(
        [{"input_ids": OPENED + "<think>\n", "labels": "7"}, {"input_ids": history, "labels": "12"}]
    )
    assert {f.level for f in packed_data(str(prefix), str(model))} == {"note", "ok"}


def test_keys_of_unequal_length_and_missing_labels_are_said(
    pack: Pack, model: Path, tmp_path: Path
) -> None:
    prefix = pack([{"input_ids": OPENED}])
    found = list(packed_data(str(prefix), str(model)))
    assert [f.level for f in found].count("warning") == 1
    assert any("there are no labels" in f.cause for f in found)
    with staging(tmp_path / "other", overwrite=True) as folder:
        writer = PackedWriter(folder, "other", ("labels",))
        writer.finish()
    for suffix in ("bin", "idx"):
        key_file(tmp_path / "other", "labels", suffix).replace(key_file(prefix, "labels", suffix))
    found = list(packed_data(str(prefix), str(model)))
    assert "have different numbers of rows: attention_mask: 1" in found[0].cause.replace(
        "input_ids: 1, ", ""
    )


def test_a_data_set_without_a_tokenizer_asks_for_the_model(pack: Pack) -> None:
    prefix = pack([{"input_ids": OPENED, "labels": "72"}])
    (finding,) = packed_data(str(prefix), None)
    assert (finding.level, finding.remedy) == ("error", "give --model")


def test_no_files_are_an_error_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["doctor", "--data", str(tmp_path / "none")]) == 1
    assert "no packed files of prefix" in capsys.readouterr().out


def test_prompts_longer_than_the_run_takes_are_counted(pack: Pack, model: Path) -> None:
    prefix = pack([{"input_ids": OPENED, "labels": "72"}] * 2)
    longest = len(load_tokenizer(model).encode(OPENED))
    found = {f.id: f for f in packed_data(str(prefix), str(model), longest - 1)}
    assert (
        found["packed-prompt-too-long"].values["count"],
        found["packed-prompt-too-long"].level,
    ) == (2, "warning")
    assert "packed-prompt-too-long" not in {
        f.id for f in packed_data(str(prefix), str(model), longest)
    }


def test_the_limit_of_a_run_reaches_the_data(
    pack: Pack, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix = pack([{"input_ids": OPENED, "labels": "72"}])
    config = tmp_path / "run.yaml"
    config.write_text("rl_config:\n  max_prompt_length: 2\n")
    assert cli.main(
        ["doctor", "--config", str(config), "--data", str(prefix), "--model", str(model)]
    )
    assert "packed-prompt-too-long" in capsys.readouterr().out
