"""The stage sample: responses of a teacher or of the policy, kept where the verifiers accept them.

Covers: draws with transformers, on every process, or with vLLM; Alpaca rows of what is kept, counts
of what was dropped and why, all responses with their verdicts beside.
Does not cover: a service elsewhere; `sft.data` takes an Alpaca file of any making.
"""

from __future__ import annotations

import json
import logging
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import CheckFailedError, InputError
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl, write_jsonl
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic
from mindspeed_rl_ext.core.progress import progress
from mindspeed_rl_ext.core.responses.rollouts import Rollout, from_row, verdict_rows
from mindspeed_rl_ext.recipes.evaluation.backends import Response, generate
from mindspeed_rl_ext.recipes.training.models import load_tokenizer
from mindspeed_rl_ext.recipes.training.recipe.schema import DatasetSection, SampleSection
from mindspeed_rl_ext.recipes.training.rows.prompts import PromptRow
from mindspeed_rl_ext.recipes.training.rows.sft_rows import render_prompts
from mindspeed_rl_ext.recipes.training.trainer.running import (
    ROLLOUTS,
    StageRun,
    is_main_process,
    wait_for_everyone,
    world_size,
)

logger = logging.getLogger(__name__)

ALPACA, COUNTS = "alpaca.jsonl", "counts.json"
RIGHT, SCORED = "CORRECT", "SCORED"
TOO_LONG, DUPLICATE, ENOUGH = "too_long", "duplicate", "enough_of_this_prompt"


@dataclass(frozen=True)
class Sampled:
    """What a sampling gave.

    Args:
        alpaca: the file of kept responses.
        drawn: how many responses there were.
        kept: how many are in the file.
        dropped: how many were not kept, by reason.
        right_fraction: of the responses drawn, those that the verifiers accept.
        mean_num_tokens: mean length of a response.
    """

    alpaca: Path
    drawn: int
    kept: int
    dropped: dict[str, int]
    right_fraction: float
    mean_num_tokens: float

    def line(self) -> str:
        """One line about it."""
        reasons = ", ".join(f"{n} {reason}" for reason, n in self.dropped.items()) or "none"
        return f"{self.kept} of {self.drawn} responses kept; dropped: {reasons}"


def sample(run: StageRun, rows: Sequence[PromptRow], section: SampleSection, seed: int) -> Sampled:
    """Draws responses to prompts and keeps what the verifiers accept.

    Args:
        run: the stage; its policy is asked unless the section names a teacher.
        rows: problems.
        section: how many, how long.
        seed: chooses the prompts and the draws.

    Raises:
        InputError: the teacher cannot be asked, because only packed prompts are there.
        CheckFailedError: no response was right.
    """
    chosen = list(rows)
    random.Random(seed).shuffle(chosen)
    chosen = chosen[: section.prompts]
    part = run.folder / f".responses-{_rank()}.jsonl"
    write_jsonl(part, (r.to_row() for r in _draw(run, chosen, section, seed)))
    wait_for_everyone()
    if is_main_process():
        _write(run.folder, chosen, section)
    wait_for_everyone()
    counts = json.loads((run.folder / COUNTS).read_text(encoding="utf-8"))
    sampled = Sampled(run.folder / ALPACA, **counts)
    logger.info("%s", sampled.line())
    if not sampled.kept:
        raise CheckFailedError(
            "no sampled response was accepted by the verifiers",
            found=sampled.line(),
            remedy="a stronger teacher, more samples_per_prompt, or the stage sft before",
        )
    return sampled


def _rank() -> int:
    import os

    return int(os.environ.get("RANK", "0"))


def _draw(
    run: StageRun, rows: Sequence[PromptRow], section: SampleSection, seed: int
) -> list[Rollout]:
    """The responses to this process's share of the prompts; groups are numbers into all rows."""
    folder = Path(section.teacher).expanduser() if section.teacher else run.start
    tokenizer = load_tokenizer(folder) if section.teacher else run.tokenizer
    asked = [row.prompt for row in rows]
    if section.teacher:
        asked = _for_teacher(rows, section, run.recipe.dataset, tokenizer, folder)
    mine = range(_rank(), len(rows), world_size())
    if not mine:
        return []
    engine: dict[str, Any] = {"batch_size": section.batch_size, "dtype": run.recipe.dtype}
    if section.backend == "vllm":
        engine["tensor_parallel_size"] = section.tensor_parallel_size
    with progress(f"{run.folder.name}: sample", len(mine), "prompt") as shown:
        made = generate(
            [asked[i] for i in mine],
            backend=section.backend,
            model=folder,
            n=section.samples_per_prompt,
            temperature=section.temperature,
            max_tokens=section.max_new_tokens,
            seed=seed + _rank(),
            on_batch=shown.advance,
            **engine,
        )
    drawn = [
        _rollout(i, number, rows[i], asked[i], response)
        for i, responses in zip(mine, made, strict=True)
        for number, response in enumerate(responses)
    ]
    return _with_verdicts(drawn, rows, run.recipe.verifiers)


