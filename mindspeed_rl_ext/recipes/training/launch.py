"""How a recipe is started on several devices: `accelerate launch`, its file and the numbers.

Covers: the command in full; how much disk the checkpoints take.
Does not cover: executing it; several nodes (accelerate's own flags say those).
"""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import replace
from pathlib import Path

from mindspeed_rl_ext.core.files.shipped import resolve_config
from mindspeed_rl_ext.core.options import flags_of
from mindspeed_rl_ext.recipes.training.models import MADE_HERE
from mindspeed_rl_ext.recipes.training.options import TrainOptions
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe

# A checkpoint: bf16 weights, then fp32 weights and two Adam moments.
BYTES_PER_PARAMETER = 2 + 12


def launch_lines(recipe: Recipe, options: TrainOptions, output: Path) -> list[str]:
    """The lines of a shell that start the training.

    Args:
        recipe: what is trained.
        options: of `msrl-ext train`, repeated in the command.
        output: the directory of the run.
    """
    config = resolve_config(recipe.accelerate, "accelerate")
    asked = replace(options, size=recipe.size, output=output, print_only=False)
    words = ["accelerate", "launch", "--config_file", str(config)]
    words += ["-m", "mindspeed_rl_ext.cli", "train", *flags_of(asked)]
    return [*disk_lines(recipe), shlex.join(words)]


def disk_lines(recipe: Recipe) -> list[str]:
    """Comments on the disk of each stage's checkpoints; none of a model that is made here."""
    if recipe.model in MADE_HERE:
        return []
    parameters = _parameters(recipe.model)
    lines = []
    for stage in recipe.stages:
        table = {} if stage == "sample" else getattr(recipe, stage).trl
        steps, every = table.get("max_steps"), table.get("save_steps", 500)
        if not steps:
            continue
        count = max(1, steps // every)
        kept = min(count, table.get("save_total_limit") or count)
        if parameters is None:
            lines.append(
                f"# {stage}: {count} checkpoints of {BYTES_PER_PARAMETER} GB per billion "
                f"parameters, {kept} kept at a time, and one more while it is written; "
                f"no weights are at {recipe.model} yet"
            )
            continue
        size_gb = parameters * BYTES_PER_PARAMETER / 1e9
        lines.append(
            f"# {stage}: {count} checkpoints of about {size_gb:.0f} GB, {kept} kept at a time: "
            f"{kept * size_gb:.0f} GB, and one more while it is written"
        )
    return lines


def _parameters(model: str) -> int | None:
    """Number of parameters by the weights' files or their index, None where there is neither."""
    folder = Path(model).expanduser()
    files = sorted(folder.glob("*.safetensors"))
    try:
        if files:
            return sum(map(_parameters_of_file, files))
        index = (folder / "model.safetensors.index.json").read_text(encoding="utf-8")
        return int(json.loads(index)["metadata"]["total_size"]) // 2
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _parameters_of_file(path: Path) -> int:
    """A safetensors file begins with the length of its head, eight bytes, and the head, JSON."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise ValueError("no safetensors file")
        head = json.loads(file.read(length))
    return sum(math.prod(one["shape"]) for name, one in head.items() if name != "__metadata__")
