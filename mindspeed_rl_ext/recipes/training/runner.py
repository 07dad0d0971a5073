"""A recipe's stages, one after the other, in one output directory.

Covers: the directory and what is recorded in it, skipping what is done, going on where a run
stopped, held-out evaluation before the first stage and after each.
Does not cover: what a stage does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError
from mindspeed_rl_ext.core.files import write_text_atomic
from mindspeed_rl_ext.core.jsonlines import write_jsonl
from mindspeed_rl_ext.recipes.device import pick_device
from mindspeed_rl_ext.recipes.evaluate import SamplingSettings, evaluate
from mindspeed_rl_ext.recipes.training import models
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from mindspeed_rl_ext.recipes.training.rows.prompts import Prompts, load_prompts
from mindspeed_rl_ext.recipes.training.stages.expert_iteration import expert_iteration
from mindspeed_rl_ext.recipes.training.stages.grpo import grpo, require_labels
from mindspeed_rl_ext.recipes.training.stages.sample import ALPACA, sample
from mindspeed_rl_ext.recipes.training.stages.sft import sft
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

RECIPE_FILE, DATA_FILE, DONE_FILE = "recipe.json", "data.json", "done.json"
EVALUATION = "evaluation"
# Which section of TRL's keys a stage has.
_TRL = {"sft": "sft", "expert_iteration": "sft", "grpo": "grpo"}


@dataclass(frozen=True)
class StageResult:
    """What one stage did: a line, seconds, and held-out accuracy after it (None: not evaluated)."""

    stage: str
    told: str
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
    trackers = usable_trackers(recipe.report_to)
    _quiet_libraries()
    _start_processes()
    fresh = not (output / RECIPE_FILE).exists()
    wait_for_everyone()
    if is_main_process():
        prepare(recipe, output, resume=resume or bool(stages))
    try:
        folder, tokenizer, prompts = _inputs(recipe, output)
        if "grpo" in chosen:
            require_labels([row.for_trl() for row in prompts.train])
        _require_same_data(output, prompts)
        accuracy = _accuracy(recipe, folder, prompts, output, "start")
        results = [StageResult("start", "", 0.0, accuracy)]
        for stage in chosen:
            results.append(
                _run_stage(recipe, stage, output, folder, tokenizer, prompts, resume, trackers)
            )
    except (InputError, MissingExtraError):
        # Nothing was trained: the corrected command must find the directory as it was.
        if fresh and is_main_process() and not _has_work(output):
            _discard(output)
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


def _require_same_data(output: Path, prompts: Prompts) -> None:
    """Records a digest of the rows, or compares it with that of the run that goes on."""
    rows = [asdict(row) for part in (prompts.train, prompts.held_out) for row in part]
    digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
    data = {"train": len(prompts.train), "held_out": len(prompts.held_out), "sha256": digest}
    path = output / DATA_FILE
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else data
    if earlier != data:
        raise InputError(
            f"{output} was begun with other rows: a run that goes on must be the same",
            found=", ".join(_differences(earlier, data)),
            remedy="give the data set as it was, or another --output",
        )
    if is_main_process():
        write_text_atomic(path, json.dumps(data, indent=2) + "\n")


def _has_work(output: Path) -> bool:
    kept = ("*/checkpoint-*", f"*/{POLICY}", f"*/{DONE_FILE}", f"*/{ALPACA}")
    return any(path for pattern in kept for path in output.glob(pattern))


def _discard(output: Path) -> None:
    """Removes what a run made in a directory that was empty before."""
    for path in output.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    with suppress(OSError):  # a mount point stays
        output.rmdir()


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
        logger.info("%s is done: %s", stage, done["told"])
        return StageResult(stage, done["told"], done["seconds"], done["accuracy"])
    start = _policy_before(recipe, stage, output, folder)
    models.require_same_tokenizer(tokenizer, start)
    if not resume:
        _require_fresh(target)
    target.mkdir(parents=True, exist_ok=True)
    start_s = time.monotonic()
    run = StageRun(recipe, target, start, tokenizer, resume, trackers)
    told = _call(run, stage, prompts)
    seconds = time.monotonic() - start_s
    accuracy = None
    if (target / POLICY).is_dir():
        accuracy = _accuracy(recipe, target / POLICY, prompts, output, stage)
    if is_main_process():
        write_done(target, {"told": told, "seconds": seconds, "accuracy": accuracy})
    return StageResult(stage, told, seconds, accuracy)


def _call(run: StageRun, stage: str, prompts: Prompts) -> str:
    if stage == "sample":
        return sample(run, prompts.train, run.recipe.sample, run.recipe.seed).told()
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


def prepare(recipe: Recipe, output: Path, *, resume: bool) -> None:
    """Makes the output directory, or checks that an earlier run of this recipe made it.

    Raises:
        InputError: it holds something else, or a run with other settings.
    """
    record = json.loads(json.dumps(asdict(recipe)))
    path = output / RECIPE_FILE
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is not a directory", remedy="give --output another path")
    if path.is_file():
        earlier = json.loads(path.read_text(encoding="utf-8"))
        if not resume:
            raise InputError(
                f"{output} holds an earlier run of {earlier.get('name')}",
                remedy="--resume goes on with it; another --output starts anew",
            )
        changed = sorted(_differences(earlier, record))
        if changed:
            raise InputError(
                f"{output} was begun with other settings: a run that goes on must be the same",
                found=", ".join(changed[:5]),
                remedy="leave the settings as they were, or give another --output",
            )
        return
    if output.is_dir() and any(output.iterdir()):
        raise InputError(
            f"{output} is not empty and no training made it",
            found=", ".join(sorted(p.name for p in output.iterdir())[:5]),
            remedy="give --output an empty directory",
        )
    output.mkdir(parents=True, exist_ok=True)
    write_text_atomic(path, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return [d for k in keys for d in _differences(one.get(k), other.get(k), f"{path}.{k}")]
    return [] if one == other else [f"{path.lstrip('.')}: {one!r} then, {other!r} now"]


def _accuracy(
    recipe: Recipe, policy: Path, prompts: Prompts, output: Path, name: str
) -> float | None:
    """The fraction of held-out responses that the first verifier accepts; kept in a file."""
    if not prompts.held_out:
        return None
    path = output / EVALUATION / f"{name}.json"
    if is_main_process() and not path.is_file():
        _evaluate(recipe, policy, prompts, path)
    wait_for_everyone()
    figures: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return figures["accuracy"]


def _evaluate(recipe: Recipe, policy: Path, prompts: Prompts, path: Path) -> None:
    section = recipe.evaluation
    tokenizer = models.load_tokenizer(policy)
    model = models.on_device(models.load_policy(policy, recipe))
    settings = SamplingSettings(seed=recipe.seed, **asdict(section))
    rows = [{"prompt": row.prompt, "answer": row.answer} for row in prompts.held_out]
    result = evaluate(model, tokenizer, rows, list(recipe.verifiers), settings)
    first = next(iter(result.mean_scores))
    right = [r.verdicts[first].outcome == "CORRECT" for r in result.rollouts]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(path.with_suffix(".jsonl"), (r.to_row() for r in result.rollouts))
    figures = {
        "accuracy": sum(right) / len(right),
        "response tokens": result.mean_num_tokens,
        **{f"{name} mean": value for name, value in result.mean_scores.items()},
    }
    write_text_atomic(path, json.dumps(figures, indent=2) + "\n")


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
