"""Held-out evaluation: sample responses, score them with verifiers, report means.

Covers: generation with transformers on one device, any verifiers, one rollout row a response.
Does not cover: benchmark files, vLLM, pass@k; `evaluation` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mindspeed_rl_ext.core.rollouts import Rollout, verdict_rows
from mindspeed_rl_ext.recipes.evaluation.backends.hf import HfBackend
from mindspeed_rl_ext.recipes.evaluation.backends.response import Sampling


@dataclass(frozen=True)
class SamplingSettings:
    """How responses are drawn.

    Args:
        max_new_tokens: longest response in tokens.
        samples_per_prompt: responses for each prompt.
        temperature: 1.0 samples the policy itself.
        batch_size: prompts generated together.
        seed: of the draws.
    """

    max_new_tokens: int = 64
    samples_per_prompt: int = 4
    temperature: float = 1.0
    batch_size: int = 64
    seed: int = 0


@dataclass(frozen=True)
class Evaluation:
    """Mean score by verifier name, and the rollouts that they were taken over."""

    mean_scores: Mapping[str, float]
    mean_num_tokens: float
    rollouts: Sequence[Rollout]


def evaluate(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, str]],
    verifiers: Sequence[str],
    settings: SamplingSettings,
    on_batch: Callable[[int], None] | None = None,
) -> Evaluation:
    """Samples responses to `prompt` of each row and scores them against `answer`.

    Args:
        model: a transformers causal language model.
        tokenizer: its tokenizer, padding on the left.
        rows: `prompt` and `answer` of each problem.
        verifiers: names, with parameters where wanted.
        settings: how to sample.
        on_batch: called with the number of prompts that are done since the last call.
    """
    from mindspeed_rl_ext.verifiers import score

    sampled = _sample_all(model, tokenizer, rows, settings, on_batch)
    result = score(
        [r.response for r in sampled],
        [r.answer for r in sampled],
        verifiers=list(verifiers),
        weights=[1.0] * len(verifiers),
        data={"num_tokens": [r.num_tokens for r in sampled], "prompt": [r.prompt for r in sampled]},
    )
    verdicts = result.verdicts
    rollouts = [
        replace(rollout, reward=result.rewards[i], verdicts=verdict_rows(verdicts, i))
        for i, rollout in enumerate(sampled)
    ]
    count = len(rollouts)
    return Evaluation(
        {name: sum(v.score for v in row) / count for name, row in verdicts.items()},
        sum(r.num_tokens or 0 for r in rollouts) / count,
        rollouts,
    )


def _sample_all(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, str]],
    settings: SamplingSettings,
    on_batch: Callable[[int], None] | None,
) -> list[Rollout]:
    import torch

    backend = HfBackend(model, tokenizer=tokenizer, batch_size=settings.batch_size)
    sampling = Sampling(
        settings.samples_per_prompt,
        settings.temperature,
        max_tokens=settings.max_new_tokens,
        seed=settings.seed,
    )
    torch.manual_seed(settings.seed)
    sampled: list[Rollout] = []
    for start in range(0, len(rows), settings.batch_size):
        batch = rows[start : start + settings.batch_size]
        responses = backend.draw([row["prompt"] for row in batch], sampling)
        for problem, (row, made) in enumerate(zip(batch, responses, strict=True), start):
            sampled += [
                Rollout(
                    response=response.text,
                    answer=row["answer"],
                    prompt=row["prompt"],
                    id=f"{problem}-{sample}",
                    group=str(problem),
                    num_tokens=response.num_tokens,
                )
                for sample, response in enumerate(made)
            ]
        if on_batch is not None:
            on_batch(len(batch))
    return sampled
