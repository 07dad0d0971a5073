"""The benchmarks by name: how many rows each has, and where its rows keep what is needed.

Covers: the six of SimpleRL, in the layout `<name>/test.jsonl`, as one table; another benchmark is
another row of it.
Does not cover: reading the files; `problems` does.

One row of each schema, shortened:

    aime24, amc23   {"id": 60, "problem": "...", "question": "...", "answer": "204"}
    gsm8k           {"question": "...", "answer": "... #### 18"}
    math500         {"problem": "...", "answer": "2", "subject": "Algebra", "level": 2}
    minerva_math    {"problem": "...", "solution": "... \\boxed{1.6} ...", "type": "Relativity"}
    olympiadbench   {"question": "...", "final_answer": ["$1$"], "unit": null, "subfield": "..."}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mindspeed_rl_ext.core.errors import InputError, nearest

FILE = "test.jsonl"


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    Args:
        name: of its folder.
        rows: how many problems its published file has.
        question: columns that may hold the question; the first that a row has counts.
        answer: the column that holds the reference answer.
        kind: how the answer stands there: "value", "gsm8k", "boxed", "list".
        slices: what results are broken down by: a name for people, and its column.
    """

    name: str
    rows: int
    question: tuple[str, ...]
    answer: str
    kind: str
    slices: Mapping[str, str] = field(default_factory=dict)


_TABLE = (
    Benchmark("aime24", 30, ("question", "problem"), "answer", "value"),
    Benchmark("amc23", 40, ("question", "problem"), "answer", "value"),
    Benchmark("gsm8k", 1319, ("question",), "answer", "gsm8k"),
    Benchmark(
        "math500", 500, ("problem",), "answer", "value", {"level": "level", "subject": "subject"}
    ),
    Benchmark("minerva_math", 272, ("problem",), "solution", "boxed", {"subject": "type"}),
    Benchmark("olympiadbench", 675, ("question",), "final_answer", "list", {"subject": "subfield"}),
)
BENCHMARKS: Mapping[str, Benchmark] = {benchmark.name: benchmark for benchmark in _TABLE}


def benchmarks_named(words: str) -> list[Benchmark]:
    """The benchmarks of a list separated by commas.

    Raises:
        InputError: an unknown name, one given twice, or none.

    Example:
        >>> [b.rows for b in benchmarks_named("aime24, amc23")]
        [30, 40]
    """
    names = [word.strip() for word in words.split(",") if word.strip()]
    if not names:
        raise InputError("no benchmark is given", expected=", ".join(BENCHMARKS))
    for name in names:
        if name not in BENCHMARKS:
            raise InputError(f"unknown benchmark {name!r}", remedy=nearest(name, BENCHMARKS))
        if names.count(name) > 1:
            raise InputError(f"benchmark {name!r} is given twice", remedy="name it once")
    return [BENCHMARKS[name] for name in names]
