"""The stages of the quickstart, in order; each reads the files of those before it.

Covers: task, model, preprocess, warm start, conversion there and back, evaluation, GRPO, report.
Does not cover: the judgement of the figures; `checks` does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import CheckFailedError
from mindspeed_rl_ext.core.jsonlines import read_jsonl, write_jsonl
from mindspeed_rl_ext.core.progress import progress
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.packing.packed import read_packed
from mindspeed_rl_ext.preprocess.run import preprocess
from mindspeed_rl_ext.recipes.evaluate import evaluate
from mindspeed_rl_ext.recipes.grpo import RolloutWriter, random_reward, train_grpo
from mindspeed_rl_ext.recipes.quickstart.workspace import VERIFIERS, Workspace
from mindspeed_rl_ext.recipes.sft import train_sft
from mindspeed_rl_ext.recipes.tasks import signs
from mindspeed_rl_ext.recipes.tiny_model import build_model, build_tokenizer

MAP_KEYS = {"prompt": "question", "response": "answer"}
ROLLOUTS_EVERY_STEPS = 10


@dataclass(frozen=True)
class Stage:
    """One step of the loop: its name and the function that does it and sums it up in a line."""

    name: str
    run: Callable[[Workspace], str]


def make_task(work: Workspace) -> str:
    """Writes training problems, held-out problems and demonstrations."""
    folder, seed = work.folder("task"), work.settings.seed
    train, held_out = signs.split_problems(seed)
    write_jsonl(folder / "train.jsonl", (problem.row() for problem in train))
    write_jsonl(folder / "heldout.jsonl", (problem.row() for problem in held_out))
    count = write_jsonl(
        folder / "demonstrations.jsonl",
        signs.demonstrations(train, work.settings.demonstrations, seed),
    )
    return f"{len(train)} problems, {len(held_out)} held out, {count} demonstrations"


def make_model(work: Workspace) -> str:
    """Builds the tokenizer and a randomly initialised Qwen2."""
    folder = work.folder("model")
    tokenizer = build_tokenizer(folder)
    model = build_model(tokenizer, work.settings.seed)
    model.save_pretrained(folder)
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
    import torch

    settings = replace(work.settings.sft, seed=work.settings.seed)
    rows = [row for _, row in read_jsonl(work.root / "task" / "demonstrations.jsonl")]
    model, tokenizer = _load(work.root / "model")
    torch.manual_seed(settings.seed)
    with progress("warm start", settings.steps, "step") as shown:
        losses = train_sft(model, tokenizer, rows, settings, lambda step, loss: shown.advance())
    _save(model, tokenizer, work.folder("sft"))
    return f"loss {losses[0]:.2f} -> {losses[-1]:.2f} nats a token"


def convert_there_and_back(work: Workspace) -> str:
    """Converts hf -> mcore -> hf and verifies each against the one before."""
    settings = work.settings
    to_mcore = ConvertOptions(
        load_model_type="hf",
        save_model_type="mg",
        load_dir=work.root / "sft",
        save_dir=work.root / "mcore",
        tensor_parallel_size=settings.tensor_parallel_size,
        pipeline_parallel_size=settings.pipeline_parallel_size,
        make_vocab_size_divisible_by=settings.make_vocab_size_divisible_by,
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
        f"hf -> mcore TP{settings.tensor_parallel_size} PP{settings.pipeline_parallel_size} -> hf, "
        f"{report.tensors} tensors bit for bit"
    )


def evaluate_before(work: Workspace) -> str:
    """Evaluates the policy that came back from mcore on held-out problems."""
    return _evaluate(work, work.root / "hf", "before")


def reinforce(work: Workspace) -> str:
    """Trains with GRPO from the HF directory that came back from mcore."""
    from mindspeed_rl_ext.integrations.packed_prompts import packed_prompts

    settings = replace(work.settings.grpo, seed=work.settings.seed)
    folder = work.folder("grpo")
    model, tokenizer = _load(work.root / "hf")
    rows = packed_prompts(read_packed(work.root / "packed" / "train"), tokenizer)
    reward_funcs, weights = _rewards(work, folder)
    with progress("GRPO", settings.steps, "step") as shown:
        train_grpo(
            model,
            tokenizer,
            rows,
            reward_funcs,
            weights,
            settings,
            folder,
            on_step=lambda step: shown.advance(),
        )
    _save(model, tokenizer, folder / "policy")
    rollouts = settings.steps * settings.prompts_per_step * settings.samples_per_prompt
    rewards = "random rewards" if work.settings.control else " and ".join(VERIFIERS)
    return f"{settings.steps} steps, {rollouts} responses, {rewards}"


def evaluate_after(work: Workspace) -> str:
    """Evaluates the trained policy on the same held-out problems."""
    return _evaluate(work, work.root / "grpo" / "policy", "after")


def report(work: Workspace) -> str:
    """Draws the curves and writes the page."""
    from mindspeed_rl_ext.report.run import write_report

    files = write_report(
        work.root / "grpo",
        work.folder("report"),
        title="msrl-ext quickstart" + (" (control: random rewards)" * work.settings.control),
        summary_rows=[
            (f"held-out {name} {when}", f"{value:.3f}")
            for when in ("before", "after")
            for name, value in work.read(f"evaluation/{when}.json").items()
        ],
    )
    return os.path.relpath(files.html)


STAGES = (
    Stage("task", make_task),
    Stage("model", make_model),
    Stage("preprocess", preprocess_prompts),
    Stage("warm start", warm_start),
    Stage("convert", convert_there_and_back),
    Stage("evaluate before", evaluate_before),
    Stage("GRPO", reinforce),
    Stage("evaluate after", evaluate_after),
    Stage("report", report),
)


def _evaluate(work: Workspace, checkpoint: Path, when: str) -> str:
    from mindspeed_rl_ext.integrations.packed_prompts import packed_prompts

    model, tokenizer = _load(checkpoint)
    rows = packed_prompts(read_packed(work.root / "packed" / "heldout"), tokenizer)
    with progress(f"evaluate {when}", len(rows), "prompt") as shown:
        result = evaluate(
            model,
            tokenizer,
            rows,
            list(VERIFIERS),
            replace(work.settings.sampling, seed=work.settings.seed),
            shown.advance,
        )
    folder = work.folder("evaluation")
    write_jsonl(folder / f"{when}.jsonl", (rollout.to_row() for rollout in result.rollouts))
    figures = {
        "accuracy": result.mean_scores["countdown"],
        "format": result.mean_scores["countdown_format"],
        "response tokens": result.mean_num_tokens,
    }
    work.write(f"evaluation/{when}.json", figures)
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())


def _rewards(work: Workspace, folder: Path) -> tuple[list[Any], list[float]]:
    if work.settings.control:
        return [random_reward(work.settings.seed)], [1.0]
    from mindspeed_rl_ext.integrations.trl import reward_functions

    writer = RolloutWriter(folder / "rollouts.jsonl", VERIFIERS, ROLLOUTS_EVERY_STEPS)
    return reward_functions(list(VERIFIERS), on_verdicts=writer), list(VERIFIERS.values())


def _load(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from mindspeed_rl_ext.recipes.device import pick_device

    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder)
    return model.to(torch.float32).to(pick_device()), tokenizer


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
