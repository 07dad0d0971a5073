"""Where in a directory a torch_dist checkpoint lies.

Covers: Megatron's tracker and iterations, verl's layouts (`dist_ckpt`, `model/dist_ckpt`), the
directory itself.
Does not cover: reading it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.checkpoint.formats.dcp.metadata import METADATA
from mindspeed_rl_ext.checkpoint.formats.dcp.reader import COMMON, MEGATRON_METADATA
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.places import (
    TRACKER,
    named_iteration,
    no_tracker,
)
from mindspeed_rl_ext.checkpoint.wording import no_directory
from mindspeed_rl_ext.core.errors import InputError

# verl: below a step's directory, below `actor`, below `model`; the newer layout before the older.
_VERL = ("actor/model/dist_ckpt", "model/dist_ckpt", "dist_ckpt", "actor/dist_ckpt")


def is_torch_dist(folder: Path) -> bool:
    """Whether the directory holds a torch_dist checkpoint, whole or not."""
    return next(_found(folder), None) is not None or bool(_iterations(folder))


def checkpoint_dir(folder: Path) -> Path:
    """The directory of the chunks.

    Args:
        folder: the directory with the tracker, an iteration, or one that verl made.

    Raises:
        InputError: none of these.
    """
    found = next(_found(folder), None)
    if found is not None:
        return found
    iterations, tracker = _iterations(folder), folder / TRACKER
    if iterations and not tracker.is_file():
        raise no_tracker(folder, iterations)
    if iterations and not (named := folder / named_iteration(tracker)).is_dir():
        raise InputError(f"{tracker} names {named.name}, which is not there")
    raise InputError(
        f"no torch_dist checkpoint in {folder}",
        found=no_directory(folder) or f"neither {TRACKER} nor {MEGATRON_METADATA}",
        expected=f"an iteration with {METADATA}, {COMMON} and {MEGATRON_METADATA}",
        remedy="check --load-dir",
    )


def _iterations(folder: Path) -> list[str]:
    """The iterations of a directory whose tracker is missing, or names none of them."""
    if any(folder.glob("*/mp_rank_*")):
        return []
    return sorted(
        path.name for path in (*folder.glob("iter_*"), *folder.glob("release")) if _is_one(path)
    )


def _found(folder: Path) -> Iterator[Path]:
    if _is_one(folder):
        yield folder
    tracker = folder / TRACKER
    if tracker.is_file():
        text = tracker.read_text("utf-8", errors="replace").strip()
        name = f"iter_{int(text):07d}" if text.isdecimal() else text
        if name == Path(name).name and _is_one(folder / name):
            yield folder / name
    yield from (folder / name for name in _VERL if _is_one(folder / name))


def _is_one(folder: Path) -> bool:
    if any(folder.glob("mp_rank_*")):
        return False
    chunks = (folder / METADATA).is_file() or any(folder.glob("*.distcp"))
    return (folder / COMMON).is_file() or ((folder / MEGATRON_METADATA).is_file() and chunks)
