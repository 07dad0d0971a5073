r"""`countdown`: the last answer is an equation that makes the target of the given numbers.

Covers: the Countdown game with exact fractions. Does not cover: the layout of the response;
`countdown_format` does.

| answer, for {"target":49,"numbers":[44,43,48]} | score | outcome |
|---|---|---|
| `44 - 43 + 48`, `(44-43)+48`, `$48 + 44 - 43$.`, `\boxed{44-43+48}` | 1 | CORRECT |
| `44 - 43 + 48 = 49`, on several lines, with `×`, `÷`, `\times`, `\frac{..}{..}` | 1 | CORRECT |
| another value; a number unused, used twice or not given; `= 50` at the end | 0 | WRONG |
| `2**3`, `8//3`, `1.2`, `05`, `5()`, `4 4`, words, nothing at all | 0 | UNPARSEABLE |
| no closed `<answer>` block | 0 | NO_ANSWER |
| a reference answer that is not such JSON | 0 | BAD_REFERENCE |
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from mindspeed_rl_ext.core.responses.text import find_boxes, strip_stop_tokens
from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.arithmetic import MAX_CHARS, Refused, evaluate
from mindspeed_rl_ext.verifiers.responses.layout import last_block
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

MAX_NUMBERS = 64
MAX_EXPONENT_CHARS = 3  # the sign and two digits
_WRAPPINGS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))


@dataclass(frozen=True)
class Puzzle:
    """A Countdown puzzle: the numbers, each to be used once, and the target."""

    target: Fraction
    numbers: tuple[int, ...]


@verifier(
    "countdown",
    needs=("answer",),
    levels=(1.0, 0.0),
    reads=("answer_tag",),
    judges_answer=True,
    zh="最后一个 answer 块把每个数各用一次得到目标得 1 分，否则 0 分。",
)
def countdown(response: str, *, answer: str, think_prefilled: bool = False) -> Verdict:
    """1 where the last answer block makes the target with each number once, else 0.

    Args:
        response: the policy's text.
        answer: JSON such as `{"target":49,"numbers":[44,43,48]}`; `nums` is accepted.
        think_prefilled: whether the prompt ended in `<think>`; the answer is found either way.
    """
    puzzle = read_puzzle(answer)
    if puzzle is None:
        return Verdict(Outcome.BAD_REFERENCE, 0.0, "no JSON with target and numbers", "reference")
    # A policy that forgets `</think>` has answered all the same; `countdown_format` refuses it.
    block = last_block(strip_stop_tokens(response), in_open_think=True)
    if block is None:
        return Verdict(Outcome.NO_ANSWER, 0.0, "no closed <answer> block", "extraction")
    return _equation_verdict(_unwrapped(block), puzzle)


def read_puzzle(answer: str) -> Puzzle | None:
    """Reads the reference answer; None where it cannot be used.

    Example:
        >>> read_puzzle('{"target": 3, "nums": [1, 2]}')
        Puzzle(target=Fraction(3, 1), numbers=(1, 2))
    """
    if len(answer) > MAX_CHARS:
        return None
    try:
        row = json.loads(answer, parse_float=_decimal, parse_constant=lambda _: None)
    except (ValueError, RecursionError, ZeroDivisionError):
        return None
    if not isinstance(row, dict):
        return None
    numbers = row.get("numbers", row.get("nums"))
    target = _number(row.get("target"))
    if target is None or not isinstance(numbers, list) or not 0 < len(numbers) <= MAX_NUMBERS:
        return None
    counts = [number for number in map(_number, numbers) if number is not None]
    if len(counts) != len(numbers) or any(n < 0 or n.denominator != 1 for n in counts):
        return None
    return Puzzle(target, tuple(int(number) for number in counts))


def _equation_verdict(equation: str, puzzle: Puzzle) -> Verdict:
    left, equals, right = equation.partition("=")
    found = evaluate(left)
    if isinstance(found, Refused):
        return Verdict(Outcome.UNPARSEABLE, 0.0, found.reason, "arithmetic")
    if Counter(found.literals) != Counter(puzzle.numbers):
        reason = f"uses {sorted(found.literals)}, given {sorted(puzzle.numbers)}"
        return Verdict(Outcome.WRONG, 0.0, reason[:300], "numbers")
    if found.value != puzzle.target:
        reason = f"makes {_short(found.value)}, target {_short(puzzle.target)}"
        return Verdict(Outcome.WRONG, 0.0, reason, "value")
    if equals:
        claimed = evaluate(right)
        if isinstance(claimed, Refused) or claimed.value != puzzle.target:
            return Verdict(Outcome.WRONG, 0.0, "what follows = is not the target", "value")
    return Verdict(Outcome.CORRECT, 1.0, f"makes {_short(puzzle.target)}", "value")


def _unwrapped(block: str) -> str:
    """The equation inside a box, dollar signs and a final full stop, as a person reads it."""
    boxes = [box for box in find_boxes(block) if box.closed and box.braced]
    text = (boxes[-1].content if boxes else block).strip()
    text = text[:-1].rstrip() if text.endswith(".") else text
    for opening, closing in _WRAPPINGS:
        long_enough = len(text) >= len(opening) + len(closing)
        if long_enough and text.startswith(opening) and text.endswith(closing):
            return text[len(opening) : -len(closing)].strip()
    return text


def _decimal(text: str) -> Fraction | None:
    """A JSON number with point or exponent; None where writing it out would take for ever."""
    exponent = text.lower().partition("e")[2]
    if len(exponent) > MAX_EXPONENT_CHARS:
        return None
    return Fraction(text)


def _number(value: object) -> Fraction | None:
    """A JSON number as it is written: no float stands between."""
    if isinstance(value, bool) or not isinstance(value, (int, Fraction)):
        return None
    return Fraction(value)


def _short(value: Fraction) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:40] + "..."
