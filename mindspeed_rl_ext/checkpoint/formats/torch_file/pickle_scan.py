"""A look at a pickle's operations before Python's unpickler runs them.

Covers: numbers of remembered objects beyond what the pickle can have. Python makes room for all
numbers below one that it meets: a flipped bit in four bytes is enough for 32 GB.
Does not cover: whether the operations make sense; the unpickler finds that out.
"""

from __future__ import annotations

import pickle
import re
from functools import cache

# Operations by what follows them; those of `_LENGTHS` have a length first.
_FIXED = {
    0: rb"()N012de}\]lRsutboQa\x81\x85-\x89\x8f-\x94\x97\x98",
    1: rb"Kqh\x80\x82",
    2: rb"M\x83",
    4: rb"Jj\x84",
    8: rb"G\x95",
}
_LINES = {1: rb"ILFSVPg", 2: rb"ci"}
_LENGTHS = {
    1: (pickle.SHORT_BINSTRING, pickle.SHORT_BINBYTES, pickle.SHORT_BINUNICODE, pickle.LONG1),
    4: (pickle.BINSTRING, pickle.BINBYTES, pickle.BINUNICODE, pickle.LONG4),
    8: (pickle.BINUNICODE8, pickle.BINBYTES8, pickle.BYTEARRAY8),
}
_LENGTH_OF = {op[0]: size for size, ops in _LENGTHS.items() for op in ops}
_MEMO = (pickle.LONG_BINPUT[0], pickle.PUT[0])


def check_memo(data: bytes) -> None:
    """Checks that no number of a remembered object is larger than the pickle is long.

    Args:
        data: a pickle.

    Raises:
        pickle.UnpicklingError: one is.

    Example:
        >>> check_memo(pickle.dumps(["a"] * 3))
        >>> check_memo(b"]r\\x00\\x00\\x00\\x80.")
        Traceback (most recent call last):
        _pickle.UnpicklingError: the number of an object is beyond its 7 bytes
    """
    pattern, at = _without_length(len(data)), 0
    while at < len(data):
        found = pattern.match(data, at)
        if found and found.end() > at:
            at = found.end()
            continue
        size = _LENGTH_OF.get(data[at])
        if size is None:  # the end, or what the unpickler refuses
            break
        start = at + 1 + size
        at = start + int.from_bytes(data[at + 1 : start], "little")
    if at < len(data) and data[at] in _MEMO:
        raise pickle.UnpicklingError(f"the number of an object is beyond its {len(data)} bytes")


def _without_length(count: int) -> re.Pattern[bytes]:
    """Operations that have no length, up to the first that has one, or that is wrong."""
    return _operations(next(n for n in (1, 2, 3, 4) if count < 256**n or n == 4))


@cache
def _operations(memo_bytes: int) -> re.Pattern[bytes]:
    fixed = [rb"[%s].{%d}" % (ops, size) for size, ops in _FIXED.items()]
    lines = [rb"[%s]" % ops + rb"[^\n]*\n" * count for count, ops in _LINES.items()]
    memo = rb"r.{%d}\x00{%d}" % (memo_bytes, 4 - memo_bytes)
    text_memo = rb"p\d{1,%d}\n" % (2 * memo_bytes + 1)
    # Not more at a time: each costs memory while the rest is matched.
    return re.compile(rb"(?:%s){,4096}" % rb"|".join([*fixed, *lines, memo, text_memo]), re.DOTALL)
