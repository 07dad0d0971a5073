"""A dataset YAML beside the runs that read its data, and the first row of its input.

Covers: keys and types, MindSpeed-RL's schema, ours and the host's; JSON, JSON Lines and CSV files.
Does not cover: Parquet and Arrow files, which need a library; `msrl-ext preprocess` reads them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mindspeed_rl_ext.core.files.yaml_file import Document
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Layers
from mindspeed_rl_ext.doctor.readers.mindspeed.schema import check_part

FIRST_CHARS = 200_000
_KIND_OF: dict[type, str] = {str: "text", Path: "text", int: "whole", bool: "flag"}


@dataclass(frozen=True)
class ReadingRun:
    """A run, as far as it says something of its data.

    Args:
        actor: the part with data_path.
        limits: the part with max_prompt_length; None where the run has no rollouts.
    """

    actor: Layers
    limits: Layers | None


@dataclass(frozen=True)
class DatasetFile:
    """A dataset YAML.

    Args:
        document: the file.
        runs: the runs that are checked together with it.
    """

    label: ClassVar[Text] = Text("dataset YAML", "数据集 YAML")

    document: Document
    runs: tuple[ReadingRun, ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        """Role, such as prompt, to the column that map_keys gives it."""
        return {k: str(v) for k, v in self.document.table("map_keys").items() if v}


def _kinds() -> dict[str, str]:
    # Imported here: it brings numpy, which other files need not wait for.
    from mindspeed_rl_ext.core.options import declared_options
    from mindspeed_rl_ext.preprocess.dataset_config import HOST_FLAGS
    from mindspeed_rl_ext.preprocess.options import PreprocessOptions

    declared = declared_options(PreprocessOptions)
    return {
        **dict.fromkeys(HOST_FLAGS, "anything"),
        **{name: _KIND_OF.get(one.kind, "anything") for name, one in declared.items()},
        "map_keys": "table",
    }


def is_dataset(document: Document) -> bool:
    """Whether a YAML makes data."""
    return "map_keys" in document.value or {"input", "output_prefix"} <= set(document.value)


def check_keys(document: Document) -> None:
    """Raises InputError on an unknown key or a wrong type."""
    check_part(document, (), _kinds())


def first_row(path: Path) -> Mapping[str, Any] | None:
    """The first row of a JSON, JSON Lines or CSV file; None where it cannot be read cheaply."""
    if path.suffix not in (".json", ".jsonl", ".csv") or not path.is_file():
        return None
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        head = file.read(FIRST_CHARS)
    if path.suffix == ".csv":
        return next(csv.DictReader(head.splitlines(True)), None)
    start = head.find("{")
    try:
        row, _ = json.JSONDecoder().raw_decode(head, start) if start >= 0 else (None, 0)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
