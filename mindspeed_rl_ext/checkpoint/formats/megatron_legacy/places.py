"""Where a checkpoint of rank files is: its tracker, its iterations.

Covers: recognising one; the iteration that the tracker names; what is there in its place.
Does not cover: the rank files themselves (`rank_files`, `reader`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mindspeed_rl_ext.checkpoint.wording import no_directory, some
from mindspeed_rl_ext.core.errors import InputError

TRACKER = "latest_checkpointed_iteration.txt"


def iteration_dir(folder: Path) -> Path:
    """The directory with the rank directories.

    Args:
        folder: a checkpoint with a tracker, or an iteration directory itself.

    Raises:
        InputError: neither.
    """
    tracker = folder / TRACKER
    if tracker.is_file():
        found = folder / named_iteration(tracker)
        if not found.is_dir():
            raise InputError(f"{tracker} names {found.name}, which is not there")
        return found
    if any(folder.glob("mp_rank_*")):
        return folder
    iterations = sorted(path.parent.name for path in folder.glob("*/mp_rank_*"))
    if iterations:
        raise no_tracker(folder, sorted(set(iterations)))
    raise InputError(
        f"no Megatron checkpoint in {folder}",
        found=no_directory(folder) or f"no {TRACKER}",
        expected=f"{TRACKER}, or mp_rank_* directories",
        remedy=torch_dist_hint(folder) or "check --load-dir",
    )


def named_iteration(tracker: Path) -> str:
    """The directory that a tracker names.

    Raises:
        InputError: it names none.
    """
    text = tracker.read_text("utf-8", errors="replace").strip()
    if text == "release":
        return text
    if not text.isdecimal():
        raise InputError(
            f"{tracker} is broken", found=repr(text[:40]), expected="a number or release"
        )
    return f"iter_{int(text):07d}"


def no_tracker(folder: Path, iterations: Sequence[str]) -> InputError:
    """The error where iterations lie in a directory without a tracker."""
    return InputError(
        f"{folder} has no {TRACKER}",
        found=f"iterations {some(iterations)}",
        remedy=f"--load-dir {folder / iterations[-1]}, or write the number into {TRACKER}",
    )


def is_megatron_legacy(folder: Path) -> bool:
    """Whether the directory holds a checkpoint of rank files."""
    if any(folder.glob("mp_rank_*")) or any(folder.glob("*/mp_rank_*")):
        return True
    # A torch_dist checkpoint has the same tracker; part of it may be missing.
    others = ("*/metadata.json", "*/*.distcp")
    return (folder / TRACKER).is_file() and not any(any(folder.glob(one)) for one in others)


def torch_dist_hint(folder: Path) -> str:
    """The remedy where the directory is a torch_dist checkpoint; "" where it is not."""
    if folder.is_dir() and any(folder.glob("*.distcp")):
        return (
            "this is a torch_dist checkpoint: --load-model-type torch_dist, or leave the flag out"
        )
    return ""
