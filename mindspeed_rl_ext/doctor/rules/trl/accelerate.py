"""Files of accelerate: keys of the installed version, processes, the environment.

Covers: what the Datawhale note got wrong: MULTI_NODE, processes counted per machine.
Does not cover: DeepSpeed's own file.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.core.rules import Finding
from mindspeed_rl_ext.doctor.readers.accelerate import AccelerateFile
from mindspeed_rl_ext.doctor.rulebook import check, rule

ENVIRONMENTS = ("LOCAL_MACHINE", "AMAZON_SAGEMAKER")

ACCELERATE_KEY_UNKNOWN = rule(
    "accelerate-key-unknown",
    "error",
    on=AccelerateFile,
    en=("{key} is not a key of accelerate", "{nearest}"),
    zh=("{key} 不是 accelerate 的键", "{nearest}"),
)
ACCELERATE_UNKNOWN_ENVIRONMENT = rule(
    "accelerate-unknown-environment",
    "error",
    on=AccelerateFile,
    en=(
        "compute_environment is {value}, which accelerate does not know (the note's "
        "MULTI_NODE is not one)",
        "LOCAL_MACHINE, also on several nodes: num_machines says how many",
    ),
    zh=(
        "compute_environment 是 {value}，accelerate 不认识（笔记里的 MULTI_NODE 并不存在）",
        "多机也用 LOCAL_MACHINE，由 num_machines 指定台数",
    ),
)
ACCELERATE_PROCESSES_NOT_MULTIPLE = rule(
    "accelerate-processes-not-multiple",
    "error",
    on=AccelerateFile,
    en=(
        "num_processes {processes} is the total over all machines, and not a multiple "
        "of num_machines {machines}",
        "num_processes: machines x devices of each",
    ),
    zh=(
        "num_processes {processes} 是所有机器的总数，却不是 num_machines {machines} 的倍数",
        "num_processes 填 机器数 x 每台卡数",
    ),
)
ACCELERATE_PROCESSES = rule(
    "accelerate-processes",
    "ok",
    on=AccelerateFile,
    en=("{processes} processes on {machines} machines, {kind}",),
    zh=("{machines} 台机器共 {processes} 个进程，{kind}",),
)


@check(AccelerateFile)
def processes(file: AccelerateFile) -> Iterator[Finding]:
    """Keys are accelerate's, processes are shared evenly by the machines."""
    document, found = file.document, []
    for key in document.value if file.known else ():
        if key not in file.known:
            close = nearest(str(key), file.known)
            found.append(
                ACCELERATE_KEY_UNKNOWN.at(document.place(str(key)), key=key, nearest=close)
            )
    environment = document.value.get("compute_environment", "LOCAL_MACHINE")
    if environment not in ENVIRONMENTS:
        place = document.place("compute_environment")
        found.append(ACCELERATE_UNKNOWN_ENVIRONMENT.at(place, value=environment))
    place = document.place("num_processes")
    total = document.value.get("num_processes") or 1
    machines = document.value.get("num_machines") or 1
    values = {"processes": total, "machines": machines}
    if total % machines:
        found.append(ACCELERATE_PROCESSES_NOT_MULTIPLE.at(place, **values))
    yield from found
    if not found:
        kind = document.value.get("distributed_type", "NO")
        yield ACCELERATE_PROCESSES.at(place, **values, kind=kind)
