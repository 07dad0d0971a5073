"""Writing a Megatron-core checkpoint: rank files side by side, the tracker last.

Covers: one torch file per rank, laid out; the order in which the finished files appear.
Does not cover: planning.
"""

from __future__ import annotations

from argparse import Namespace
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.copying.file_plan import FilePlan, Item
from mindspeed_rl_ext.checkpoint.copying.staging import install
from mindspeed_rl_ext.checkpoint.copying.streaming import Sums
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.args import ITERATION
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.reader import TRACKER
from mindspeed_rl_ext.checkpoint.formats.torch_file.pickle_writer import StoredTensor, dumps
from mindspeed_rl_ext.checkpoint.formats.torch_file.zip_container import TorchZip
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST
from mindspeed_rl_ext.checkpoint.mapping.plan import TensorPlan
from mindspeed_rl_ext.core.files import write_text_atomic

ITERATION_DIR = f"iter_{ITERATION:07d}"


@dataclass(frozen=True)
class RankContent:
    """What a rank's file says beside its tensors: the `args`, and the keys of its chunks."""

    args: Namespace
    chunk_keys: tuple[str, ...]


def rank_file(plans: Sequence[TensorPlan], content: RankContent) -> FilePlan:
    """Lays out the file of one rank.

    Args:
        plans: the rank's tensors in the order of the file.
        content: what the file says beside its tensors.
    """
    layout = TorchZip()
    head = layout.add("archive/data.pkl", dumps(_content(plans, content)))
    head += layout.add("archive/byteorder", b"little")
    items = []
    for number, plan in enumerate(plans):
        at, size = layout.at, plan.nbytes
        before = layout.place(f"archive/data/{number}", size)
        items.append(Item(plan, at, before, partial(_behind, layout, size)))
    tail_at = layout.at
    version = layout.add("archive/version", b"3\n")

    def tail(sums: Sequence[Sums]) -> bytes:
        return version + layout.finish([item.crc32 for item in sums])

    return FilePlan(head, tuple(items), tail_at, tail)


def _behind(layout: TorchZip, size: int, sums: Sums) -> bytes:
    return layout.behind(size, sums.crc32)


def _content(plans: Sequence[TensorPlan], content: RankContent) -> dict[str, Any]:
    models = {key: OrderedDict[str, StoredTensor]() for key in content.chunk_keys}
    for number, plan in enumerate(plans):
        model = models[plan.ref.part.partition("/")[2]]
        model[plan.ref.name] = StoredTensor(str(number), plan.dtype, plan.shape)
    return {
        "args": content.args,
        "checkpoint_version": 3.0,
        "iteration": ITERATION,
        **models,
        "num_floating_point_operations_so_far": 0,
    }


def existing_mg(destination: Path) -> list[Path]:
    """What makes the destination a checkpoint already, the tracker first."""
    names = (TRACKER, ITERATION_DIR, "release", MANIFEST)
    return [destination / name for name in names if (destination / name).exists()]


def finish_mg(staged: Path, destination: Path, manifest: str) -> None:
    """Moves a whole checkpoint into place; until the tracker is there none can be loaded.

    Args:
        staged: the staging directory, all rank files in it.
        destination: the checkpoint's directory; the checkpoint that it held is replaced.
        manifest: text of manifest.json.
    """
    write_text_atomic(staged / MANIFEST, manifest)
    write_text_atomic(staged / TRACKER, str(ITERATION))
    install(staged, destination, (ITERATION_DIR, MANIFEST, TRACKER), existing_mg(destination))
