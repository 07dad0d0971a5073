"""Writing a HuggingFace directory: safetensors shards, index, tokenizer, config.json last.

Covers: shards cut as HuggingFace cuts them; the files copied from --hf-cfg-dir; the order in which
the finished files appear.
Does not cover: planning.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.copying.file_plan import FilePlan, Item
from mindspeed_rl_ext.checkpoint.copying.staging import install
from mindspeed_rl_ext.checkpoint.formats.huggingface.reader import INDEX_NAME, SINGLE_NAME
from mindspeed_rl_ext.checkpoint.formats.huggingface.safetensors_file import header_bytes
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST, TOKENIZER_FILES
from mindspeed_rl_ext.checkpoint.mapping.plan import TensorPlan
from mindspeed_rl_ext.checkpoint.mapping.sizes import read_config
from mindspeed_rl_ext.core.files import write_text_atomic

_CONFIG = "config.json"
_WEIGHTS = ("*.safetensors", INDEX_NAME, "pytorch_model*.bin", "pytorch_model.bin.index.json")


def shards_of(plans: Sequence[TensorPlan], max_shard_bytes: int) -> dict[str, list[TensorPlan]]:
    """Which tensors go into which file: a new one where the next tensor would not fit.

    Args:
        plans: tensors in the model's order.
        max_shard_bytes: most bytes of a file; a larger tensor has a file of its own.
    """
    groups: list[list[TensorPlan]] = [[]]
    size = 0
    for plan in plans:
        if groups[-1] and size + plan.nbytes > max_shard_bytes:
            groups.append([])
            size = 0
        groups[-1].append(plan)
        size += plan.nbytes
    if len(groups) == 1:
        return {SINGLE_NAME: groups[0]}
    count = len(groups)
    return {f"model-{n:05d}-of-{count:05d}.safetensors": g for n, g in enumerate(groups, 1)}


def shard_file(plans: Sequence[TensorPlan]) -> FilePlan:
    """Lays out one safetensors file.

    Args:
        plans: its tensors in order.
    """
    head = header_bytes([(p.ref.name, p.dtype, p.shape) for p in plans])
    items, at = [], len(head)
    for plan in plans:
        items.append(Item(plan, at))
        at += plan.nbytes
    return FilePlan(head, tuple(items), at)


def write_beside(
    folder: Path,
    shards: dict[str, list[TensorPlan]],
    cfg_dir: Path,
    changes: Mapping[str, Any],
) -> None:
    """Writes what lies beside the shards: index, tokenizer, config.json.

    Args:
        folder: the staging directory.
        shards: file name -> tensors.
        cfg_dir: where config.json and the tokenizer are copied from.
        changes: keys of config.json that must be otherwise; None removes one.
    """
    if len(shards) > 1:
        _write_index(folder, shards)
    counts = Counter(plan.dtype.name for plans in shards.values() for plan in plans)
    _copy_config(folder, cfg_dir, counts.most_common(1)[0][0], changes)


def _write_index(folder: Path, shards: dict[str, list[TensorPlan]]) -> None:
    index = {
        "metadata": {"total_size": sum(p.nbytes for plans in shards.values() for p in plans)},
        "weight_map": {p.ref.name: name for name, plans in shards.items() for p in plans},
    }
    write_text_atomic(folder / INDEX_NAME, json.dumps(index, indent=2) + "\n")


def _copy_config(folder: Path, cfg_dir: Path, dtype: str, changes: Mapping[str, Any]) -> None:
    for name in ("generation_config.json", *TOKENIZER_FILES):
        if (cfg_dir / name).is_file():
            shutil.copyfile(cfg_dir / name, folder / name)
    config = read_config(cfg_dir)
    changed = {**config, **changes, "dtype" if "dtype" in config else "torch_dtype": dtype}
    changed = {key: value for key, value in changed.items() if key in config or value is not None}
    changed = {key: value for key, value in changed.items() if changes.get(key, 0) is not None}
    if changed == config:
        shutil.copyfile(cfg_dir / _CONFIG, folder / _CONFIG)
    else:
        text = json.dumps(changed, indent=2, ensure_ascii=False)
        write_text_atomic(folder / _CONFIG, text + "\n")


def existing_hf(destination: Path) -> list[Path]:
    """What makes the destination a model already, config.json first."""
    found = [path for pattern in _WEIGHTS for path in sorted(destination.glob(pattern))]
    names = (_CONFIG, MANIFEST, "generation_config.json", *TOKENIZER_FILES)
    beside = [destination / name for name in names if (destination / name).exists()]
    return beside + found


def finish_hf(staged: Path, destination: Path, manifest: str) -> None:
    """Moves a whole model into place; until config.json is there none can be loaded.

    Args:
        staged: the staging directory, all files in it.
        destination: the model's directory; the model that it held is replaced.
        manifest: text of manifest.json.
    """
    write_text_atomic(staged / MANIFEST, manifest)
    names = sorted(
        path.name
        for path in staged.iterdir()
        if path.name != _CONFIG and not path.name.startswith(".")
    )
    install(staged, destination, (*names, _CONFIG), existing_hf(destination))
