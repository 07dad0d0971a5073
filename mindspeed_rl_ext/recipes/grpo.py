"""Group-relative policy optimisation through TRL, with our verifiers as rewards.

Covers: text prompts with reference answers, one process, rollouts and metrics written as they
come, a control run with random rewards.
Does not cover: YAML recipes, vLLM, resuming.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import MissingExtraError
from mindspeed_rl_ext.core.rollouts import Rollout, VerdictLike, verdict_rows
from mindspeed_rl_ext.recipes.training.trainer.compacted import CompactedSampling
from mindspeed_rl_ext.recipes.training.trainer.trimmed import TrimmedLogProbs


@dataclass(frozen=True)
class GrpoSettings:
    """Sizes and rates of a run.

    Args:
        steps: optimizer steps, each on fresh rollouts.
        prompts_per_step: prompts sampled a step.
        samples_per_prompt: responses in a group.
        max_new_tokens: longest response in tokens.
        learning_rate: constant.
        clip: the ratio is clipped to [1 - clip, 1 + clip].
        temperature: of the rollouts.
        max_grad_norm: gradients are clipped to this norm.
        seed: of data order and sampling.
    """

    steps: int = 80
    prompts_per_step: int = 16
    samples_per_prompt: int = 8
    max_new_tokens: int = 64
    learning_rate: float = 4e-4
    clip: float = 0.2
    temperature: float = 1.0
    max_grad_norm: float = 1.0
    seed: int = 0


RewardFunction = Callable[..., list[Any]]


def train_grpo(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, str]],
    reward_funcs: Sequence[RewardFunction],
    weights: Sequence[float],
    settings: GrpoSettings,
    output_dir: Path,
    on_step: Callable[[int], None] | None = None,
) -> None:
    """Trains a policy in place; writes `metrics.jsonl` under the output directory.

    Args:
        model: a transformers causal language model.
        tokenizer: its tokenizer.
        rows: `prompt` and `answer` of each problem.
        reward_funcs: as TRL calls them; `integrations.trl.reward_functions` makes them.
        weights: one for each reward function.
        settings: sizes and rates.
        output_dir: gets the metrics.
        on_step: called with the step that ended, counted from 1.

    Raises:
        MissingExtraError: trl is not installed.
    """
    try:
        from datasets import Dataset
        from trl import GRPOTrainer
    except ImportError as error:
        raise MissingExtraError(error.name or "trl", "train", "GRPO") from error
    from mindspeed_rl_ext.integrations.trl_metrics import metrics_callback

    trainer_class = type("QuickGRPOTrainer", (TrimmedLogProbs, CompactedSampling, GRPOTrainer), {})
    trainer = trainer_class(
        model=model,
        reward_funcs=list(reward_funcs),
        args=_trl_config(settings, weights, output_dir),
        train_dataset=Dataset.from_list([dict(row) for row in rows]),
        processing_class=tokenizer,
        callbacks=[metrics_callback(output_dir / "metrics.jsonl")],
    )
    if on_step is not None:
        trainer.add_callback(_step_callback(on_step))
    # TRL prints each log; ours go to metrics.jsonl and the progress bar.
    _drop_printing_callbacks(trainer)
    trainer.train()


def _trl_config(settings: GrpoSettings, weights: Sequence[float], output_dir: Path) -> Any:
    from trl import GRPOConfig

    from mindspeed_rl_ext.recipes.device import pick_device

    return GRPOConfig(
        output_dir=str(output_dir / "trl"),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.prompts_per_step * settings.samples_per_prompt,
        num_generations=settings.samples_per_prompt,
        max_completion_length=settings.max_new_tokens,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant",
        epsilon=settings.clip,
        temperature=settings.temperature,
        beta=0.0,
        reward_weights=list(weights),
        max_grad_norm=settings.max_grad_norm,
        seed=settings.seed,
        use_cpu=pick_device() == "cpu",
        bf16=False,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_num_workers=0,
    )


def _step_callback(on_step: Callable[[int], None]) -> Any:
    from transformers import TrainerCallback

    class StepCallback(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            on_step(state.global_step)

    return StepCallback()


def _drop_printing_callbacks(trainer: Any) -> None:
    from transformers import PrinterCallback, ProgressCallback

    for printing in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(printing)


def random_reward(seed: int) -> RewardFunction:
    """A reward that knows nothing, for a control run: 0 or 1 at random.

    Example:
        >>> reward = random_reward(seed=0)
        >>> set(reward(prompts=[""] * 50, completions=[""] * 50)) <= {0.0, 1.0}
        True
    """
    rng = random.Random(seed)

    def random_control(prompts: list[Any], completions: list[Any], **columns: Any) -> list[float]:
        return [float(rng.random() < 0.5) for _ in completions]

    return random_control


class RolloutWriter:
    """Appends the rollouts of every n-th step to a file, as `integrations.trl` observes them.

    Args:
        path: a JSON Lines file; rows as in `rollouts`.
        weights: by verifier name, for the reward column.
        every_steps: the first step is written, then every n-th.
    """

    def __init__(self, path: Path, weights: Mapping[str, float], every_steps: int = 1) -> None:
        self._path, self._weights, self._every_steps = path, weights, every_steps

    def __call__(
        self,
        prompts: Sequence[Any],
        responses: Sequence[str],
        columns: Mapping[str, Sequence[Any]],
        verdicts: Mapping[str, Sequence[VerdictLike]],
    ) -> None:
        """Writes one step's rollouts; called once a step, after every verifier has run."""
        step = columns["step"][0]
        if (step - 1) % self._every_steps:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            for i, response in enumerate(responses):
                rows = verdict_rows(verdicts, i)
                rollout = Rollout(
                    response=response,
                    answer=columns["answer"][i],
                    prompt=prompts[i],
                    id=f"{step}-{i}",
                    group=prompts[i],
                    step=step,
                    num_tokens=columns["num_tokens"][i],
                    reward=sum(self._weights[name] * row.score for name, row in rows.items()),
                    verdicts=rows,
                )
                file.write(json.dumps(rollout.to_row(), ensure_ascii=False) + "\n")
