"""`--format verl`: Parquet of chat prompts, with the same rows, labels and rejects."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.dataset_config import read_dataset_config
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.output import FORMATS
from mindspeed_rl_ext.preprocess.packing.merge import merge
from mindspeed_rl_ext.preprocess.packing.packed import read_packed, rejects_file
from mindspeed_rl_ext.preprocess.run import preprocess
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer
from mindspeed_rl_ext.preprocess.verl.reading import VerlFile, parquet_file

pq = pytest.importorskip("pyarrow.parquet", reason="extra [data] is not installed")
pytest.importorskip("transformers", reason="extra [data] is not installed")

CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\n{{ default }}<|im_end|>\n"
    "{% endif %}{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
BOXED = "Please reason step by step, and put your final answer within \\boxed{}."
KEYS = {"prompt": "question", "query": "", "response": "answer"}
ROWS = [
    {"question": f"What is {n} + {n}? {'long ' * (n % 7)}", "answer": f"It is\n#### {2 * n:,}"}
    for n in range(1, 2600)
]
ROWS[5]["question"] = ""
ROWS[700]["answer"] = "no mark\nhere"
ROWS[900] = dict(ROWS[3])


@pytest.fixture(scope="module")
def chat_model(
    tokenizer_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """A model directory whose tokenizer has a chat template with a default system prompt."""

    def make(default: str = "You are Qwen.") -> Path:
        folder = tmp_path_factory.mktemp("model")
        for path in tokenizer_dir.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        config = json.loads((folder / "tokenizer_config.json").read_text())
        template = CHATML.replace("{{ default }}", default)
        (folder / "tokenizer_config.json").write_text(
            json.dumps({**config, "chat_template": template})
        )
        return folder

    return make


@pytest.fixture
def options(
    chat_model: Callable[..., Path], rows_file: Callable[..., Path], tmp_path: Path
) -> Callable[..., PreprocessOptions]:
    folder = chat_model()

    def make(name: str = "data", rows: Any = ROWS, **changes: Any) -> PreprocessOptions:
        given = {"map_keys": KEYS, "format": "verl", "max_prompt_length": 500, **changes}
        return PreprocessOptions(
            rows_file(rows),
            given.pop("folder", None) or str(folder),
            tmp_path / name / "rows",
            **given,
        )

    return make


def written(prefix: Path) -> list[dict[str, Any]]:
    return pq.read_table(parquet_file(prefix)).to_pylist()


def test_every_format_of_the_option_is_there() -> None:
    from mindspeed_rl_ext.core.options import declared_options

    assert set(declared_options(PreprocessOptions)["format"].option.choices) == set(FORMATS)


def test_a_row_has_verls_columns_and_nothing_of_the_solution(
    options: Callable[..., PreprocessOptions],
) -> None:
    row = {"question": "What is 6 * 7?", "answer": "6 * 7 is easy.\n#### 42", "level": 3}
    made = options(rows=[row], dataset_additional_keys=("level",), data_source="openai/gsm8k")
    report = preprocess(made)
    assert written(made.output_prefix) == [
        {
            "data_source": "openai/gsm8k",
            "prompt": [{"role": "user", "content": "What is 6 * 7?"}],
            "ability": "",
            "reward_model": {"style": "rule", "ground_truth": "42"},
            "extra_info": {"split": "train", "index": "1", "question": "What is 6 * 7?"},
            "level": "3",
        }
    ]
    assert report.sources == {"openai/gsm8k": 1}
    schema = pq.read_schema(parquet_file(made.output_prefix))
    assert b"huggingface" not in (schema.metadata or {})
    leaves = {
        str(field.type) for field in schema if field.name in ("data_source", "level", "ability")
    }
    assert leaves == {"string"}
    assert "easy" not in str(written(made.output_prefix))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dedupe": True, "split": 0.2, "seed": 3},
        {"shuffle": True, "seed": 5, "max_prompt_length": 60},
    ],
    ids=["plain", "split", "shuffled"],
)
def test_rows_labels_rejects_and_report_are_those_of_the_packed_files(
    options: Callable[..., PreprocessOptions], settings: dict[str, Any]
) -> None:
    verl = options("verl", **settings)
    packed = replace(options("packed", **settings), format="packed", prompt_type="tokenizer")
    ours, theirs = preprocess(verl), preprocess(packed)
    same = ("total", "kept", "held_out", "dropped", "labels", "tokens", "lengths", "label_lengths")
    assert [getattr(ours, name) for name in same] == [getattr(theirs, name) for name in same]
    assert (
        rejects_file(verl.output_prefix).read_bytes()
        == rejects_file(packed.output_prefix).read_bytes()
    )
    tokenizer = load_tokenizer(verl.tokenizer_name_or_path)
    for ours_at, theirs_at in zip(verl.prefixes(), packed.prefixes(), strict=True):
        rows = written(ours_at)
        assert [row["reward_model"]["ground_truth"] for row in rows] == [
            tokenizer.decode(row["labels"].tolist()) for row in read_packed(theirs_at)
        ]
    assert {row["extra_info"]["split"] for row in written(verl.output_prefix)} == {"train"}
    if len(verl.prefixes()) > 1:
        assert {row["extra_info"]["split"] for row in written(verl.prefixes()[1])} == {"test"}


@pytest.mark.parametrize("prompt_type", ["empty", "tokenizer", "qwen", "qwen_math_r1", "qwen_r1"])
def test_the_models_template_makes_of_it_what_the_prompt_type_says(
    chat_model: Callable[..., Path], options: Callable[..., PreprocessOptions], prompt_type: str
) -> None:
    """With a model whose own system prompt is that of the prompt type, token for token."""
    system = BOXED if prompt_type == "qwen_math_r1" else "You are a helpful assistant."
    folder = str(chat_model(system))
    rows = ROWS[:40]
    verl = options("verl", rows, folder=folder, prompt_type=prompt_type)
    packed = replace(options("packed", rows, folder=folder), format="packed")
    plain = prompt_type in ("empty", "tokenizer")
    packed = replace(packed, prompt_type="tokenizer" if plain else prompt_type)
    preprocess(verl)
    preprocess(packed)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    made = [
        tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)
        for row in written(verl.output_prefix)
    ]
    assert made == [row["input_ids"].tolist() for row in read_packed(packed.output_prefix)]
    assert all(len(row["prompt"]) == 1 for row in written(verl.output_prefix))


def test_an_instruction_of_the_prompt_type_that_the_model_lacks_is_a_system_message(
    options: Callable[..., PreprocessOptions],
) -> None:
    made = options(rows=ROWS[:1], prompt_type="qwen_math_r1")
    preprocess(made)
    assert written(made.output_prefix)[0]["prompt"][0] == {"role": "system", "content": BOXED}


def test_a_rows_own_system_prompt_and_history_are_messages(
    options: Callable[..., PreprocessOptions],
) -> None:
    row = {"question": "Now?", "answer": "4", "s": "Be brief.", "h": [["Hi", "Hello"]]}
    made = options(rows=[row], map_keys={**KEYS, "system": "s", "history": "h"})
    preprocess(made)
    assert [(m["role"], m["content"]) for m in written(made.output_prefix)[0]["prompt"]] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Now?"),
    ]


DAPO = {
    "data_source": "math_dapo",
    "prompt": [{"role": "user", "content": "Solve it. Answer: $Answer\n\nWhat is $2^5 + 2$?"}],
    "ability": "MATH",
    "reward_model": {"ground_truth": "34", "style": "rule-lighteval/MATH_v2"},
    "extra_info": {"index": "9a9b6eb4-a1cb-49d1-8c1e-62eaf2f74079"},
}


def test_rows_in_verls_format_are_checked_deduplicated_and_copied(
    options: Callable[..., PreprocessOptions],
) -> None:
    other = {**DAPO, "reward_model": {**DAPO["reward_model"], "ground_truth": "35"}}
    broken = {**DAPO, "prompt": [{"role": "assistant", "content": "Hi"}]}
    answered = {**DAPO, "prompt": [*DAPO["prompt"], {"role": "assistant", "content": "34"}]}
    recipe = read_dataset_config("math_17k")
    settings = {
        key: recipe[key] for key in ("map_keys", "prompt_type", "label_extractor", "dedupe")
    }
    made = options(rows=[DAPO] * 100 + [other, broken, answered], **settings)
    report = preprocess(made)
    (row,) = written(made.output_prefix)
    question = DAPO["prompt"][0]["content"]
    expected = {
        **DAPO,
        "extra_info": {**DAPO["extra_info"], "split": "train", "question": question},
    }
    assert row == expected
    assert report.dropped == {"duplicate": 99, "duplicate_other_answer": 1, "bad_prompt": 2}


def test_rows_that_were_templated_already_are_dropped_by_that_name(
    options: Callable[..., PreprocessOptions],
) -> None:
    text = "<|im_start|>user\nWhat is 6 * 7?<|im_end|>\n<|im_start|>assistant\n"
    twice = {**DAPO, "prompt": [{"role": "user", "content": text}]}
    keys = {"prompt": "prompt", "response": "reward_model"}
    report = preprocess(options(rows=[DAPO, twice], map_keys=keys))
    assert report.dropped == {"second_system_block": 1}


@pytest.mark.parametrize("name", ["gsm8k", "math_8k", "deepscaler", "r1_zero", "countdown"])
def test_every_recipe_names_its_source_and_makes_a_chat(
    options: Callable[..., PreprocessOptions], name: str
) -> None:
    recipe = read_dataset_config(name)
    wanted = ("map_keys", "prompt_type", "label_extractor", "derive", "data_source")
    row = {
        "question": "What is 6 * 7?", "problem": "What is 6 * 7?", "answer": "so\n#### 42",
        "gt_answer": "42", "ground_truth_answer": "42", "target": 42, "nums": [6, 7],
    }  # fmt: skip
    made = options(rows=[row], **{key: recipe[key] for key in wanted if key in recipe})
    report = preprocess(made)
    assert list(report.sources) == [{"gsm8k": "openai/gsm8k"}.get(name, name)]
    (row,) = written(made.output_prefix)
    truth = '{"numbers":[6,7],"target":42}' if name == "countdown" else "42"
    assert row["reward_model"]["ground_truth"] == truth
    assert row["prompt"][-1]["role"] == "user"
    assert "<|im_" not in str(row)


@pytest.mark.parametrize("settings", [{}, {"split": 0.3, "dedupe": True}], ids=["plain", "split"])
def test_shards_and_sub_processes_give_the_bytes_of_one_run(
    options: Callable[..., PreprocessOptions], settings: dict[str, Any]
) -> None:
    one, subs = options("one", **settings), options("subs", n_subs=2, **settings)
    preprocess(one)
    preprocess(subs)
    for index in (2, 1):
        preprocess(options("shards", shard=(index, 2), **settings))
    merge(options("shards").output_prefix)
    for other in (subs.output_prefix, options("shards").output_prefix):
        for suffix in ("", "_heldout") if settings else ("",):
            paths = [parquet_file(p.with_name(p.name + suffix)) for p in (one.output_prefix, other)]
            assert paths[0].read_bytes() == paths[1].read_bytes()
    left = {path.name for path in subs.output_prefix.parent.iterdir()}
    assert left == {path.name for path in one.output_prefix.parent.iterdir()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"map_keys": {"prompt": "question"}}, "needs the reference answer"),
        ({"prompt_type": "cs336_r1_zero"}, "is no chat"),
        ({"dataset_additional_keys": ("prompt",)}, "can't be prompt with --format verl"),
    ],
)
def test_what_verl_could_not_use_is_refused(
    options: Callable[..., PreprocessOptions], changes: dict[str, Any], message: str
) -> None:
    made = options(**changes)
    with pytest.raises(InputError, match=message):
        preprocess(made)
    assert not made.output_prefix.parent.exists()


def test_a_tokenizer_without_a_chat_template_is_refused(
    options: Callable[..., PreprocessOptions], tokenizer_dir: Path
) -> None:
    with pytest.raises(InputError, match="has no chat template") as caught:
        preprocess(options(folder=str(tokenizer_dir)))
    assert "verl puts the model's chat template" in str(caught.value)


def test_a_file_is_never_written_over_itself_and_old_files_need_overwrite(
    options: Callable[..., PreprocessOptions],
) -> None:
    made = options(rows=ROWS[:9])
    preprocess(made)
    before = parquet_file(made.output_prefix).read_bytes()
    with pytest.raises(InputError, match="exist already"):
        preprocess(made)
    again = replace(made, input=parquet_file(made.output_prefix), overwrite=True)
    with pytest.raises(InputError, match="written over itself"):
        preprocess(again)
    packed = replace(again, format="packed", prompt_type="empty", map_keys={"prompt": "ability"})
    with pytest.raises(InputError, match="rejected"):
        preprocess(packed)
    assert parquet_file(made.output_prefix).read_bytes() == before


def test_what_verl_does_silently_is_a_warning(options: Callable[..., PreprocessOptions]) -> None:
    report = preprocess(options(rows=ROWS[:5], max_prompt_length=None))
    assert any("from the left" in warning for warning in report.warnings)


def test_the_command_says_where_the_rows_are_and_preview_shows_them(
    options: Callable[..., PreprocessOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    made = options(rows=ROWS[:4])
    words = ["preprocess", "--format", "verl", "--input", made.input, "--output-prefix"]
    words += [made.output_prefix, "--tokenizer-name-or-path", made.tokenizer_name_or_path]
    words += ["--map-keys", json.dumps(KEYS)]
    assert cli.main([str(word) for word in words]) == 0
    shown = capsys.readouterr().out
    assert f"files    {made.output_prefix}.parquet" in shown
    assert "sources  rows 4" in shown
    for name in (made.output_prefix, parquet_file(made.output_prefix)):
        assert cli.main(["preview", str(name), "-n", "2"]) == 0
        shown = capsys.readouterr().out
        assert "--- user ---\nWhat is 1 + 1?" in shown
        assert "--- reward_model.ground_truth ---\n2\n" in shown
        assert "4 rows" in shown
        assert "<|im_start|>assistant" in shown


def test_rows_are_read_on_without_starting_again(
    options: Callable[..., PreprocessOptions],
) -> None:
    made = options(rows=ROWS[:20])
    preprocess(made)
    file = VerlFile(parquet_file(made.output_prefix))
    every = written(made.output_prefix)
    assert [*file.rows(0, 3), *file.rows(3, 3), *file.rows(5, 9), *file.rows(9)] == [
        *every[:3],
        *every[5:],
    ]
    assert list(file.rows(2, 4)) == every[2:4]
    assert len(file) == len(every) == 19
