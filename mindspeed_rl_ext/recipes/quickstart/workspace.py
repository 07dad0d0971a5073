"""Where the quickstart puts its files, and what it runs with.

Covers: the folders of an output directory, settings, preparing the directory for a new run.
Does not cover: what the stages do.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files import write_text_atomic
from mindspeed_rl_ext.recipes.evaluate import SamplingSettings
from mindspeed_rl_ext.recipes.grpo import GrpoSettings
from mindspeed_rl_ext.recipes.sft import SftSettings

RESULTS_FILE = "quickstart.json"
MARK = {"made_by": "msrl-ext quickstart"}
FOLDERS = ("task", "model", "packed", "sft", "mcore", "hf", "evaluation", "grpo", "report")

DEFAULT_SEED = 1
VERIFIERS = {"countdown": 0.8, "countdown_format": 0.2}


@dataclass(frozen=True)
class QuickstartSettings:
    """What a run does.

    Args:
        seed: of the task, the model, the training and the sampling.
        control: reward at random instead of by the verifiers.
        demonstrations: rows written for the warm start.
        sft: the warm start.
        grpo: the reinforcement learning.
        sampling: the held-out evaluation.
        tensor_parallel_size: TP of the mcore checkpoint in the middle.
        pipeline_parallel_size: PP of the mcore checkpoint in the middle.
        make_vocab_size_divisible_by: padding of its vocabulary, times TP.
    """

    seed: int = DEFAULT_SEED
    control: bool = False
    demonstrations: int = 20_000
    sft: SftSettings = field(default_factory=SftSettings)
    grpo: GrpoSettings = field(default_factory=GrpoSettings)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    tensor_parallel_size: int = 2
    pipeline_parallel_size: int = 2
    make_vocab_size_divisible_by: int = 64


@dataclass(frozen=True)
class Workspace:
    """The output directory and its folders, one for each stage.

    Args:
        root: everything is under it.
        settings: what the run does.
    """

    root: Path
    settings: QuickstartSettings

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
