"""The stage expert_iteration: rounds of sample, keep what is right, fine-tune on it.

Covers: each round starts from the policy of the one before and draws other prompts; figures of
every round as a line of metrics.jsonl.
Does not cover: rewards that differ among right responses; `grpo` learns from those.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

from mindspeed_rl_ext.core.responses.metrics import MetricsRow, append_metrics
from mindspeed_rl_ext.recipes.training.rows.prompts import Prompts
from mindspeed_rl_ext.recipes.training.rows.sft_rows import of_alpaca
from mindspeed_rl_ext.recipes.training.stages.sample import ALPACA, COUNTS, Sampled, sample
from mindspeed_rl_ext.recipes.training.stages.sft import fine_tune
from mindspeed_rl_ext.recipes.training.trainer.running import (
    METRICS,
    POLICY,
    ROLLOUTS,
    StageRun,
    is_main_process,
    trl_arguments,
    wait_for_everyone,
)


def expert_iteration(run: StageRun, prompts: Prompts) -> str:
    """Runs the rounds.

    Args:
        run: the stage.
        prompts: the problems.

    Returns:
        One line about them.

    Raises:
        CheckFailedError: in a round, no response was right.
    """
    section = run.recipe.expert_iteration
    # Before the first response is drawn.
    trl_arguments(run.recipe, "sft", section.trl, "expert_iteration.trl")
    start, rounds = run.start, []
    for number in range(1, section.rounds + 1):
        rounds.append(_round(run, prompts, number, start))
        start = run.folder / f"round_{number}" / POLICY
    if is_main_process():
        _gather_figures(run.folder, rounds)
        _link(start, run.policy)
    wait_for_everyone()
    fractions = ", ".join(f"{s.right_fraction:.3f}" for s in rounds)
    return f"{section.rounds} rounds, fraction right when sampled: {fractions}"


def _round(run: StageRun, prompts: Prompts, number: int, start: Path) -> Sampled:
    section, seed = run.recipe.expert_iteration, run.recipe.seed + 1000 * number
    folder = run.folder / f"round_{number}"
    folder.mkdir(parents=True, exist_ok=True)
    one = replace(run, folder=folder, start=start)
    sampled_run = replace(one, folder=folder / "sample")
    if (folder / POLICY).is_dir():
        return _read_sampled(sampled_run.folder)
    sampled_run.folder.mkdir(exist_ok=True)
    if (sampled_run.folder / COUNTS).is_file():
        sampled = _read_sampled(sampled_run.folder)
    else:
        sampled = sample(sampled_run, prompts.train, section.sample, seed)
    examples = of_alpaca(sampled_run.folder / ALPACA, run.recipe.dataset, run.tokenizer, str(start))
    arguments = trl_arguments(run.recipe, "sft", section.trl, "expert_iteration.trl")
    fine_tune(one, arguments, examples, seed)
    return sampled


def _read_sampled(folder: Path) -> Sampled:
    import json

    counts = json.loads((folder / COUNTS).read_text(encoding="utf-8"))
    return Sampled(folder / ALPACA, **counts)


def _gather_figures(folder: Path, rounds: list[Sampled]) -> None:
    """The rounds' figures and responses in the files that the report reads, a round a step."""
    from mindspeed_rl_ext.core.files.jsonlines import read_jsonl, write_jsonl

    (folder / METRICS).unlink(missing_ok=True)
    for number, sampled in enumerate(rounds, start=1):
        values = {
            "expert_iteration/right/frac": sampled.right_fraction,
            "expert_iteration/kept": float(sampled.kept),
            "response_length/mean": sampled.mean_num_tokens,
        }
        append_metrics(folder / METRICS, MetricsRow(number, values))
    write_jsonl(
        folder / ROLLOUTS,
        (
            {**row, "step": number}
            for number, sampled in enumerate(rounds, start=1)
            for _, row in read_jsonl(sampled.alpaca.parent / ROLLOUTS)
        ),
    )


def _link(source: Path, target: Path) -> None:
    """The last round's policy as the stage's: hard links where the file system has them."""
    shutil.rmtree(target, ignore_errors=True)
    try:
        shutil.copytree(source, target, copy_function=os.link)
    except OSError:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