def _rollout(problem: int, number: int, row: PromptRow, prompt: str, response: Response) -> Rollout:
    return Rollout(
        response=response.text,
        answer=row.answer,
        prompt=prompt,
        id=f"{problem}-{number}",
        group=str(problem),
        num_tokens=response.num_tokens,
        extra={"cut": bool(response.cut)},
    )


def _with_verdicts(
    drawn: Sequence[Rollout], rows: Sequence[PromptRow], verifiers: Sequence[str]
) -> list[Rollout]:
    from mindspeed_rl_ext.verifiers import score

    data: dict[str, list[Any]] = {
        "num_tokens": [r.num_tokens for r in drawn],
        "prompt": [r.prompt for r in drawn],
    }
    for name in rows[0].columns:
        data[name] = [rows[int(r.group or 0)].columns[name] for r in drawn]
    responses, answers = [r.response for r in drawn], [r.answer for r in drawn]
    result = score(responses, answers, verifiers=list(verifiers), data=data)
    return [
        replace(r, reward=result.rewards[i], verdicts=verdict_rows(result.verdicts, i))
        for i, r in enumerate(drawn)
    ]


def _for_teacher(
    rows: Sequence[PromptRow],
    section: SampleSection,
    dataset: DatasetSection,
    tokenizer: Any,
    folder: Path,
) -> list[str]:
    if not all(row.question for row in rows):
        raise InputError(
            "a teacher has a template of its own, and packed files hold finished prompts",
            remedy="give dataset.config in the place of dataset.packed",
        )
    if section.teacher_template:
        dataset = replace(
            dataset, options={**dataset.options, "prompt_type": section.teacher_template}
        )
    return render_prompts([row.question for row in rows], dataset, tokenizer, str(folder))


def _write(folder: Path, rows: Sequence[PromptRow], section: SampleSection) -> None:
    """Joins the processes' responses; writes what is kept, all of them, and the counts."""
    parts = sorted(folder.glob(".responses-*.jsonl"))
    rollouts = [from_row(row, str(part)) for part in parts for _, row in read_jsonl(part)]
    rollouts.sort(key=lambda r: int(r.group or 0))
    kept, dropped = choose(rollouts, section)
    right = sum(not refusal(r) for r in rollouts)
    write_jsonl(folder / ROLLOUTS, (replace(r, step=r.step or 1).to_row() for r in rollouts))
    write_jsonl(folder / ALPACA, (_alpaca(rows[int(r.group or 0)], r) for r in kept))
    counts = {
        "drawn": len(rollouts),
        "kept": len(kept),
        "dropped": dict(dropped.most_common()),
        "right_fraction": right / max(1, len(rollouts)),
        "mean_num_tokens": sum(r.num_tokens or 0 for r in rollouts) / max(1, len(rollouts)),
    }
    write_text_atomic(folder / COUNTS, json.dumps(counts, indent=2) + "\n")
    for part in parts:
        part.unlink()


def _alpaca(row: PromptRow, rollout: Rollout) -> dict[str, str]:
    return {"instruction": row.question or row.prompt, "input": "", "output": rollout.response}


def choose(
    rollouts: Sequence[Rollout], section: SampleSection
) -> tuple[list[Rollout], Counter[str]]:
    """The responses to keep, and how many were dropped for which reason.

    Args:
        rollouts: scored responses with their group.
        section: says how many of a prompt are kept.
    """
    kept: list[Rollout] = []
    dropped: Counter[str] = Counter()
    texts: dict[str, set[str]] = defaultdict(set)
    for rollout in rollouts:
        seen = texts[rollout.group or ""]
        reason = refusal(rollout)
        if not reason and rollout.response in seen:
            reason = DUPLICATE
        if not reason and len(seen) >= section.keep_per_prompt:
            reason = ENOUGH
        if reason:
            dropped[reason] += 1
        else:
            seen.add(rollout.response)
            kept.append(rollout)
    return kept, dropped


def refusal(rollout: Rollout) -> str:
    """Why a response is not right, "" where every verifier accepts it.

    Scores without a verdict are accepted above 0 of the first verifier, and where they do not
    punish (0 or more) of the others.

    Example:
        >>> from mindspeed_rl_ext.core.responses.rollouts import VerdictRow
        >>> refusal(Rollout("a", "b", verdicts={"v": VerdictRow(0.0, "WRONG")}))
        'wrong'
    """
    if rollout.extra.get("cut"):
        return TOO_LONG
    for number, verdict in enumerate(rollout.verdicts.values()):
        enough = verdict.score >= 0 if number else verdict.score > 0
        if verdict.outcome != RIGHT and not (verdict.outcome == SCORED and enough):
            return verdict.outcome.lower()
    return ""
