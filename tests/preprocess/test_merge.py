"""Shards, n-subs and merge: the bytes of one run, whatever is filtered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess import engine
from mindspeed_rl_ext.preprocess.checks.duplicates import digest_of, is_held_out
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.packing.merge import merge
from mindspeed_rl_ext.preprocess.packing.packed import (
    files_of,
    heldout_prefix,
    read_packed,
    report_file,
)
from mindspeed_rl_ext.preprocess.packing.writer import shuffled
from mindspeed_rl_ext.preprocess.record import Prompt
from mindspeed_rl_ext.preprocess.run import preprocess

KEYS = {"prompt": "question", "query": "", "response": "answer"}
ROWS = [
    {"question": f"How many are {n % 19}?" if n % 5 else "", "answer": f"so\n#### {n % 19}"}
    for n in range(73)
]
Run = Callable[..., PreprocessOptions]


@pytest.fixture
def options(tokenizer_dir: Path, rows_file: Any, tmp_path: Path) -> Run:
    def build(name: str, **settings: Any) -> PreprocessOptions:
        return PreprocessOptions(
            input=rows_file(ROWS),
            tokenizer_name_or_path=str(tokenizer_dir),
            output_prefix=tmp_path / name / "data",
            map_keys=KEYS,
            **settings,
        )

    return build


def content(prefix: Path) -> dict[str, Any]:
    """Everything that a run left, without what differs by nature."""
    prefixes = (prefix, heldout_prefix(prefix))
    found: dict[str, Any] = {
        path.name: path.read_bytes() for one in prefixes for path in files_of(one)
    }
    report = json.loads(found.pop(report_file(prefix).name))
    found["report"] = {k: v for k, v in report.items() if k not in ("seconds", "output_prefix")}
    return found


FILTERS: list[dict[str, Any]] = [
    {},
    {"dedupe": True},
    {"split": 0.3, "seed": 4},
    {"dedupe": True, "split": 0.3, "max_prompt_length": 12},
]


@pytest.mark.parametrize("chunk_rows", [1, 7, 1000])
@pytest.mark.parametrize("settings", FILTERS, ids=["plain", "dedupe", "split", "all"])
def test_shards_merge_to_the_bytes_of_one_run(
    options: Run, monkeypatch: pytest.MonkeyPatch, chunk_rows: int, settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(engine, "CHUNK_ROWS", chunk_rows)
    one = options("one", **settings)
    preprocess(one)
    for index in (3, 1, 2):
        preprocess(options("parts", shard=(index, 3), **settings))
    merged = options("parts").output_prefix
    merge(merged)
    assert content(merged) == content(one.output_prefix)


def test_shuffling_a_merge_is_shuffling_one_run(
    options: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "CHUNK_ROWS", 10)
    one = options("one", shuffle=True, seed=5)
    preprocess(one)
    for index in (1, 2):
        preprocess(options("parts", shard=(index, 2)))
    merged = options("parts").output_prefix
    assert cli.main(["merge", str(merged), "--shuffle", "--seed", "5"]) == 0
    assert content(merged) == content(one.output_prefix)


@pytest.mark.parametrize("settings", [{}, {"shuffle": True, "split": 0.3}], ids=["plain", "mixed"])
def test_sub_processes_give_the_bytes_of_one_and_leave_no_part(
    options: Run, settings: dict[str, Any]
) -> None:
    one, several = options("one", **settings), options("several", n_subs=2, **settings)
    preprocess(one)
    preprocess(several)
    assert content(several.output_prefix) == content(one.output_prefix)
    assert {p.name for p in several.output_prefix.parent.iterdir()} == {
        p.name for p in one.output_prefix.parent.iterdir()
    }


def test_what_a_sub_process_finds_wrong_is_the_error(options: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown prompt type 'qwen_r2'") as caught:
        preprocess(options("bad", n_subs=2, prompt_type="qwen_r2"))
    assert "did you mean" in str(caught.value)
    assert not (tmp_path / "bad").exists()


def test_shuffling_keeps_every_row_and_depends_on_the_seed(options: Run) -> None:
    rows: dict[Any, list[bytes]] = {}
    for seed in (None, 0, 1):
        settings = {} if seed is None else {"shuffle": True, "seed": seed}
        made = options(f"seed{seed}", **settings)
        preprocess(made)
        data = read_packed(made.output_prefix)
        rows[seed] = [b"|".join(row[key].tobytes() for key in data.keys) for row in data]
    assert sorted(rows[None]) == sorted(rows[0]) == sorted(rows[1])
    assert rows[None] != rows[0] != rows[1]


def test_an_order_never_changes_between_machines_and_versions() -> None:
    """SplitMix64 in plain integers is the expectation."""

    def mixed(row: int) -> int:
        number = (row + 1 + (2025 << 32)) * 0x9E3779B97F4A7C15 % 2**64
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            number = (number ^ (number >> shift)) * factor % 2**64
        return number ^ (number >> 31)

    assert shuffled(1000, 2025).tolist() == sorted(range(1000), key=mixed)


def test_the_same_prompt_is_never_on_both_sides_of_a_split(options: Run) -> None:
    made = options("split", split=0.4)
    report = preprocess(made)
    sides = [
        {row["input_ids"].tobytes() for row in read_packed(prefix)}
        for prefix in (made.output_prefix, heldout_prefix(made.output_prefix))
    ]
    assert not sides[0] & sides[1]
    assert report.kept + report.held_out + sum(report.dropped.values()) == len(ROWS)
    assert report.held_out == len(read_packed(heldout_prefix(made.output_prefix)))


def test_about_the_asked_fraction_is_held_out() -> None:
    digests = [digest_of(Prompt(str(n))) for n in range(4000)]
    held = sum(is_held_out(digest, 0.1, 0) for digest in digests)
    assert 320 < held < 480  # four standard deviations


def test_duplicates_are_counted_and_those_with_another_answer_named(run_rows: Any) -> None:
    rows = [
        {"question": "One?", "answer": "1"},
        {"question": "One?", "answer": "1"},
        {"question": "One?", "answer": "2"},
        {"question": "Two?", "answer": "2"},
    ]
    report, texts, rejects = run_rows(rows, dedupe=True)
    assert [row["labels"] for row in texts] == ["1", "2"]
    assert report.dropped == {"duplicate": 1, "duplicate_other_answer": 1}
    assert [(r["line"], r["reason"], "row" in r) for r in rejects] == [
        (2, "duplicate", False),
        (3, "duplicate_other_answer", True),
    ]


def test_different_data_are_joined_one_after_another(options: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        preprocess(options(name))
    prefixes = [tmp_path / name / "data" for name in ("a", "b", "a")]
    report = merge(tmp_path / "all" / "data", prefixes)
    assert report.kept == 3 * len(read_packed(prefixes[0]))
    rows = [row["labels"].tolist() for prefix in prefixes for row in read_packed(prefix)]
    assert [row["labels"].tolist() for row in read_packed(tmp_path / "all" / "data")] == rows


@pytest.mark.parametrize(
    ("shards", "settings", "message"),
    [
        ([(1, 3), (3, 3)], {}, "the parts are not one whole run"),
        ([(1, 2), (2, 3)], {}, "parts of different divisions"),
        ([], {}, "no parts of"),
        ([(1, 2), (2, 2)], {"label_extractor": "none"}, "was made with another settings"),
    ],
    ids=["missing", "divisions", "none", "options"],
)
def test_parts_that_do_not_belong_together_are_refused(
    options: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    shards: list[tuple[int, int]],
    settings: dict[str, Any],
    message: str,
) -> None:
    for number, shard in enumerate(shards):
        preprocess(options("parts", shard=shard, **(settings if number else {})))
    prefix = tmp_path / "parts" / "data"
    assert cli.main(["merge", str(prefix)]) == 2
    assert message in capsys.readouterr().err
    assert files_of(prefix) == []


@pytest.mark.parametrize("text", ["0/2", "3/2", "1of2", "a/b"])
def test_a_shard_that_can_not_be_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    words = [
        "--input",
        "x",
        "--tokenizer-name-or-path",
        "x",
        "--output-prefix",
        str(tmp_path / "x"),
    ]
    assert cli.main(["preprocess", *words, "--shard", text]) == 2
    assert "shard" in capsys.readouterr().err


def test_the_parts_are_none_of_the_files_that_a_trainer_of_the_prefix_takes(options: Run) -> None:
    preprocess(options("parts", shard=(1, 2), split=0.3))
    assert files_of(options("parts").output_prefix) == []
