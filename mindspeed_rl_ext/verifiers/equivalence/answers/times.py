r"""Clock times: `8:34 p.m.`, `20:34`, `08:34 \text{P.M.}`, `7 am`, `noon`.

Covers: twelve hours with their mark and twenty-four without. Does not cover: dates, durations,
time zones. A time is no ratio: `1:00` is not `12:00`, though one times zero is twelve times zero.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_DRESS = re.compile(r"\\(?:text|textrm|mathrm|rm|mbox)\b|[{}$~]|\\[ ,;:!]")
_CLOCK = re.compile(
    r"(?P<early>上午|早上|凌晨)?(?P<late>下午|晚上)?"
    r"(?P<hour>[0-9]{1,2})(?:[:：](?P<minute>[0-9]{2})(?:[:：](?P<second>[0-9]{2}))?)?"
    r"\s*(?:(?P<mark>[AaPp])\s?\.?\s?[Mm]\.?|o'clock|(?P<noon>noon)|(?P<midnight>midnight))?"
)
_MAY_BE_TIME = re.compile("[:mM]|noon|NOON|Noon")
_WORDS = {"noon": (12, 0, 0, "p"), "midnight": (12, 0, 0, "a")}


class Time(NamedTuple):
    """A time: `mark` is `a`, `p`, or empty; hour as it is written."""

    hour: int
    minute: int
    second: int
    mark: str


def read_time(text: str) -> Time | None:
    """The time that a text is; None for any other text.

    Example:
        >>> read_time("8:34 p.m."), read_time("3:4")
        (Time(hour=8, minute=34, second=0, mark='p'), None)
    """
    if len(text) > 40 or (text.isascii() and not _MAY_BE_TIME.search(text)):
        return None
    bare = " ".join(_DRESS.sub(" ", text).split())
    if bare.casefold() in _WORDS:
        return Time(*_WORDS[bare.casefold()])
    match = _CLOCK.fullmatch(bare.replace(" :", ":").replace(": ", ":"))
    if match is None:
        return None
    mark = "a" if match["early"] else "p" if match["late"] else (match["mark"] or "").lower()
    mark = "p" if match["noon"] else "a" if match["midnight"] else mark
    if not match["minute"] and not mark:
        return None
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    if hour > 24 or minute > 59 or second > 59 or (mark and not 1 <= hour <= 12):
        return None
    return Time(hour, minute, second, mark)


def same_time(one: Time, other: Time) -> bool:
    """Whether two times are the same; a missing mark counts as a missing unit does.

    Example:
        >>> same_time(Time(8, 34, 0, "p"), Time(20, 34, 0, "")), same_time(
        ...     Time(1, 0, 0, ""), Time(12, 0, 0, ""))
        (True, False)
    """
    if (one.minute, one.second) != (other.minute, other.second):
        return False
    if bool(one.mark) == bool(other.mark):
        return (one.hour, one.mark) == (other.hour, other.mark)
    marked, bare = (one, other) if one.mark else (other, one)
    if 1 <= bare.hour <= 12:
        return marked.hour == bare.hour
    return bare.hour % 24 == marked.hour % 12 + (12 if marked.mark == "p" else 0)
