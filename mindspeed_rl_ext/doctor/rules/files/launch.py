"""Launch scripts: cards, LD_PRELOAD, broad kills.

Covers: variables with plain values. Does not cover: addresses and network cards (`network`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.rules import At, Finding, Place, at
from mindspeed_rl_ext.doctor.readers.launch_script import LaunchScript
from mindspeed_rl_ext.doctor.rulebook import check, rule

_BROAD_KILL = re.compile(r"^\s*(?:sudo\s+)?(?:pkill|killall)\b.*")


LAUNCH_TOO_FEW_CARDS = rule(
    "launch-too-few-cards",
    "error",
    on=LaunchScript,
    en=(
        "NNODES {nodes} x NPUS_PER_NODE {each} = {cards} cards, the configuration asks "
        "for {needed}",
        "raise NNODES or NPUS_PER_NODE (A3: 16, A2: 8), or lower num_npus",
    ),
    zh=(
        "NNODES {nodes} x NPUS_PER_NODE {each} = {cards} 张卡，配置要 {needed} 张",
        "调大 NNODES 或 NPUS_PER_NODE（A3 为 16，A2 为 8），或调小 num_npus",
    ),
)
LAUNCH_CARDS_SUFFICE = rule(
    "launch-cards-suffice",
    "ok",
    on=LaunchScript,
    en=("{cards} cards for the {needed} that the configuration asks for",),
    zh=("{cards} 张卡，配置需要 {needed} 张",),
)
LAUNCH_VARIABLE_UNSET = rule(
    "launch-variable-unset",
    "note",
    on=LaunchScript,
    en=("{key} is not set in the script",),
    zh=("脚本里没有设置 {key}",),
)


@check(LaunchScript)
def cards(script: LaunchScript) -> Iterator[Finding]:
    """The script starts as many cards as the configuration asks for."""
    counts = [script.get(name) for name in ("NNODES", "NPUS_PER_NODE")]
    for name in ("NNODES", "NPUS_PER_NODE", "MASTER_ADDR"):
        if name not in script.sets:
            yield LAUNCH_VARIABLE_UNSET.at(Place(str(script.path)), key=name)
    if script.needed is None or not all(count.isdigit() for count in counts):
        return
    nodes, each = map(int, counts)
    place, values = script.place("NNODES"), {"cards": nodes * each, "needed": script.needed}
    if nodes * each < script.needed:
        yield LAUNCH_TOO_FEW_CARDS.at(place, **values, nodes=nodes, each=each)
    else:
        yield LAUNCH_CARDS_SUFFICE.at(place, **values)


@rule(
    "launch-preload-absent",
    "warning",
    on=LaunchScript,
    en=(
        "LD_PRELOAD names {path}, which is not on this machine: nothing is preloaded",
        "find /usr -name 'libjemalloc.so*' shows where it is",
    ),
    zh=(
        "LD_PRELOAD 指向的 {path} 本机不存在：不会预加载",
        "find /usr -name 'libjemalloc.so*' 查实际位置",
    ),
)
def preloaded(script: LaunchScript) -> Iterator[At]:
    """What LD_PRELOAD names is there."""
    for part in re.split(r"[:\s]+", script.get("LD_PRELOAD")):
        if part.startswith("/") and not Path(part).exists():
            yield at(script.place("LD_PRELOAD"), path=part)


@rule(
    "launch-kills-by-name",
    "warning",
    on=LaunchScript,
    en=(
        "`{line}` ends every process of that name on the node, other people's and the notebook's",
        "ray stop, and end by number what the script itself started",
    ),
    zh=(
        "`{line}` 会结束本节点上所有同名进程，包括别人的",
        "用 ray stop，并只结束脚本自己启动的进程号",
    ),
)
def broad_kills(script: LaunchScript) -> Iterator[At]:
    """A script ends only what it started."""
    for number, row in enumerate(script.rows, start=1):
        if _BROAD_KILL.match(row):
            place = Place(str(script.path), "", number)
            yield at(place, line=row.strip())
