"""The stage grpo: group-relative policy optimisation through TRL's GRPOTrainer.

Covers: our verifiers as rewards, groups counted and dropped on request, rollouts with verdicts.
Does not cover: losses; `trl.loss_type` chooses TRL's.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.rollouts import Rollout, VerdictLike, verdict_rows
from mindspeed_rl_ext.integrations.trl import reward_functions
from mindspeed_rl_ext.integrations.trl_metrics import TRL_NAMES
from mindspeed_rl_ext.integrations.trl_probe import require_attributes, trainer_class
from mindspeed_rl_ext.recipes.training.models import load_policy
from mindspeed_rl_ext.recipes.training.rows.prompts import Prompts
from mindspeed_rl_ext.recipes.training.trainer.compacted import CompactedSampling
from mindspeed_rl_ext.recipes.training.trainer.groups import (
    GIVEN_BY_TRL,
    CountedGrpo,
    RightResponses,
)
from mindspeed_rl_ext.recipes.training.trainer.model_card import model_card
from mindspeed_rl_ext.recipes.training.trainer.running import (
    ROLLOUTS,
    StageRun,
    is_main_process,
    make_config,
    rows_in_order,
    train,
    trl_arguments,
)
from mindspeed_rl_ext.recipes.training.trainer.trimmed import TrimmedLogProbs
from mindspeed_rl_ext.verifiers import resolve

RIGHT = "CORRECT"


def grpo(run: StageRun, prompts: Prompts) -> str:
    """Trains the policy with the recipe's verifiers.

    Args:
        run: the stage.
        prompts: what it is asked.

    Returns:
        One line about it.

    Raises:
        InputError: rows without reference answers, a group size that does not divide the batch.
        CheckFailedError: a loss or gradient is not finite.
        MachineError: a checkpoint could not be written.
    """
    from datasets import Dataset

    kind = grpo_trainer_class()
    arguments = trl_arguments(run.recipe, "grpo", run.recipe.grpo.trl, "grpo.trl")
    init = arguments.pop("model_init_kwargs", None)
    config = make_config(run, "grpo", arguments)
    _require_known_loss(kind, config.loss_type)
    rows = [row.for_trl() for row in prompts.train]
    require_labels(rows)
    micro_batches = config.max_steps * config.gradient_accumulation_steps
    batches = math.ceil(micro_batches / (config.steps_per_generation * config.num_iterations))
    count = batches * (config.generation_batch_size // config.num_generations)
    right = RightResponses()
    observer = RolloutLog(run, right)
    trainer = kind(
        model=load_policy(run.start, run.recipe, init),
        reward_funcs=reward_functions(list(run.recipe.verifiers), on_verdicts=observer),
        args=config,
        train_dataset=Dataset.from_list(rows_in_order(rows, count, run.recipe.seed)),
        processing_class=run.tokenizer,
    )
    require_attributes(trainer, GIVEN_BY_TRL)
    trainer.right = right
    trainer.permute_rewards = run.recipe.grpo.permute_rewards
    trainer.dynamic_sampling = run.recipe.grpo.dynamic_sampling
    trainer.spare_rows = rows
    card = model_card(run.recipe, run.folder.name, run.start, run.recipe.grpo.trl)
    train(run, trainer, TRL_NAMES, run.folder.name, card)
    rewards = [log["reward"] for log in trainer.state.log_history if log.get("reward") is not None]
    return f"{config.max_steps} steps, mean reward {rewards[0]:.3f} -> {rewards[-1]:.3f}"


def grpo_trainer_class() -> Any:
    """TRL's GRPOTrainer under our mixins.

    Raises:
        InputError: the installed TRL is not one that they fit.
    """
    from trl import GRPOTrainer

    return trainer_class(
        "OurGRPOTrainer", (CountedGrpo, TrimmedLogProbs, CompactedSampling), GRPOTrainer
    )


def _require_known_loss(kind: type, loss_type: str) -> None:
    """TRL looks at the name only when it computes the first loss."""
    sources = map(inspect.getsource, kind.__mro__[1:-1])
    if not any(f'"{loss_type}"' in source for source in sources):
        raise InputError(
            f"grpo.trl.loss_type {loss_type!r} is none that the installed TRL computes",
            expected="dapo, grpo, dr_grpo, bnpo, or another of TRL's documentation",
        )


def require_labels(rows: Sequence[Mapping[str, str]]) -> None:
    """Refuses rows without reference answers.

    Raises:
        InputError: there are no rows, or one has an empty answer.
    """
    without = [i for i, row in enumerate(rows) if not row.get("answer")]
    if without or not rows:
        raise InputError(
            "the data set has no labels: verifiers would have nothing to compare with",
            found=f"{len(without)} of {len(rows)} rows without a reference answer",
            remedy="preprocess with --map-keys that names a response",
        )


class RolloutLog:
    """Writes responses with their verdicts, and tells the trainer which are right.

    Args:
        run: says where to write and how often.
        right: gets the first verifier's view of every batch.
    """

    def __init__(self, run: StageRun, right: RightResponses) -> None:
        self._path, self._right = run.folder / ROLLOUTS, right
        self._every = run.recipe.grpo.rollouts_every_steps
        names = [resolve(spec).name for spec in run.recipe.verifiers]
        self._first = names[0]
        self._weights = dict(zip(names, run.recipe.weights, strict=True))
        self._step, self._round = 0, 0

    def __call__(
        self,
        prompts: Sequence[Any],
        responses: Sequence[str],
        columns: Mapping[str, Sequence[Any]],
        verdicts: Mapping[str, Sequence[VerdictLike]],
    ) -> None:
        """Takes one batch; of several processes the main one writes its own responses."""
        self._right.last = [float(v.outcome.name == RIGHT) for v in verdicts[self._first]]
        step = columns["step"][0]
        self._round = self._round + 1 if step == self._step else 0
        self._step = step
        if (step - 1) % self._every or not is_main_process():
            return
        lines = [
            json.dumps(self._rollout(i, prompts, responses, columns, verdicts).to_row())
            for i in range(len(responses))
        ]
        with Path(self._path).open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def _rollout(
        self,
        index: int,
        prompts: Sequence[Any],
        responses: Sequence[str],
        columns: Mapping[str, Sequence[Any]],
        verdicts: Mapping[str, Sequence[VerdictLike]],
    ) -> Rollout:
        rows = verdict_rows(verdicts, index)
        again = f"-{self._round}" if self._round else ""
        return Rollout(
            response=responses[index],
            answer=columns["answer"][index],
            prompt=prompts[index],
            id=f"{self._step}-{index}{again}",
            group=f"{prompts[index]}{again}",
            step=self._step,
            num_tokens=columns["num_tokens"][index],
            reward=sum(self._weights[name] * row.score for name, row in rows.items()),
            verdicts=rows,
        )
