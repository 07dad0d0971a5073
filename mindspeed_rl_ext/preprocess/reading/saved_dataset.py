"""A data set that `datasets` saved with save_to_disk: which Arrow files it consists of.

Covers: a single data set, and a dictionary of splits where there is one split or one is named. The
files are read by `tables`, without the `datasets` library.
Does not cover: a saved selection of rows (an indices file), which older versions wrote.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError

STATE, SPLITS = "state.json", "dataset_dict.json"


def is_saved_dataset(folder: Path) -> bool:
    """Whether a directory was written by save_to_disk."""
    return (folder / STATE).is_file() or (folder / SPLITS).is_file()


def arrow_files(folder: Path) -> list[Path]:
    """The Arrow files of a saved data set, in order.

    Raises:
        InputError: several splits, an indices file, a file that is missing.
    """
    if not (folder / STATE).is_file():
        folder = _only_split(folder)
    state = _read(folder / STATE)
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise InputError(
            f"{folder} is a selection of rows",
            found="an indices file in state.json",
            remedy="save it again after data_set.flatten_indices()",
        )
    files = [folder / str(entry["filename"]) for entry in state.get("_data_files") or ()]
    missing = [file.name for file in files if not file.is_file()]
    if missing or not files:
        raise InputError(
            f"{folder} is not complete",
            found=f"no {', '.join(missing) or 'data files'}",
            remedy="copy the whole directory",
        )
    return files


def _only_split(folder: Path) -> Path:
    splits = [str(name) for name in _read(folder / SPLITS).get("splits") or ()]
    if len(splits) != 1 or not (folder / splits[0] / STATE).is_file():
        raise InputError(
            f"{folder} holds {len(splits)} splits",
            found=", ".join(splits),
            expected="one data set",
            remedy=f"name one of them: --input {folder / (splits or ['train'])[0]}",
        )
    return folder / splits[0]


def _read(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not readable JSON", found=str(error)) from error
    if not isinstance(table, dict):
        raise InputError(f"{path} is not a JSON object", found=repr(table)[:80])
    return table
