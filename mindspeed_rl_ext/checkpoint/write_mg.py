"""Writing a Megatron-core checkpoint: rank files side by side, the tracker last.

Covers: one torch file per rank; the order in which the finished files appear.
Does not cover: planning.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.assemble import windows
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST
from mindspeed_rl_ext.checkpoint.mcore_args import ITERATION
from mindspeed_rl_ext.checkpoint.mg_source import TRACKER
from mindspeed_rl_ext.checkpoint.plan import TensorPlan
from mindspeed_rl_ext.checkpoint.staging import install
from mindspeed_rl_ext.checkpoint.streaming import Flusher, Sink, Sums
from mindspeed_rl_ext.checkpoint.tensors import TensorSource
from mindspeed_rl_ext.checkpoint.torch_pickle import StoredTensor, dumps
from mindspeed_rl_ext.checkpoint.torch_zip import TorchZipWriter
from mindspeed_rl_ext.files import write_text_atomic

ITERATION_DIR = f"iter_{ITERATION:07d}"


@dataclass(frozen=True)
class RankContent:
    """What a rank's file says beside its tensors: the `args`, and the keys of its chunks."""

    args: Namespace
    chunk_keys: tuple[str, ...]


def write_rank(
    path: Path,
    plans: Sequence[TensorPlan],
    source: TensorSource,
    content: RankContent,
    advance: Callable[[int], None],
    sha256: bool = False,
) -> list[Sums]:
    """Writes the file of one rank.

    Args:
        path: the file; its directory is made.
        plans: the rank's tensors in the order of the file.
        source: where their pieces lie.
        content: what the file says beside its tensors.
        advance: called with the bytes written.
        sha256: compute SHA-256 as well.

    Returns:
        The sums of each tensor.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    found = []
    with path.open("wb", buffering=0) as file, ThreadPoolExecutor(2) as threads:
        flusher = Flusher(file, threads)
        sink = Sink(file, advance, flusher)
        writer = TorchZipWriter(file, sink)
        writer.add("archive/data.pkl", dumps(_content(plans, content)))
        writer.add("archive/byteorder", b"little")
        for number, plan in enumerate(plans):
            write = partial(sink.copy, windows(plan, source), threads, plan.dtype, sha256)
            found.append(writer.copy(f"archive/data/{number}", plan.nbytes, write))
            for ref in {piece.ref for piece in plan.pieces}:
                source.release(ref)
        writer.add("archive/version", b"3\n")
        writer.finish()
        flusher.finish()
        os.fsync(file.fileno())
    return found


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
