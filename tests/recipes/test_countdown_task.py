"""The Countdown task of the quickstart: solvable, split by number set, rightly shown."""

from __future__ import annotations

import json
import random
import re
from itertools import product

import pytest

from mindspeed_rl_ext.recipes.tasks.signs import (
    Problem,
    demonstrate,
    demonstrations,
    split_problems,
    valid_signs,
)

TRY = re.compile(r"(\d+)(?:[+-]\d+=\d+)+[;!]")


def reachable(numbers: tuple[int, ...]) -> set[int]:
    """Targets by brute force, written without the module's helpers."""
    found = set()
    for signs in product("+-", repeat=len(numbers) - 1):
        value, lowest = numbers[0], numbers[0]
        for sign, number in zip(signs, numbers[1:], strict=True):
            value = value + number if sign == "+" else value - number
            lowest = min(lowest, value)
        if lowest >= 0:
            found.add(value)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_no_number_set_is_both_trained_on_and_held_out(seed: int) -> None:
    train, held_out = split_problems(seed)
    assert not {p.numbers for p in train} & {p.numbers for p in held_out}
    assert len({p.numbers for p in train} | {p.numbers for p in held_out}) == 220


def test_every_problem_has_a_solution_and_every_reachable_target_is_a_problem() -> None:
    train, held_out = split_problems(0)
    by_set: dict[tuple[int, ...], set[int]] = {}
    for problem in train + held_out:
        by_set.setdefault(problem.numbers, set()).add(problem.target)
    assert all(targets == reachable(numbers) for numbers, targets in by_set.items())


def test_the_answer_is_the_json_that_the_verifier_reads() -> None:
    assert json.loads(Problem((12, 10, 6), 28).answer) == {"target": 28, "numbers": [12, 10, 6]}


def test_running_values_never_fall_below_zero() -> None:
    assert (1, -1, -1) not in valid_signs((5, 4, 3))


def test_a_demonstration_states_true_sums_and_answers_with_its_last_try() -> None:
    rng = random.Random(0)
    train, _ = split_problems(0)
    for problem in train[:200]:
        text = demonstrate(problem, rng)
        thought, answer = re.fullmatch(r"<think>(.*)</think><answer>(.*)</answer>", text).groups()  # type: ignore[union-attr]
        tries = [m.group() for m in TRY.finditer(thought)]
        assert "".join(tries) == thought
        last = tries[-1]
        assert re.sub(r"=\d+", "", last[:-1]) == answer
        final = int(re.findall(r"=(\d+)", last)[-1])
        assert (last[-1] == "!") == (final == problem.target)


def test_demonstrations_are_right_less_than_every_other_time() -> None:
    train, _ = split_problems(0)
    rows = list(demonstrations(train, 3000, seed=0))
    right = sum("!" in row["output"] for row in rows) / len(rows)
    assert 0.35 < right < 0.60


def test_the_same_seed_gives_the_same_rows() -> None:
    train, _ = split_problems(0)
    first, again = (list(demonstrations(train, 50, seed=7)) for _ in range(2))
    assert first == again
    assert first != list(demonstrations(train, 50, seed=8))
