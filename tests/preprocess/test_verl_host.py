"""verl's own RLHFDataset reads what `--format verl` writes: rows, lengths, files together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verl", reason="verl is not installed")

from mindspeed_rl_ext.preprocess.dataset_config import read_dataset_config
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.run import preprocess
from mindspeed_rl_ext.preprocess.verl.reading import parquet_file

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ROW = {
    "question": "What is 6 * 7?", "problem": "What is 6 * 7?", "answer": "so\n#### 42",
    "gt_answer": "42", "ground_truth_answer": "42", "target": 42, "nums": [6, 7],
}  # fmt: skip
DAPO = {
    "data_source": "math_dapo",
    "prompt": [{"role": "user", "content": "Answer: $Answer\n\nWhat is $2^5 + 2$?"}],
    "ability": "MATH",
    "reward_model": {"ground_truth": "34", "style": "rule-lighteval/MATH_v2"},
    "extra_info": {"index": "9a9b6eb4-a1cb-49d1-8c1e-62eaf2f74079"},
}
RECIPES = ["gsm8k", "math_8k", "math_17k", "deepscaler", "r1_zero", "countdown"]


@pytest.fixture
def model(tokenizer_dir: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for path in tokenizer_dir.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": CHATML}))
    return folder


@pytest.fixture
def make(model: Path, rows_file: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    def build(name: str, rows: list[dict[str, Any]], **changes: Any) -> Path:
        recipe = read_dataset_config(name)
        wanted = ("map_keys", "prompt_type", "label_extractor", "derive", "data_source", "dedupe")
        options = {key: recipe[key] for key in wanted if key in recipe} | changes
        prefix = tmp_path / "out" / name
        source = rows_file(rows, f"{name}.jsonl")
        preprocess(PreprocessOptions(source, str(model), prefix, format="verl", **options))
        return parquet_file(prefix)

    return build


@pytest.fixture
def load(model: Path, tmp_path: Path) -> Callable[..., Any]:
    from omegaconf import OmegaConf
    from transformers import AutoTokenizer
    from verl.utils.dataset.rl_dataset import RLHFDataset

    def open_files(files: list[Path], **changes: Any) -> Any:
        config = {
            "cache_dir": str(tmp_path / "cache"), "prompt_key": "prompt", "truncation": "error",
            "max_prompt_length": 2048, "filter_overlong_prompts": True,
            "filter_overlong_prompts_workers": 1, "return_raw_chat": True, **changes,
        }  # fmt: skip
        tokenizer = AutoTokenizer.from_pretrained(model)
        return RLHFDataset([str(path) for path in files], tokenizer, OmegaConf.create(config))

    return open_files


@pytest.mark.parametrize("name", RECIPES)
def test_verl_reads_every_recipe(
    name: str, make: Callable[..., Path], load: Callable[..., Any]
) -> None:
    data = load([make(name, [DAPO if name == "math_17k" else ROW])])
    assert len(data) == 1
    row = data[0]
    assert row["raw_prompt"][-1]["role"] == "user"
    assert isinstance(row["reward_model"]["ground_truth"], str)
    assert row["data_source"] == {"gsm8k": "openai/gsm8k", "math_17k": "math_dapo"}.get(name, name)
    assert row["extra_info"]["split"] == "train"


def test_verl_joins_the_files_of_all_recipes(
    make: Callable[..., Path], load: Callable[..., Any]
) -> None:
    files = [make(name, [DAPO if name == "math_17k" else ROW]) for name in RECIPES]
    data = load(files)
    assert len(data) == len(RECIPES)
    assert len({data[i]["data_source"] for i in range(len(data))}) == len(RECIPES)


def test_our_length_filter_is_verls(make: Callable[..., Path], load: Callable[..., Any]) -> None:
    rows = [{**ROW, "question": "word " * count} for count in range(1, 60)]
    whole = make("gsm8k", rows)
    theirs = load([whole], max_prompt_length=200)
    ours = load([make("gsm8k", rows, max_prompt_length=200, overwrite=True)], max_prompt_length=200)
    kept = [[data[i]["extra_info"]["index"] for i in range(len(data))] for data in (ours, theirs)]
    assert kept[0] == kept[1]
    assert 0 < len(kept[0]) < len(rows)


def test_the_whole_batch_is_collated(make: Callable[..., Path], load: Callable[..., Any]) -> None:
    from verl.utils.dataset.rl_dataset import collate_fn

    data = load([make("gsm8k", [ROW] * 4)])
    batch = collate_fn([data[index] for index in range(4)])
    assert {len(column) for column in batch.values()} == {4}
