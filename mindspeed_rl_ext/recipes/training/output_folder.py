"""The output directory of a training: whose it is, and what a run that goes on must repeat.

Covers: the record of the recipe and of the rows, refusing another recipe's directory, removing
what a refused run made.
Does not cover: what is inside the folders of the stages.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic
from mindspeed_rl_ext.core.options import identity_of
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from mindspeed_rl_ext.recipes.training.rows.prompts import Prompts
from mindspeed_rl_ext.recipes.training.stages.sample import ALPACA
from mindspeed_rl_ext.recipes.training.trainer.running import POLICY, is_main_process

RECIPE_FILE, DATA_FILE, DONE_FILE = "recipe.json", "data.json", "done.json"


def prepare_output(recipe: Recipe, output: Path, *, resume: bool) -> None:
    """Makes the output directory, or checks that an earlier run of this recipe made it.

    Raises:
        InputError: it holds something else, or a run with other settings.
    """
    record = identity_of(recipe)
    path = output / RECIPE_FILE
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is not a directory", remedy="give --output another path")
    if path.is_file():
        _require_same_recipe(record, path, resume=resume)
        return
    if output.is_dir() and any(output.iterdir()):
        raise InputError(
            f"{output} is not empty and no training made it",
            found=", ".join(sorted(p.name for p in output.iterdir())[:5]),
            remedy="give --output an empty directory",
        )
    output.mkdir(parents=True, exist_ok=True)
    write_text_atomic(path, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def _require_same_recipe(record: dict[str, Any], path: Path, *, resume: bool) -> None:
    earlier = json.loads(path.read_text(encoding="utf-8"))
    if not resume:
        raise InputError(
            f"{path.parent} holds an earlier run of {earlier.get('name')}",
            remedy="--resume goes on with it; another --output starts anew",
        )
    # Records of earlier versions hold more than a resumed run must repeat.
    compared = {key: value for key, value in earlier.items() if key in record}
    changed = sorted(_differences(compared, record))
    if changed:
        raise InputError(
            f"{path.parent} was begun with other settings: a run that goes on must be the same",
            found=", ".join(changed[:5]),
            remedy="leave the settings as they were, or give another --output",
        )


def require_same_data(output: Path, prompts: Prompts) -> None:
    """Records a digest of the rows, or compares it with that of the run that goes on.

    Raises:
        InputError: the run was begun with other rows.
    """
    rows = [asdict(row) for part in (prompts.train, prompts.held_out) for row in part]
    digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
    data = {"train": len(prompts.train), "held_out": len(prompts.held_out), "sha256": digest}
    path = output / DATA_FILE
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else data
    if earlier != data:
        raise InputError(
            f"{output} was begun with other rows: a run that goes on must be the same",
            found=", ".join(_differences(earlier, data)),
            remedy="give the data set as it was, or another --output",
        )
    if is_main_process():
        write_text_atomic(path, json.dumps(data, indent=2) + "\n")


def has_work(output: Path) -> bool:
    """Whether anything in it took time to make: a checkpoint, a policy, sampled responses."""
    kept = ("*/checkpoint-*", f"*/{POLICY}", f"*/{DONE_FILE}", f"*/{ALPACA}")
    return any(path for pattern in kept for path in output.glob(pattern))


def discard_output(output: Path) -> None:
    """Removes what a run made in a directory that was empty before."""
    for path in output.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    with suppress(OSError):  # a mount point stays
        output.rmdir()


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return [d for k in keys for d in _differences(one.get(k), other.get(k), f"{path}.{k}")]
    return [] if one == other else [f"{path.lstrip('.')}: {one!r} then, {other!r} now"]
