"""The stages of the quickstart, in order; each reads the files of those before it.

Covers: task, model, preprocess, warm start, conversion there and back, evaluation, GRPO, report.
Does not cover: what the figures must be; `checks` does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import CheckFailedError
from mindspeed_rl_ext.core.files.jsonlines import write_jsonl
from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE
from mindspeed_rl_ext.core.progress import progress
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.packing.packed import read_packed
from mindspeed_rl_ext.preprocess.run import preprocess
from mindspeed_rl_ext.recipes.quickstart.workspace import Workspace
from mindspeed_rl_ext.recipes.tasks import signs
from mindspeed_rl_ext.recipes.training import models
from mindspeed_rl_ext.recipes.training.held_out import (
    ACCURACY,
    MEAN_TOKENS,
    evaluate_policy,
    mean_key,
)
from mindspeed_rl_ext.recipes.training.recipe.schema import DatasetSection, Recipe
from mindspeed_rl_ext.recipes.training.rows.prompts import PromptRow, Prompts, load_prompts
from mindspeed_rl_ext.recipes.training.stages.grpo import grpo
from mindspeed_rl_ext.recipes.training.stages.sft import sft
from mindspeed_rl_ext.recipes.training.trainer.running import StageRun

MAP_KEYS = {"prompt": "question", "response": "answer"}
DEMONSTRATIONS = 20_000
TENSOR_PARALLEL_SIZE = PIPELINE_PARALLEL_SIZE = 2


@dataclass(frozen=True)
class Stage:
    """One step of the loop: its name and the function that does it and sums it up in a line."""

    name: str
    run: Callable[[Workspace], str]


def make_task(work: Workspace) -> str:
    """Writes training problems, held-out problems and demonstrations."""
    folder, seed = work.folder("task"), work.recipe.seed
    train, held_out = signs.split_problems(seed)
    write_jsonl(folder / "train.jsonl", (problem.row() for problem in train))
    write_jsonl(folder / "heldout.jsonl", (problem.row() for problem in held_out))
    count = write_jsonl(
        folder / "demonstrations.jsonl",
        signs.demonstrations(train, DEMONSTRATIONS, seed),
    )
    return f"{len(train)} problems, {len(held_out)} held out, {count} demonstrations"


def make_model(work: Workspace) -> str:
    """Builds the tokenizer and a randomly initialised Qwen2."""
    folder = work.folder("model")
    models.MADE_HERE["tiny"](folder, work.recipe.seed)
    model, tokenizer = models.load_policy(folder, work.recipe), models.load_tokenizer(folder)
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    return f"Qwen2 with {millions:.2f} M parameters, {len(tokenizer)} tokens"


def preprocess_prompts(work: Workspace) -> str:
    """Packs prompts and reference answers, and nothing of a response."""
    reports = [
        preprocess(
            PreprocessOptions(
                input=work.root / "task" / f"{name}.jsonl",
                tokenizer_name_or_path=str(work.root / "model"),
                output_prefix=work.folder("packed") / name,
                prompt_type="empty",
                map_keys=MAP_KEYS,
            )
        )
        for name in ("train", "heldout")
    ]
    kept = sum(report.kept for report in reports)
    dropped = sum(sum(report.dropped.values()) for report in reports)
    return f"{kept} rows kept, {dropped} dropped"


def warm_start(work: Workspace) -> str:
    """Trains the policy on demonstrations."""
    section = replace(work.recipe.sft, data=str(work.root / "task" / "demonstrations.jsonl"))
    run = _stage_run(work, replace(work.recipe, sft=section), "warm_start", "model")
    line = sft(run, Prompts([], [], []), None)
    run.policy.rename(work.root / "sft")
    return line


def convert_there_and_back(work: Workspace) -> str:
    """Converts hf -> mcore -> hf and verifies each against the one before."""
    to_mcore = ConvertOptions(
        load_model_type="hf",
        save_model_type="mg",
        load_dir=work.root / "sft",
        save_dir=work.root / "mcore",
        tensor_parallel_size=TENSOR_PARALLEL_SIZE,
        pipeline_parallel_size=PIPELINE_PARALLEL_SIZE,
        make_vocab_size_divisible_by=64,
    )
    back = ConvertOptions(
        load_model_type="mg",
        save_model_type="hf",
        load_dir=work.root / "mcore",
        save_dir=work.root / "hf",
        hf_cfg_dir=work.root / "sft",
    )
    for options in (to_mcore, back):
        convert(options)
        report = verify(options.load_dir, options.save_dir)
        if not report.ok:
            raise CheckFailedError(
                f"{options.save_dir} is not the same model as {options.load_dir}",
                found="; ".join(map(str, report.problems[:5])),
                remedy="msrl-ext diff shows where they differ",
            )
    return (
        f"hf -> mcore TP{TENSOR_PARALLEL_SIZE} PP{PIPELINE_PARALLEL_SIZE} -> hf, "
        f"{report.tensors} tensors bit for bit"
    )


def evaluate_before(work: Workspace) -> str:
    """Evaluates the policy that came back from mcore on held-out problems."""
    return _evaluate(work, work.root / "hf", "before")


def reinforce(work: Workspace) -> str:
    """Trains with GRPO from the HF directory that came back from mcore."""
    return _reinforce(work, work.recipe, "grpo")


def evaluate_after(work: Workspace) -> str:
    """Evaluates the trained policy on the same held-out problems."""
    return _evaluate(work, work.root / "grpo" / "policy", "after")


def reinforce_control(work: Workspace) -> str:
    """The same training with rewards permuted within each group."""
    section = replace(work.recipe.grpo, permute_rewards=True)
    return _reinforce(work, replace(work.recipe, grpo=section), "control")


def evaluate_control(work: Workspace) -> str:
    """Evaluates the control on the same held-out problems."""
    return _evaluate(work, work.root / "control" / "policy", "control")


def report(work: Workspace) -> str:
    """Draws the curves and writes the page."""
    from mindspeed_rl_ext.report.comparison import write_comparison
    from mindspeed_rl_ext.report.options import ReportOptions
    from mindspeed_rl_ext.report.run import write_report

    folder, title = work.folder("report"), "msrl-ext quickstart"
    files = write_report(
        work.root / "grpo",
        folder,
        title=title,
        summary_rows=[
            (f"held-out {name} {when}", f"{value:.3f}")
            for when in ("before", "after", *["control"] * work.options.control)
            for name, value in work.read(f"evaluation/{when}.json").items()
        ],
    )
    if not work.options.control:
        return os.path.relpath(files.html)
    runs = (work.root / "grpo", work.root / "control")
    options = ReportOptions(runs, output=folder, title=f"{title}: beside its control")
    return os.path.relpath(write_comparison(runs, options, DEFAULT_LANGUAGE).html)


_BEFORE = (
    Stage("task", make_task),
    Stage("model", make_model),
    Stage("preprocess", preprocess_prompts),
    Stage("warm start", warm_start),
    Stage("convert", convert_there_and_back),
    Stage("evaluate before", evaluate_before),
    Stage("GRPO", reinforce),
    Stage("evaluate after", evaluate_after),
)
_CONTROL = (Stage("control", reinforce_control), Stage("evaluate control", evaluate_control))


def stages_of(work: Workspace) -> tuple[Stage, ...]:
    """What a run does, in order."""
    return (*_BEFORE, *(_CONTROL if work.options.control else ()), Stage("report", report))


def _reinforce(work: Workspace, recipe: Recipe, name: str) -> str:
    recipe = replace(recipe, dataset=DatasetSection(packed=str(work.root / "packed" / "train")))
    run = _stage_run(work, recipe, name, "hf")
    line = grpo(run, load_prompts(recipe, run.tokenizer, str(run.start)))
    rewards = "permuted rewards" if recipe.grpo.permute_rewards else " and ".join(recipe.verifiers)
    return f"{line}, {rewards}"


def _stage_run(work: Workspace, recipe: Recipe, name: str, start: str) -> StageRun:
    policy = work.root / start
    return StageRun(recipe, work.folder(name), policy, models.load_tokenizer(policy))


def _evaluate(work: Workspace, policy: Path, when: str) -> str:
    from mindspeed_rl_ext.integrations.packed_prompts import packed_prompts

    packed = read_packed(work.root / "packed" / "heldout")
    rows = [
        PromptRow(row["prompt"], row["answer"])
        for row in packed_prompts(packed, models.load_tokenizer(policy))
    ]
    path = work.folder("evaluation") / f"{when}.json"
    with progress(f"evaluate {when}", len(rows), "prompt") as shown:
        found = evaluate_policy(work.recipe, policy, rows, path, shown.advance)
    figures = {
        ACCURACY: found[ACCURACY],
        "format": found[mean_key("countdown_format")],
        MEAN_TOKENS: found[MEAN_TOKENS],
    }
    work.write(f"evaluation/{when}.json", figures)
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
