"""Held-out evaluation: sample responses, score them with verifiers, report means.

Covers: generation with transformers on one device, any verifiers, one rollout row a response.
Does not cover: benchmark files, vLLM, pass@k.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mindspeed_rl_ext.rollouts import Rollout, verdict_rows


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

    was_training = model.training
    model.eval()
    torch.manual_seed(settings.seed)
    sampled: list[Rollout] = []
    for start in range(0, len(rows), settings.batch_size):
        batch = rows[start : start + settings.batch_size]
        responses = _sample(model, tokenizer, [row["prompt"] for row in batch], settings)
        for offset, (text, num_tokens) in enumerate(responses):
            problem = start + offset // settings.samples_per_prompt
            sampled.append(
                Rollout(
                    response=text,
                    answer=rows[problem]["answer"],
                    prompt=rows[problem]["prompt"],
                    id=f"{problem}-{offset % settings.samples_per_prompt}",
                    group=str(problem),
                    num_tokens=num_tokens,
                )
            )
        if on_batch is not None:
            on_batch(len(batch))
    model.train(was_training)
    return sampled


def _sample(
    model: Any, tokenizer: Any, prompts: list[str], settings: SamplingSettings
) -> list[tuple[str, int]]:
    """Text and length in tokens of `samples_per_prompt` responses to each prompt."""
    import torch

    inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    inputs = {name: inputs[name].to(model.device) for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        output = model.generate(
            **inputs,
            do_sample=True,
            temperature=settings.temperature,
            top_k=0,
            top_p=1.0,
            max_new_tokens=settings.max_new_tokens,
            num_return_sequences=settings.samples_per_prompt,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    responses = output[:, inputs["input_ids"].shape[1] :].tolist()
    return [_decode(tokenizer, ids) for ids in responses]


def _decode(tokenizer: Any, ids: list[int]) -> tuple[str, int]:
    """Text up to the end token, and the length in tokens with the end token counted."""
    end = ids.index(tokenizer.eos_token_id) if tokenizer.eos_token_id in ids else None
    kept = ids if end is None else ids[: end + 1]
    return tokenizer.decode(kept, skip_special_tokens=True), len(kept)
