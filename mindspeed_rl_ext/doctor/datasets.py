"""Dataset YAMLs of MindSpeed-RL's schema, ours and the host's: S0-14, S0-16, I5.

Covers: keys and types, the handler, map_keys beside the first rows of a JSON or CSV file.
Does not cover: Parquet and Arrow files, which need a library; `msrl-ext preprocess` reads them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.doctor.data_hints import makes
from mindspeed_rl_ext.doctor.document import Document
from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.layers import Layers
from mindspeed_rl_ext.doctor.schema import check_part, is_open

FIRST_CHARS = 200_000
CHAT_MARK = "<|im_start|>"
_KIND_OF: dict[type, str] = {str: "text", Path: "text", int: "whole", bool: "flag"}
LEAKING = ("AlpacaStyleInstructionHandler",)


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


def rules(document: Document) -> Iterator[Finding]:
    """All rules on one dataset YAML."""
    roles = {k: str(v) for k, v in document.table("map_keys").items() if v}
    found = [
        *_handler(document),
        *_labels(document, roles),
        *_columns(document, roles),
        *_templated(document, roles),
    ]
    if document.table("map_keys") and "query" not in document.table("map_keys"):
        found.append(Finding("D-query", document.place("map_keys")))
    yield from found
    if not found:
        values = {"prompt_type": document.value.get("prompt_type", "-"), "columns": roles}
        yield Finding("D-fine", document.place("map_keys"), values)


def _handler(document: Document) -> Iterator[Finding]:
    handler = document.value.get("handler_name")
    if handler in LEAKING:
        yield Finding("S0-16", document.place("handler_name"), {"handler": handler})


def _labels(document: Document, roles: Mapping[str, str]) -> Iterator[Finding]:
    handler = str(document.value.get("handler_name", ""))
    if "Pairwise" in handler or "Pretrain" in handler or not roles:
        return
    keys = document.value.get("dataset_additional_keys") or []
    place = document.place("dataset_additional_keys")
    if "labels" not in (keys.split() if isinstance(keys, str) else keys):
        yield Finding("D-labels", place)
    elif "response" not in roles:
        yield Finding("D-response", document.place("map_keys"))


def pairs(
    document: Document, data_path: object, training: Mapping[str, Layers]
) -> Iterator[Finding]:
    """What the data and the run that reads them say of the same thing.

    Args:
        document: a dataset YAML.
        data_path: the run's.
        training: key to the part of the run that has it.
    """
    if not makes(document, data_path):
        return
    for key, layers in training.items():
        ours, theirs = document.value.get(key), layers.get(key)
        if ours is not None and theirs is not None and ours != theirs:
            values = {"key": key, "ours": ours, "theirs": theirs, "other": layers.place(key)}
            yield Finding("D-pair", document.place(key), values)


def apart(document: Document, runs: Sequence[Layers]) -> Iterator[Finding]:
    """Says that a dataset YAML makes the data of none of the runs, so that nothing is compared.

    Args:
        document: a dataset YAML.
        runs: the part of each run that has data_path.
    """
    prefix = document.value.get("output_prefix")
    named = [run for run in runs if isinstance(run.get("data_path"), str)]
    if not named or not isinstance(prefix, str) or is_open(prefix):
        return
    if not any(makes(document, run.get("data_path")) for run in named):
        values = {"prefix": prefix, "data_path": named[0].get("data_path")}
        values["other"] = named[0].place("data_path")
        yield Finding("D-apart", document.place("output_prefix"), values)


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


def _columns(document: Document, roles: Mapping[str, str]) -> Iterator[Finding]:
    row = first_row(Path(str(document.value.get("input", ""))))
    derived = document.table("derive")
    for role, column in roles.items() if row is not None else ():
        if column.split(".")[0] not in {*(row or {}), *derived}:
            values = {"role": role, "column": column, "nearest": nearest(column, row or {})}
            yield Finding("I5", document.place("map_keys", role), values)


def _templated(document: Document, roles: Mapping[str, str]) -> Iterator[Finding]:
    column, path = roles.get("prompt", ""), Path(str(document.value.get("input", "")))
    row = first_row(path)
    if row is not None and CHAT_MARK in str(row.get(column, "")):
        seen = CHAT_MARK
    elif row is None and column == "input" and "processed_with_qwen_prompt" in path.name:
        seen = path.name
    else:
        return
    remedy = json.dumps({**roles, "prompt": "question", "query": ""})
    values = {"column": column, "seen": seen, "remedy": remedy}
    yield Finding("S0-14", document.place("map_keys", "prompt"), values)
