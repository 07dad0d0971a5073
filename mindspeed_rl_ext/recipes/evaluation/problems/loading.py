r"""The problems of a benchmark: questions, reference answers, what is wrong with the file.

Covers: rows of `<data-dir>/<name>/test.jsonl`; references behind `####`, in the last box of a
solution, as a number, as a list with or without a unit; each reference compared with itself, since
one that cannot be compared would make every response to its problem wrong; the number of rows
against the published one.
Does not cover: downloading. A tolerance (`error` of OlympiadBench's physics) is not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl
from mindspeed_rl_ext.core.responses.answers import (
    NoAnswerError,
    canonical_text,
    extract_label,
    parse_extractor,
)
from mindspeed_rl_ext.recipes.evaluation.problems.benchmarks import FILE, Benchmark
from mindspeed_rl_ext.verifiers import Outcome, equivalent
from mindspeed_rl_ext.verifiers.audit.references import reference_fault

_PLAIN_UNIT = re.compile(r"[A-Za-z%][A-Za-z0-9 /^]*")


@dataclass(frozen=True)
class Problem:
    """One problem.

    Args:
        benchmark: its name.
        index: of its row in the file, the first being 0.
        question: the text that the template goes around.
        answer: the reference answer; "" where the row has none that can be read.
        fault: why the reference can't be compared; "" where it can.
        slices: what results are broken down by, such as level and subject.
        source_id: the row's own `id` or `unique_id`, "" where it has none.
    """

    benchmark: str
    index: int
    question: str
    answer: str
    fault: str = ""
    slices: Mapping[str, str] = field(default_factory=dict)
    source_id: str = ""

    @property
    def id(self) -> str:
        """Its name in every file: the benchmark and the index.

        Example:
            >>> Problem("gsm8k", 3, "?", "1").id
            'gsm8k/3'
        """
        return f"{self.benchmark}/{self.index}"


@dataclass(frozen=True)
class Loaded:
    """A benchmark as it was read.

    Args:
        benchmark: its row of the table.
        problems: the first `limit` of them.
        rows: how many rows the file has.
        warnings: what a person should know of the file.
        left_out: the problems behind the limit.
    """

    benchmark: Benchmark
    problems: tuple[Problem, ...]
    rows: int
    warnings: tuple[str, ...] = ()
    left_out: tuple[Problem, ...] = ()

    @property
    def bad_references(self) -> list[Problem]:
        """The problems whose reference can't be compared."""
        return [problem for problem in self.problems if problem.fault]


def load_benchmark(benchmark: Benchmark, data_dir: Path, limit: int | None = None) -> Loaded:
    """Reads a benchmark.

    Args:
        benchmark: which.
        data_dir: holds `<name>/test.jsonl`.
        limit: only the first problems; all where None.

    Raises:
        InputError: no such folder or file, no rows, a row without question or answer column.
    """
    path = _path(benchmark, Path(data_dir))
    rows = list(read_jsonl(path))
    if not rows:
        raise InputError(
            f"{path} has no rows", expected=f"{benchmark.rows} problems", remedy="get the file anew"
        )
    every = tuple(
        _problem(benchmark, index, row, f"{path}, line {number}")
        for index, (number, row) in enumerate(rows)
    )
    problems, left_out = every[:limit], () if limit is None else every[limit:]
    found_warnings = _warnings(benchmark, problems, len(rows))
    return Loaded(benchmark, problems, len(rows), tuple(found_warnings), left_out)


