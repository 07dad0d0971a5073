"""What an evaluation leaves behind: `rollouts.jsonl`, `summary.json`, `metrics.jsonl`.

Covers: the figures of all benchmarks with their mean; rows as `msrl-ext score` reads them; one line
of metrics under the names that training logs, for `msrl-ext report`.
Does not cover: the figures themselves; `figures` takes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.files.jsonlines import write_jsonl
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic
from mindspeed_rl_ext.core.responses.metrics import MetricsRow, length_metrics, reward_key
from mindspeed_rl_ext.core.responses.rollouts import Rollout
from mindspeed_rl_ext.recipes.evaluation.figures.benchmark import benchmark_figures
from mindspeed_rl_ext.recipes.evaluation.grading import Graded
from mindspeed_rl_ext.recipes.evaluation.journal import (
    METRICS_FILE,
    ROLLOUTS_FILE,
    SUMMARY_FILE,
)
from mindspeed_rl_ext.recipes.evaluation.problems.loading import Loaded
from mindspeed_rl_ext.verifiers import resolve

KINDS = ("strict", "lenient")


def summarised(loaded: Sequence[Loaded], graded: Sequence[Graded]) -> dict[str, Any]:
    """The figures of each benchmark, and the mean of pass@1 over those that have any.

    Args:
        loaded: the benchmarks.
        graded: the responses to all of them, at least one.
    """
    benchmarks = {
        one.benchmark.name: benchmark_figures(
            one, [g for g in graded if g.attempt.problem.benchmark == one.benchmark.name]
        )
        for one in loaded
    }
    answered = [figures for figures in benchmarks.values() if "strict" in figures]
    mean = {k: sum(b[k]["pass@1"]["value"] for b in answered) / len(answered) for k in KINDS}
    return {"benchmarks": benchmarks, "mean_pass@1": mean}


def write_outputs(folder: Path, graded: Sequence[Graded], summary: Mapping[str, Any]) -> None:
    """Writes the three files, each whole or not at all.

    Args:
        folder: the output directory.
        graded: the responses.
        summary: what stands in summary.json.
    """
    strict, step = resolve(summary["graders"]["strict"]).name, summary["step"]
    rows = (_rollout(one, strict, step).to_row() for one in graded)
    write_jsonl(folder / ROLLOUTS_FILE, rows)
    metrics = MetricsRow(step, _metrics(graded, strict, summary["benchmarks"]))
    write_text_atomic(folder / METRICS_FILE, metrics.to_line() + "\n")
    write_text_atomic(folder / SUMMARY_FILE, json.dumps(summary, indent=2) + "\n")


def _metrics(
    graded: Sequence[Graded], strict: str, benchmarks: Mapping[str, Any]
) -> dict[str, float]:
    scores = [g.verdicts[strict].score for g in graded]
    tokens = [g.attempt.response.num_tokens for g in graded]
    values = {reward_key(strict): sum(scores) / len(scores)}
    values |= length_metrics([t for t in tokens if t is not None])
    for name, figures in benchmarks.items():
        for kind in KINDS if "strict" in figures else ():
            for figure, found in figures[kind].items():
                values[f"eval/{name}/{kind}/{figure}"] = found["value"]
    return values


def _rollout(graded: Graded, strict: str, step: int) -> Rollout:
    attempt = graded.attempt
    problem = attempt.problem
    extra: dict[str, Any] = {"benchmark": problem.benchmark, "index": problem.index}
    extra |= {"sample": attempt.sample, "class": graded.kind, "stated_answer": graded.answer}
    extra |= {"cut": attempt.response.cut, **problem.slices}
    if problem.fault:
        extra["bad_reference"] = problem.fault
    return Rollout(
        response=attempt.response.text,
        answer=problem.answer,
        prompt=attempt.prompt,
        id=attempt.id,
        group=problem.id,
        step=step,
        num_tokens=attempt.response.num_tokens,
        extra=extra,
        reward=graded.verdicts[strict].score,
        verdicts=graded.verdicts,
    )
