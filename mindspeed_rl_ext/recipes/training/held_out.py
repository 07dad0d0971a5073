"""Held-out evaluation: responses of a policy to problems that it was not trained on, scored.

Covers: sampling with transformers on one device, the recipe's verifiers, one rollout row per
response, mean scores.
Does not cover: benchmark files, vLLM, pass@k; `recipes.evaluation` does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.files.jsonlines import write_jsonl
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic
from mindspeed_rl_ext.core.responses.rollouts import Rollout, verdict_rows
from mindspeed_rl_ext.recipes.evaluation.backends.hf import HfBackend
from mindspeed_rl_ext.recipes.evaluation.backends.response import Sampling
from mindspeed_rl_ext.recipes.training import models
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from mindspeed_rl_ext.recipes.training.rows.prompts import PromptRow

ACCURACY, MEAN_TOKENS = "accuracy", "response tokens"
_CORRECT = "CORRECT"


def mean_key(verifier: str) -> str:
    """The name under which a verifier's mean score stands among the figures.

    Example:
        >>> mean_key("countdown")
        'countdown mean'
    """
    return f"{verifier} mean"


def evaluate_policy(
    recipe: Recipe,
    policy: Path,
    rows: Sequence[PromptRow],
    path: Path,
    on_batch: Callable[[int], None] | None = None,
) -> dict[str, float]:
    """Samples responses of a policy, scores them and writes figures and rollouts.

    Args:
        recipe: gives verifiers, seed, dtype and how to sample.
        policy: a HuggingFace directory.
        rows: the problems.
        path: gets the figures as JSON; the rollouts go beside it, as `.jsonl`.
        on_batch: called with the number of prompts done since the last call.

    Returns:
        `accuracy` (the fraction that the first verifier accepts), `response tokens` (their mean)
        and `NAME mean` for each verifier.
    """
    tokenizer = models.load_tokenizer(policy)
    model = models.on_device(models.load_policy(policy, recipe))
    sampled = _sample(model, tokenizer, rows, recipe, on_batch)
    rollouts, means = _scored(sampled, rows, recipe.verifiers)
    first = next(iter(means))
    right = sum(rollout.verdicts[first].outcome == _CORRECT for rollout in rollouts)
    figures = {
        ACCURACY: right / len(rollouts),
        MEAN_TOKENS: sum(rollout.num_tokens or 0 for rollout in rollouts) / len(rollouts),
        **{mean_key(name): value for name, value in means.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(path.with_suffix(".jsonl"), (rollout.to_row() for rollout in rollouts))
    write_text_atomic(path, json.dumps(figures, indent=2) + "\n")
    return figures


def _sample(
    model: Any,
    tokenizer: Any,
    rows: Sequence[PromptRow],
    recipe: Recipe,
    on_batch: Callable[[int], None] | None,
) -> list[Rollout]:
    import torch

    section = recipe.evaluation
    backend = HfBackend(model, tokenizer=tokenizer, batch_size=section.batch_size)
    sampling = Sampling(
        section.samples_per_prompt,
        section.temperature,
        max_tokens=section.max_new_tokens,
        seed=recipe.seed,
    )
    torch.manual_seed(recipe.seed)
    sampled: list[Rollout] = []
    for start in range(0, len(rows), section.batch_size):
        batch = rows[start : start + section.batch_size]
        responses = backend.draw([row.prompt for row in batch], sampling)
        for problem, (row, made) in enumerate(zip(batch, responses, strict=True), start):
            sampled += [
                Rollout(
                    response=response.text,
                    answer=row.answer,
                    prompt=row.prompt,
                    id=f"{problem}-{sample}",
                    group=str(problem),
                    num_tokens=response.num_tokens,
                )
                for sample, response in enumerate(made)
            ]
        if on_batch is not None:
            on_batch(len(batch))
    return sampled


def _scored(
    sampled: Sequence[Rollout], rows: Sequence[PromptRow], verifiers: Sequence[str]
) -> tuple[list[Rollout], dict[str, float]]:
    """The rollouts with their verdicts, and the mean score of each verifier by name."""
    from mindspeed_rl_ext.verifiers import score

    data: dict[str, list[Any]] = {
        "num_tokens": [rollout.num_tokens for rollout in sampled],
        "prompt": [rollout.prompt for rollout in sampled],
    }
    for name in rows[0].columns:
        data[name] = [rows[int(rollout.group or 0)].columns[name] for rollout in sampled]
    result = score(
        [rollout.response for rollout in sampled],
        [rollout.answer for rollout in sampled],
        verifiers=list(verifiers),
        weights=[1.0] * len(verifiers),
        data=data,
    )
    rollouts = [
        replace(rollout, reward=result.rewards[i], verdicts=verdict_rows(result.verdicts, i))
        for i, rollout in enumerate(sampled)
    ]
    means = {name: sum(v.score for v in row) / len(row) for name, row in result.verdicts.items()}
    return rollouts, means
