"""Launch scripts: cards, LD_PRELOAD, what is left as in the example, broad kills.

Covers: variables with plain values, placeholders, what ray start offers, the format of saves.
Does not cover: addresses and network cards (`network`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.rules import At, Finding, Place, at
from mindspeed_rl_ext.doctor.readers.launch_script import LaunchScript, is_placeholder
from mindspeed_rl_ext.doctor.readers.network_cards import ADDRESS_VARIABLES
from mindspeed_rl_ext.doctor.rulebook import check, rule

_LLM_TRAINERS = ("pretrain_gpt.py", "posttrain_gpt.py")
_RAY_NPUS = re.compile(r"[\"']NPU[\"']\s*:\s*(\d+)")
_BROAD_KILL = re.compile(r"^\s*(?:sudo\s+)?(?:pkill|killall)\b.*")


LAUNCH_TOO_FEW_CARDS = rule(
    "launch-too-few-cards",
    "error",
    on=LaunchScript,
    en=(
        "NNODES {nodes} x NPUS_PER_NODE {each} = {cards:card}, the configuration asks for {needed}",
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
    en=("{cards:card} for the {needed} that the configuration asks for",),
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
    "launch-ray-npus-differ",
    "error",
    on=LaunchScript,
    en=(
        "ray start offers {offered:NPU} per node, NPUS_PER_NODE is {each}: the trainer waits for "
        "cards that Ray does not know",
        "--resources='{\"NPU\": '$NPUS_PER_NODE'}'",
    ),
    zh=(
        "ray start 每个节点只报 {offered} 张 NPU，而 NPUS_PER_NODE 是 {each}："
        "训练会一直等 Ray 不知道的卡",
        "--resources='{\"NPU\": '$NPUS_PER_NODE'}'",
    ),
)
def cards_of_ray(script: LaunchScript) -> Iterator[At]:
    """Ray is given all cards of a node."""
    each = script.get("NPUS_PER_NODE")
    for number, row in enumerate(script.rows, start=1):
        match = _RAY_NPUS.search(row)
        if match and "ray start" in row and each.isdigit() and match.group(1) != each:
            yield at(Place(str(script.path), "", number), offered=match.group(1), each=each)


@rule(
    "launch-placeholder",
    "warning",
    on=LaunchScript,
    en=("{key} is not filled in yet ({value})", "give {key} its value"),
    zh=("{key} 还没有填写（{value}）", "填写 {key}"),
)
def placeholders(script: LaunchScript) -> Iterator[At]:
    """Nothing is left as the host's example has it."""
    for key in script.sets:
        # Addresses have a rule of their own.
        if key not in ADDRESS_VARIABLES and is_placeholder(script.get(key)):
            yield at(script.place(key), key=key, value=script.get(key))


@rule(
    "launch-saves-torch-dist",
    "warning",
    on=LaunchScript,
    en=(
        "{trainer} without --ckpt-format: MindSpeed-LLM 26.1 and later then save torch_dist, where "
        "earlier ones save what the hosts' converters read",
        "--ckpt-format torch from 26.1 on, or convert with --load-model-type torch_dist",
    ),
    zh=(
        "{trainer} 没有写 --ckpt-format：MindSpeed-LLM 26.1 起会保存 torch_dist，而以前保存的是"
        "宿主转换脚本能读的格式",
        "26.1 起加 --ckpt-format torch，或转换时用 --load-model-type torch_dist",
    ),
)
def checkpoint_format(script: LaunchScript) -> Iterator[At]:
    """The format of what is saved is chosen."""
    rows = [row for row in script.rows if not row.lstrip().startswith("#")]
    text = "\n".join(rows)
    trainer = next((name for name in _LLM_TRAINERS if name in text), None)
    if trainer and "--save" in text and "--ckpt-format" not in text:
        line = next(n for n, row in enumerate(script.rows, start=1) if trainer in row)
        yield at(Place(str(script.path), "", line), trainer=trainer)


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
