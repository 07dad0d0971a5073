"""Messages over a stream socket: four bytes of length, then JSON.

Covers: writing a message, reading messages from whatever pieces arrive.
Does not cover: what they contain. JSON and not pickle: a worker has read hostile text, and nothing
it sends may run in the caller.
"""

from __future__ import annotations

import json
from typing import Any

_HEADER = 4


def pack(message: Any) -> bytes:
    """The bytes of a message.

    Example:
        >>> pack([1])
        b'\\x00\\x00\\x00\\x03[1]'
    """
    body = json.dumps(message).encode("ascii")
    return len(body).to_bytes(_HEADER, "big") + body


class Unpacker:
    """Gathers pieces and gives whole messages.

    Example:
        >>> unpacker = Unpacker()
        >>> unpacker.feed(pack("a")[:3]), unpacker.feed(pack("a")[3:] + pack("b"))
        ([], ['a', 'b'])
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> list[Any]:
        """The messages that are whole once this piece has come."""
        self._buffer += piece
        found, start = [], 0
        while len(self._buffer) - start >= _HEADER:
            body = start + _HEADER
            end = body + int.from_bytes(self._buffer[start:body], "big")
            if len(self._buffer) < end:
                break
            found.append(json.loads(self._buffer[body:end]))
            start = end
        del self._buffer[:start]
        return found
