"""A tiny tokenizer made on the spot, and files to preprocess."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

ASKED = {"prompt": "question", "query": "", "response": "answer"}


@pytest.fixture(scope="session")
def tokenizer_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE tokenizer with Qwen's chat markers as special tokens."""
    tokenizers = pytest.importorskip("tokenizers", reason="extra [data] is not installed")
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["How many apples are there? The answer is 72."] * 20, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def rows_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as JSON Lines."""

    def write(rows: Iterable[Mapping[str, Any]], name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def run_rows(
    tokenizer_dir: Path, rows_file: Callable[..., Path], tmp_path: Path
) -> Callable[..., Any]:
    """Preprocesses rows; returns the report, the packed rows as text and the rejects."""
    from mindspeed_rl_ext.preprocess.options import PreprocessOptions
    from mindspeed_rl_ext.preprocess.packing.packed import read_packed, rejects_file
    from mindspeed_rl_ext.preprocess.run import preprocess
    from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

    def run(rows: Iterable[Mapping[str, Any]], **options: Any) -> Any:
        prefix = tmp_path / "out" / "data"
        settings = {"map_keys": ASKED, "overwrite": True, **options}
        report = preprocess(
            PreprocessOptions(
                input=rows_file(rows),
                tokenizer_name_or_path=str(tokenizer_dir),
                output_prefix=prefix,
                **settings,
            )
        )
        tokenizer = load_tokenizer(tokenizer_dir)
        texts = [
            {
                key: tokenizer.decode(ids.tolist(), skip_special_tokens=key != "input_ids")
                for key, ids in row.items()
                if key != "attention_mask"
            }
            for row in read_packed(prefix)
        ]
        rejects = [json.loads(line) for line in rejects_file(prefix).read_text().splitlines()]
        return report, texts, rejects

    return run
