"""S3-4: files of accelerate: keys of the installed version, processes, the environment.

Covers: what the Datawhale note got wrong: MULTI_NODE, processes counted by machine.
Does not cover: DeepSpeed's own file.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.doctor import trl_fields
from mindspeed_rl_ext.doctor.document import Document
from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.schema import check_type

ENVIRONMENTS = ("LOCAL_MACHINE", "AMAZON_SAGEMAKER")
_ACCELERATE_KINDS = {
    "num_processes": "whole",
    "num_machines": "whole",
    "machine_rank": "whole",
    "deepspeed_config": "table",
    "fsdp_config": "table",
    "use_cpu": "flag",
    "debug": "flag",
}


def is_accelerate(document: Document) -> bool:
    """Whether a YAML is one of accelerate's."""
    return "distributed_type" in document.value or "compute_environment" in document.value


def rules(document: Document) -> Iterator[Finding]:
    """S3-4: keys, the number of processes, the environment.

    Raises:
        InputError: a value of the wrong type.
    """
    for key, kind in _ACCELERATE_KINDS.items():
        check_type(document, (key,), document.value.get(key), kind)
    known, found = trl_fields.fields(trl_fields.ACCELERATE), []
    for key in document.value:
        if known and key not in known:
            values = {"key": key, "library": "accelerate", "version": ""}
            values["nearest"] = nearest(key, known)
            found.append(Finding("R11-unknown", document.place(str(key)), values))
    environment = document.value.get("compute_environment", "LOCAL_MACHINE")
    if environment not in ENVIRONMENTS:
        place = document.place("compute_environment")
        found.append(Finding("S3-4", place, {"value": environment}))
    processes = document.value.get("num_processes") or 1
    machines = document.value.get("num_machines") or 1
    if machines and processes % machines:
        values = {"processes": processes, "machines": machines}
        found.append(Finding("S3-4-total", document.place("num_processes"), values))
    yield from found
    if not found:
        kind = document.value.get("distributed_type", "NO")
        values = {"processes": processes, "machines": machines, "kind": kind}
        yield Finding("S3-4-known", document.place("num_processes"), values)
