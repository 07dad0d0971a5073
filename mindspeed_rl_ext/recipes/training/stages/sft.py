"""The stage sft: supervised fine-tuning through TRL's SFTTrainer.

Covers: worked solutions, sampled responses, Alpaca files; loss on response tokens only.
Does not cover: whether the responses are correct; the stage sample decides that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.integrations.trl_metrics import SFT_NAMES
from mindspeed_rl_ext.integrations.trl_probe import trainer_class
from mindspeed_rl_ext.recipes.training.models import load_policy, load_tokenizer
from mindspeed_rl_ext.recipes.training.recipe.schema import (
    FROM_DATASET,
    FROM_SAMPLE,
    DatasetSection,
    Recipe,
    SftSection,
)
from mindspeed_rl_ext.recipes.training.rows import sft_rows
from mindspeed_rl_ext.recipes.training.rows.prompts import Prompts
from mindspeed_rl_ext.recipes.training.trainer.guarded import GuardedTraining
from mindspeed_rl_ext.recipes.training.trainer.model_card import model_card
from mindspeed_rl_ext.recipes.training.trainer.running import (
    StageRun,
    make_config,
    rows_in_order,
    train,
    trl_arguments,
    world_size,
)


def sft(run: StageRun, prompts: Prompts, sampled: Path | None) -> str:
    """Fine-tunes the policy.

    Args:
        run: the stage.
        prompts: the data set, whose worked solutions may be learned.
        sampled: the Alpaca file of the stage sample, where there was one.

    Returns:
        One line about it.
    """
    arguments = trl_arguments(run.recipe, "sft", run.recipe.sft.trl, "sft.trl")
    examples = _examples(run, prompts, sampled)
    return fine_tune(run, arguments, examples, run.recipe.seed)


def fine_tune(
    run: StageRun, arguments: dict[str, Any], examples: Sequence[sft_rows.Example], seed: int
) -> str:
    """Fine-tunes on examples; the rounds of Expert Iteration do so too."""
    from datasets import Dataset

    kind = sft_trainer_class()
    init = arguments.pop("model_init_kwargs", None)
    config = make_config(run, "sft", arguments)
    rows = sft_rows.tokenised(examples, run.tokenizer, config.max_length)
    per_step = (
        config.per_device_train_batch_size * config.gradient_accumulation_steps * world_size()
    )
    ordered = rows_in_order(rows, config.max_steps * per_step, seed)
    trainer = kind(
        model=load_policy(run.start, run.recipe, init),
        args=config,
        train_dataset=Dataset.from_list([dict(row) for row in ordered]),
        processing_class=run.tokenizer,
    )
    card = model_card(run.recipe, run.folder.name, run.start, run.recipe.sft.trl)
    train(run, trainer, SFT_NAMES, run.folder.name, card)
    losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    return (
        f"{config.max_steps} steps on {len(rows)} examples, "
        f"loss {losses[0]:.2f} -> {losses[-1]:.2f} nats per token"
    )


def sft_trainer_class() -> Any:
    """TRL's SFTTrainer under our mixin.

    Raises:
        InputError: the installed TRL is not one that it fits.
    """
    from trl import SFTTrainer

    return trainer_class("OurSFTTrainer", (GuardedTraining,), SFTTrainer)


def imitate(
    start: Path,
    examples: Sequence[sft_rows.Example],
    folder: Path,
    trl: Mapping[str, Any],
    seed: int,
) -> Path:
    """Fine-tunes a policy outside of a recipe, such as a model that is made on the spot.

    Args:
        start: a HuggingFace directory.
        examples: what it learns to write.
        folder: gets metrics, checkpoints and the policy.
        trl: keys of TRL's SFTConfig.
        seed: of the order of the examples.

    Returns:
        The directory of the policy.
    """
    recipe = Recipe(
        "imitate", "", "cpu", str(start), DatasetSection(), (), (), ("sft",), seed=seed,
        sft=SftSection(trl=trl),
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    run = StageRun(recipe, folder, start, load_tokenizer(start))
    fine_tune(run, trl_arguments(recipe, "sft", trl, "sft.trl"), examples, seed)
    return run.policy


def _examples(run: StageRun, prompts: Prompts, sampled: Path | None) -> list[sft_rows.Example]:
    section, dataset = run.recipe.sft, run.recipe.dataset
    if section.data == FROM_DATASET:
        return sft_rows.of_solutions(prompts.solutions, section.demonstration)
    path = sampled if section.data == FROM_SAMPLE else Path(section.data).expanduser()
    if path is None or not path.is_file():
        raise InputError(
            f"sft.data: no such file: {path or 'what the stage sample writes'}",
            expected="dataset, sample, or an Alpaca file (instruction, input, output)",
            remedy="run the stage sample first"
            if section.data == FROM_SAMPLE
            else "--set sft.data=FILE; the stage sample makes such a file with a teacher",
        )
    return sft_rows.of_alpaca(path, dataset, run.tokenizer, str(run.start))
