"""Writing a HuggingFace directory: safetensors shards, index, tokenizer, config.json last.

Covers: shards cut as HuggingFace cuts them, and their index.
Does not cover: moving into place.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.copying.file_plan import FilePlan, Item
from mindspeed_rl_ext.checkpoint.formats.huggingface.companions import (
    copy_companions,
    write_config,
)
from mindspeed_rl_ext.checkpoint.formats.huggingface.reader import (
    CONFIG_NAME,
    INDEX_NAME,
    SINGLE_NAME,
)
from mindspeed_rl_ext.checkpoint.formats.huggingface.safetensors_file import header_bytes
from mindspeed_rl_ext.checkpoint.formats.protocol import PlannedFile, Target
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST, TOKENIZER_FILES
from mindspeed_rl_ext.checkpoint.mapping.expected import Part
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.packed import pack
from mindspeed_rl_ext.checkpoint.mapping.plan import Planner, TensorPlan
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic

_WEIGHTS = ("*.safetensors", INDEX_NAME, "pytorch_model*.bin", "pytorch_model.bin.index.json")


class HuggingFaceWriter:
    """Writes models; see `formats.protocol.CheckpointWriter`."""

    marker = CONFIG_NAME
    uses = frozenset({"max_shard_bytes"})

    def existing(self, destination: Path) -> list[Path]:
        """What makes the destination a model already, config.json first."""
        found = [path for pattern in _WEIGHTS for path in sorted(destination.glob(pattern))]
        names = (CONFIG_NAME, MANIFEST, "generation_config.json", *TOKENIZER_FILES)
        return [*(destination / name for name in names if (destination / name).exists()), *found]

    def layout(self, model: Model, options: ConvertOptions) -> Layout:
        """A whole model is not sharded."""
        return Layout()

    def parts(self, model: Model, layout: Layout) -> list[Part]:
        """The whole model, experts packed where the family's are."""
        return [pack(model)]

    def files(self, target: Target, parts: Sequence[Part], planner: Planner) -> list[PlannedFile]:
        """Safetensors files of at most `max_shard_bytes`."""
        plans = [plan for part in parts for plan in planner.plan(part)]
        shards = shards_of(plans, target.options.max_shard_bytes)
        return [PlannedFile(name, held, partial(shard_file, held)) for name, held in shards.items()]

    def finish(self, staged: Path, target: Target, files: Sequence[PlannedFile]) -> list[str]:
        """Writes index, tokenizer and config.json."""
        if len(files) > 1:
            _write_index(staged, files)
        counts = Counter(plan.dtype.name for file in files for plan in file.plans)
        copy_companions(target.model.folder, staged)
        write_config(target.model.folder, staged, _changes(target.model, counts))
        return sorted(p.name for p in staged.iterdir() if not p.name.startswith("."))


def _changes(model: Model, counts: Counter[str]) -> dict[str, Any]:
    """Keys of config.json that must be otherwise than in the source; None removes one."""
    config = model.sizes.config
    key = "dtype" if "dtype" in config else "torch_dtype"
    changes: dict[str, Any] = {"quantization_config": None, key: counts.most_common(1)[0][0]}
    if model.spec.mtp_key and model.spec.mtp_key in config:
        changes[model.spec.mtp_key] = model.mtp
    return changes


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


def _write_index(folder: Path, files: Sequence[PlannedFile]) -> None:
    index = {
        "metadata": {"total_size": sum(file.totals.nbytes for file in files)},
        "weight_map": {plan.ref.name: file.name for file in files for plan in file.plans},
    }
    write_text_atomic(folder / INDEX_NAME, json.dumps(index, indent=2) + "\n")
