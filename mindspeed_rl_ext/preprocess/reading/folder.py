"""The data files of a directory, in the order of their names.

Covers: files of one kind directly inside it; hidden files and those of no known kind are left out
and named in the log.
Does not cover: folders inside it, which often hold other subsets; mixing training and test files,
or two kinds, which is refused.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("b.jsonl", "a.jsonl", "README.md"):
    ...     _ = (folder / name).write_text("{}")
    >>> [path.name for path in data_files(folder, (".jsonl",))]
    ['a.jsonl', 'b.jsonl']
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.reading.compressed import kind_of

logger = logging.getLogger(__name__)

# What the Hub and `datasets` put beside the data.
NOT_DATA = frozenset({"dataset_info.json", "dataset_infos.json", "config.json"})
SPLIT_WORDS = {
    "train": "train",
    "test": "test",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "eval": "test",
}
SHOWN_NAMES = 8


def data_files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The data files of a directory, sorted by name.

    Args:
        folder: the directory.
        suffixes: the known kinds.

    Raises:
        InputError: none there, two kinds, or files of different splits.
    """
    there = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files = [
        path
        for path in there
        if kind_of(path) in suffixes and path.name not in NOT_DATA and path.is_file()
    ]
    if not files:
        raise InputError(
            f"no data files in {folder}",
            found=_names(there) or "an empty directory",
            expected="files of one kind: " + ", ".join(suffixes),
            remedy="name the folder or the file that holds the rows",
        )
    _require_one_kind(folder, files)
    _require_one_split(folder, files)
    if len(files) < len(there):
        logger.info("%s: left out %s", folder, _names([p for p in there if p not in files]))
    return files


def _require_one_kind(folder: Path, files: Sequence[Path]) -> None:
    kinds = Counter(kind_of(path) for path in files)
    if len(kinds) > 1:
        raise InputError(
            f"{folder} holds data files of {len(kinds)} kinds",
            found=", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())),
            expected="one kind: the same rows may be there twice",
            remedy="name one file, or a folder with one kind",
        )


def _require_one_split(folder: Path, files: Sequence[Path]) -> None:
    words = (word for path in files for word in re.split(r"[^a-z]+", path.stem.lower()))
    splits = sorted({SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS})
    if len(splits) > 1:
        raise InputError(
            f"{folder} holds {' and '.join(splits)} files together",
            found=_names(files),
            expected="one of them: what is trained on must not be tested on",
            remedy="name one file, or move the others into a folder of their own",
        )


def _names(paths: Sequence[Path]) -> str:
    shown = [path.name + "/" * path.is_dir() for path in paths[:SHOWN_NAMES]]
    return ", ".join(shown) + (", ..." if len(paths) > SHOWN_NAMES else "")
