"""Writing a Megatron-core checkpoint: rank files side by side, the tracker last.

Covers: one torch file per rank, written stage by stage so that each source tensor is read once;
the order in which the finished files appear.
Does not cover: planning.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.assemble import windows
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST, Written
from mindspeed_rl_ext.checkpoint.mcore_args import ITERATION
from mindspeed_rl_ext.checkpoint.mg_source import RANK_FILE, TRACKER
from mindspeed_rl_ext.checkpoint.plan import TensorPlan
from mindspeed_rl_ext.checkpoint.staging import install
from mindspeed_rl_ext.checkpoint.streaming import Sink
from mindspeed_rl_ext.checkpoint.tensors import TensorSource
from mindspeed_rl_ext.checkpoint.torch_pickle import StoredTensor, dumps
from mindspeed_rl_ext.checkpoint.torch_zip import TorchZipWriter
from mindspeed_rl_ext.files import write_text_atomic

ITERATION_DIR = f"iter_{ITERATION:07d}"


class _RankFile:
    """One rank's file while it is written."""

    def __init__(
        self, directory: str, plans: Sequence[TensorPlan], writer: TorchZipWriter, args: Namespace
    ) -> None:
        self.directory, self.plans, self.writer = directory, plans, writer
        writer.add("archive/data.pkl", dumps(_content(plans, args)))
        writer.add("archive/byteorder", b"little")

    def write(self, number: int, source: TensorSource, crc_thread: ThreadPoolExecutor) -> Written:
        """Writes the tensor of that number."""
        plan = self.plans[number]
        crc = self.writer.copy(
            f"archive/data/{number}", plan.nbytes, windows(plan, source), crc_thread
        )
        file = f"{ITERATION_DIR}/{self.directory}/{RANK_FILE}"
        return Written(file, plan.ref.part.partition("/")[2], plan, crc)

    def finish(self) -> None:
        """Makes the file whole."""
        self.writer.add("archive/version", b"3\n")
        self.writer.finish()


def write_mg(
    folder: Path,
    plans: Sequence[TensorPlan],
    source: TensorSource,
    args: Namespace,
    advance: Callable[[int], None],
) -> list[Written]:
    """Writes all rank files into a staging directory.

    Args:
        folder: the staging directory.
        plans: all tensors; a rank's in the order of its file.
        source: where their pieces lie.
        args: the `args` of every file.
        advance: called with the bytes written.
    """
    written: list[Written] = []
    by_rank: dict[str, list[TensorPlan]] = {}
    for plan in plans:
        by_rank.setdefault(plan.ref.part.partition("/")[0], []).append(plan)
    # Ranks of one stage are neighbours when sorted by what follows the TP rank.
    for _, stage in groupby(sorted(by_rank, key=_stage_of), key=lambda name: _stage_of(name)[0]):
        names = list(stage)
        with ExitStack() as stack:
            crc_thread = stack.enter_context(ThreadPoolExecutor(1))
            files = [
                stack.enter_context(_open_rank(folder, name, by_rank[name], args, advance))
                for name in names
            ]
            for number in range(max(len(by_rank[name]) for name in names)):
                written += [file.write(number, source, crc_thread) for file in files]
                for piece in {p.ref for file in files for p in file.plans[number].pieces}:
                    source.release(piece)
    return written


def _stage_of(directory: str) -> tuple[str, str]:
    """Sort key of mp_rank_TT_PPP: the stage, then the TP rank."""
    tp_rank, _, stage = directory.removeprefix("mp_rank_").partition("_")
    return stage, tp_rank


@contextmanager
def _open_rank(
    folder: Path,
    directory: str,
    plans: Sequence[TensorPlan],
    args: Namespace,
    advance: Callable[[int], None],
) -> Iterator[_RankFile]:
    target = folder / ITERATION_DIR / directory
    target.mkdir(parents=True)
    with (target / RANK_FILE).open("wb", buffering=0) as file:
        rank = _RankFile(directory, plans, TorchZipWriter(file, Sink(file, advance)), args)
        yield rank
        rank.finish()
        os.fsync(file.fileno())


def _content(plans: Sequence[TensorPlan], args: Namespace) -> dict[str, Any]:
    models: dict[str, OrderedDict[str, StoredTensor]] = {}
    for number, plan in enumerate(plans):
        model = models.setdefault(plan.ref.part.partition("/")[2], OrderedDict())
        model[plan.ref.name] = StoredTensor(str(number), plan.dtype, plan.shape)
    return {
        "args": args,
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
