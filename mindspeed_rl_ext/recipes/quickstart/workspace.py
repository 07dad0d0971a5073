"""Where the quickstart puts its files.

Covers: the folders of an output directory, preparing the directory for a new run.
Does not cover: what the stages do.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic
from mindspeed_rl_ext.recipes.quickstart.options import QuickstartOptions
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe

RESULTS_FILE = "quickstart.json"
MARK = {"made_by": "msrl-ext quickstart"}
FOLDERS = (
    "task", "model", "packed", "warm_start", "sft", "mcore", "hf", "evaluation", "grpo", "control",
    "report",
)  # fmt: skip


@dataclass(frozen=True)
class Workspace:
    """The output directory and its folders, one for each stage.

    Args:
        root: everything is under it.
        options: what the run was asked for.
        recipe: what it trains, without its data.
    """

    root: Path
    options: QuickstartOptions
    recipe: Recipe

    def folder(self, name: str) -> Path:
        """The folder of a stage, made where it is missing."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def read(self, name: str) -> dict[str, Any]:
        """Figures that a stage wrote with `write`."""
        figures: dict[str, Any] = json.loads((self.root / name).read_text(encoding="utf-8"))
        return figures

    def write(self, name: str, figures: dict[str, Any]) -> None:
        """Writes figures as JSON, whole or not at all."""
        write_text_atomic(self.root / name, json.dumps(figures, indent=2) + "\n")


def prepare(root: Path, *, overwrite: bool) -> None:
    """Makes an output directory, or empties that of an earlier quickstart.

    Args:
        root: the directory.
        overwrite: replace what an earlier quickstart left there, and nothing else.

    Raises:
        InputError: the directory holds an earlier run and `overwrite` is not set, or files of
            somebody else.
    """
    if root.exists() and not root.is_dir():
        raise InputError(f"{root} is not a directory", remedy="give --output another path")
    if root.is_dir() and any(root.iterdir()):
        _refuse_foreign(root, overwrite)
        discard(root)
    root.mkdir(parents=True, exist_ok=True)
    # Marks the directory as ours before the first stage, so that a stopped run can be replaced.
    write_text_atomic(root / RESULTS_FILE, json.dumps(MARK) + "\n")


def discard(root: Path) -> None:
    """Removes what a quickstart made, and the directory where nothing else is in it."""
    for name in FOLDERS:
        shutil.rmtree(root / name, ignore_errors=True)
    (root / RESULTS_FILE).unlink(missing_ok=True)
    if not any(root.iterdir()):
        root.rmdir()


def is_quickstart(root: Path) -> bool:
    """Whether a quickstart made this directory."""
    try:
        marked = json.loads((root / RESULTS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(marked, dict) and MARK.items() <= marked.items()


def _refuse_foreign(root: Path, overwrite: bool) -> None:
    if not is_quickstart(root):
        raise InputError(
            f"{root} is not empty and no quickstart made it",
            found=", ".join(sorted(p.name for p in root.iterdir())[:5]),
            remedy="give --output an empty directory",
        )
    if not overwrite:
        raise InputError(
            f"{root} holds an earlier quickstart",
            found=f"{root / RESULTS_FILE}",
            remedy="give --output another directory, or --overwrite to replace it",
        )
