"""CRC-32 of pieces joined, from the pieces' own.

Covers: one addition of a piece behind another, whatever their lengths.
Does not cover: the CRC of bytes; zlib computes that.

zlib has `crc32_combine`, which Python's module does not offer. Measured as in `out_file`: 1.59 s
with CRCs joined, 1.74 s where the source is read once more for them (1.03 and 1.18 s of CPU).
"""

from __future__ import annotations

from functools import cache, lru_cache

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31


def joined(first: int, second: int, second_length: int) -> int:
    """The CRC-32 of two pieces, one behind the other.

    Args:
        first: CRC-32 of the first piece.
        second: CRC-32 of the second.
        second_length: bytes of the second.

    Example:
        >>> import zlib
        >>> joined(zlib.crc32(b"abc"), zlib.crc32(b"de"), 2) == zlib.crc32(b"abcde")
        True
    """
    return (_product(_shift(second_length), first) if first else 0) ^ second


@lru_cache(maxsize=1024)
def _shift(length: int) -> int:
    """x to the number of bits, modulo the polynomial: what appended bytes do to a CRC."""
    found, power = _ONE, 3
    while length:
        if length & 1:
            found = _product(_squared(power & 31), found)
        length >>= 1
        power += 1
    return found


@cache
def _squared(times: int) -> int:
    """x, squared so many times."""
    if times == 0:
        return _ONE >> 1
    root = _squared(times - 1)
    return _product(root, root)


def _product(left: int, right: int) -> int:
    """The product of two polynomials over GF(2), the lowest power in the highest bit."""
    found, mask = 0, _ONE
    while left:
        if left & mask:
            found ^= right
            left ^= mask
        mask >>= 1
        right = (right >> 1) ^ _POLYNOMIAL if right & 1 else right >> 1
    return found
