"""Writing a torch_dist checkpoint: chunks, `.metadata`, `common.pt`; the tracker last.

Covers: layers stacked as Megatron core stacks them, one by one where they differ; chunks cut by
tensor parallelism, so that a rank reads its own; `_extra_state` of each layer with weights, which
core asks for.
Does not cover: noop layers; optimizer state.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from mindspeed_rl_ext.checkpoint.copying.file_plan import FilePlan
from mindspeed_rl_ext.checkpoint.dtypes import DType, by_name
from mindspeed_rl_ext.checkpoint.formats.dcp.layout import ItemFile, metadata_bytes, torch_file
from mindspeed_rl_ext.checkpoint.formats.dcp.metadata import (
    METADATA,
    Chunk,
    Item,
    Metadata,
    TensorEntry,
    chunk_name,
)
from mindspeed_rl_ext.checkpoint.formats.dcp.reader import COMMON, MEGATRON_METADATA
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.args import ITERATION, build_args
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.places import TRACKER
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.writer import (
    ITERATION_DIR,
    MegatronWriter,
    target_layout,
)
from mindspeed_rl_ext.checkpoint.formats.protocol import PlannedFile, Target
from mindspeed_rl_ext.checkpoint.formats.torch_dist.names import (
    Naming,
    extra_states,
    name_slot,
)
from mindspeed_rl_ext.checkpoint.formats.torch_dist.reader import BACKEND
from mindspeed_rl_ext.checkpoint.mapping.check_layout import check_divisible
from mindspeed_rl_ext.checkpoint.mapping.chunks import (
    Placed,
    StoredBox,
    join_boxes,
    parts_of,
    source_areas,
)
from mindspeed_rl_ext.checkpoint.mapping.expected import Part, Slot, expected_parts
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout, chunks
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.plan import Planner, TensorPlan
from mindspeed_rl_ext.checkpoint.mapping.spec import CORE
from mindspeed_rl_ext.checkpoint.mapping.targets import convention_of
from mindspeed_rl_ext.checkpoint.options import ConvertOptions, option_names
from mindspeed_rl_ext.checkpoint.tensors import Box, Ref, whole
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.whole_files import open_atomic, write_text_atomic

# The dialect of hosts that do not save torch_dist, and the next one.
_OLD, _NEW = "0.8", "0.12"
# Rule -> axis that tensor parallelism cuts; others are held whole by every rank.
_AXIS = {"rows": 0, "qkv": 0, "gated_qkv": 0, "vocab_rows": 0, "columns": 1}
_STACKS = ("gate_up",)
_EXTRA_STATE = torch_file([None])


class TorchDistWriter:
    """Writes torch_dist checkpoints; see `formats.protocol.CheckpointWriter`."""

    marker = TRACKER
    uses = frozenset((*option_names("layout"), "max_shard_bytes"))

    def existing(self, destination: Path) -> list[Path]:
        """What makes the destination a checkpoint already, the tracker first."""
        return MegatronWriter().existing(destination)

    def layout(self, model: Model, options: ConvertOptions) -> Layout:
        """The layout of the run that will load it: its args, the padding, how chunks are cut."""
        if options.target is None and options.mcore_dialect is None:
            options = replace(options, mcore_dialect=_NEW)
        if not convention_of(options.target, options.mcore_dialect).loads_torch_dist:
            raise InputError(
                "the target does not load torch_dist: it sets --ckpt-format torch by itself",
                found=f"--target {options.target}",
                remedy="--save-model-type mg writes the rank files that it loads",
            )
        layout = target_layout(model, options)
        if layout.noop_layers:
            raise InputError(
                "noop layers are not written into torch_dist checkpoints",
                found=f"--noop-layers {','.join(map(str, layout.noop_layers))}",
                remedy="leave the flag out: a torch_dist checkpoint loads into any stages",
            )
        if layout.dialect == _OLD and _names(model, layout) != _names(
            model, replace(layout, dialect=_NEW)
        ):
            raise InputError(
                f"torch_dist is a format of newer hosts, whose names of {model.spec.name} differ",
                found=f"--mcore-dialect {_OLD}, or a --target that has it",
                remedy=f"--mcore-dialect {_NEW} for newer hosts, core for Megatron core itself",
            )
        check_divisible(model.sizes, layout)
        chunks(layout, model.sizes.layers)
        return layout

    def parts(self, model: Model, layout: Layout) -> list[Part]:
        """The chunks."""
        placed = place_model(model, layout)
        boxes = [box for item in placed for box in _boxes(item, model, layout)]
        return parts_of(join_boxes(placed, boxes))

    def files(self, target: Target, parts: Sequence[Part], planner: Planner) -> list[PlannedFile]:
        """Files of at most `max_shard_bytes`; a larger chunk has a file of its own."""
        groups: list[list[TensorPlan]] = [[]]
        size = 0
        for plan in (plan for part in parts for plan in planner.plan(part)):
            if groups[-1] and size + plan.nbytes > target.options.max_shard_bytes:
                groups.append([])
                size = 0
            groups[-1].append(plan)
            size += plan.nbytes
        found = []
        for number, group in enumerate(groups):
            name = f"__0_{number}.distcp"
            lay_out = partial(_file_plan, name, group)
            found.append(PlannedFile(f"{ITERATION_DIR}/{name}", group, lay_out))
        return found

    def finish(self, staged: Path, target: Target, files: Sequence[PlannedFile]) -> list[str]:
        """Writes `.metadata`, `common.pt`, `metadata.json` and the tracker."""
        folder = staged / ITERATION_DIR
        with open_atomic(folder / METADATA) as file:
            file.write(metadata_bytes(_metadata(target, files)))
        with open_atomic(folder / COMMON) as file:
            file.write(torch_file(_common(target, files[0].plans[0].dtype)))
        versions = {"sharded_backend": BACKEND, "common_backend": "torch"}
        numbered = {**versions, **{f"{name}_version": 1 for name in versions}}
        write_text_atomic(folder / MEGATRON_METADATA, json.dumps(numbered))
        write_text_atomic(staged / TRACKER, str(ITERATION))
        return [ITERATION_DIR]


def place_model(model: Model, layout: Layout) -> list[Placed]:
    """The model's tensors under the names that core gives them.

    Args:
        model: the model.
        layout: the padding and the names; how it is cut does not matter.
    """
    slots = _slots(model, layout)
    naming = Naming(
        layer_by_layer=_layers_differ(model, layout),
        transformer_impl=layout.transformer_impl,
        names=frozenset(slot.name for slot in slots),
    )
    return [item for slot in slots for item in name_slot(slot, naming)]


def _layers_differ(model: Model, layout: Layout) -> bool:
    """Whether core keeps each layer under names of its own."""
    kinds = [model.sizes.moe_layers]
    if layout.dialect == CORE:
        kinds.append(model.sizes.linear_layers)
    return any(0 < len(kind) < model.sizes.layers for kind in kinds)


def _slots(model: Model, layout: Layout) -> Sequence[Slot]:
    """The tensors of the model that is not sharded."""
    whole_model = Layout(
        padded_vocab=layout.padded_vocab,
        dialect=layout.dialect,
        mm_split=layout.mm_split,
        mtp=layout.mtp,
    )
    return expected_parts(model.spec, model.sizes, whole_model)[0].slots


def _names(model: Model, layout: Layout) -> set[str]:
    return {slot.name for slot in _slots(model, layout)}


def _boxes(item: Placed, model: Model, layout: Layout) -> Iterator[StoredBox]:
    """The chunks of a slot."""
    height, width = item.matrix
    areas = [Box(0, height, 0, width)]
    if item.slot.rule in _STACKS:
        areas = source_areas(item.slot)
    axis = 0 if item.slot.rule in _STACKS else _AXIS.get(item.slot.rule)
    if len(item.slot.shape) > 2:
        axis = None
    whole_shape = (*_leading_sizes(item, model), *item.slot.shape)
    for cut in chain.from_iterable(_cut(area, axis, layout.tp) for area in areas):
        box = ((cut.row, cut.rows), (cut.col, cut.cols))[: len(item.slot.shape)]
        if len(item.slot.shape) > 2:  # not seen as a matrix, so never cut
            box = tuple((0, size) for size in item.slot.shape)
        offset = (*item.index, *(first for first, _ in box))
        shape = (*(1 for _ in item.index), *(count for _, count in box))
        name = chunk_name(item.tensor, offset)
        yield StoredBox(whole(name), item.tensor, offset, shape, whole_shape)


def _leading_sizes(item: Placed, model: Model) -> tuple[int, ...]:
    """The sizes of the axes that stack layers and experts."""
    stacked = (model.sizes.layers, model.sizes.experts)
    if len(item.index) == 1:
        return (stacked[1],) if ".experts.experts." in item.tensor else (stacked[0],)
    return stacked[: len(item.index)]


def _cut(area: Box, axis: int | None, tp: int) -> Iterator[Box]:
    size = area.cols if axis == 1 else area.rows
    if axis is None or size % tp:
        yield area
        return
    step = size // tp
    for at in range(0, size, step):
        if axis == 1:
            yield Box(area.row, area.rows, area.col + at, step)
        else:
            yield Box(area.row + at, step, area.col, area.cols)


def _item_file(name: str, plans: Sequence[TensorPlan]) -> tuple[ItemFile, list[Item]]:
    """A file of chunks behind an `_extra_state`, which all layers share, and where each lies."""
    file = ItemFile(name, _EXTRA_STATE)
    return file, [file.add(plan) for plan in plans]


def _file_plan(name: str, plans: Sequence[TensorPlan]) -> FilePlan:
    return _item_file(name, plans)[0].file_plan()


def _metadata(target: Target, files: Sequence[PlannedFile]) -> Metadata:
    model, layout = target.model, target.layout
    placed = place_model(model, layout)
    items: dict[Ref, tuple[TensorPlan, Item]] = {}
    for file in files:
        found = _item_file(Path(file.name).name, file.plans)[1]
        items |= {plan.ref: (plan, item) for plan, item in zip(file.plans, found, strict=True)}
    chunks_of: dict[str, list[Chunk]] = {}
    shapes: dict[str, tuple[DType, tuple[int, ...]]] = {}
    for slot in placed:
        for box in _boxes(slot, model, layout):
            plan, item = items[box.ref]
            chunks_of.setdefault(box.tensor, []).append(
                Chunk(box.tensor, box.offset, box.shape, item)
            )
            shapes[box.tensor] = (plan.dtype, box.whole)
    tensors = {name: TensorEntry(*shapes[name], tuple(mine)) for name, mine in chunks_of.items()}
    shared = Item(Path(files[0].name).name, 0, len(_EXTRA_STATE))
    names = extra_states(
        [(item, _leading_sizes(item, model)) for item in placed], layout.transformer_impl
    )
    return Metadata(tensors, dict.fromkeys(names, shared))


def _common(target: Target, dtype: DType) -> dict[str, object]:
    options = target.options
    dtype = by_name(options.params_dtype) if options.params_dtype else dtype
    args = build_args(target, dtype)
    args.ckpt_format = BACKEND
    return {
        "args": args,
        "checkpoint_version": 3.0,
        "iteration": ITERATION,
        "num_floating_point_operations_so_far": 0,
    }
