"""Fine-tuning: the loss is that of the response tokens alone, and a broken one stops it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="the extra [train] brings TRL")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from mindspeed_rl_ext.core.errors import CheckFailedError, InputError
from mindspeed_rl_ext.core.responses.metrics import read_metrics
from mindspeed_rl_ext.recipes.tasks.signs import demonstrations, split_problems
from mindspeed_rl_ext.recipes.tiny_model import build_model, build_tokenizer
from mindspeed_rl_ext.recipes.training.rows.sft_rows import Example
from mindspeed_rl_ext.recipes.training.stages.sft import imitate

ONE_STEP = {"max_steps": 1, "save_strategy": "no", "learning_rate": 1e-3, "weight_decay": 0.0}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    build_model(build_tokenizer(folder), seed=0).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    train, _ = split_problems(0)
    rows = demonstrations(train, 200, seed=0)
    return [Example(row["instruction"], row["output"]) for row in rows]


def whole_batch_loss(model: Any, tokenizer: Any, batch: list[Example]) -> float:
    """The mean loss of the response tokens, row by row, without any padding."""
    total, count = 0.0, 0
    for row in batch:
        prompt = tokenizer.encode(row.prompt)
        response = [*tokenizer.encode(row.response), tokenizer.eos_token_id]
        ids = torch.tensor([prompt + response])
        with torch.no_grad():
            log_probs = model(input_ids=ids).logits.log_softmax(-1)[0, len(prompt) - 1 : -1]
        total -= float(log_probs.gather(1, torch.tensor(response)[:, None]).sum())
        count += len(response)
    return total / count


@pytest.mark.parametrize(("size", "parts"), [(1, 1), (8, 1), (8, 4)])
def test_the_loss_is_that_of_the_whole_batch_without_padding(
    start: Path, examples: list[Example], size: int, parts: int, tmp_path: Path
) -> None:
    batch = examples[:size]
    sizes = {"per_device_train_batch_size": size // parts, "gradient_accumulation_steps": parts}
    imitate(start, batch, tmp_path, {**ONE_STEP, **sizes}, seed=0)
    (row,) = read_metrics(tmp_path / "metrics.jsonl")
    model = AutoModelForCausalLM.from_pretrained(start)
    expected = whole_batch_loss(model, AutoTokenizer.from_pretrained(start), batch)
    assert row.values["sft/loss"] == pytest.approx(expected, abs=1e-4)


def test_the_loss_falls(start: Path, examples: list[Example], tmp_path: Path) -> None:
    trl = {**ONE_STEP, "max_steps": 30, "per_device_train_batch_size": 8, "learning_rate": 3e-3}
    imitate(start, examples, tmp_path, trl, seed=0)
    losses = [row.values["sft/loss"] for row in read_metrics(tmp_path / "metrics.jsonl")]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_a_loss_that_is_no_number_stops_the_training(
    start: Path, examples: list[Example], tmp_path: Path
) -> None:
    model = AutoModelForCausalLM.from_pretrained(start)
    with torch.no_grad():
        model.lm_head.weight[0, 0] = float("nan")
    model.save_pretrained(tmp_path / "broken")
    AutoTokenizer.from_pretrained(start).save_pretrained(tmp_path / "broken")
    with pytest.raises(CheckFailedError, match="loss of step 1 is nan"):
        imitate(tmp_path / "broken", examples, tmp_path / "out", ONE_STEP, seed=0)


def test_no_examples_are_refused(start: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no examples"):
        imitate(start, [], tmp_path, ONE_STEP, seed=0)
