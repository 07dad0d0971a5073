"""Which network cards this machine has, and their addresses. Standard library only.

Does not cover: IPv6 addresses, which HCCL does not take here.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

_SIOCGIFADDR = 0x8915


def addresses_of_cards() -> Mapping[str, list[str]]:
    """Card to IPv4 address; an empty list for a card without one."""
    try:
        names = [name for _, name in socket.if_nameindex()]
    except OSError:
        return {}
    return {name: _addresses(name) for name in names}


def _addresses(card: str) -> list[str]:
    try:
        import fcntl  # not on every system

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            asked = struct.pack("256s", card.encode()[:15])
            answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, asked)
    except (ImportError, OSError):
        return []
    return [socket.inet_ntoa(answer[20:24])]
