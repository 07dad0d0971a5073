"""A sum task small enough to be learned on a CPU: add and subtract three numbers, step by step.

Covers: three distinct numbers from 1 to 9 in descending order and two signs, every running value
at least 0;
problems split so that whole number sets are held out; worked solutions in which steps slip.
Does not cover: judging a response; any verifier of numbers does.

One problem, its reference answer, and a worked solution in the style of GSM8K:

    9+7-4=
    12
    9+7=16;16-4=12 #### 12

A step of a solution slips by one with probability 0.3, so that a policy that imitates them is
right half of the time: what lifts the accuracy later is not in the solutions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from mindspeed_rl_ext.recipes.countdown import (
    HELD_OUT_FRACTION,
    NUMBERS_PER_PROBLEM,
    Signs,
    sum_of,
    valid_signs,
)

MAX_NUMBER = 9
SLIP_PROBABILITY = 0.3


@dataclass(frozen=True)
class Sum:
    """Numbers in descending order, and the sign of each; the first sign is +."""

    numbers: tuple[int, ...]
    signs: Signs

    @property
    def prompt(self) -> str:
        """The question.

        Example:
            >>> Sum((9, 7, 4), (1, 1, -1)).prompt
            '9+7-4='
        """
        rest = zip(self.numbers[1:], self.signs[1:], strict=True)
        return str(self.numbers[0]) + "".join(f"{'+' if s > 0 else '-'}{n}" for n, s in rest) + "="

    @property
    def answer(self) -> str:
        """The reference answer, a number."""
        return str(sum_of(self.numbers, self.signs))

    def solution(self, rng: random.Random, slip: float = SLIP_PROBABILITY) -> str:
        """A worked solution; what a slip changes is carried on.

        Args:
            rng: draws the slips.
            slip: probability that a step is off by one.

        Example:
            >>> Sum((9, 7, 4), (1, 1, -1)).solution(random.Random(0), slip=0.0)
            '9+7=16;16-4=12 #### 12'
        """
        value, steps = self.numbers[0], []
        for number, sign in zip(self.numbers[1:], self.signs[1:], strict=True):
            right = value + sign * number
            slipped = rng.random() < slip
            result = max(0, right + rng.choice((-1, 1))) if slipped else max(0, right)
            steps.append(f"{value}{'+' if sign > 0 else '-'}{number}={result}")
            value = result
        return f"{';'.join(steps)} #### {value}"


def split_sums(seed: int) -> tuple[list[Sum], list[Sum]]:
    """All problems, split into training and held out by number set.

    Args:
        seed: chooses which sets are held out, and the order.

    Example:
        >>> train, held_out = split_sums(seed=0)
        >>> {frozenset(p.numbers) for p in train} & {frozenset(p.numbers) for p in held_out}
        set()
    """
    rng = random.Random(seed)
    sets = list(combinations(range(MAX_NUMBER, 0, -1), NUMBERS_PER_PROBLEM))
    rng.shuffle(sets)
    cut = round(len(sets) * HELD_OUT_FRACTION)
    return _problems(sets[cut:], rng), _problems(sets[:cut], rng)


def _problems(sets: list[tuple[int, ...]], rng: random.Random) -> list[Sum]:
    problems = [Sum(numbers, signs) for numbers in sets for signs in valid_signs(numbers)]
    rng.shuffle(problems)
    return problems


def solutions(problems: list[Sum], count: int, seed: int) -> Iterator[tuple[Sum, str]]:
    """Yields problems, drawn with replacement, each with a worked solution.

    Args:
        problems: drawn from.
        count: how many.
        seed: draws the problems and the slips.
    """
    rng = random.Random(seed)
    for _ in range(count):
        problem = rng.choice(problems)
        yield problem, problem.solution(rng)
