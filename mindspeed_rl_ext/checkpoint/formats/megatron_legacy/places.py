"""Where a checkpoint of rank files is: its tracker, its iterations.

Covers: recognising one; the iteration that the tracker names; what is there in its place.
Does not cover: the rank files themselves (`rank_files`, `reader`).
"""

from __future__ import annotations

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
        text = tracker.read_text("utf-8", errors="replace").strip()
        if text != "release" and not text.isdigit():
            raise InputError(
                f"{tracker} is broken", found=repr(text[:40]), expected="a number or release"
            )
        found = folder / ("release" if text == "release" else f"iter_{int(text):07d}")
        if not found.is_dir():
            raise InputError(f"{tracker} names {found.name}, which is not there")
        return found
    if any(folder.glob("mp_rank_*")):
        return folder
    iterations = sorted(path.parent.name for path in folder.glob("*/mp_rank_*"))
    if iterations:
        raise InputError(
            f"{folder} has no {TRACKER}",
            found=f"iterations {some(sorted(set(iterations)))}",
            remedy=f"--load-dir {folder / iterations[-1]}, or write the number into {TRACKER}",
        )
    raise InputError(
        f"no Megatron checkpoint in {folder}",
        found=no_directory(folder) or f"no {TRACKER}",
        expected=f"{TRACKER}, or mp_rank_* directories",
        remedy=torch_dist_hint(folder) or "check --load-dir",
    )


def is_megatron_legacy(folder: Path) -> bool:
    """Whether the directory holds a checkpoint of rank files."""
    if any(folder.glob("mp_rank_*")) or any(folder.glob("*/mp_rank_*")):
        return True
    # A torch_dist checkpoint has the same tracker, and `metadata.json` in the iteration.
    return (folder / TRACKER).is_file() and not any(folder.glob("*/metadata.json"))


def torch_dist_hint(folder: Path) -> str:
    """The remedy where the directory is a torch_dist checkpoint; "" where it is not."""
    if folder.is_dir() and any(folder.glob("*.distcp")):
        return (
            "this is a torch_dist checkpoint: --load-model-type torch_dist, or leave the flag out"
        )
    return ""
