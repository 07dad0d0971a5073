"""Writing a Megatron-core checkpoint: rank files side by side, the tracker last.

Covers: one torch file per rank, laid out.
Does not cover: moving into place.
"""

from __future__ import annotations

from argparse import Namespace
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.copying.file_plan import FilePlan, Item
from mindspeed_rl_ext.checkpoint.copying.streaming import Sums
from mindspeed_rl_ext.checkpoint.dtypes import by_name
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.args import ITERATION, build_args
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.places import TRACKER
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.reader import RANK_FILE
from mindspeed_rl_ext.checkpoint.formats.protocol import PlannedFile, Target
from mindspeed_rl_ext.checkpoint.formats.torch_file.pickle_writer import StoredTensor, dumps
from mindspeed_rl_ext.checkpoint.formats.torch_file.zip_container import TorchZip
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST, PART_MANIFESTS
from mindspeed_rl_ext.checkpoint.mapping.check_layout import check_kinds
from mindspeed_rl_ext.checkpoint.mapping.expected import Part, expected_parts
from mindspeed_rl_ext.checkpoint.mapping.layout import TE, Layout, padded_vocab
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.plan import Planner, PlansOfParts, TensorPlan
from mindspeed_rl_ext.checkpoint.mapping.spec import CORE, LOCAL
from mindspeed_rl_ext.checkpoint.options import LAYOUT, PART, ConvertOptions, option_names
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic

ITERATION_DIR = f"iter_{ITERATION:07d}"


class MegatronWriter:
    """Writes rank files; see `formats.protocol.CheckpointWriter`."""

    marker = TRACKER
    uses = frozenset((*option_names(LAYOUT), *option_names(PART)))

    def existing(self, destination: Path) -> list[Path]:
        """What makes the destination a checkpoint already, the tracker first."""
        names = (TRACKER, ITERATION_DIR, "release", MANIFEST)
        found = [destination / name for name in names if (destination / name).exists()]
        return [*found, *sorted(destination.glob(PART_MANIFESTS))]

    def layout(self, model: Model, options: ConvertOptions) -> Layout:
        """The layout that the options ask for."""
        layout = target_layout(model, options)
        check_kinds(model.spec, layout, () if layout.transformer_impl == TE else (LOCAL,))
        return layout

    def parts(self, model: Model, layout: Layout) -> list[Part]:
        """The chunks of all ranks."""
        return expected_parts(model.spec, model.sizes, layout)

    def files(self, target: Target, parts: Sequence[Part], planner: Planner) -> list[PlannedFile]:
        """One file per rank, also where a stage of noop layers alone has no tensors."""
        options = target.options
        first = next(plan.dtype for part in parts for plan in planner.plan(part))
        dtype = by_name(options.params_dtype) if options.params_dtype else first
        args = build_args(target, dtype)
        chunks: dict[str, list[Part]] = {}
        for part in parts:
            chunks.setdefault(part.shard, []).append(part)
        found = []
        for shard, held in chunks.items():
            here = PlansOfParts(planner, held)
            lay_out = partial(rank_file, here, args, [part.chunk for part in held])
            name = f"{ITERATION_DIR}/{shard}/{RANK_FILE}"
            found.append(PlannedFile(name, here, lay_out, shard))
        return found

    def finish(self, staged: Path, target: Target, files: Sequence[PlannedFile]) -> list[str]:
        """Writes the tracker."""
        write_text_atomic(staged / TRACKER, str(ITERATION))
        return [ITERATION_DIR]


def target_layout(model: Model, options: ConvertOptions) -> Layout:
    """The layout that options ask for.

    Raises:
        InputError: the model can't be written so.
    """
    if model.spec.mla and options.transformer_impl == TE and options.convention.dialect != CORE:
        raise InputError(
            f"{model.spec.name} has latent attention, whose transformer_engine names are not known",
            found="names of hosts",
            remedy="--transformer-impl local, or --target megatron-core-0.16",
        )
    if model.mtp and options.convention.dialect == "0.8":
        raise InputError(
            "names of multi-token-prediction layers are those of newer Megatron",
            found=f"--mtp-num-layers {model.mtp}, names of hosts up to 2.1",
            remedy="--mcore-dialect 0.12 (hosts since 2.2) or core, or a --target",
        )
    if options.mla_mm_split and not (model.spec.mla and "q_rank" in model.sizes.options):
        raise InputError(
            "--mla-mm-split does not fit the model",
            found=f"{model.spec.name} has no latent attention with a low rank of the query",
            remedy="leave the flag out",
        )
    return Layout(
        tp=options.tensor_parallel_size,
        pp=options.pipeline_parallel_size,
        layers_per_virtual_stage=options.num_layers_per_virtual_pipeline_stage or 0,
        layer_list=options.num_layer_list,
        noop_layers=tuple(sorted(options.noop_layers)),
        padded_vocab=padded_vocab(
            model.sizes.vocab,
            options.tensor_parallel_size,
            options.make_vocab_size_divisible_by,
            options.padded_vocab_size,
        ),
        transformer_impl=options.transformer_impl,
        ep=options.expert_parallel_size,
        extend_ep=options.moe_tp_extend_ep,
        grouped=options.moe_grouped_gemm,
        dialect=options.convention.dialect,
        whole_down=model.spec.mla
        and options.transformer_impl == TE
        and options.convention.whole_down,
        whole_experts=_whole_experts(model, options),
        mm_split=options.mla_mm_split,
        dualpipe=options.schedules_method == "dualpipev",
        mtp=model.mtp,
    )


def _whole_experts(model: Model, options: ConvertOptions) -> bool:
    """Whether TP cuts no experts; where TP is 1 there is nothing to tell apart."""
    size, tp = options.expert_tensor_parallel_size, options.tensor_parallel_size
    if size not in (None, 1, tp):
        raise InputError(
            f"experts are not cut by {size} ranks",
            found=f"--expert-tensor-parallel-size {size}, TP {tp}",
            expected=f"1 or {tp}",
        )
    return size == 1 and tp > 1 and model.sizes.experts > 0


def rank_file(plans: Sequence[TensorPlan], args: Namespace, chunks: Sequence[str]) -> FilePlan:
    """Lays out the file of one rank.

    Args:
        plans: the rank's tensors in the order of the file.
        args: Megatron's args.
        chunks: the keys of its model chunks.
    """
    layout = TorchZip()
    head = layout.add("archive/data.pkl", dumps(_content(plans, args, chunks)))
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


def _content(plans: Sequence[TensorPlan], args: Namespace, chunks: Sequence[str]) -> dict[str, Any]:
    models = {key: OrderedDict[str, StoredTensor]() for key in chunks}
    for number, plan in enumerate(plans):
        models[plan.ref.chunk][plan.ref.name] = StoredTensor(str(number), plan.dtype, plan.shape)
    return {
        "args": args,
        "checkpoint_version": 3.0,
        "iteration": ITERATION,
        **models,
        "num_floating_point_operations_so_far": 0,
    }
