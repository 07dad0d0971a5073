"""Tasks made on the spot, for the CPU sizes: nothing is downloaded.

Covers: the problems of `signs` and `largest` as rows of question, answer
and worked solution, split by number set.
Does not cover: a model; `models` makes one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mindspeed_rl_ext.recipes.tasks import largest, signs

NUM_SOLUTIONS = 6_000


@dataclass(frozen=True)
class TaskRow:
    """One problem.

    Args:
        question: what is asked.
        answer: the reference answer.
        solution: a worked solution, "" where there is none.
    """

    question: str
    answer: str
    solution: str = ""


@dataclass(frozen=True)
class Task:
    """Problems to train on, problems held out, and worked solutions to imitate."""

    train: list[TaskRow]
    held_out: list[TaskRow]
    solutions: list[TaskRow]


def _signs(seed: int) -> Task:
    train, held_out = signs.split_problems(seed)
    shown = signs.demonstrations(train, NUM_SOLUTIONS, seed)
    return Task(
        [TaskRow(p.prompt, p.answer) for p in train],
        [TaskRow(p.prompt, p.answer) for p in held_out],
        [TaskRow(row["instruction"], "", row["output"]) for row in shown],
    )


def _largest(seed: int) -> Task:
    train, held_out = largest.split_problems(seed)
    return Task(
        [TaskRow(p.prompt, p.answer) for p in train],
        [TaskRow(p.prompt, p.answer) for p in held_out],
        [
            TaskRow(p.prompt, p.answer, text)
            for p, text in largest.solutions(train, NUM_SOLUTIONS, seed)
        ],
    )


TASKS: Mapping[str, Callable[[int], Task]] = {"signs": _signs, "largest": _largest}
