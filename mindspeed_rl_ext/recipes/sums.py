"""A sum task small enough to be learned on a CPU: add and subtract three numbers, step by step.

Covers: three distinct numbers from 1 to 8 in descending order and two signs, every running value
at least 0; problems split so that whole number sets are held out; worked solutions, careful and
careless ones.
Does not cover: judging a response; any verifier of numbers does.

One problem, its reference answer, and two solutions in the style of GSM8K:

    8+7-4=
    11
    8+7=15;15-4=11 #### 11
    ? #### 13

A careful solution works step by step and is right; a careless one, every other, guesses and is
wrong. A policy that imitates both learns to work, and to guess: reinforcement learning makes it
work more often, and its responses longer.
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

MAX_NUMBER = 8
CARELESS_PROBABILITY = 0.5
MAX_MISS = 3


@dataclass(frozen=True)
class Sum:
    """Numbers in descending order, and the sign of each; the first sign is +."""

    numbers: tuple[int, ...]
    signs: Signs

    @property
    def prompt(self) -> str:
        """The question.

        Example:
            >>> Sum((8, 7, 4), (1, 1, -1)).prompt
            '8+7-4='
        """
        rest = zip(self.numbers[1:], self.signs[1:], strict=True)
        return str(self.numbers[0]) + "".join(f"{'+' if s > 0 else '-'}{n}" for n, s in rest) + "="

    @property
    def answer(self) -> str:
        """The reference answer, a number."""
        return str(sum_of(self.numbers, self.signs))

    def solution(self, rng: random.Random, careless: float = CARELESS_PROBABILITY) -> str:
        """A solution, right where it is careful.

        Args:
            rng: draws which kind it is, and by how much a guess misses.
            careless: probability of a guess.

        Example:
            >>> Sum((8, 7, 4), (1, 1, -1)).solution(random.Random(0), careless=0.0)
            '8+7=15;15-4=11 #### 11'
        """
        if rng.random() < careless:
            miss = rng.randint(1, MAX_MISS)
            right = int(self.answer)
            return (
                f"? #### {right - miss if rng.random() < 0.5 and right >= miss else right + miss}"
            )
        value, steps = self.numbers[0], []
        for number, sign in zip(self.numbers[1:], self.signs[1:], strict=True):
            result = value + sign * number
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
    """Yields problems, drawn with replacement, each with a solution.

    Args:
        problems: drawn from.
        count: how many.
        seed: draws the problems and the kinds of solutions.
    """
    rng = random.Random(seed)
    for _ in range(count):
        problem = rng.choice(problems)
        yield problem, problem.solution(rng)
