"""Time of the algorithms beside TRL's own functions on the same tensors, in milliseconds.

Rounds are interleaved, ours and TRL's in turn, so that a busy moment of the machine hits both; the
ratio is the median of the rounds' ratios. CPU, one thread unless OMP_NUM_THREADS says otherwise.
TRL's loss is its trainer's own `_compute_loss`, given log-probs in the place of a model's; it also
computes the metrics that TRL logs. "formula" is the bare arithmetic of TRL's loss, without any
metric or check.

Run from a checkout, with torch and trl:
    python benchmarks/algorithms_speed.py
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch

Work = Callable[[], Any]


def log_prob_cases(
    batch: int, length: int, vocab: int, dtype: torch.dtype
) -> dict[str, tuple[Work, Work]]:
    """Ours and TRL's, by name: log-probs and entropy, with and without a gradient."""
    from trl.trainer.utils import entropy_from_logits, selective_log_softmax

    from mindspeed_rl_ext.algorithms import compute_entropy, get_response_log_probs

    logits = torch.randn(batch, length, vocab).to(dtype)
    labels = torch.randint(0, vocab, (batch, length))

    def model(ids: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=logits)

    def ours(entropy: bool) -> Work:
        return lambda: get_response_log_probs(
            model=model, input_ids=labels, labels=labels, return_token_entropy=entropy
        )

    def theirs_both() -> Any:
        return selective_log_softmax(logits, labels), entropy_from_logits(logits)

    def with_gradient(work: Work) -> Work:
        def run() -> None:
            logits.requires_grad_(True)
            result = work()
            tensors = list(result.values()) if isinstance(result, dict) else [result]
            if isinstance(result, tuple):
                tensors = list(result)
            sum(tensor.sum() for tensor in tensors).backward()
            logits.grad = None
            logits.requires_grad_(False)

        return run

    plain: dict[str, tuple[Work, Work]] = {
        "log-probs": (ours(False), lambda: selective_log_softmax(logits, labels)),
        "entropy": (lambda: compute_entropy(logits), lambda: entropy_from_logits(logits)),
        "log-probs and entropy": (ours(True), theirs_both),
    }
    gradients = {
        f"{name}, backward": (with_gradient(a), with_gradient(b)) for name, (a, b) in plain.items()
    }
    return plain | gradients


def loss_cases(batch: int, length: int) -> dict[str, tuple[Work, Work]]:
    """Ours and TRL's losses, with backward."""
    from mindspeed_rl_ext.algorithms import compute_grpo_variant_loss, grpo_microbatch_train_step

    generator = torch.Generator().manual_seed(0)
    policy = -torch.rand(batch, length, generator=generator)
    old = policy + 0.2 * torch.randn(batch, length, generator=generator)
    reference = policy + 0.2 * torch.randn(batch, length, generator=generator)
    advantages = torch.randn(batch, 1, generator=generator)
    lengths = torch.randint(1, length + 1, (batch, 1), generator=generator)
    mask = torch.arange(length) < lengths
    policy.requires_grad_(True)
    cases: dict[str, tuple[Work, Work]] = {}
    for name, kl_weight in (("grpo", 0.0), ("dapo", 0.0), ("gspo", 0.0), ("grpo", 0.04)):

        def ours(name: str = name, kl_weight: float = kl_weight) -> None:
            loss, _ = compute_grpo_variant_loss(
                policy, old, advantages, mask, name, clip_low=0.2, clip_high=0.2,
                reference_log_probs=reference, kl_weight=kl_weight,
            )  # fmt: skip
            loss.backward()
            policy.grad = None

        theirs = trl_loss(policy, old, reference, advantages, mask, name, kl_weight)
        label = f"{name} loss" + (" with KL" if kl_weight else "")
        cases[label] = (ours, theirs)
        bare = formula_loss(policy, old, reference, advantages, mask, name, kl_weight)
        cases[f"{label}, formula"] = (ours, bare)

    def microbatch() -> None:
        grpo_microbatch_train_step(
            policy_log_probs=policy, response_mask=mask, gradient_accumulation_steps=1,
            loss_type="grpo_clip", advantages=advantages, old_log_probs=old, cliprange=0.2,
        )  # fmt: skip
        policy.grad = None

    cases["grpo_microbatch_train_step"] = (microbatch, cases["grpo loss"][1])
    return cases