def read_reference(value: Any, kind: str, unit: object = None) -> str:
    r"""A reference answer as the text that verifiers compare with.

    Args:
        value: of the answer column.
        kind: "value", "gsm8k", "boxed", "list".
        unit: of a list's answer, where the row names one.

    Raises:
        NoAnswerError: there is none.

    Example:
        >>> read_reference(27.0, "value"), read_reference("so\n#### 1,072", "gsm8k")
        ('27', '1072')
        >>> read_reference(["$3$", "$-1$"], "list"), read_reference(["$5$"], "list", "cm")
        ('3, -1', '5 \\text{ cm}')
    """
    if kind == "list":
        given = value if isinstance(value, list) else [value]
        texts = [_without_dollars(canonical_text(one)) for one in given if one is not None]
        joined = ", ".join(text for text in texts if text)
        return rf"{joined} \text{{ {unit}}}" if unit and joined else joined
    finder = parse_extractor({"value": "none"}.get(kind, kind))
    return extract_label(value, finder).text.strip()


def _path(benchmark: Benchmark, data_dir: Path) -> Path:
    path = data_dir / benchmark.name / FILE
    if path.is_file():
        return path
    if not data_dir.is_dir():
        raise InputError(
            f"no such directory: {data_dir}",
            expected=f"a directory that holds {benchmark.name}/{FILE}",
            remedy="check --data-dir",
        )
    there = sorted(entry.parent.name for entry in data_dir.glob(f"*/{FILE}"))
    raise InputError(
        f"no benchmark {benchmark.name!r} in {data_dir}",
        found=", ".join(there) or f"no folder with a {FILE}",
        expected=f"{benchmark.name}/{FILE}",
        remedy=nearest(benchmark.name, there) if there else "check --data-dir",
    )


def _problem(benchmark: Benchmark, index: int, row: Mapping[str, Any], place: str) -> Problem:
    column = next((name for name in benchmark.question if name in row), None)
    if column is None or benchmark.answer not in row:
        raise InputError(
            f"{place} is no row of {benchmark.name}",
            found=f"columns {', '.join(sorted(row))}",
            expected=f"{' or '.join(benchmark.question)}, and {benchmark.answer}",
            remedy="give the file in the layout of simpleRL-reason's eval/data",
        )
    question = row[column]
    if not isinstance(question, str) or not question.strip():
        raise InputError(
            f"{place}: the question is no text",
            found=repr(question)[:80],
            remedy="correct or remove the row",
        )
    answer, fault = _reference(benchmark, row)
    slices = {name: str(row[c]) for name, c in benchmark.slices.items() if row.get(c) is not None}
    own = row.get("unique_id", row.get("id", row.get("idx")))
    source = "" if own is None else str(own)
    return Problem(benchmark.name, index, question.strip(), answer, fault, slices, source)


def _reference(benchmark: Benchmark, row: Mapping[str, Any]) -> tuple[str, str]:
    """The reference answer, and why it can't be compared.

    A unit in plain letters is kept where the answer without it is accepted all the same: then
    `5 cm` and `5` are right and `5 kg` is not. Any other would refuse right spellings of itself.
    """
    unit = row.get("unit")
    unit = unit if isinstance(unit, str) and _PLAIN_UNIT.fullmatch(unit) else None
    try:
        bare = read_reference(row[benchmark.answer], benchmark.kind)
        full = read_reference(row[benchmark.answer], benchmark.kind, unit)
    except (NoAnswerError, ValueError) as error:
        return "", str(error)
    known = full != bare and equivalent(bare, full).outcome is Outcome.CORRECT
    answer = full if known and not reference_fault(full) else bare
    return answer, reference_fault(answer)


def _warnings(benchmark: Benchmark, problems: tuple[Problem, ...], rows: int) -> list[str]:
    found_warnings = []
    if rows != benchmark.rows:
        found_warnings.append(
            f"{benchmark.name} has {rows} rows; the published file has {benchmark.rows}"
        )
    for problem in problems:
        if problem.fault:
            found_warnings.append(f"{problem.id}: BAD_REFERENCE, {problem.fault}")
    twice = len(problems) - len({problem.question for problem in problems})
    if twice:
        found_warnings.append(f"{benchmark.name} asks {twice} question(s) twice")
    return found_warnings


def _without_dollars(text: str) -> str:
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == "$" and "$" not in bare[1:-1]:
        return bare[1:-1].strip()
    return bare
