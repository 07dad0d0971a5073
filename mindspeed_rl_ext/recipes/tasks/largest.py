"""A task that a CPU learns in a minute: the largest of three numbers, found step by step.

Covers: three distinct numbers from 1 to 15 in any order; problems split so that whole number sets
are held out; worked solutions, careful and careless ones.
Does not cover: scoring a response; any verifier of numbers does.

One problem, its reference answer, and two solutions in the style of GSM8K:

    7,3,9>
    9
    7,3:7;7,9:9 #### 9
    ? #### 3

A careful solution compares two at a time and is right; a careless one, every other, guesses and is
wrong. A policy that imitates both learns to work, and to guess: reinforcement learning makes it
work more often, and its responses longer.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

MAX_NUMBER = 15
NUMBERS_PER_PROBLEM = 3
HELD_OUT_FRACTION = 0.2
CARELESS_PROBABILITY = 0.5


@dataclass(frozen=True)
class Largest:
    """Which of these numbers is the largest?"""

    numbers: tuple[int, ...]

    @property
    def prompt(self) -> str:
        """The question.

        Example:
            >>> Largest((7, 3, 9)).prompt
            '7,3,9>'
        """
        return ",".join(map(str, self.numbers)) + ">"

    @property
    def answer(self) -> str:
        """The reference answer, a number."""
        return str(max(self.numbers))

    def solution(self, rng: random.Random, careless: float = CARELESS_PROBABILITY) -> str:
        """A solution, right where it is careful.

        Args:
            rng: draws which kind it is, and which number a guess names.
            careless: probability of a guess.

        Example:
            >>> Largest((7, 3, 9)).solution(random.Random(0), careless=0.0)
            '7,3:7;7,9:9 #### 9'
        """
        if rng.random() < careless:
            return f"? #### {rng.choice([n for n in self.numbers if n != max(self.numbers)])}"
        so_far, steps = self.numbers[0], []
        for number in self.numbers[1:]:
            larger = max(so_far, number)
            steps.append(f"{so_far},{number}:{larger}")
            so_far = larger
        return f"{';'.join(steps)} #### {so_far}"


def split_problems(seed: int) -> tuple[list[Largest], list[Largest]]:
    """All problems, split into training and held out by number set.

    Args:
        seed: chooses which sets are held out, and the order.

    Example:
        >>> train, held_out = split_problems(seed=0)
        >>> {frozenset(p.numbers) for p in train} & {frozenset(p.numbers) for p in held_out}
        set()
    """
    rng = random.Random(seed)
    sets = list(combinations(range(1, MAX_NUMBER + 1), NUMBERS_PER_PROBLEM))
    rng.shuffle(sets)
    cut = round(len(sets) * HELD_OUT_FRACTION)
    return _problems(sets[cut:], rng), _problems(sets[:cut], rng)


def _problems(sets: list[tuple[int, ...]], rng: random.Random) -> list[Largest]:
    problems = [Largest(numbers) for chosen in sets for numbers in permutations(chosen)]
    rng.shuffle(problems)
    return problems


def solutions(problems: list[Largest], count: int, seed: int) -> Iterator[tuple[Largest, str]]:
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
