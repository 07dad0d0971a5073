"""TRL's trainers, made of a recipe: configuration, data in our order, callbacks, resume.

Covers: the arguments that every run of ours gives TRL beside the recipe's own; the order of rows,
which is drawn by us for the whole run, so that a resumed one goes on where it stopped; training
that ends in a policy saved whole.
Does not cover: what the rows are; the stages bring them.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl, write_jsonl
from mindspeed_rl_ext.core.files.staging import STAGING_NAME, install, recover, staging
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic
from mindspeed_rl_ext.integrations.trl_probe import checked_callback, require_attributes
from mindspeed_rl_ext.recipes.device import pick_device
from mindspeed_rl_ext.recipes.training.models import require_same_tokenizer
from mindspeed_rl_ext.recipes.training.recipe.bounds import require_trl_bounds
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from mindspeed_rl_ext.recipes.training.recipe.trl_keys import config_arguments, config_class
from mindspeed_rl_ext.recipes.training.trainer import checkpoints
from mindspeed_rl_ext.recipes.training.trainer.guarded import (
    CARD,
    GuardedTraining,
    finite_gradients_callback,
)

METRICS, ROLLOUTS, POLICY = "metrics.jsonl", "rollouts.jsonl", "policy"


@dataclass(frozen=True)
class StageRun:
    """One stage of a run.

    Args:
        recipe: all of it.
        folder: what the stage writes is under it.
        start: directory of the policy that it starts from.
        tokenizer: of that policy.
        resume: whether to go on from the last whole checkpoint.
        trackers: names for TRL's `report_to`.
    """

    recipe: Recipe
    folder: Path
    start: Path
    tokenizer: Any
    resume: bool = False
    trackers: tuple[str, ...] = ()

    @property
    def policy(self) -> Path:
        """Directory of the trained policy."""
        return self.folder / POLICY


def trl_arguments(
    recipe: Recipe, kind: str, table: Mapping[str, Any], place: str
) -> dict[str, Any]:
    """The arguments of TRL's config: the recipe's, and ours beneath and above.

    Args:
        recipe: the recipe.
        kind: "grpo" or "sft".
        table: its section of TRL's keys.
        place: for messages.

    Raises:
        InputError: an unknown key, no max_steps, a group size that does not divide the batch.
    """
    given = config_arguments(kind, table, place)
    require_trl_bounds(given, place)
    if given.get("max_steps", -1) < 1:
        raise InputError(
            f"{place}: max_steps says how long to train, and is not there",
            found=repr(given.get("max_steps")),
            remedy=f"--set {place}.max_steps=100",
        )
    device = pick_device()
    if device != "cuda":
        # A mode of CUDA devices, which transformers refuses elsewhere.
        given.pop("tf32", None)
    beneath: dict[str, Any] = {
        "per_device_train_batch_size": 8,
        "gradient_checkpointing": False,
        "bf16": False,
        "logging_steps": 1,
        "save_strategy": "steps",
        "remove_unused_columns": False,
    }
    ours: dict[str, Any] = {"seed": recipe.seed, "use_cpu": device == "cpu", "disable_tqdm": True}
    # A NaN that is filtered out of the log would not stop the run.
    ours["logging_nan_inf_filter"] = False
    if kind == "sft":
        ours["train_sampling_strategy"] = "sequential"
        ours["dataset_kwargs"] = {"skip_prepare_dataset": True}
    else:
        ours["shuffle_dataset"] = False
        ours["reward_weights"] = list(recipe.weights)
        _check_groups(given, place)
    return {**beneath, **given, **ours}


def _check_groups(given: Mapping[str, Any], place: str) -> None:
    """Before a model is loaded: whole groups must fit a generation batch, and a save a rollout."""
    group = given.get("num_generations", 8)
    world = world_size()
    accumulation = given.get("gradient_accumulation_steps", 1)
    per_generation = given.get("steps_per_generation") or accumulation
    batch = given.get("generation_batch_size") or (
        given.get("per_device_train_batch_size", 8) * world * per_generation
    )
    if group < 2:
        raise InputError(
            f"{place}: num_generations is {group}", expected="at least 2: a group is compared"
        )
    if batch % group:
        raise InputError(
            f"{place}: the group size does not divide the batch",
            found=f"num_generations {group}, and {batch} responses at once "
            f"({world} processes x {given.get('per_device_train_batch_size', 8)} x "
            f"{per_generation} steps)",
            remedy="change num_generations, per_device_train_batch_size or "
            "gradient_accumulation_steps",
        )
    cycle = per_generation * given.get("num_iterations", 1)
    save_every = given.get("save_steps", 500)
    if isinstance(save_every, int) and (save_every * accumulation) % cycle:
        raise InputError(
            f"{place}: a checkpoint would fall between two updates of one batch of responses, "
            "and a resumed run would draw them anew",
            found=f"save_steps {save_every}, {cycle // accumulation or 1} updates a batch",
            remedy="make save_steps a multiple of it",
        )


def world_size() -> int:
    """How many processes train together; 1 without `accelerate launch`."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def make_config(run: StageRun, kind: str, arguments: Mapping[str, Any]) -> Any:
    """TRL's config object of a stage.

    Raises:
        InputError: TRL refuses the values.
    """
    # Where transformers puts tensorboard's files.
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(run.folder / "runs")
    ours = {"output_dir": str(run.folder), "report_to": list(run.trackers) or "none"}
    try:
        return config_class(kind)(**ours, **arguments)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"TRL refuses the configuration of {kind}", found=str(error), remedy="correct that key"
        ) from error


