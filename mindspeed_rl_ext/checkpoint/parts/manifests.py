"""Manifests of parts of a checkpoint, and the whole that they make together.

Covers: `manifest.<first rank>-<sum>.json`, one for each part that `--ranks` or `--node` made, with
the ranks that it holds of which plan; their rows joined in the order of a whole run.
Does not cover: when they are joined; `joining` does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.manifest import MANIFEST, NAN, PART_MANIFESTS, write_rows
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.parts.ranks import RankPart
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError

_ROWS = ("tensors", "with_nan")


@dataclass(frozen=True)
class RecordedPart:
    """What a part's manifest says, without its rows.

    Args:
        path: the manifest.
        plan: the identity of the whole's plan.
        folder: the directory that holds the ranks' directories.
        ranks: these directories.
        layout: the whole's layout.
    """

    path: Path
    plan: str
    folder: str
    ranks: frozenset[str]
    layout: Layout


def manifest_name(part: RankPart | None) -> str:
    """The name of the manifest of a part; of a whole where it is None."""
    return MANIFEST if part is None else f"manifest.{part.name}.json"


def part_content(part: RankPart, files: Sequence[str]) -> dict[str, Any]:
    """What the manifest of a part says of it.

    Args:
        part: the part.
        files: its files, below the checkpoint.
    """
    return {"folder": files[0].partition("/")[0], "ranks": list(part.dirs), "of": part.of}


def recorded_parts(checkpoint: Path) -> list[RecordedPart]:
    """The parts that the manifests below a directory describe.

    Raises:
        InputError: a manifest is broken.
    """
    return [_read(path) for path in sorted(checkpoint.glob(PART_MANIFESTS))]


def _read(path: Path) -> RecordedPart:
    try:
        content = json.loads(path.read_text("utf-8"))
        part, sizes = content["part"], content["layout"]
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in sizes.items()
        }
        return RecordedPart(
            path, content["plan"], part["folder"], frozenset(part["ranks"]), Layout(**values)
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is broken", found=repr(error), remedy="convert this part again"
        ) from error


def layout_of_part(folder: Path, found: Set[str]) -> Layout | None:
    """The layout of the checkpoint that some rank directories are a part of.

    Args:
        folder: the directory that holds the ranks' directories, manifests beside it.
        found: these directories.

    Returns:
        None where nothing says that they are a part, and where they are all.

    Raises:
        InputError: the parts are of different conversions, or other ranks are there.
    """
    if (folder.parent / MANIFEST).is_file():
        return None
    parts = [part for part in recorded_parts(folder.parent) if part.folder == folder.name]
    if not parts:
        return None
    if len({part.plan for part in parts}) > 1:
        raise InputError(
            f"{folder.parent} holds parts of different conversions",
            found=some(part.path.name for part in parts),
            expected="one source, its files' times included, and the same options",
            remedy="convert one of the parts again, from a source copied with its times (rsync -a)",
        )
    declared = frozenset[str]().union(*(part.ranks for part in parts))
    if declared != found:
        raise InputError(
            f"the rank directories of {folder} are not those of its parts' manifests",
            found=f"missing {some(sorted(declared - found)) or 'none'}; "
            f"unexpected {some(sorted(found - declared)) or 'none'}",
            remedy="finish the conversion with --resume, or copy each part with its manifest",
        )
    return parts[0].layout if found < parts[0].layout.rank_dirs() else None


def join(path: Path, parts: Iterable[RecordedPart], files: Iterable[str]) -> None:
    """Writes the manifest of the whole, as a run that wrote all files would.

    Args:
        path: the file.
        parts: parts of one plan that hold all ranks.
        files: the whole's files, in order.
    """
    contents = [json.loads(part.path.read_text("utf-8")) for part in parts]
    head = {key: value for key, value in contents[0].items() if key not in (*_ROWS, "part")}
    head["drifted"] = sorted({name for content in contents for name in content["drifted"]})
    rows: dict[str, list[dict[str, Any]]] = {}
    for content in contents:
        found: dict[str, list[dict[str, Any]]] = {}
        for row in content.pop("tensors"):
            found.setdefault(row["file"], []).append(row)
        rows |= found
    write_rows(path, head, _in_order(rows, files))


def _in_order(
    rows: Mapping[str, list[dict[str, Any]]], files: Iterable[str]
) -> Iterator[tuple[dict[str, Any], bool]]:
    for file in files:
        for row in rows.get(file, ()):
            has_nan = bool(row.pop(NAN, False))
            yield row, has_nan
