"""A file of accelerate, with the keys that the installed version knows.

Covers: types of the values that rules look at. Does not cover: DeepSpeed's own file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mindspeed_rl_ext.core.files.yaml_file import Document
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.doctor.readers import trl_fields
from mindspeed_rl_ext.doctor.readers.mindspeed.schema import check_type

_KINDS = {
    "num_processes": "whole",
    "num_machines": "whole",
    "machine_rank": "whole",
    "deepspeed_config": "table",
    "fsdp_config": "table",
    "use_cpu": "flag",
    "debug": "flag",
}


@dataclass(frozen=True)
class AccelerateFile:
    """The file.

    Args:
        document: the YAML.
        known: keys of the installed accelerate; empty where it is not installed.
    """

    label: ClassVar[Text] = Text("accelerate file", "accelerate 文件")

    document: Document
    known: frozenset[str]


def is_accelerate(document: Document) -> bool:
    """Whether a YAML is one of accelerate's."""
    return "distributed_type" in document.value or "compute_environment" in document.value


def load_accelerate(document: Document) -> AccelerateFile:
    """Checks the types of a file of accelerate.

    Raises:
        InputError: a value of the wrong type.
    """
    for key, kind in _KINDS.items():
        check_type(document, (key,), document.value.get(key), kind)
    return AccelerateFile(document, trl_fields.fields(trl_fields.ACCELERATE))