def trl_loss(
    policy: torch.Tensor, old: torch.Tensor, reference: torch.Tensor, advantages: torch.Tensor,
    mask: torch.Tensor, name: str, kl_weight: float,
) -> Work:  # fmt: skip
    """TRL's own loss on given log-probs, with backward."""
    from trl import GRPOTrainer

    args = SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1)
    accelerator = SimpleNamespace(
        num_processes=1, gather=lambda x: x, reduce=lambda x, reduction: x, sync_gradients=True
    )
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *a, **k: (policy, policy.detach(), None),
        aux_loss_enabled=False, top_entropy_quantile=1.0, off_policy_mask_threshold=None,
        importance_sampling_level="sequence" if name == "gspo" else "token",
        loss_type="grpo" if name == "gspo" else name, beta=kl_weight, epsilon_low=0.2,
        epsilon_high=0.2, args=args, use_vllm=False, model=SimpleNamespace(training=True),
        current_gradient_accumulation_steps=1, _entropy_bonus_enabled=False,
        accelerator=accelerator, _metrics={"train": defaultdict(list)},
    )  # fmt: skip
    ids = torch.zeros(mask.shape, dtype=torch.long)
    inputs = {
        "prompt_ids": ids[:, :1], "prompt_mask": mask[:, :1], "completion_ids": ids,
        "completion_mask": mask.long(), "advantages": advantages[:, 0],
        "old_per_token_logps": old, "ref_per_token_logps": reference,
        "num_items_in_batch": mask.sum(),
    }  # fmt: skip

    def run() -> None:
        GRPOTrainer._compute_loss(trainer, None, inputs).backward()
        policy.grad = None

    return run


def formula_loss(
    policy: torch.Tensor, old: torch.Tensor, reference: torch.Tensor, advantages: torch.Tensor,
    mask: torch.Tensor, name: str, kl_weight: float,
) -> Work:  # fmt: skip
    """The arithmetic alone, with backward."""
    weights = mask.long()

    def run() -> None:
        log_ratio = policy - old
        if name == "gspo":
            log_ratio = ((log_ratio * weights).sum(-1) / weights.sum(-1)).unsqueeze(-1)
        ratio = torch.exp(log_ratio)
        loss = -torch.min(ratio * advantages, torch.clamp(ratio, 0.8, 1.2) * advantages)
        if kl_weight:
            gap = reference - policy
            loss = loss + kl_weight * (torch.exp(gap) - gap - 1)
        if name == "dapo":
            total = (loss * weights).sum() / weights.sum()
        else:
            total = ((loss * weights).sum(-1) / weights.sum(-1)).mean()
        total.backward()
        policy.grad = None

    return run


def measure(ours: Work, theirs: Work, rounds: int, repeats: int) -> tuple[float, float, float]:
    """Medians in ms, ours and theirs, and the median ratio of a round."""
    times: list[tuple[float, float]] = []
    for number in range(rounds + 1):
        pair = []
        order = (ours, theirs) if number % 2 else (theirs, ours)
        for work in order:
            begin = time.perf_counter()
            for _ in range(repeats):
                work()
            pair.append((time.perf_counter() - begin) * 1000 / repeats)
        if number:  # the first round warms up
            times.append((pair[0], pair[1]) if number % 2 else (pair[1], pair[0]))
    ratios = [mine / their for mine, their in times]
    mine, their = (statistics.median(column) for column in zip(*times, strict=True))
    return mine, their, statistics.median(ratios)


def main() -> None:
    """Prints one row for each function."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--vocab", type=int, default=151_936)
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.manual_seed(0)
    print(f"{'':<42} {'ours ms':>9} {'TRL ms':>9} {'ratio':>7}")
    for dtype in (torch.float32, torch.bfloat16):
        cases = log_prob_cases(args.batch, args.length, args.vocab, dtype)
        for name, (ours, theirs) in cases.items():
            row = measure(ours, theirs, args.rounds, 1)
            kind = str(dtype).removeprefix("torch.")
            print(f"{name + ', ' + kind:<42} {row[0]:>9.2f} {row[1]:>9.2f} {row[2]:>7.2f}")
    for size in ((16, 256), (64, 2048)):
        for name, (ours, theirs) in loss_cases(*size).items():
            row = measure(ours, theirs, args.rounds, 20 if size[0] == 16 else 5)
            label = f"{name}, {size[0]} x {size[1]}"
            print(f"{label:<42} {row[0]:>9.3f} {row[1]:>9.3f} {row[2]:>7.2f}")


if __name__ == "__main__":
    main()
