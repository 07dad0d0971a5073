"""Addresses and network cards that a launch script or a runtime_env names.

Covers: loopback and empty addresses, one address on one node, cards of this machine and their
addresses. Does not cover: names that only a resolver knows; values that a shell computes.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.network_cards import (
    ADDRESS_VARIABLES,
    CARD_VARIABLES,
    NetworkVariables,
)
from mindspeed_rl_ext.doctor.rulebook import check, rule

MASTER_ADDRESS_LOOPBACK = rule(
    "master-address-loopback",
    "error",
    on=NetworkVariables,
    en=(
        "{key} is {value}: HCCL and Ray need the address of a network card",
        "MASTER_ADDR: the IP of the head node; CURRENT_IP: that of this node",
    ),
    zh=(
        "{key} 是 {value}：HCCL 和 Ray 需要网卡的地址",
        "MASTER_ADDR 填主节点 IP，CURRENT_IP 填本机 IP",
    ),
)
MASTER_ADDRESS_EMPTY = rule(
    "master-address-empty",
    "note",
    on=NetworkVariables,
    en=(
        "{key} is not filled in yet ({value})",
        "MASTER_ADDR: the IP of the head node, the same on every node",
    ),
    zh=("{key} 还没有填写（{value}）", "MASTER_ADDR 填主节点 IP，所有节点一致"),
)


@check(NetworkVariables)
def addresses(variables: NetworkVariables) -> Iterator[Finding]:
    """Addresses are those of a network card; computed ones are left alone."""
    for name in ADDRESS_VARIABLES:
        value = variables.values.get(name)
        if value is None or value.startswith(("$", "`")):
            continue
        if _is_loopback(value) and not variables.local:
            yield MASTER_ADDRESS_LOOPBACK.at(variables.place(name), key=name, value=value)
        elif not value or " " in value or not (_is_host(value) or _is_loopback(value)):
            yield MASTER_ADDRESS_EMPTY.at(variables.place(name), key=name, value=value or "-")


@rule(
    "master-address-differs",
    "error",
    on=NetworkVariables,
    en=(
        "one node (NNODES 1), but MASTER_ADDR is {master} and CURRENT_IP is {current}: "
        "this node waits for a master that is elsewhere",
        "MASTER_ADDR: {current}",
    ),
    zh=(
        "单机（NNODES 为 1），但 MASTER_ADDR 是 {master}，CURRENT_IP 是 "
        "{current}：本机会一直等待别处的主节点",
        "MASTER_ADDR 填 {current}",
    ),
)
def one_address(variables: NetworkVariables) -> Iterator[At]:
    """On one node the master is this node."""
    current, master = (variables.values.get(name, "") for name in ADDRESS_VARIABLES)
    # A name may be that of the other's address, which only a resolver knows.
    if not variables.one_node or not (_is_ip(current) and _is_ip(master)) or current == master:
        return
    if not any(map(_is_loopback, (current, master))):  # a finding of its own
        yield at(variables.place("MASTER_ADDR"), master=master, current=current)


NETWORK_CARD_ABSENT = rule(
    "network-card-absent",
    "warning",
    on=NetworkVariables,
    en=(
        "this machine has no network card {card}; it has {cards}",
        "name the card of this node's IP; run doctor on the node that will run it",
    ),
    zh=("本机没有网卡 {card}；有 {cards}", "填本节点 IP 所在的网卡；请在要运行的节点上执行 doctor"),
)
NETWORK_CARD_OTHER_ADDRESS = rule(
    "network-card-other-address",
    "error",
    on=NetworkVariables,
    en=(
        "the network card {card} has {addresses}, not the {address} of {variable}",
        "{card_variable}: the card that holds {address} (ip addr shows it)",
    ),
    zh=(
        "网卡 {card} 的地址是 {addresses}，不是 {variable} 的 {address}",
        "{card_variable} 填拥有 {address} 的网卡（ip addr 可查）",
    ),
)


@check(NetworkVariables)
def network_cards(variables: NetworkVariables) -> Iterator[Finding]:
    """Each card that variables name is there, and holds the address that they name."""
    values = variables.values
    # On several nodes the master is elsewhere, and this node's own address is computed.
    variable = "CURRENT_IP" if _is_plain(values.get("CURRENT_IP", "")) else "MASTER_ADDR"
    known = variable == "CURRENT_IP" or variables.one_node is not False
    wanted = values.get(variable, "") if known else ""
    for name in CARD_VARIABLES:
        card = values.get(name, "")
        # HCCL takes a list, `=` for a whole name and `^` for all but that; those are left alone.
        if not _is_plain(card) or re.search(r"[\s,=^]", card):
            continue
        here = variables.cards()
        if name == "HCCL_SOCKET_IFNAME" and card not in here:
            card = next((own for own in here if own.startswith(card)), card)
        if card not in here:
            cards = ", ".join(here) or "-"
            yield NETWORK_CARD_ABSENT.at(variables.place(name), card=card, cards=cards)
        elif _is_ip(wanted) and wanted not in here[card]:
            found = {"card": card, "addresses": ", ".join(here[card]) or "-"}
            found |= {"address": wanted, "variable": variable, "card_variable": name}
            yield NETWORK_CARD_OTHER_ADDRESS.at(variables.place(name), **found)


def _is_loopback(value: str) -> bool:
    return value == "localhost" or value.startswith("127.") or value in ("0.0.0.0", "::1")


def _is_host(value: str) -> bool:
    return _is_ip(value) or bool(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", value))


def _is_plain(value: str) -> bool:
    return bool(value) and not value.startswith(("$", "`"))


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
