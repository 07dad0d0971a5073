"""A recipe's stages, one after the other, in one output directory.

Covers: the directory and what is recorded in it, skipping what is done, going on where a run
stopped, held-out evaluation before the first stage and after each.
Does not cover: what a stage does.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError
from mindspeed_rl_ext.recipes.device import pick_device
from mindspeed_rl_ext.recipes.training import models
from mindspeed_rl_ext.recipes.training.held_out import ACCURACY, evaluate_policy
from mindspeed_rl_ext.recipes.training.output_folder import (
    DONE_FILE,
    RECIPE_FILE,
    discard_output,
    has_work,
    prepare_output,
    require_same_data,
)
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from mindspeed_rl_ext.recipes.training.rows.prompts import Prompts, load_prompts
from mindspeed_rl_ext.recipes.training.stages.expert_iteration import expert_iteration
from mindspeed_rl_ext.recipes.training.stages.grpo import grpo, grpo_trainer_class, require_labels
from mindspeed_rl_ext.recipes.training.stages.sample import ALPACA, sample
from mindspeed_rl_ext.recipes.training.stages.sft import sft, sft_trainer_class
from mindspeed_rl_ext.recipes.training.trainer.running import (
    POLICY,
    StageRun,
    is_main_process,
    trl_arguments,
    wait_for_everyone,
    world_size,
    write_done,
)
from mindspeed_rl_ext.recipes.training.trainer.tracking import usable_trackers

logger = logging.getLogger(__name__)

EVALUATION = "evaluation"
# Which section of TRL's keys a stage has.
_TRL = {"sft": "sft", "expert_iteration": "sft", "grpo": "grpo"}
# Made once before anything is loaded, so that an unknown TRL is refused at once.
_TRAINERS: Mapping[str, Callable[[], Any]] = {"sft": sft_trainer_class, "grpo": grpo_trainer_class}


@dataclass(frozen=True)
class StageResult:
    """What one stage did: a line, seconds, and held-out accuracy after it (None: not evaluated)."""

    stage: str
    line: str
    seconds: float
    accuracy: float | None


def run_recipe(
    recipe: Recipe, output: Path, stages: Sequence[str] = (), *, resume: bool = False
) -> list[StageResult]:
    """Trains.

    Args:
        recipe: what, and how.
        output: everything is written under it.
        stages: some of the recipe's stages; all where empty.
        resume: go on in a directory that an earlier run of the same recipe left.

    Returns:
        A result for "start" (the evaluation before) and for each stage.

    Raises:
        InputError: what the stages cannot use.
        CheckFailedError: a loss is not finite, no response is right.
        MachineError: the machine could not write.
    """
    chosen = _chosen(recipe, stages)
    for stage in chosen:
        if stage in _TRL:
            section = getattr(recipe, stage)
            trl_arguments(recipe, _TRL[stage], section.trl, f"{stage}.trl")
            _TRAINERS[_TRL[stage]]()
    trackers = usable_trackers(recipe.report_to)
    _quiet_libraries()
    _start_processes()
    fresh = not (output / RECIPE_FILE).exists()
    wait_for_everyone()
    if is_main_process():
        prepare_output(recipe, output, resume=resume or bool(stages))
    try:
        folder, tokenizer, prompts = _inputs(recipe, output)
        if "grpo" in chosen:
            require_labels([row.for_trl() for row in prompts.train])
        require_same_data(output, prompts)
        accuracy = _accuracy(recipe, folder, prompts, output, "start")
        results = [StageResult("start", "", 0.0, accuracy)]
        for stage in chosen:
            results.append(
                _run_stage(recipe, stage, output, folder, tokenizer, prompts, resume, trackers)
            )
    except (InputError, MissingExtraError):
        # Nothing was trained: the corrected command must find the directory as it was.
        if fresh and is_main_process() and not has_work(output):
            discard_output(output)
        raise
    return results


def _inputs(recipe: Recipe, output: Path) -> tuple[Path, Any, Prompts]:
    if is_main_process():
        models.model_folder(recipe, output)
    wait_for_everyone()
    folder = models.model_folder(recipe, output)
    tokenizer = models.load_tokenizer(folder)
    models.require_same_tokenizer(tokenizer, folder)
    return folder, tokenizer, load_prompts(recipe, tokenizer, str(folder))


def _run_stage(
    recipe: Recipe,
    stage: str,
    output: Path,
    folder: Path,
    tokenizer: Any,
    prompts: Prompts,
    resume: bool,
    trackers: tuple[str, ...],
) -> StageResult:
    target = output / stage
    if resume and (target / DONE_FILE).is_file():
        done = json.loads((target / DONE_FILE).read_text(encoding="utf-8"))
        logger.info("%s is done: %s", stage, done.get("result", ""))
        return StageResult(stage, done.get("result", ""), done["seconds"], done["accuracy"])
    start = _policy_before(recipe, stage, output, folder)
    models.require_same_tokenizer(tokenizer, start)
    if not resume:
        _require_fresh(target)
    target.mkdir(parents=True, exist_ok=True)
    start_s = time.monotonic()
    run = StageRun(recipe, target, start, tokenizer, resume, trackers)
    line = _call(run, stage, prompts)
    seconds = time.monotonic() - start_s
    accuracy = None
    if (target / POLICY).is_dir():
        accuracy = _accuracy(recipe, target / POLICY, prompts, output, stage)
    if is_main_process():
        write_done(target, {"result": line, "seconds": seconds, "accuracy": accuracy})
    return StageResult(stage, line, seconds, accuracy)


def _call(run: StageRun, stage: str, prompts: Prompts) -> str:
    if stage == "sample":
        return sample(run, prompts.train, run.recipe.sample, run.recipe.seed).line()
    if stage == "sft":
        return sft(run, prompts, run.folder.parent / "sample" / ALPACA)
    if stage == "expert_iteration":
        return expert_iteration(run, prompts)
    return grpo(run, prompts)


def _chosen(recipe: Recipe, stages: Sequence[str]) -> tuple[str, ...]:
    unknown = [stage for stage in stages if stage not in recipe.stages]
    if unknown:
        raise InputError(
            f"the recipe {recipe.name} has no stage {unknown[0]!r}",
            expected=", ".join(recipe.stages),
            remedy=f"--set 'stages=[{unknown[0]}]' runs it with the recipe's settings",
        )
    return tuple(s for s in recipe.stages if s in stages) if stages else recipe.stages


def _policy_before(recipe: Recipe, stage: str, output: Path, folder: Path) -> Path:
    """The policy of the last stage before that trains; the recipe's model where there is none."""
    before = recipe.stages[: recipe.stages.index(stage)]
    training = [name for name in before if name != "sample"]
    if not training:
        return folder
    policy = output / training[-1] / POLICY
    if not policy.is_dir():
        raise InputError(
            f"the stage {stage} starts from the policy of {training[-1]}, which is not there",
            found=f"no {policy}",
            remedy=f"run --stage {training[-1]} first",
        )
    return policy


def _require_fresh(target: Path) -> None:
    if is_main_process() and target.is_dir() and any(target.iterdir()):
        raise InputError(
            f"{target} holds an earlier run of this stage",
            remedy="--resume goes on with it; another --output starts anew",
        )


def _accuracy(
    recipe: Recipe, policy: Path, prompts: Prompts, output: Path, name: str
) -> float | None:
    """The fraction of held-out responses that the first verifier accepts; kept in a file."""
    if not prompts.held_out:
        return None
    path = output / EVALUATION / f"{name}.json"
    if is_main_process() and not path.is_file():
        evaluate_policy(recipe, policy, prompts.held_out, path)
    wait_for_everyone()
    figures: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return figures[ACCURACY]


def _start_processes() -> None:
    if world_size() > 1:
        from accelerate import PartialState

        PartialState(cpu=pick_device() == "cpu")


def _quiet_libraries() -> None:
    """Keeps the libraries' advice out of our lines; errors and our warnings stay."""
    import os
    import warnings

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    warnings.simplefilter("ignore", FutureWarning)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    logging.getLogger("trl").setLevel(logging.ERROR)
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
