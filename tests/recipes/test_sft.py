"""The warm start: its gradient is that of the whole batch, and a broken loss stops it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("transformers", reason="training needs transformers")

import torch

from mindspeed_rl_ext.core.errors import CheckFailedError, InputError
from mindspeed_rl_ext.recipes import sft
from mindspeed_rl_ext.recipes.sft import SftSettings, train_sft
from mindspeed_rl_ext.recipes.tasks.signs import demonstrations, split_problems
from mindspeed_rl_ext.recipes.tiny_model import build_model, build_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return build_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    train, _ = split_problems(0)
    return list(demonstrations(train, 200, seed=0))


def whole_batch_loss(model: Any, tokenizer: Any, batch: list[dict[str, str]]) -> Any:
    """The mean loss of the response tokens, row by row, without any padding."""
    total, count = torch.zeros(()), 0
    for row in batch:
        prompt = tokenizer.encode(row["instruction"])
        response = [*tokenizer.encode(row["output"]), tokenizer.eos_token_id]
        ids = torch.tensor([prompt + response])
        log_probs = model(input_ids=ids).logits.log_softmax(-1)[0, len(prompt) - 1 : -1]
        total = total - log_probs.gather(1, torch.tensor(response)[:, None]).sum()
        count += len(response)
    return total / count


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_the_gradient_is_that_of_the_whole_batch_without_padding(
    tokenizer: Any, rows: list[dict[str, str]], size: int
) -> None:
    batch = random.Random(size).sample(rows, size)
    ours, other = build_model(tokenizer, seed=0), build_model(tokenizer, seed=0)
    loss = sft._backward(ours, tokenizer, batch)
    expected = whole_batch_loss(other, tokenizer, batch)
    expected.backward()
    assert loss == pytest.approx(float(expected.detach()), abs=1e-5)
    for (name, mine), theirs in zip(ours.named_parameters(), other.parameters(), strict=True):
        assert torch.allclose(mine.grad, theirs.grad, atol=1e-5), name


def test_the_loss_falls_and_the_model_stays_in_its_mode(
    tokenizer: Any, rows: list[dict[str, str]]
) -> None:
    model = build_model(tokenizer, seed=0).eval()
    losses = train_sft(model, tokenizer, rows, SftSettings(steps=30, batch_size=8))
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])
    assert not model.training


def test_a_loss_that_is_no_number_stops_the_training(
    tokenizer: Any, rows: list[dict[str, str]]
) -> None:
    model = build_model(tokenizer, seed=0)
    with torch.no_grad():
        model.lm_head.weight[0, 0] = float("nan")
    with pytest.raises(CheckFailedError, match="loss of step 1 is nan"):
        train_sft(model, tokenizer, rows, SftSettings(steps=3, batch_size=4))


def test_no_rows_are_refused(tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no demonstrations"):
        train_sft(build_model(tokenizer, seed=0), tokenizer, [], SftSettings(steps=1))
