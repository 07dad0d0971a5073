"""Network cards of this machine, and what a script or a runtime_env says of them.

Covers: IPv4 addresses, by the standard library only.
Does not cover: IPv6 addresses, which HCCL does not take here.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from mindspeed_rl_ext.core.files.yaml_file import Document
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers.launch_script import LaunchScript

CARD_VARIABLES = ("SOCKET_IFNAME", "HCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME")
ADDRESS_VARIABLES = ("CURRENT_IP", "MASTER_ADDR")
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


@dataclass(frozen=True)
class NetworkVariables:
    """What a file says of addresses and network cards.

    Args:
        values: variable to value; one that is not set is left out.
        place: where a variable is set.
        one_node: whether the run has one node; None where that is not known.
        local: whether it runs on this machine alone, started by torchrun: a loopback address does.
        cards: gives this machine's cards with their addresses.
    """

    label: ClassVar[Text] = Text("launch script, runtime_env", "启动脚本、runtime_env")

    values: Mapping[str, str]
    place: Callable[[str], Place]
    one_node: bool | None
    local: bool = False
    cards: Callable[[], Mapping[str, list[str]]] = addresses_of_cards


def network_of_script(script: LaunchScript) -> NetworkVariables:
    """The variables of a launch script."""
    names = (*CARD_VARIABLES, *ADDRESS_VARIABLES)
    values = {name: script.get(name) for name in names if name in script.sets}
    nodes = script.get("NNODES")
    local = nodes == "1" and any("torchrun" in row for row in script.rows)
    return NetworkVariables(values, script.place, None if not nodes else nodes == "1", local)


def network_of_runtime_env(document: Document) -> NetworkVariables:
    """The variables of a runtime_env, which goes to every node."""
    variables = document.table("env_vars")
    names = (*CARD_VARIABLES, *ADDRESS_VARIABLES)
    values = {name: str(variables.get(name) or "") for name in names if name in variables}
    # It can't say which node is the master.
    return NetworkVariables(values, lambda name: document.place("env_vars", name), False)
