"""The commands as a user types them: what is printed, exit codes, what is left on disk."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.preprocess.packing import writer
from mindspeed_rl_ext.preprocess.packing.packed import files_of, read_packed

MAP_KEYS = '{"prompt":"question","query":"","response":"answer"}'
ROWS = [
    {"question": "How many apples?", "answer": "70 + 2\n#### 72"},
    {"question": "", "answer": "#### 1"},
    {"question": "How much?", "answer": "#### 1,000"},
]
Write = Callable[..., Path]


@pytest.fixture
def words(tokenizer_dir: Path, rows_file: Write, tmp_path: Path) -> Callable[..., list[str]]:
    def build(rows: list[dict[str, Any]] = ROWS, **flags: Any) -> list[str]:
        given = {
            "input": rows_file(rows),
            "tokenizer-name-or-path": tokenizer_dir,
            "output-prefix": tmp_path / "out" / "data",
            "prompt-type": "qwen",
            "map-keys": MAP_KEYS,
            **{name.replace("_", "-"): value for name, value in flags.items()},
        }
        pairs = [[f"--{name}", str(v)] for name, v in given.items() if v is not None]
        return ["preprocess", *(word for pair in pairs for word in pair)]

    return build


def test_preprocess_then_preview(
    words: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words()) == 0
    shown = capsys.readouterr().out
    assert "2 of 3 rows" in shown
    assert "1 (empty_prompt 1)" in shown
    assert cli.main(["preview", str(tmp_path / "out" / "data"), "-n", "1"]) == 0
    shown = capsys.readouterr().out
    assert "<|im_start|>user\nHow many apples?<|im_end|>\n<|im_start|>assistant\n" in shown
    assert "--- labels (1 tokens) ---\n72\n" in shown
    assert "How much?" not in shown
    assert "2 rows" in shown
    assert "prompt tokens, rows\n" in shown


def test_a_prefix_that_is_a_directory_is_refused(
    words: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(output_prefix=f"{tmp_path}/out/")) == 2
    assert "names a directory" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_preview_without_the_report_asks_for_the_tokenizer(
    words: Callable[..., list[str]],
    tokenizer_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(words()) == 0
    prefix = str(tmp_path / "out" / "data")
    Path(f"{prefix}_report.json").unlink()
    assert cli.main(["preview", prefix]) == 2
    assert "give --tokenizer-name-or-path" in capsys.readouterr().err
    assert cli.main(["preview", prefix, "--tokenizer-name-or-path", str(tokenizer_dir)]) == 0


def test_host_flags_without_effect_say_so(
    words: Callable[..., list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    flags = ["--tokenizer-type", "PretrainedFromHF", "--append-eod", "--seed", "7"]
    assert cli.main([*words(), *flags, "--overwrite-cache", "--cache-dir", "x"]) == 0
    for name in ("tokenizer_type", "append_eod", "seed", "overwrite_cache", "cache_dir"):
        assert f"{name} has no effect" in caplog.text


@pytest.mark.parametrize(
    "name", ["R1AlpacaStyleInstructionHandler", "Math17kAlpacaStyleInstructionHandler"]
)
def test_the_hosts_prompt_handlers_are_synonyms(
    words: Callable[..., list[str]], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert cli.main(words(handler_name=name)) == 0
    assert f"{name}: rows are handled by AlpacaStylePromptOnlyHandler" in caplog.text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"input": "missing.jsonl"}, "no such file: missing.jsonl"),
        ({"map_keys": "{broken"}, "--map-keys is not readable JSON"),
        ({"map_keys": '["question"]'}, "--map-keys is not a JSON object"),
        ({"map_keys": '{"promt":"question"}'}, "did you mean prompt"),
        ({"map_keys": '{"response":"answer"}'}, "names no prompt"),
        ({"map_keys": '{"prompt":"nope"}'}, "columns answer, question"),
        ({"prompt_type": "qwen_r2"}, "did you mean qwen_r1"),
        ({"prompt_type_path": "missing.json"}, "no config 'missing.json'"),
        ({"handler_name": "AlpacaStyleInstructionHandler"}, "is not one of this package"),
        ({"label_extractor": "box"}, "did you mean boxed"),
        ({"label_extractor": "regex:("}, "does not compile"),
        ({"max_prompt_length": 0}, "must be at least 1"),
        ({"max_prompt_length": 3}, "all 3 rows"),
        ({"merge_group_keys": "x"}, "merge_group_keys is not supported"),
        ({"tokenizer_name_or_path": "missing"}, "no tokenizer directory"),
        ({"input": None}, "missing --input"),
        ({"config": "gsm8"}, "did you mean gsm8k"),
    ],
)
def test_wrong_input_exits_with_2_a_message_and_no_file(
    words: Callable[..., list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: dict[str, Any],
    message: str,
) -> None:
    assert cli.main(words(**flags)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    out = tmp_path / "out"
    assert not out.exists() or list(out.iterdir()) == []


def test_a_broken_line_is_named_and_nothing_is_written(
    words: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = words(ROWS * 700)
    path = tmp_path / "rows.jsonl"
    path.write_text(path.read_text() + '{"question": \n')
    assert cli.main(command) == 2
    assert "line 2101 is not readable JSON" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_files_of_an_earlier_run_are_refused_without_overwrite(
    words: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words()) == 0
    without_labels = words(map_keys='{"prompt":"question"}')
    assert cli.main(without_labels) == 2
    assert "give --overwrite" in capsys.readouterr().err
    assert read_packed(tmp_path / "out" / "data").keys[-1] == "labels"
    assert cli.main([*without_labels, "--overwrite"]) == 0
    assert read_packed(tmp_path / "out" / "data").keys == ("input_ids", "attention_mask")


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (OSError(28, "No space left on device"), 3), (MemoryError(), 3)],
    ids=["ctrl-c", "disk-full", "no-memory"],
)
def test_a_run_that_dies_in_the_middle_leaves_nothing(
    words: Callable[..., list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
) -> None:
    add_rows, chunks = writer.PackedWriter.add_rows, []

    def die_later(self: Any, rows: Any) -> None:
        chunks.append(len(rows))
        if len(chunks) > 1:
            raise error
        add_rows(self, rows)

    monkeypatch.setattr(writer.PackedWriter, "add_rows", die_later)
    assert cli.main(words(ROWS * 1000)) == code
    assert len(chunks) == 2
    assert not (tmp_path / "out").exists()


def test_an_earlier_run_survives_one_that_dies_before_its_files_are_whole(
    words: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert cli.main(words()) == 0
    before = {path: path.read_bytes() for path in files_of(tmp_path / "out" / "data")}
    assert cli.main([*words([{"question": "", "answer": "1"}]), "--overwrite"]) == 2
    assert {path: path.read_bytes() for path in files_of(tmp_path / "out" / "data")} == before


def test_a_config_gives_the_options_and_flags_win_over_it(
    tokenizer_dir: Path, rows_file: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mine.yaml"
    table = {
        "input": str(rows_file(ROWS)),
        "tokenizer_name_or_path": str(tokenizer_dir),
        "output_prefix": str(tmp_path / "from_yaml"),
        "handler_name": "R1AlpacaStyleInstructionHandler",
        "tokenizer_type": "HuggingFaceTokenizer",
        "prompt-type": "qwen",
        "map_keys": json.loads(MAP_KEYS),
        "dataset_additional_keys": ["labels"],
        "workers": 8,
    }
    config.write_text(json.dumps(table))
    assert cli.main(["preprocess", "--config", str(config)]) == 0
    over = ["--output-prefix", str(tmp_path / "x"), "--prompt-type", "empty"]
    assert cli.main(["preprocess", "--config", str(config), *over]) == 0
    lengths = [read_packed(tmp_path / name).lengths().sum() for name in ("from_yaml", "x")]
    assert lengths[0] > lengths[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("promt_type: qwen", "did you mean prompt_type"),
        ("map_keys: [", "is not readable YAML"),
        ("- a", "is not a table of keys"),
        ("workers: many", "workers is not a whole number"),
        ("dataset_additional_keys: 3", "dataset_additional_keys is not a list"),
        ("pack: true", "pack is not supported"),
    ],
)
def test_a_wrong_config_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (tmp_path / "c.yaml").write_text(text)
    assert cli.main(["preprocess", "--config", str(tmp_path / "c.yaml")]) == 2
    assert message in capsys.readouterr().err


def test_every_shipped_data_recipe_is_read_and_names_its_template_and_verifier(
    repo_root: Path,
) -> None:
    from mindspeed_rl_ext.core.responses.answers import parse_extractor
    from mindspeed_rl_ext.preprocess.dataset_config import read_dataset_config
    from mindspeed_rl_ext.preprocess.reading.map_keys import parse_map_keys
    from mindspeed_rl_ext.preprocess.templates.template import load_template

    names = sorted(path.stem for path in (repo_root / "configs" / "datasets").glob("*.yaml"))
    assert names == ["countdown", "deepscaler", "gsm8k", "math_17k", "math_8k", "r1_zero"]
    for name in names:
        options = read_dataset_config(name)
        load_template(options["prompt_type"])
        parse_extractor(options.get("label_extractor", "auto"))
        assert parse_map_keys(options["map_keys"]).response
        text = (repo_root / "configs" / "datasets" / f"{name}.yaml").read_text(encoding="utf-8")
        assert "verifier_function:" in text
        assert "HF_ENDPOINT" in text
        keys = [line for line in text.splitlines() if line and line[0] not in "# "]
        above = text.splitlines()
        for line in keys:
            assert above[above.index(line) - 1].startswith("#"), f"{name}: {line} has no comment"
