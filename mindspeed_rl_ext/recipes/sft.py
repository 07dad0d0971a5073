"""Supervised fine-tuning: a policy learns to write responses like those of a data set.

Covers: Alpaca rows, one process, AdamW with a cosine schedule; loss on response tokens only.
Does not cover: several processes, resuming, packing.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mindspeed_rl_ext.core.errors import CheckFailedError, InputError

PARTS_PER_BATCH = 3


@dataclass(frozen=True)
class SftSettings:
    """Sizes and rates of a warm start.

    Args:
        steps: optimizer steps.
        batch_size: rows a step.
        learning_rate: the peak, reached after `warmup_steps`.
        warmup_steps: steps of linear rise.
        final_fraction: learning rate at the end, as a fraction of the peak.
        max_grad_norm: gradients are clipped to this norm.
        seed: draws the rows of each step.
    """

    steps: int = 1000
    batch_size: int = 32
    learning_rate: float = 3e-3
    warmup_steps: int = 20
    final_fraction: float = 0.1
    max_grad_norm: float = 1.0
    seed: int = 0


def train_sft(
    model: Any,
    tokenizer: Any,
    rows: Sequence[dict[str, str]],
    settings: SftSettings,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Trains a causal language model in place.

    Args:
        model: a transformers model; ends in the same mode as it was.
        tokenizer: its tokenizer; the end token is appended to every response.
        rows: `instruction` and `output` of each example.
        settings: sizes and rates.
        on_step: called with the step, counted from 1, and its loss in nats a token.

    Returns:
        The loss of each step.

    Raises:
        InputError: no rows.
        CheckFailedError: the loss is not a number; the model is then not to be used.
    """
    import torch

    if not rows:
        raise InputError("no demonstrations to train on", remedy="check the file of the rows")
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=0.0)
    rng = random.Random(settings.seed)
    was_training = model.training
    model.train()
    losses: list[float] = []
    for step in range(1, settings.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step, settings)
        loss = _backward(model, tokenizer, rng.choices(rows, k=settings.batch_size))
        if not math.isfinite(loss):
            raise CheckFailedError(
                f"the loss of step {step} is {loss}",
                expected="a finite number",
                remedy="a lower learning rate",
            )
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss)
        if on_step is not None:
            on_step(step, loss)
    model.train(was_training)
    return losses


def learning_rate_at(step: int, settings: SftSettings) -> float:
    """Linear warm-up, then a cosine down to `final_fraction` of the peak.

    Example:
        >>> settings = SftSettings(steps=100, learning_rate=1.0, warmup_steps=10)
        >>> learning_rate_at(5, settings), round(learning_rate_at(100, settings), 3)
        (0.5, 0.1)
    """
    if step <= settings.warmup_steps:
        return settings.learning_rate * step / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    floor = settings.final_fraction
    return settings.learning_rate * (floor + (1 - floor) * cosine)


def _backward(model: Any, tokenizer: Any, batch: list[dict[str, str]]) -> float:
    """Forward and backward of one batch; returns the mean loss of its response tokens.

    Rows of like length go through the model together, which saves padding; the gradient is that of
    the whole batch.
    """
    from mindspeed_rl_ext.algorithms import get_response_log_probs, sft_microbatch_train_step

    parts = _by_length(model, tokenizer, batch)
    num_tokens = sum(int(part["response_mask"].sum()) for part in parts)
    total = 0.0
    for part in parts:
        log_probs = get_response_log_probs(
            model=model,
            input_ids=part["input_ids"],
            labels=part["labels"],
            return_token_entropy=False,
        )["log_probs"]
        loss, _ = sft_microbatch_train_step(
            policy_log_probs=log_probs,
            response_mask=part["response_mask"],
            gradient_accumulation_steps=1,
            normalize_constant=num_tokens / len(part["input_ids"]),
        )
        total += float(loss)
    return total


def _by_length(model: Any, tokenizer: Any, batch: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The batch as tensors, in parts of rows of like length."""
    from mindspeed_rl_ext.algorithms import tokenize_prompt_and_output

    rows = sorted(batch, key=lambda row: len(row["instruction"]) + len(row["output"]))
    size = math.ceil(len(rows) / PARTS_PER_BATCH)
    parts = (rows[start : start + size] for start in range(0, len(rows), size))
    tokenised = (
        tokenize_prompt_and_output(
            prompt_strs=[row["instruction"] for row in part],
            output_strs=[row["output"] + tokenizer.eos_token for row in part],
            tokenizer=tokenizer,
        )
        for part in parts
    )
    return [{name: t.to(model.device) for name, t in tokens.items()} for tokens in tokenised]
