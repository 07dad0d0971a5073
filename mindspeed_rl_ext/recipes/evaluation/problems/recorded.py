"""Responses that were made elsewhere: the backend `jsonl`.

Covers: JSON Lines rows that name their problem by `benchmark` and `index` (of the row in its file,
from 0), by our own id (`gsm8k/3`, also as `group`), or by the benchmark's own `id`; `response`,
with `sample` where a problem has several rows, or `responses`; `num_tokens`, `cut` and `prompt`
where given. So `rollouts.jsonl` of an evaluation can be graded again.
Does not cover: matching by the text of the question.

    {"benchmark": "gsm8k", "index": 0, "responses": ["... \\boxed{18}", "... \\boxed{17}"]}
    {"id": "gsm8k/0", "sample": 0, "response": "... \\boxed{18}", "num_tokens": 57}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl
from mindspeed_rl_ext.recipes.evaluation.backends.response import Response
from mindspeed_rl_ext.recipes.evaluation.problems.loading import Loaded, Problem

EXPECTED = '{"benchmark": "gsm8k", "index": 0, "response": "..."}'


@dataclass
class Recorded:
    """What a file of responses holds.

    Args:
        responses: by the id of the problem, samples in order.
        prompts: by the id of the problem, where the file says.
        missing: ids of problems without a response.
        extra: places of rows that belong to no problem.
        duplicates: places of rows that repeat a sample; the first counts.
    """

    responses: dict[str, list[Response]] = field(default_factory=dict)
    prompts: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)


def read_recorded(path: Path, benchmarks: Sequence[Loaded]) -> Recorded:
    """Reads responses and finds the problem of each.

    Args:
        path: the file.
        benchmarks: the problems.

    Raises:
        InputError: no such file, no rows, a row that names no problem or has no response, whose
            num_tokens or sample is no integer or negative; no row belongs to a problem.
    """
    names = _names(benchmarks)
    wanted = {p.id for loaded in benchmarks for p in loaded.problems}
    found = Recorded()
    samples: dict[str, dict[int, Response]] = {}
    rows = 0
    for number, row in read_jsonl(path):
        rows += 1
        place = f"line {number}"
        texts, start = _responses(row, f"{path}, {place}")
        problem = _problem(row, names, f"{path}, {place}")
        if problem is None:
            found.extra.append(f"{place} ({_name(row)})")
            continue
        if problem.id not in wanted:
            continue
        kept = samples.setdefault(problem.id, {})
        twice = [i for i in range(start, start + len(texts)) if i in kept]
        if twice:
            found.duplicates.append(f"{place} ({problem.id})")
        for offset, response in enumerate(texts):
            kept.setdefault(start + offset, response)
        if isinstance(row.get("prompt"), str):
            found.prompts.setdefault(problem.id, row["prompt"])
    found.responses = {key: [kept[i] for i in sorted(kept)] for key, kept in samples.items()}
    if not found.responses:
        raise InputError(
            f"{path} has no response to any of the problems",
            found=f"{rows} rows" + (f", the first: {found.extra[0]}" if found.extra else ""),
            expected=EXPECTED,
            remedy="name the problems of --benchmark in the rows",
        )
    found.missing = [p.id for b in benchmarks for p in b.problems if p.id not in found.responses]
    return found


def _names(benchmarks: Sequence[Loaded]) -> dict[tuple[str, str], Problem | None]:
    """Problems by benchmark and id; with the benchmark "" where the id alone decides."""
    names: dict[tuple[str, str], Problem | None] = {}
    for loaded in benchmarks:
        for problem in (*loaded.problems, *loaded.left_out):
            for key in {("", problem.source_id), (problem.benchmark, problem.source_id)}:
                # An id that several problems carry names none of them.
                names[key] = None if key in names or not problem.source_id else problem
    for loaded in benchmarks:
        for problem in (*loaded.problems, *loaded.left_out):
            names["", problem.id] = names[problem.benchmark, problem.id] = problem
    return names


def _problem(
    row: Mapping[str, Any], names: Mapping[tuple[str, str], Problem | None], place: str
) -> Problem | None:
    benchmark = row.get("benchmark")
    if benchmark is not None and row.get("index") is not None:
        return names.get(("", f"{benchmark}/{row['index']}"))
    keys = [str(row[name]) for name in ("group", "id") if row.get(name) is not None]
    if not keys:
        raise InputError(
            f"{place} names no problem",
            found=f"columns {', '.join(sorted(row))}",
            expected=EXPECTED,
            remedy="add benchmark and index, or id",
        )
    found = (names.get((str(benchmark or ""), key)) for key in keys)
    return next((problem for problem in found if problem is not None), None)


def _responses(row: Mapping[str, Any], place: str) -> tuple[list[Response], int]:
    """The responses of a row, and the number of the first."""
    texts = row["responses"] if "responses" in row else [row.get("response")]
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(
            f"{place} has no response",
            found=f"columns {', '.join(sorted(row))}",
            expected=f'{EXPECTED}, or "responses": ["...", ...]',
            remedy="write the decoded text",
        )
    counts = row.get("num_tokens")
    counts = counts if isinstance(counts, list) else [counts] * len(texts)
    sample = row.get("sample", 0)
    numbers = [*counts, sample]
    if len(counts) != len(texts) or any(type(n) not in (int, type(None)) for n in numbers):
        raise InputError(
            f"{place}: num_tokens or sample is not readable",
            found=repr({"num_tokens": row.get("num_tokens"), "sample": sample})[:120],
            expected="an integer per response, or no such column",
            remedy="correct the row",
        )
    if any(number is not None and number < 0 for number in numbers):
        raise InputError(
            f"{place}: num_tokens or sample is negative",
            found=repr({"num_tokens": row.get("num_tokens"), "sample": sample})[:120],
            expected="0 or more: a length in tokens, the number of a sample from 0",
            remedy="correct the row, or leave the column out",
        )
    cut = row.get("cut") if isinstance(row.get("cut"), bool) else None
    responses = [Response(text, count, cut) for text, count in zip(texts, counts, strict=True)]
    return responses, sample or 0


def _name(row: Mapping[str, Any]) -> str:
    shown = [str(row[k]) for k in ("benchmark", "index", "group", "id") if row.get(k) is not None]
    return "/".join(shown)[:80]