def rows_in_order(rows: Sequence[Any], count: int, seed: int) -> list[Any]:
    """As many rows as a whole run takes: every row once a pass, each pass in an order of its own.

    Example:
        >>> sorted(rows_in_order("abc", 3, seed=0))
        ['a', 'b', 'c']
    """
    rng = random.Random(seed)
    drawn: list[Any] = []
    while len(drawn) < count:
        one_pass = list(rows)
        rng.shuffle(one_pass)
        drawn += one_pass
    return drawn[:count]


def train(
    run: StageRun, trainer: Any, names: Mapping[str, str], label: str, card: str = ""
) -> None:
    """Trains to the end, or until something stops it; saves the policy whole.

    Args:
        run: the stage.
        trainer: a trainer whose class has GuardedTraining among its bases.
        names: TRL's name of a metric to ours.
        label: of the progress bar.
        card: the model card.

    Raises:
        CheckFailedError: a loss or gradient is not finite.
        MachineError: a checkpoint or the policy could not be written.
    """
    from transformers import PrinterCallback, ProgressCallback

    from mindspeed_rl_ext.core.progress import progress
    from mindspeed_rl_ext.integrations.trl_metrics import metrics_callback

    trainer.keep_checkpoints = trainer.args.save_total_limit
    trainer.card = card
    trainer.args.save_total_limit = None
    for printing in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(printing)
    last = prepare_resume(run) if run.resume else None
    if last is not None:
        require_same_tokenizer(run.tokenizer, last)
        _restore_token_count(trainer, last)
    trainer.add_callback(finite_gradients_callback(trainer))
    trainer.add_callback(metrics_callback(run.folder / METRICS, names))
    with progress(label, trainer.args.max_steps, "step") as shown:
        if last is not None:
            shown.advance(checkpoints.step_of(last))
        trainer.add_callback(_shown_callback(shown))
        _train_until_stopped(run, trainer, last)
    save_policy(run, trainer)


def _train_until_stopped(run: StageRun, trainer: Any, last: Path | None) -> None:
    """Trains; the message of Ctrl-C names what is left and how to go on."""
    try:
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    except KeyboardInterrupt as error:
        left = checkpoints.describe_last_good(run.folder)
        raise KeyboardInterrupt(f"{left}; the same command with --resume goes on") from error


def prepare_resume(run: StageRun) -> Path | None:
    """The checkpoint to go on from; what was logged after it is taken out of the files."""
    last = checkpoints.last_whole(run.folder)
    if is_main_process():
        checkpoints.remove_partial(run.folder)
        recover(run.folder)
        step = checkpoints.step_of(last) if last else 0
        for name in (METRICS, ROLLOUTS):
            _forget_after(run.folder / name, step)
    wait_for_everyone()
    return last


def _restore_token_count(trainer: Any, last: Path) -> None:
    """TRL's SFTTrainer counts tokens in an attribute that no checkpoint keeps."""
    require_attributes(trainer, ("_total_train_tokens",))
    state = json.loads((last / "trainer_state.json").read_text(encoding="utf-8"))
    counts = [log["num_tokens"] for log in state["log_history"] if "num_tokens" in log]
    trainer._total_train_tokens = int(counts[-1]) if counts else 0


def _forget_after(path: Path, step: int) -> None:
    if path.is_file():
        write_jsonl(path, [row for _, row in read_jsonl(path) if row.get("step", 0) <= step])


def is_main_process() -> bool:
    """Whether this process writes what is written once."""
    return os.environ.get("RANK", "0") == "0"


def wait_for_everyone() -> None:
    """Waits until every process is here; nothing to wait for with one."""
    if world_size() > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def save_policy(run: StageRun, trainer: GuardedTraining) -> None:
    """Writes the trained policy and its tokenizer: the directory appears when all is there.

    Raises:
        MachineError: the machine could not write it.
    """
    try:
        with _staging(run, trainer.accelerator) as staged:
            trainer.save_model(str(staged / POLICY))  # type: ignore[attr-defined]
            trainer.accelerator.wait_for_everyone()
            if trainer.accelerator.is_main_process:
                run.tokenizer.save_pretrained(staged / POLICY)
                if trainer.card:
                    write_text_atomic(staged / POLICY / CARD, trainer.card)
                install(staged, run.folder, [POLICY], [run.policy] * run.policy.exists())
    except Exception as error:  # every library has an error of its own for a full disk
        fault = checkpoints.machine_fault(error)
        if not fault:
            raise
        raise checkpoints.could_not_save(str(run.policy), fault, run.folder) from error
    trainer.accelerator.wait_for_everyone()


@contextmanager
def _staging(run: StageRun, accelerator: Any) -> Iterator[Path]:
    """The folder that all processes write into; the main one makes it and removes it."""
    if accelerator.is_main_process:
        with staging(run.folder, writer="training", option="--output") as staged:
            accelerator.wait_for_everyone()
            yield staged
    else:
        accelerator.wait_for_everyone()
        yield run.folder / STAGING_NAME


def _shown_callback(shown: Any) -> Any:
    from transformers import TrainerCallback

    class Shown(TrainerCallback):
        """Moves our progress bar."""

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """One more step."""
            if state.is_world_process_zero:
                shown.advance()

    return checked_callback(Shown)


def write_done(folder: Path, figures: Mapping[str, Any]) -> None:
    """Writes what a stage found, as the mark that it ended."""
    write_text_atomic(folder / "done.json", json.dumps(dict(figures), indent=2) + "\n")
