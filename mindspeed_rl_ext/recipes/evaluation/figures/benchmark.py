"""The figures of one benchmark, from its graded responses.

Covers: pass@1, avg@k, pass@k and maj@k, strict and lenient; the three classes; outcomes; lengths;
the rows that strict and lenient grading see differently; tables by level and subject.
Does not cover: text for people; `table` writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mindspeed_rl_ext.recipes.evaluation.figures.statistics import (
    estimate,
    ks_up_to,
    pass_at_k,
    percentiles,
)
from mindspeed_rl_ext.recipes.evaluation.figures.voting import vote
from mindspeed_rl_ext.recipes.evaluation.grading import CLASSES, NEITHER, Graded
from mindspeed_rl_ext.recipes.evaluation.problems.loading import Loaded

_PERCENTILES = (50, 90, 95, 99)
Grouped = Mapping[str, Sequence[Graded]]


def benchmark_figures(loaded: Loaded, graded: Sequence[Graded]) -> dict[str, Any]:
    """Everything that is reported of a benchmark, as it stands in summary.json.

    Args:
        loaded: the benchmark.
        graded: all responses to its problems; problems without any are left out and named.
    """
    groups = by_problem(graded)
    missing = [p.id for p in loaded.problems if p.id not in groups]
    found: dict[str, Any] = {
        "problems": len(loaded.problems),
        "rows_in_file": loaded.rows,
        "rows_expected": loaded.benchmark.rows,
        "responses": len(graded),
        "missing": missing,
        "bad_references": {p.id: p.fault for p in loaded.bad_references},
    }
    if not groups:
        return found
    found |= {
        "samples": min(map(len, groups.values())),
        "most_samples": max(map(len, groups.values())),
        "strict": accuracy(groups, strict=True),
        "lenient": accuracy(groups, strict=False),
        "classes": class_counts(graded),
        "outcomes": dict(Counter(g.outcome for g in graded).most_common()),
        "lengths": lengths(graded),
        "disagreements": disagreements(graded),
        "by": {name: sliced(groups, name) for name in loaded.benchmark.slices},
    }
    return found


def by_problem(graded: Sequence[Graded]) -> dict[str, list[Graded]]:
    """Responses by the id of their problem, samples in order."""
    groups: dict[str, list[Graded]] = {}
    for one in sorted(graded, key=lambda g: g.attempt.sample):
        groups.setdefault(one.attempt.problem.id, []).append(one)
    return groups


def accuracy(groups: Grouped, *, strict: bool) -> dict[str, Any]:
    """pass@1, avg@k, pass@k, maj@k with intervals, each a mean over problems.

    Args:
        groups: responses by problem.
        strict: by the strict verdicts; by the lenient ones otherwise.
    """
    right = _right(strict)
    n = min(map(len, groups.values()))
    hits = [(len(group), sum(map(right, group))) for group in groups.values()]
    found = {
        f"pass@{k}": asdict(estimate([pass_at_k(m, c, k) for m, c in hits])) for k in ks_up_to(n)
    }
    if n == 1:
        return found
    first = [group[:n] for group in groups.values()]
    found[f"avg@{n}"] = asdict(estimate([_share(group, right) for group in first]))
    voted = [[_voted(g, strict) for g in group] for group in first]
    votes = [
        vote(answers, [*map(right, group)]) for answers, group in zip(voted, first, strict=True)
    ]
    found[f"maj@{n}"] = asdict(estimate([v.value for v in votes])) | {
        "ties": sum(v.tied > 1 for v in votes),
        "without_answer": sum(v.tied == 0 for v in votes),
        "responses_without_vote": sum(not answer for answers in voted for answer in answers),
    }
    return found


def class_counts(graded: Sequence[Graded]) -> dict[str, int]:
    """How many responses are in each class; they sum to all."""
    counts = Counter(g.kind for g in graded)
    return {kind: counts[kind] for kind in CLASSES}


def lengths(graded: Sequence[Graded]) -> dict[str, Any]:
    """Lengths of the responses, in tokens where all are known, else in characters."""
    responses = [g.attempt.response for g in graded]
    tokens = [r.num_tokens for r in responses if r.num_tokens is not None]
    unit = "tokens" if len(tokens) == len(responses) else "characters"
    sizes = tokens if unit == "tokens" else [len(r.text) for r in responses]
    cut = [r.cut for r in responses if r.cut is not None]
    found: dict[str, Any] = {"unit": unit, "mean": _mean(sizes), "max": max(sizes)}
    found |= percentiles(sizes, _PERCENTILES)
    for name, wanted in (("mean_right", True), ("mean_not_right", False)):
        found[name] = _mean([s for s, g in zip(sizes, graded, strict=True) if g.correct is wanted])
    found["cut"] = sum(cut) / len(cut) if cut else None
    return found


def disagreements(graded: Sequence[Graded]) -> dict[str, list[dict[str, str]]]:
    """Rows that only one of strict and lenient grading takes for right."""
    found: dict[str, list[dict[str, str]]] = {"lenient_only": [], "strict_only": []}
    for g in graded:
        if g.correct != g.lenient_correct:
            row = {"id": g.attempt.id, "class": g.kind, "answer": g.answer}
            row |= {"reference": g.attempt.problem.answer, "end": g.attempt.response.text[-120:]}
            found["strict_only" if g.correct else "lenient_only"].append(row)
    return found


def sliced(groups: Grouped, name: str) -> dict[str, dict[str, Any]]:
    """pass@1 and the three classes for each value of a slice, such as each level."""
    parts: dict[str, dict[str, Sequence[Graded]]] = {}
    for key, group in groups.items():
        value = group[0].attempt.problem.slices.get(name, "not given")
        parts.setdefault(value, {})[key] = group
    return {
        value: {
            "problems": len(part),
            "strict": asdict(estimate([_share(group, _right(True)) for group in part.values()])),
            "lenient": asdict(estimate([_share(group, _right(False)) for group in part.values()])),
            "classes": class_counts([g for group in part.values() for g in group]),
        }
        for value, part in sorted(parts.items())
    }


def _right(strict: bool) -> Callable[[Graded], bool]:
    return (lambda g: g.correct) if strict else (lambda g: g.lenient_correct)


def _voted(one: Graded, strict: bool) -> str | None:
    """Strict voting counts only responses that keep the format."""
    return None if strict and one.kind == NEITHER else one.answer


def _share(group: Sequence[Graded], right: Callable[[Graded], bool]) -> float:
    return sum(map(right, group)) / len(group)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
