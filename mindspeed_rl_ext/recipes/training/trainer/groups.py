"""What our GRPO trainer does besides TRL's: it counts, times, and drops groups that teach nothing.

Covers: a mixin before TRL's GRPOTrainer. Groups all right and all wrong are counted always; with
dynamic sampling, groups of one reward are replaced by fresh ones in the same places of the batch,
and what is left of them is taken out of the loss. Lengths, times and throughput under the names
of MindSpeed-RL, so that one report reads both.
Does not cover: losses and advantages; TRL's are used.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from mindspeed_rl_ext.integrations.trl_probe import overrides_trl, require_called
from mindspeed_rl_ext.recipes.training.recipe.schema import DynamicSampling
from mindspeed_rl_ext.recipes.training.trainer.guarded import GuardedTraining

REFLECTION = re.compile(r"\b(?:wait|recheck|re-check|however|alternatively|let me check)\b", re.I)
ALL_RIGHT, ALL_WRONG = "grpo/all_right_groups/frac", "grpo/all_wrong_groups/frac"
DROPPED = "grpo/dropped_groups/frac"


# Attributes of TRL's trainer that ours reads.
GIVEN_BY_TRL = (
    "num_generations", "reward_weights", "model", "_log_metric", "_metrics", "_step",
)  # fmt: skip


class RightResponses:
    """Which of the last responses the first verifier accepts; set by the reward functions."""

    def __init__(self) -> None:
        self.last: list[float] = []


class CountedGrpo(GuardedTraining):
    """Goes before TRL's GRPOTrainer among the bases of a class.

    `right` holds which of the last responses the first verifier accepts. `dynamic_sampling`,
    `permute_rewards` and `spare_rows`, what fresh prompts are drawn from, are set when the trainer
    is made.
    """

    right: RightResponses
    dynamic_sampling: DynamicSampling | None = None
    permute_rewards: bool = False
    spare_rows: Sequence[Mapping[str, Any]] = ()
    # Given by TRL (`GIVEN_BY_TRL`).
    num_generations: int
    reward_weights: Any
    model: Any
    _log_metric: Any
    _metrics: Any
    _step: int
    current_gradient_accumulation_steps: int
    # Of the last responses of all processes, `[groups, responses of a group]`.
    _rewards: Any = None
    _whole_s: float = 0.0
    _rollout_s: float = 0.0
    _scoring_s: float = 0.0

    @overrides_trl()
    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """One micro-batch, timed."""
        start_s = time.perf_counter()
        loss = super().training_step(*args, **kwargs)
        self._whole_s += time.perf_counter() - start_s
        if self._step % self.current_gradient_accumulation_steps == 0:
            self._log_times()
        return loss

    def _log_times(self) -> None:
        """Of the micro-batches since the last optimizer step, summed."""
        times = self._metrics["train"]
        times["timing/update"].append(self._whole_s - self._rollout_s - self._scoring_s)
        if self._rollout_s:
            times["timing/rollout"].append(self._rollout_s)
            times["timing/rule_reward"].append(self._scoring_s)
        self._whole_s = self._rollout_s = self._scoring_s = 0.0

    def _updates_per_batch(self) -> float:
        micro_batches = self.args.steps_per_generation * self.args.num_iterations
        return float(micro_batches / self.args.gradient_accumulation_steps)

    @overrides_trl()
    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        start_s = time.perf_counter()
        result = super()._generate(*args, **kwargs)  # type: ignore[misc]
        self._rollout_s += time.perf_counter() - start_s
        return result

    @overrides_trl("inputs", "prompts", "completions")
    def _calculate_rewards(
        self, inputs: Any, prompts: Any, completions: Any, *args: Any, **kwargs: Any
    ) -> Any:
        start_s = time.perf_counter()
        rewards = super()._calculate_rewards(  # type: ignore[misc]
            inputs, prompts, completions, *args, **kwargs
        )
        self._scoring_s += time.perf_counter() - start_s
        if self.permute_rewards:
            rewards = rewards[self._permutation(len(rewards))]
        weights = self.reward_weights.to(rewards.device)
        self._rewards = (rewards * weights).nansum(dim=1).view(-1, self.num_generations)
        self._count(completions)
        return rewards

    def _count(self, completions: Sequence[Any]) -> None:
        """Logs what TRL does not: groups by verdict, distinct responses, words of reflection."""
        import torch

        right = torch.tensor(self.right.last, device=self.accelerator.device, dtype=torch.float32)
        groups = self.accelerator.gather(right).view(-1, self.num_generations)
        self._log_metric(ALL_RIGHT, float((groups.min(dim=1).values == 1).float().mean()))
        self._log_metric(ALL_WRONG, float((groups.max(dim=1).values == 0).float().mean()))
        texts = [c if isinstance(c, str) else str(c) for c in completions]
        self._log_metric("response_unique/frac", len(set(texts)) / max(1, len(texts)))
        words = sum(len(REFLECTION.findall(text)) for text in texts)
        self._log_metric("response_reflection/mean", words / max(1, len(texts)))

    def _permutation(self, count: int) -> Any:
        """An order of all responses that keeps groups together; the same in a resumed run."""
        import torch

        rng = random.Random(f"{self.args.seed}-{self.state.global_step}-control")
        order: list[int] = []
        for start in range(0, count, self.num_generations):
            group = list(range(start, start + self.num_generations))
            rng.shuffle(group)
            order += group
        return torch.tensor(order, device=self.accelerator.device)

    @overrides_trl("inputs")
    def _generate_and_score_completions(self, inputs: Any) -> Any:
        batch, useful = self._scored(inputs)
        self._log_prompt_lengths(batch)
        settings = self.dynamic_sampling
        if settings is None or not self.model.training:
            return batch
        for round_number in range(1, settings.max_rounds + 1):
            if bool(useful.all()):
                break
            fresh, fresh_useful = self._scored(self._fresh(inputs, round_number))
            taken = ~useful & fresh_useful
            batch = replaced(batch, fresh, self._of_this_process(taken))
            useful = useful | taken
        self._metrics["train"][DROPPED].append(1.0 - float(useful.float().mean()))
        return self._without(batch, self._of_this_process(useful))

    def _scored(self, inputs: Any) -> tuple[dict[str, Any], Any]:
        """A batch, and of every response of all processes whether its group's rewards differ."""
        self._rewards = None
        batch = super()._generate_and_score_completions(inputs)  # type: ignore[misc]
        require_called("_calculate_rewards", self._rewards is not None)
        require_called("num_items_in_batch", "num_items_in_batch" in batch)
        useful = self._rewards.amax(dim=1) != self._rewards.amin(dim=1)
        # TRL takes the deviation in float32, where eight rewards of 0.2 deviate by 1.5e-8.
        self._log_mode()["frac_reward_zero_std"][-1] = 1.0 - float(useful.float().mean())
        return batch, useful.repeat_interleave(self.num_generations)

    def _log_mode(self) -> Any:
        return self._metrics["train" if self.model.training else "eval"]

    def _of_this_process(self, flags: Any) -> Any:
        count = len(flags) // self.accelerator.num_processes
        start = self.accelerator.process_index * count
        return flags[start : start + count]

    def _fresh(self, inputs: Sequence[Any], round_number: int) -> list[Any]:
        """Rows for another try, in the same places; the same in a resumed run."""
        count = len(inputs) * self.accelerator.num_processes // self.num_generations
        rng = random.Random(f"{self.args.seed}-{self.state.global_step}-{round_number}")
        rows = rng.choices(list(self.spare_rows), k=count)
        everywhere = [row for row in rows for _ in range(self.num_generations)]
        start = self.accelerator.process_index * len(inputs)
        return [dict(row) for row in everywhere[start : start + len(inputs)]]

    def _without(self, batch: dict[str, Any], useful: Any) -> dict[str, Any]:
        """Takes the responses of useless groups out of the loss, and of what it is divided by."""
        mask = batch["completion_mask"] * useful.unsqueeze(1).to(batch["completion_mask"].dtype)
        kept = self.accelerator.gather(mask.sum()).sum()
        return {**batch, "completion_mask": mask, "num_items_in_batch": kept.clamp(min=1)}

    def _log_prompt_lengths(self, batch: Mapping[str, Any]) -> None:
        lengths = self.accelerator.gather(batch["prompt_mask"].sum(dim=1)).float()
        values = self._log_mode()
        for name, value in (
            ("mean", lengths.mean()),
            ("min", lengths.min()),
            ("max", lengths.max()),
        ):
            values[f"prompt_length/{name}"].append(float(value))

    @overrides_trl("logs")
    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Adds sizes and throughput of the step, by the formulas of MindSpeed-RL."""
        if "loss" in logs:
            logs.update(self._throughput())
        super().log(logs, *args, **kwargs)  # type: ignore[misc]

    def _throughput(self) -> dict[str, float]:
        values = {name: list(numbers) for name, numbers in self._metrics["train"].items()}
        world = self.accelerator.num_processes
        responses = self.args.generation_batch_size
        sizes = {
            "global_batch_size": float(responses // self.num_generations),
            "n_samples_per_prompt": float(self.num_generations),
            "world_size": float(world),
        }
        if not values.get("timing/rollout") or self._updates_per_batch() != 1:
            return sizes
        names = ("completions/mean_length", "prompt_length/mean")
        length = sum(_mean(values.get(name)) for name in names)
        seconds = {
            "e2e_tps": _mean(values.get("step_time")),
            "update_tps": _mean(values.get("timing/update")),
            "vllm_tps": _mean(values.get("timing/rollout")),
        }
        tokens = length * responses / world
        return sizes | {name: tokens / s for name, s in seconds.items() if s > 0}


def _mean(numbers: Sequence[float] | None) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def replaced(batch: dict[str, Any], fresh: dict[str, Any], taken: Any) -> dict[str, Any]:
    """The batch with some rows of another one in their places.

    Args:
        batch: tensors [rows, ...] by name; prompts are padded on the left, the others on the right.
        fresh: the same names, perhaps of other lengths.
        taken: [rows] bool, true where the row of `fresh` is taken.

    Returns:
        Tensors by name, as wide as the wider of both.
    """
    import torch

    result = dict(batch)
    for name, old in batch.items():
        new = fresh.get(name)
        if not isinstance(old, torch.Tensor) or old.dim() == 0 or not isinstance(new, torch.Tensor):
            continue
        if old.dim() > 1:
            width = max(old.shape[1], new.shape[1])
            left = name.startswith("prompt")
            old, new = (widened(t, width, left=left) for t in (old, new))
        where = taken.view(-1, *([1] * (old.dim() - 1)))
        result[name] = torch.where(where, new, old)
    return result


def widened(tensor: Any, width: int, *, left: bool) -> Any:
    """Padded with 0 in the second dimension; masks and log-probabilities need no other value."""
    import torch

    missing = width - tensor.shape[1]
    if not missing:
        return tensor
    padding = tensor.new_zeros((tensor.shape[0], missing, *tensor.shape[2:]))
    return torch.cat([padding, tensor] if left else [tensor, padding], dim=1)
