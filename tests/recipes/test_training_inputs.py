"""What a training is given: data with and without labels, tokenizers, checkpoints, sampled rows."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("transformers", reason="training needs transformers")
pytest.importorskip("torch", reason="training needs torch")

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.errors import InputError, MachineError
from mindspeed_rl_ext.core.responses.rollouts import Rollout, VerdictRow
from mindspeed_rl_ext.recipes.tasks import largest
from mindspeed_rl_ext.recipes.tiny_model import build_model, build_tokenizer
from mindspeed_rl_ext.recipes.training import models
from mindspeed_rl_ext.recipes.training.recipe.schema import SampleSection
from mindspeed_rl_ext.recipes.training.rows.demonstrations import STYLES
from mindspeed_rl_ext.recipes.training.stages.sample import choose
from mindspeed_rl_ext.recipes.training.trainer import checkpoints
from mindspeed_rl_ext.recipes.training.trainer.groups import replaced
from mindspeed_rl_ext.recipes.training.trainer.running import rows_in_order
from mindspeed_rl_ext.recipes.training.trainer.tracking import usable_trackers
from mindspeed_rl_ext.verifiers import score


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    build_model(build_tokenizer(folder), seed=0).save_pretrained(folder)
    return folder


def train(policy: Path, output: Path, *changes: str) -> int:
    flags = ["train", "--config", "gsm8k_grpo", "--size", "real", "--output", str(output)]
    words = [f"model={policy}", "dtype=float32", "report_to=[none]", *changes]
    words += ["grpo.trl.use_vllm=false", "grpo.trl.bf16=false", "dataset.held_out=0"]
    return main([*flags, *(word for change in words for word in ("--set", change))])


def rows_file(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_data_set_without_labels_is_refused(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("trl", reason="training needs trl")
    path = rows_file(tmp_path, {"question": "1+1?", "answer": "2"})
    keys = '{"prompt": "question", "response": ""}'
    changes = [f"dataset.options.input={path}", f"dataset.options.map_keys={keys}"]
    changes.append("dataset.options.dataset_additional_keys=[]")
    assert train(policy, tmp_path / "run", *changes) == 2
    printed = capsys.readouterr().err
    assert "has no labels" in printed
    assert "remedy" in printed
    # The corrected command finds the directory as it was.
    assert not (tmp_path / "run").exists()


def test_packed_files_without_labels_are_refused_too(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("trl", reason="training needs trl")
    path = rows_file(tmp_path, {"question": "1+1?", "answer": "2"})
    words = ["--input", str(path), "--tokenizer-name-or-path", str(policy)]
    words += ["--output-prefix", str(tmp_path / "packed"), "--prompt-type", "empty"]
    assert main(["preprocess", *words, "--map-keys", '{"prompt":"question"}']) == 0
    packed = ["dataset.config=null", "dataset.options={}", f"dataset.packed={tmp_path / 'packed'}"]
    assert train(policy, tmp_path / "run", *packed) == 2
    assert "no labels" in capsys.readouterr().err


def test_a_missing_file_and_a_missing_column_are_named(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("trl", reason="training needs trl")
    assert train(policy, tmp_path / "a", "dataset.options.input=/nowhere.jsonl") == 2
    assert "/nowhere.jsonl" in capsys.readouterr().err
    path = rows_file(tmp_path, {"problem": "1+1?", "answer": "2"})
    assert train(policy, tmp_path / "b", f"dataset.options.input={path}") == 2
    assert "question" in capsys.readouterr().err


def test_a_checkpoint_of_another_tokenizer_is_refused(policy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(policy, other)
    text = (other / "tokenizer.json").read_text().replace('"<think>"', '"<thought>"')
    (other / "tokenizer.json").write_text(text)
    own = models.load_tokenizer(policy)
    models.require_same_tokenizer(own, policy)
    with pytest.raises(InputError, match="another tokenizer") as refused:
        models.require_same_tokenizer(own, other)
    assert "thought" in refused.value.found


def test_a_checkpoint_with_too_small_an_embedding_is_refused(policy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(policy, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "vocab_size": 100}))
    with pytest.raises(InputError, match="another tokenizer") as refused:
        models.require_same_tokenizer(models.load_tokenizer(policy), other)
    assert "100 rows" in refused.value.found


@pytest.mark.parametrize("hurt", ["unlink", "cut", "unmarked"])
def test_a_checkpoint_that_lacks_something_does_not_count(hurt: str, tmp_path: Path) -> None:
    for step in (2, 10):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "weights").write_bytes(b"12345678")
        checkpoints.mark_whole(folder)
    assert checkpoints.last_whole(tmp_path) == tmp_path / "checkpoint-10"
    newest = tmp_path / "checkpoint-10"
    if hurt == "unlink":
        (newest / "weights").unlink()
    elif hurt == "cut":
        (newest / "weights").write_bytes(b"1234")
    else:
        (newest / checkpoints.MARK_FILE).unlink()
    assert checkpoints.last_whole(tmp_path) == tmp_path / "checkpoint-2"
    checkpoints.remove_partial(tmp_path)
    assert [p.name for p in checkpoints.checkpoints(tmp_path)] == ["checkpoint-2"]


def test_old_checkpoints_go_only_beyond_the_limit(tmp_path: Path) -> None:
    for step in (2, 4, 6):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if step != 6:
            checkpoints.mark_whole(folder)
    checkpoints.keep_newest(tmp_path, 1)
    assert checkpoints.last_whole(tmp_path) == tmp_path / "checkpoint-4"


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        RuntimeError("[enforce fail at inline_container.cc:668] . PytorchStreamWriter failed"),
        Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_every_librarys_full_disk_is_a_fault_of_the_machine(error: Exception) -> None:
    assert checkpoints.machine_fault(error)
    assert isinstance(checkpoints.could_not_save("x", "full", Path()), MachineError)


@given(st.lists(st.integers(), min_size=1, max_size=20), st.integers(1, 100), st.integers())
def test_every_pass_holds_every_row_once(values: list[int], count: int, seed: int) -> None:
    drawn = rows_in_order(values, count, seed)
    assert len(drawn) == count
    for start in range(0, count - len(values) + 1, len(values)):
        assert sorted(drawn[start : start + len(values)]) == sorted(values)
    # A longer run begins like a shorter one, so that the order does not depend on its length.
    assert rows_in_order(values, count + 7, seed)[:count] == drawn


OUTCOMES = st.sampled_from(["CORRECT", "WRONG", "BAD_FORMAT", "TIMEOUT"])


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from("abc"), OUTCOMES, st.integers(1, 12)),
        max_size=40,
    ),
    st.integers(1, 3),
)
def test_what_is_kept_is_right_short_new_and_not_too_many(
    drawn: list[tuple[int, str, str, int]], keep: int
) -> None:
    rollouts = [
        Rollout(
            text,
            "",
            group=str(g),
            num_tokens=n,
            extra={"cut": n >= 10},
            verdicts={"v": VerdictRow(1.0, outcome)},
        )
        for g, text, outcome, n in drawn
    ]
    kept, dropped = choose(rollouts, SampleSection(keep_per_prompt=keep))
    assert len(kept) + sum(dropped.values()) == len(rollouts)
    assert all(r.verdicts["v"].outcome == "CORRECT" and (r.num_tokens or 0) < 10 for r in kept)
    for group in {r.group for r in rollouts}:
        texts = [r.response for r in kept if r.group == group]
        right = {
            r.response
            for r in rollouts
            if r.group == group and r.verdicts["v"].outcome == "CORRECT" and r.num_tokens < 10
        }
        assert len(texts) == len(set(texts)) == min(keep, len(right))


def test_replaced_rows_are_padded_on_their_side() -> None:
    import torch

    batch = {
        "prompt_ids": torch.tensor([[1, 2], [3, 4]]),
        "completion_ids": torch.tensor([[5, 6, 7], [8, 9, 0]]),
        "advantages": torch.tensor([0.0, 1.0]),
        "num_items_in_batch": torch.tensor(5),
    }
    fresh = {
        "prompt_ids": torch.tensor([[10, 11, 12], [13, 14, 15]]),
        "completion_ids": torch.tensor([[16], [17]]),
        "advantages": torch.tensor([2.0, 3.0]),
        "num_items_in_batch": torch.tensor(2),
    }
    merged = replaced(batch, fresh, torch.tensor([True, False]))
    assert merged["prompt_ids"].tolist() == [[10, 11, 12], [0, 3, 4]]
    assert merged["completion_ids"].tolist() == [[16, 0, 0], [8, 9, 0]]
    assert merged["advantages"].tolist() == [2.0, 1.0]


@given(st.integers(0, 10_000))
def test_careful_solutions_are_right_and_guesses_wrong_in_every_layout(seed: int) -> None:
    train_problems, held_out = largest.split_problems(seed=0)
    problem = random.Random(seed).choice([*train_problems, *held_out])
    careful = problem.solution(random.Random(seed), careless=0.0)
    guessed = problem.solution(random.Random(seed), careless=1.0)
    for style, verifier in (("boxed", "simplerl"), ("r1", "r1_acc"), ("cs336", "cs336_r1_zero")):
        responses = [STYLES[style](text) for text in (careful, guessed)]
        answers = [problem.answer] * 2
        right, wrong = score(responses, answers, verifiers=[verifier]).rewards
        assert right == 1.0 > wrong
    assert max(map(int, problem.prompt[:-1].split(","))) == int(problem.answer)


def test_held_out_problems_share_no_numbers_with_training() -> None:
    train_problems, held_out = largest.split_problems(seed=3)
    seen = {frozenset(p.numbers) for p in train_problems}
    assert not seen & {frozenset(p.numbers) for p in held_out}
    assert len(held_out) > 40


def test_a_tracker_that_is_not_installed_is_said_once_and_left_out(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mindspeed_rl_ext.recipes.training.trainer import tracking

    installed = {"swanlab"}
    monkeypatch.setattr(tracking, "find_spec", lambda name: name if name in installed else None)
    assert usable_trackers(["tensorboard", "swanlab", "none"]) == ("swanlab",)
    assert [record.getMessage().split()[0] for record in caplog.records] == ["tensorboard"]


def test_tensorboard_gets_the_numbers_where_it_is_installed(policy: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    pytest.importorskip("trl", reason="training needs trl")
    from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe
    from mindspeed_rl_ext.recipes.training.runner import run_recipe

    changes = [f"model={policy}", "sft.trl.max_steps=1", "sft.trl.per_device_train_batch_size=2"]
    run_recipe(load_recipe("gsm8k_sft", "cpu", [*changes, "dataset.held_out=0"]), tmp_path / "run")
    files = list((tmp_path / "run" / "sft" / "runs").rglob("events.out.tfevents.*"))
    assert files
    assert any(b"train/loss" in path.read_bytes() for path in files)


def test_every_shipped_recipe_has_its_line_in_both_languages():
    from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe, recipe_names

    for name in recipe_names():
        recipe = load_recipe(name, "real")
        assert recipe.summary.isascii(), name
        assert not recipe.summary_zh.isascii(), name
