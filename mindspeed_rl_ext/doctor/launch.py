"""R12 and S1-11 to S1-15: a launch script as one can read it without running it.

Covers: `NAME=value` and `export NAME=value` with plain values and `${NAME:-value}`, cards, master
address, network card, LD_PRELOAD, broad kills. Does not cover: what a shell would compute.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.doctor.network import addresses_of_cards

_SETS = re.compile(r"^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)=(\"[^\"]*\"|'[^']*'|[^\s#;]*)")
_DEFAULT = re.compile(r"^\$\{[A-Z0-9_]+:?-([^}]*)\}$")
_BROAD_KILL = re.compile(r"^\s*(?:sudo\s+)?(?:pkill|killall)\b.*")
CARD_VARIABLES = ("SOCKET_IFNAME", "HCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME")
ADDRESS_VARIABLES = ("CURRENT_IP", "MASTER_ADDR")


@dataclass(frozen=True)
class Script:
    """What a script sets: name to value and line; its rows."""

    path: Path
    sets: Mapping[str, tuple[str, int]]
    rows: tuple[str, ...]

    def get(self, name: str) -> str:
        """The value of a variable; "" where it is not set."""
        return self.sets.get(name, ("", 0))[0]

    def place(self, name: str) -> Place:
        """Where a variable is set."""
        return Place(str(self.path), name, self.sets.get(name, ("", 0))[1])


def read_script(path: Path) -> Script:
    """Reads a launch script.

    Raises:
        InputError: no such file, or not UTF-8.
    """
    try:
        rows = tuple(path.read_text("utf-8").splitlines())
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not a readable script", found=str(error), remedy="check the path"
        ) from error
    sets: dict[str, tuple[str, int]] = {}
    for number, row in enumerate(rows, start=1):
        match = _SETS.match(row)
        if match:
            value = match.group(2).strip("\"'")
            default = _DEFAULT.match(value)
            sets.setdefault(match.group(1), (default.group(1) if default else value, number))
    return Script(path, sets, rows)


def cards(script: Script, needed: int | None) -> Iterator[Finding]:
    """S1-13: the script starts as many cards as the configuration asks for."""
    counts = [script.get(name) for name in ("NNODES", "NPUS_PER_NODE")]
    for name in ("NNODES", "NPUS_PER_NODE", "MASTER_ADDR"):
        if name not in script.sets:
            yield Finding("R12-unset", Place(str(script.path)), {"key": name})
    if needed is None or not all(count.isdigit() for count in counts):
        return
    nodes, each = map(int, counts)
    values = {"nodes": nodes, "each": each, "cards": nodes * each, "needed": needed}
    rule = "S1-13" if nodes * each < needed else "S1-13-holds"
    yield Finding(rule, script.place("NNODES"), values)


def master(script: Script) -> Iterator[Finding]:
    """S1-14: the master's address is one of a network card, on one node that of this node."""
    for name in ADDRESS_VARIABLES:
        if name in script.sets:
            yield from address(script.get(name), script.place(name))
    if script.get("NNODES") == "1":
        yield from _one_address(script)


def _one_address(script: Script) -> Iterator[Finding]:
    current, master = (script.get(name) for name in ADDRESS_VARIABLES)
    # A name may be that of the other's address, which only a resolver knows.
    if not (_is_ip(current) and _is_ip(master)) or current == master:
        return
    if not any(map(_is_loopback, (current, master))):  # said already
        values = {"master": master, "current": current}
        yield Finding("S1-14-differs", script.place("MASTER_ADDR"), values)


def address(value: str, place: Place) -> Iterator[Finding]:
    """Whether a text can be a master's address; computed values are left alone."""
    if value.startswith(("$", "`")):
        return
    if _is_loopback(value):
        yield Finding("S1-14", place, {"value": value})
    elif not value or " " in value or not _is_host(value):
        yield Finding("S1-14-empty", place, {"value": value or "-"})


def _is_loopback(value: str) -> bool:
    return value == "localhost" or value.startswith("127.") or value in ("0.0.0.0", "::1")


def _is_host(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return bool(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", value))
    return True


def network_card(
    script: Script, cards_here: Callable[[], Mapping[str, list[str]]] = addresses_of_cards
) -> Iterator[Finding]:
    """S1-15: the card is there, and on one node it holds the master's address."""
    values = {name: script.get(name) for name in (*CARD_VARIABLES, *ADDRESS_VARIABLES)}
    one_node = script.get("NNODES") in ("", "1")
    yield from cards_and_addresses(values, script.place, one_node, cards_here)


def cards_and_addresses(
    values: Mapping[str, str],
    place: Callable[[str], Place],
    one_node: bool,
    cards_here: Callable[[], Mapping[str, list[str]]] = addresses_of_cards,
) -> Iterator[Finding]:
    """S1-15: each card that variables name is there, and holds the address that they name.

    Args:
        values: variable to value, "" where it is not set.
        place: where a variable is set.
        one_node: whether the master is this machine.
        cards_here: this machine's cards.
    """
    # On several nodes the master is elsewhere, and this node's own address is computed.
    variable = "CURRENT_IP" if _is_plain(values.get("CURRENT_IP", "")) else "MASTER_ADDR"
    wanted = values.get(variable, "") if variable == "CURRENT_IP" or one_node else ""
    for name in CARD_VARIABLES:
        card = values.get(name, "")
        # HCCL takes a list, `=` for a whole name and `^` for all but that; those are left alone.
        if not _is_plain(card) or re.search(r"[\s,=^]", card):
            continue
        here = cards_here()
        if name == "HCCL_SOCKET_IFNAME" and card not in here:
            card = next((own for own in here if own.startswith(card)), card)
        if card not in here:
            yield Finding(
                "S1-15-absent", place(name), {"card": card, "cards": ", ".join(here) or "none"}
            )
        elif _is_ip(wanted) and wanted not in here[card]:
            found = {"card": card, "addresses": ", ".join(here[card]) or "no address"}
            found |= {"address": wanted, "variable": variable, "variable_card": name}
            yield Finding("S1-15", place(name), found)


def _is_plain(value: str) -> bool:
    return bool(value) and not value.startswith(("$", "`"))


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def preloaded(script: Script) -> Iterator[Finding]:
    """S1-11: what LD_PRELOAD names is there."""
    for part in re.split(r"[:\s]+", script.get("LD_PRELOAD")):
        if part.startswith("/") and not Path(part).exists():
            yield Finding("S1-11", script.place("LD_PRELOAD"), {"path": part})


def broad_kills(script: Script) -> Iterator[Finding]:
    """A script ends only what it started."""
    for number, row in enumerate(script.rows, start=1):
        if _BROAD_KILL.match(row):
            place = Place(str(script.path), "", number)
            yield Finding("R12-kill", place, {"line": row.strip()})
