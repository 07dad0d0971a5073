"""A Countdown task small enough to be learned on a CPU: choose the signs.

Covers: three distinct numbers from 1 to 12 in descending order and a target that one choice of
signs reaches, every running value being at least 0; problems split so that whole number sets are
held out; demonstrations that try sign choices one after the other and often give up.
Does not cover: scoring a response; the verifiers `countdown` and `countdown_format` do.

One problem and one demonstration:

    12,10,6>28:
    <think>12-10=2+6=8;12+10=22+6=28!</think><answer>12+10+6</answer>

`;` marks a miss and `!` a hit. A demonstration gives up after a miss with probability 0.5, so it
is right less than every other time: what lifts the accuracy later is not in the demonstrations.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

MAX_NUMBER = 12
NUMBERS_PER_PROBLEM = 3
HELD_OUT_FRACTION = 0.2
GIVE_UP_PROBABILITY = 0.5

Signs = tuple[int, ...]


@dataclass(frozen=True)
class Problem:
    """Numbers in descending order, and the target that some signs reach."""

    numbers: tuple[int, ...]
    target: int

    @property
    def prompt(self) -> str:
        """The text that the policy is given.

        Example:
            >>> Problem((12, 10, 6), 28).prompt
            '12,10,6>28:'
        """
        return f"{','.join(map(str, self.numbers))}>{self.target}:"

    @property
    def answer(self) -> str:
        """The reference answer: the compact JSON that the verifier `countdown` reads."""
        return json.dumps(
            {"target": self.target, "numbers": list(self.numbers)}, separators=(",", ":")
        )

    def row(self) -> dict[str, Any]:
        """The problem as a row of a data set."""
        return {"question": self.prompt, "answer": self.answer}


def split_problems(seed: int) -> tuple[list[Problem], list[Problem]]:
    """All problems, split into training and held out by number set.

    Args:
        seed: chooses which sets are held out, and the order.

    Example:
        >>> train, held_out = split_problems(seed=0)
        >>> len({p.numbers for p in train}), len({p.numbers for p in held_out})
        (176, 44)
    """
    rng = random.Random(seed)
    sets = [
        tuple(sorted(chosen, reverse=True))
        for chosen in combinations(range(1, MAX_NUMBER + 1), NUMBERS_PER_PROBLEM)
    ]
    rng.shuffle(sets)
    held_out_sets = sets[: round(len(sets) * HELD_OUT_FRACTION)]
    train_sets = sets[len(held_out_sets) :]
    return _problems(train_sets, rng), _problems(held_out_sets, rng)


def _problems(sets: list[tuple[int, ...]], rng: random.Random) -> list[Problem]:
    targets = {(numbers, sum_of(numbers, s)) for numbers in sets for s in valid_signs(numbers)}
    problems = [Problem(numbers, target) for numbers, target in sorted(targets)]
    rng.shuffle(problems)
    return problems


def valid_signs(numbers: tuple[int, ...]) -> list[Signs]:
    """Sign choices whose running value never falls below 0; the first number is always added.

    Example:
        >>> valid_signs((3, 2, 1))
        [(1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1)]
    """
    choices = [(1, *rest) for rest in product((1, -1), repeat=len(numbers) - 1)]
    return [signs for signs in choices if min(_running(numbers, signs)) >= 0]


def sum_of(numbers: tuple[int, ...], signs: Signs) -> int:
    """The value of the numbers with these signs."""
    return _running(numbers, signs)[-1]


def _running(numbers: tuple[int, ...], signs: Signs) -> list[int]:
    values: list[int] = []
    for number, sign in zip(numbers, signs, strict=True):
        values.append((values[-1] if values else 0) + sign * number)
    return values


def demonstrations(problems: list[Problem], count: int, seed: int) -> Iterator[dict[str, str]]:
    """Yields Alpaca rows: `instruction` is a prompt, `output` a demonstrated response.

    Args:
        problems: drawn from with replacement.
        count: number of rows.
        seed: draws problems, the order of tries and where to give up.
    """
    rng = random.Random(seed)
    for _ in range(count):
        problem = rng.choice(problems)
        yield {
            "instruction": problem.prompt,
            "input": "",
            "output": demonstrate(problem, rng),
        }


def demonstrate(problem: Problem, rng: random.Random) -> str:
    """One response: tries in random order until a hit or until it gives up.

    Example:
        >>> demonstrate(Problem((3, 2, 1), 6), random.Random(1)).endswith("</answer>")
        True
    """
    choices = valid_signs(problem.numbers)
    rng.shuffle(choices)
    tries: list[str] = []
    signs = choices[0]
    for signs in choices:
        hit = sum_of(problem.numbers, signs) == problem.target
        tries.append(_try_text(problem.numbers, signs) + ("!" if hit else ";"))
        if hit or rng.random() < GIVE_UP_PROBABILITY:
            break
    expression = _expression(problem.numbers, signs)
    return f"<think>{''.join(tries)}</think><answer>{expression}</answer>"


def _expression(numbers: tuple[int, ...], signs: Signs) -> str:
    signed = (f"{'+' if s > 0 else '-'}{n}" for n, s in zip(numbers, signs, strict=True))
    return "".join(signed).removeprefix("+")


def _try_text(numbers: tuple[int, ...], signs: Signs) -> str:
    values = _running(numbers, signs)
    steps = zip(numbers[1:], signs[1:], values[1:], strict=True)
    return str(numbers[0]) + "".join(f"{'+' if s > 0 else '-'}{n}={v}" for n, s, v in steps)
