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

from mindspeed_rl_ext.errors import InputError
from mindspeed_rl_ext.files import write_text_atomic
from mindspeed_rl_ext.recipes.evaluate import SamplingSettings
from mindspeed_rl_ext.recipes.grpo import GrpoSettings
from mindspeed_rl_ext.recipes.sft import SftSettings

RESULTS_FILE = "quickstart.json"
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
    """Empties an output directory of an earlier quickstart, and refuses any other one.

    Raises:
        InputError: the directory holds files that no quickstart wrote.
    """
    if root.exists() and not root.is_dir():
        raise InputError(f"{root} is not a directory", remedy="give --output another path")
    if not root.is_dir() or not any(root.iterdir()):
        root.mkdir(parents=True, exist_ok=True)
    elif (root / RESULTS_FILE).is_file() or overwrite:
        for name in FOLDERS:
            shutil.rmtree(root / name, ignore_errors=True)
    else:
        raise InputError(
            f"{root} is not empty and no quickstart made it",
            found=", ".join(sorted(p.name for p in root.iterdir())[:5]),
            remedy="give --output an empty directory, or --overwrite",
        )
    # Marks the directory as ours before the first stage, so that a stopped run can be repeated.
    write_text_atomic(root / RESULTS_FILE, "{}\n")
