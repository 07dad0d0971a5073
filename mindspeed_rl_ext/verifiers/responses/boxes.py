r"""The answer that a response puts in its last box, and what stands beside the box.

Covers: boxes inside each other (the outer one counts), boxes side by side that are one answer
(`\boxed{2} and \boxed{3}`, `\boxed{2} \boxed{3}`), a last box that is never closed (then there is
no answer, whatever an earlier box holds), a denial before the box, other answers behind it
(`\boxed{3} or 4`).
Does not cover: which part of a response is read; each verifier has its own.

Example:
    >>> boxed_answer(r"first \boxed{1}, then \boxed{\frac{1}{2}}.").text
    '\\frac{1}{2}'
    >>> boxed_answer(r"\boxed{3} or 4").others, boxed_answer(r"It is not \boxed{3}").denied
    (('4',), True)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mindspeed_rl_ext.core.responses.text import Box, find_boxes
from mindspeed_rl_ext.verifiers.responses.layout import after_think

# What may stand between a box and a word beside it.
_MARKS = r"[\s$\\()\[\]{}*:,]{0,12}"
_VALUE = r"(?:[^\n.;\u3002\uff1b]|\.(?=[0-9])){1,80}"
_OR = r"(?:\bor\b|\u6216\u8005|\u6216|\u8fd8\u662f)"
_BEHIND = re.compile(rf"{_MARKS}{_OR}\s{{0,4}}(?P<others>{_VALUE})")
_GOES_ON = re.compile(rf"{_MARKS}{_OR}\s{{0,4}}\S")
_BEFORE = re.compile(rf"(?P<other>[^\s,;:]{{1,40}})\s{{1,4}}{_OR}{_MARKS}\Z")
_DENIAL = re.compile(
    r"(?:\bnot|n['\u2019]t|\bcannot|\bnever|\u4e0d(?:\u662f|\u4e3a|\u7b49\u4e8e)|\u2260|\\neq?)"
    r"\s{0,4}(?:equal(?:s| to)?|be)?[\s$\\()\[\]{}*:]{0,12}\Z",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    rf"[0-9}}$][^.\n]{{0,60}}{_OR}\s{{0,4}}(?:it(?:'s| is)|maybe|perhaps|possibly)?[\s$]{{0,8}}\Z",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(rf"{_OR}|,|\uff0c|\u3001")
_SAYS_THE_SAME = re.compile(r"\A[\s$]*(?:\u2248|\\approx)|%\s*\Z")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
# Between boxes that are one answer together: nothing, a comma, "and". Not "or": of alternatives
# the last counts.
_SPACES = re.compile(r"(?:[\s$]|\\q?quad(?![A-Za-z])|\\[ ,;:])+")
_AND = r"(?:\\text\{ ?and ?\}|and\b)"
_BETWEEN = re.compile(rf"(?:\\[)\]])? ?(?:,|;|\uff0c|\u3001|\u548c|{_AND})? ?{_AND}? ?(?:\\[(\[])?")
_LOOK_BACK = 60
_MAX_BETWEEN = 40
MAX_TOGETHER = 20


@dataclass(frozen=True)
class Stated:
    """An answer as a response states it.

    Args:
        text: the answer, None where there is none.
        denied: whether the response says that this is not the answer.
        others: further answers that it gives beside.
    """

    text: str | None
    denied: bool = False
    others: tuple[str, ...] = ()


def boxed_answer(text: str, *, is_block: bool = False) -> Stated:
    r"""The answer in the last box of a text.

    Args:
        text: the part of a response that counts.
        is_block: whether the text is an answer block or line, which holds the answer alone: there
            another answer before the box hedges too (`4 or \boxed{3}`).
    """
    boxes = [box for box in find_boxes(text) if box.depth == 0]
    if not boxes or not boxes[-1].closed:
        return Stated(None)
    together = _side_by_side(text, boxes)
    before = text[max(0, together[0].start - _LOOK_BACK) : together[0].start]
    others = _others_behind(text[together[-1].end :])
    if is_block and (match := _BEFORE.search(before)) and _is_value(match["other"]):
        others = (match["other"].strip("$"), *others)
    content = ", ".join(box.content for box in together)
    return Stated(content, denies(before), others)


def boxed_or_whole(text: str) -> Stated:
    """The answer in the last box of an answer block or line; the whole text where it has none."""
    return boxed_answer(text, is_block=True) if find_boxes(text) else Stated(text)


def has_box_in_thinking(response: str) -> bool:
    """Whether a closed box stands before the last `</think>`."""
    start = len(response) - len(after_think(response))
    return any(box.closed and box.end <= start for box in find_boxes(response))


def unfinished_box(text: str) -> str | None:
    r"""What stands in a last box that is never closed; None where there is no such box.

    Example:
        >>> unfinished_box(r"\boxed{3}. Wait, it is \boxed{5"), unfinished_box(r"\boxed{3}")
        ('5', None)
    """
    boxes = [box for box in find_boxes(text) if box.depth == 0]
    return boxes[-1].content if boxes and not boxes[-1].closed else None


def denies(before: str) -> bool:
    """Whether a text ends in a denial of what follows it: `It is not`.

    Example:
        >>> denies("It is not "), denies("It is not 4 but ")
        (True, False)
    """
    return _DENIAL.search(before[-_LOOK_BACK:]) is not None


def hedges(before: str) -> bool:
    """Whether a text offers the value that follows it beside another one.

    Example:
        >>> hedges("It is 4 or maybe "), hedges("One or ")
        (True, False)
    """
    return _HEDGE.search(before[-2 * _LOOK_BACK :]) is not None


def _side_by_side(text: str, boxes: Sequence[Box]) -> list[Box]:
    """The last box with those before it that only space, a comma or "and" separates."""
    together = [boxes[-1]]  # of equal boxes the last stands for all
    for box in reversed(boxes[-MAX_TOGETHER:-1]):
        between = text[box.end : together[0].start]
        near = len(between) <= _MAX_BETWEEN and _BETWEEN.fullmatch(
            _SPACES.sub(" ", between).strip()
        )
        if not box.content or not near:
            break
        together.insert(0, box)
    alike = len({box.content for box in together}) == 1
    return together[-1:] if alike else together


def has_alternatives(text: str) -> bool:
    """Whether a text says "or".

    Example:
        >>> has_alternatives("3 or 4"), has_alternatives("for")
        (True, False)
    """
    return re.search(_OR, text) is not None


def goes_on_with_or(tail: str) -> bool:
    """Whether what stands behind an answer begins with "or", whatever follows.

    Example:
        >>> goes_on_with_or("$, or so it seems"), goes_on_with_or(". Or 4")
        (True, False)
    """
    return _GOES_ON.match(tail[:120]) is not None


def _others_behind(tail: str) -> tuple[str, ...]:
    match = _BEHIND.match(tail[:120])
    if match is None:
        return ()
    items = (item.strip().strip("$").strip() for item in _SEPARATOR.split(match["others"]))
    return tuple(item for item in items if _is_value(item))


def _is_value(item: str) -> bool:
    """A number or a formula; not words, a box, nor a rounding or percentage of what was said."""
    if "boxed" in item or _WORD.search(item) or _SAYS_THE_SAME.search(item):
        return False
    return any(char.isdigit() for char in item) or item.lstrip("$").startswith("\\")
