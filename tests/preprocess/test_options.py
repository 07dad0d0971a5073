"""An option of preprocess is one field; flag, YAML key, variable, shard and docs follow from it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mindspeed_rl_ext.cli import preprocess as command
from mindspeed_rl_ext.core.options import declared_options, from_json, option, to_json
from mindspeed_rl_ext.preprocess import dataset_config, handler
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.summary import settings_of

OPTIONS = declared_options(PreprocessOptions)
# A value that is not the default, as YAML and as the flag write it, and what it means.
VALUES: dict[str, tuple[Any, str, Any]] = {
    "input": ("rows.jsonl", "rows.jsonl", Path("rows.jsonl")),
    "output_prefix": ("out/rows", "out/rows", Path("out/rows")),
    "dataset_additional_keys": (["level"], "level", ("level",)),
    "handler_name": ("R1AlpacaStyleInstructionHandler",) * 2 + ("R1AlpacaStyleInstructionHandler",),
    "format": ("verl", "verl", "verl"),
    "shard": ("1/2", "1/2", (1, 2)),
    "split": (0.25, "0.25", 0.25),
}
NEEDED = {"input": "a", "tokenizer_name_or_path": "b", "output_prefix": "c"}


def value_of(name: str) -> tuple[Any, str, Any]:
    kind = OPTIONS[name].kind
    if kind is bool:
        return True, "", True
    return VALUES.get(name) or ((7, "7", 7) if kind is int else ("x", "x", "x"))


def options_of(words: list[str]) -> PreprocessOptions:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.options_of(parser.parse_args(words))


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_a_flag_and_a_key_of_the_yaml(name: str, tmp_path: Path) -> None:
    written, flag, meant = value_of(name)
    needed = {key: value for key, value in NEEDED.items() if key != name}
    words = [f"--{key.replace('_', '-')}={value}" for key, value in needed.items()]
    given = options_of([*words, OPTIONS[name].flag, *([flag] if flag else [])])
    assert getattr(given, name) == meant
    config = tmp_path / "rows.yaml"
    config.write_text(repr({**needed, name: written}).replace("True", "true"))
    assert options_of(["--config", str(config)]) == given
    assert from_json(PreprocessOptions, to_json(given)) == given


@pytest.mark.parametrize("name", [name for name, one in OPTIONS.items() if one.variable])
def test_every_option_with_a_variable_reaches_the_hosts_handler(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, flag, meant = value_of(name)
    monkeypatch.setenv(OPTIONS[name].variable, flag or "1")
    args = SimpleNamespace(
        **NEEDED, prompt_type="", prompt_type_path="", map_keys=None, dataset_additional_keys=None,
        seq_length=None, log_interval=None,
    )  # fmt: skip
    assert getattr(handler.options_from_host(args), name) == meant


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_option_is_in_the_reference(repo_root: Path, language: str) -> None:
    page = (repo_root / "docs" / language / "reference" / "options.md").read_text(encoding="utf-8")
    for one in OPTIONS.values():
        assert f"`{one.flag}`" in page
        assert one.variable in page


def test_an_option_that_is_added_is_found_in_every_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @dataclass(frozen=True)
    class More(PreprocessOptions):
        colour: str = option("of the rows", "行的颜色", default="red", environment=True)

    for module in (command, dataset_config, handler):
        monkeypatch.setattr(module, "PreprocessOptions", More)
    words = [f"--{key.replace('_', '-')}={value}" for key, value in NEEDED.items()]
    made: Any = options_of([*words, "--colour", "blue"])
    assert made.colour == "blue"
    assert dataset_config.effective_options({"colour": "green"}, "rows.yaml") == {"colour": "green"}
    assert from_json(More, to_json(made)) == made
    assert settings_of(made)["colour"] == "blue"  # shards must agree in it


def test_what_the_hosts_know_is_no_option_of_ours() -> None:
    assert not set(dataset_config.HOST_FLAGS) & set(OPTIONS)
    assert all(flag.reason for flag in dataset_config.HOST_FLAGS.values())
