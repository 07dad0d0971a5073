"""The handler class as a host calls it: the same bytes as the command."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.handler import AlpacaStylePromptOnlyHandler
from mindspeed_rl_ext.preprocess.packing.packed import files_of

datasets = pytest.importorskip("datasets", reason="extra [data] is not installed")
transformers = pytest.importorskip("transformers", reason="extra [data] is not installed")

MAP_KEYS = {"prompt": "question", "query": "", "response": "answer"}
ROWS = [
    {"question": "How many apples?", "answer": "70 + 2\n#### 72", "level": "easy"},
    {"question": "", "answer": "#### 1", "level": "easy"},
    {"question": "How much?", "answer": "#### 1,000", "level": "hard"},
]


class Wrapper:
    """A host's wrapper of a tokenizer."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))


def host_args(folder: Path, prefix: Path, **changes: Any) -> argparse.Namespace:
    table = {
        "input": "rows.jsonl",
        "tokenizer_name_or_path": str(folder),
        "output_prefix": str(prefix),
        "prompt_type": "qwen ",
        "prompt_type_path": "",
        "map_keys": MAP_KEYS,
        "dataset_additional_keys": ["labels", "level"],
        "seq_length": None,
        "log_interval": 100,
        "workers": 1,
        "json_keys": ["text"],
    }
    return argparse.Namespace(**{**table, **changes})


def packed_bytes(prefix: Path) -> dict[str, bytes]:
    return {
        path.name.removeprefix(prefix.name): path.read_bytes()
        for path in files_of(prefix)
        if "_packed_" in path.name
    }


def test_the_handler_writes_the_bytes_of_the_command(
    tokenizer_dir: Path, rows_file: Any, tmp_path: Path
) -> None:
    args = host_args(tokenizer_dir, tmp_path / "host")
    handler = AlpacaStylePromptOnlyHandler(
        args, datasets.Dataset.from_list(ROWS), Wrapper(tokenizer_dir), None
    )
    assert args.json_keys == ["input_ids", "attention_mask", "labels", "level"]
    handler.serialize_to_disk()
    flags = {
        "input": rows_file(ROWS),
        "tokenizer-name-or-path": tokenizer_dir,
        "output-prefix": tmp_path / "ours",
        "prompt-type": "qwen",
        "map-keys": json.dumps(MAP_KEYS),
        "dataset-additional-keys": "level",
    }
    assert (
        cli.main(["preprocess", *(str(w) for f in flags.items() for w in ("--" + f[0], f[1]))]) == 0
    )
    assert len(packed_bytes(tmp_path / "host")) == 8
    assert packed_bytes(tmp_path / "host") == packed_bytes(tmp_path / "ours")
    assert sorted(handler.output_idx_files) == sorted(args.json_keys)
    assert all(Path(path).is_file() for path in handler.output_idx_files.values())


def test_rows_that_a_host_aligned_give_the_same_bytes(tokenizer_dir: Path, tmp_path: Path) -> None:
    raw = [{key: row[key] for key in ("question", "answer")} for row in ROWS[::2]]
    aligned = [
        {
            "prompt": [{"role": "user", "content": row["question"]}],
            "response": [{"role": "assistant", "content": row["answer"]}],
            "system": [""],
            "tools": [""],
        }
        for row in raw
    ]
    for name, rows in (("raw", raw), ("aligned", aligned)):
        args = host_args(tokenizer_dir, tmp_path / name, dataset_additional_keys=["labels"])
        data = datasets.Dataset.from_list(rows)
        AlpacaStylePromptOnlyHandler(args, data, Wrapper(tokenizer_dir), None).serialize_to_disk()
    assert packed_bytes(tmp_path / "raw") == packed_bytes(tmp_path / "aligned")


def test_our_options_come_from_the_environment(
    tokenizer_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setenv("MSRL_EXT_LABEL_EXTRACTOR", "none")
    monkeypatch.setenv("MSRL_EXT_OVERWRITE", "1")
    monkeypatch.setenv("MSRL_EXT_MAX_PROMPT_LENGTH", "60")
    args = host_args(tokenizer_dir, tmp_path / "host")
    for _ in range(2):
        handler = AlpacaStylePromptOnlyHandler(
            args, datasets.Dataset.from_list(ROWS), Wrapper(tokenizer_dir), None
        )
        handler.serialize_to_disk()
    assert handler.report is not None
    assert handler.report.labels == {"none": 2}
    assert "label_extractor = 'none', from MSRL_EXT_LABEL_EXTRACTOR" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"), [("MAX_PROMPT_LENGTH", "many"), ("OVERWRITE", "perhaps")]
)
def test_an_environment_variable_that_can_not_be_read_is_named(
    tokenizer_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MSRL_EXT_{name}", value)
    with pytest.raises(InputError, match=f"MSRL_EXT_{name} can't be read"):
        AlpacaStylePromptOnlyHandler(
            host_args(tokenizer_dir, tmp_path / "x"),
            datasets.Dataset.from_list(ROWS),
            Wrapper(tokenizer_dir),
            None,
        )


def test_the_hosts_apply_map_keys_to_the_name() -> None:
    assert "AlpacaStyle" in AlpacaStylePromptOnlyHandler.__name__


@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("enable_thinking", True, True),
        ("enable_thinking", False, False),
        ("enable_thinking", None, False),
        ("reasoning_effort", "max", True),
        ("drop_thinking", False, True),
        ("drop_thinking", True, False),
        ("data_obfuscation", True, True),
        ("neat_pack", True, True),
        ("pack", False, False),
    ],
)
def test_what_a_host_asks_for_and_this_handler_does_not_do_is_refused_by_name(
    tokenizer_dir, tmp_path, name, value, refused
):
    args = host_args(tokenizer_dir, tmp_path / "x", **{name: value})
    if refused:
        with pytest.raises(InputError, match=name):
            AlpacaStylePromptOnlyHandler(args, ROWS, Wrapper(tokenizer_dir), None)
    else:
        AlpacaStylePromptOnlyHandler(args, ROWS, Wrapper(tokenizer_dir), None)
