"""A conversion as planned: what is read, what is written, what disk and memory it needs.

Covers: opening and checking the source, choosing the model, the plan as a table and as data.
Does not cover: writing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.adapters.megatron import MegatronAdapterReader
from mindspeed_rl_ext.checkpoint.adapters.merged import MERGE_BYTES, MergedReader
from mindspeed_rl_ext.checkpoint.copying.threads import WORKER_BYTES
from mindspeed_rl_ext.checkpoint.destination import (
    check_apart,
    check_replaceable,
    free_disk,
    staged_bytes,
)
from mindspeed_rl_ext.checkpoint.direction import formats_of, open_source, writer_of
from mindspeed_rl_ext.checkpoint.dtypes import DType, by_name
from mindspeed_rl_ext.checkpoint.formats.protocol import (
    CheckpointReader,
    CheckpointWriter,
    Format,
    PlannedFile,
    Target,
    Totals,
)
from mindspeed_rl_ext.checkpoint.mapping.expected import Part, applying_rows
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.missing_options import missing_options
from mindspeed_rl_ext.checkpoint.mapping.model import Model, read_model
from mindspeed_rl_ext.checkpoint.mapping.plan import CopyPair, Planner, held_boxes
from mindspeed_rl_ext.checkpoint.mapping.quantization import check_formats
from mindspeed_rl_ext.checkpoint.mapping.spec import CORE, HOSTS
from mindspeed_rl_ext.checkpoint.mapping.targets import DEFAULT_DIALECT
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.parts.joining import check_destination, was_finished
from mindspeed_rl_ext.checkpoint.parts.ranks import RankPart, rank_part
from mindspeed_rl_ext.checkpoint.tensors import Ref
from mindspeed_rl_ext.checkpoint.wording import in_bytes, no_directory
from mindspeed_rl_ext.core.errors import InputError, MachineError
from mindspeed_rl_ext.core.files.staging import STAGING_NAME

log = logging.getLogger(__name__)

# Pickle, headers, manifest and file-system blocks, per tensor and per file.
_OVERHEAD_BYTES = 1024
# Measured: Python with numpy, and the objects of a plan for each piece of it.
_PROCESS_BYTES = 36 << 20
_PIECE_BYTES = 3 << 10
# The plans of more are made anew when they are needed.
_MOST_PIECES = 50_000


@dataclass(frozen=True)
class Job:
    """A planned conversion.

    Args:
        source_format: the format that is read.
        target_format: the format that is written.
        target: the model, the layout to write, and what was asked for.
        layout: how the sharded side is laid out: the destination's, or the source's.
        source: the opened checkpoint.
        files: what is written.
        copies: boxes of the source that must be equal.
        part: the ranks that are written; None where all are.
        whole_files: the names of the files of all ranks, in order.
    """

    source_format: Format
    target_format: Format
    target: Target
    layout: Layout
    source: CheckpointReader
    files: Sequence[PlannedFile]
    copies: Sequence[CopyPair]
    part: RankPart | None = None
    whole_files: Sequence[str] = ()

    @property
    def staging_name(self) -> str:
        """The name of the folder that is written into; parts have folders of their own."""
        return f"{STAGING_NAME}.{self.part.name}" if self.part else STAGING_NAME

    @property
    def options(self) -> ConvertOptions:
        """What was asked for."""
        return self.target.options

    @property
    def model(self) -> Model:
        """The model."""
        return self.target.model

    @property
    def writer(self) -> CheckpointWriter:
        """What writes the destination."""
        return writer_of(self.target_format)

    @property
    def direction(self) -> str:
        """What is converted into what."""
        return f"{self.source_format.name} -> {self.target_format.name}"

    @cached_property
    def totals(self) -> Totals:
        """What all tensors to write sum up to."""
        found = [file.totals for file in self.files]
        return Totals(*(sum(column) for column in zip(*found, strict=True)))

    def needed_bytes(self, totals: Totals) -> int:
        """Disk that is still needed: what an earlier run has written does not count.

        Args:
            totals: of all tensors.
        """
        options = self.options
        if options.resume and was_finished(self):
            return 0
        whole = totals.nbytes + _OVERHEAD_BYTES * (totals.tensors + len(self.files))
        return max(0, whole - staged_bytes(options.save_dir / self.staging_name))

    @cached_property
    def used(self) -> frozenset[Ref] | None:
        """The tensors that a part is made of; None where all are written."""
        if self.part is None:
            return None
        plans = (plan for file in self.files for plan in file.plans)
        return frozenset(piece.ref for plan in plans for piece in plan.pieces)

    def compared_copies(self) -> Iterator[CopyPair]:
        """The boxes that must be equal, as far as this run takes values from them."""
        return (pair for pair in self.copies if self.used is None or pair.first.ref in self.used)

    def memory_bytes(self, totals: Totals) -> int:
        """About the anonymous memory of one process: interpreter, windows, the plan itself.

        Args:
            totals: of all tensors.
        """
        planned = _PIECE_BYTES * min(totals.pieces, _MOST_PIECES)
        merged = MERGE_BYTES if isinstance(self.source, MergedReader) else 0
        return _PROCESS_BYTES + self.options.threads * WORKER_BYTES + planned + merged

    def as_data(self) -> dict[str, Any]:
        """The plan for programs."""
        return {
            "direction": self.direction,
            "model_type": self.model.spec.name,
            "layout": asdict(self.layout),
            **({"part": {"ranks": list(self.part.dirs), "of": self.part.of}} if self.part else {}),
            "bytes": self.totals.nbytes,
            "needed_bytes": self.needed_bytes(self.totals),
            "free_disk_bytes": free_disk(self.options.save_dir),
            "memory_bytes": self.memory_bytes(self.totals),
            "files": {
                file.name: {
                    "bytes": file.totals.nbytes,
                    "tensors": [
                        {"name": p.ref.name, "shape": list(p.shape), "dtype": p.dtype.name}
                        for p in file.plans
                    ],
                }
                for file in self.files
            },
        }


def plan_job(options: ConvertOptions) -> Job:
    """Plans a conversion; reads headers and config only, writes nothing.

    Raises:
        InputError: the source is broken, or the layout cannot be.
        MachineError: the disk is too small.
    """
    for path in (options.save_dir, *options.save_dir.parents):
        if path.is_symlink() and not path.exists():
            raise InputError(f"--save-dir {path} is a link to nothing", expected="a directory")
        if path.exists() and not path.is_dir():
            raise InputError(f"--save-dir {path} is a file", expected="a directory")
    if no_directory(options.load_dir):
        found = no_directory(options.load_dir)
        raise InputError(
            f"no checkpoint in {options.load_dir}", found=found, remedy="check --load-dir"
        )
    to_read, to_write = formats_of(options)
    given = [options.load_dir, *([options.hf_cfg_dir] if options.hf_cfg_dir else [])]
    if options.lora_load:
        given.append(options.lora_load)
    check_apart(options.save_dir, given, ())
    # A run that goes on looks again when it has the directory for itself.
    if not (options.resume or options.ranks or options.node):
        check_replaceable(options, writer_of(to_write))
    job = _planned(options, to_read, to_write)
    if job.part and not options.resume:
        check_destination(job)
    read = [job.source.folder, job.model.folder, job.model.folder / "config.json"]
    check_apart(options.save_dir, [*read, *job.source.paths()], _replaced(job))
    if options.dry_run:
        return job
    needed, free = job.needed_bytes(job.totals), free_disk(options.save_dir)
    if needed > free:
        raise MachineError(
            f"not enough disk for {options.save_dir}",
            found=f"{in_bytes(free)} free",
            expected=in_bytes(needed),
            remedy="free some space, or choose another --save-dir",
        )
    return job


def _replaced(job: Job) -> list[Path]:
    """What the conversion replaces below its destination."""
    folder = job.options.save_dir
    written = {folder / Path(file.name).parts[0] for file in job.files}
    return [*job.writer.existing(folder), *written]


def _planned(options: ConvertOptions, to_read: Format, to_write: Format) -> Job:
    source = open_source(options, to_read)
    model = _model(options, source)
    if HOSTS in model.spec.refused_layouts and not (options.target or options.mcore_dialect):
        options = replace(options, mcore_dialect=CORE)
    if isinstance(source, MegatronAdapterReader):
        model = source.adapter_model(model)
    held = source.parts(model)
    source.check_shards(model, held)
    formats = _formats_of_weights(source, held)
    check_formats(formats, str(options.load_dir), options.quantization)
    writer = writer_of(to_write)
    layout = writer.layout(model, options)
    if model.mtp > layout.mtp and layout != Layout():
        raise InputError(
            f"multi-token-prediction layers are not written as {to_write.name}",
            remedy="--mtp-num-layers 0 leaves them out",
        )
    part = _part(options, writer, layout)
    wanted = writer.parts(model, layout)
    _warn_of_dialects(options, model, writer, layout)
    _warn_of_missing_options(options, model, writer)
    boxes, copies = held_boxes(held)
    dtype = by_name(options.params_dtype) if options.params_dtype else None
    target = Target(model, layout, options)
    files = writer.files(target, wanted, Planner(boxes, formats, dtype))
    names = [file.name for file in files]
    if part is not None:
        files = [file for file in files if file.shard in part.dirs]
    shown = source.layout if layout == Layout() else layout
    return Job(to_read, to_write, target, shown, source, files, copies, part, names)


def _part(options: ConvertOptions, writer: CheckpointWriter, layout: Layout) -> RankPart | None:
    """The ranks that the options choose."""
    if (options.ranks or options.node) and "ranks" not in writer.uses:
        flag = f"--ranks {options.ranks}" if options.ranks else f"--node {options.node}"
        raise InputError(
            f"{flag} chooses files of ranks, which --save-model-type {options.save_model_type} "
            "does not write",
            expected="--save-model-type mg",
            remedy="leave the flag out, and write it once where all nodes read it",
        )
    return rank_part(layout, options.ranks, options.node, options.npus_per_node)


def _formats_of_weights(source: CheckpointReader, held: Sequence[Part]) -> dict[Ref, DType]:
    """The number formats of what is converted; of dequantised tensors what they are written as."""
    stored = {info.ref: info.written or info.dtype for info in source.tensors()}
    return {part.ref(slot): stored[part.ref(slot)] for part in held for slot in part.slots}


def _warn_of_dialects(
    options: ConvertOptions, model: Model, writer: CheckpointWriter, layout: Layout
) -> None:
    """Warns where targets name this family's tensors differently and none was chosen."""
    if options.target or options.mcore_dialect or "target" not in writer.uses:
        return
    old = layout.dialect == DEFAULT_DIALECT
    if any(row.newer or row.not_layout == CORE for row in applying_rows(model.spec, model.sizes)):
        log.warning(
            "%s has other tensor names in %s; written for %s. --target with "
            "what will load it (%s, ...) chooses",
            model.spec.name,
            "newer hosts" if old else "Megatron core",
            "MindSpeed-LLM 2.1 and before" if old else "MindSpeed-LLM 2.2 and newer",
            "mindspeed-llm-26.1, megatron-core-0.16",
        )


def _warn_of_missing_options(
    options: ConvertOptions, model: Model, writer: CheckpointWriter
) -> None:
    """Warns of what config.json says and no option of the loader does."""
    if "target" not in writer.uses:
        return
    for found in missing_options(model, options.convention):
        log.warning(
            "%s of config.json has no option in what will load this (%s): the tensors are right, "
            "the model that it builds is another",
            found,
            options.target or options.mcore_dialect or "MindSpeed-LLM",
        )


def _model(options: ConvertOptions, source: CheckpointReader) -> Model:
    folder = options.hf_cfg_dir or source.find_config()
    if folder is None:
        raise InputError(
            f"converting {options.load_dir} needs the model's config.json and tokenizer",
            found="no --hf-cfg-dir, and nothing in the checkpoint that names a directory with both",
            remedy="--hf-cfg-dir with the HuggingFace directory of the original model",
        )
    model = read_model(folder, options.model_type_hf, options.add_qkv_bias)
    if options.add_qkv_bias and "qkv_bias" not in model.sizes.options:
        raise InputError(
            "--add-qkv-bias does not fit the model",
            found=f"{folder / 'config.json'} describes {model.spec.name} without these biases",
            remedy="leave the flag out",
        )
    return replace(model, mtp=_prediction_layers(options, source, model))


def _prediction_layers(options: ConvertOptions, source: CheckpointReader, model: Model) -> int:
    """How many multi-token-prediction layers are converted."""
    wanted, held = options.mtp_num_layers, source.prediction_layers(model)
    if wanted is None and source.layout.mtp:
        return held
    if wanted is None and held:
        raise InputError(
            "the model has multi-token-prediction layers",
            found=f"{held}: {model.first_prediction()} and after",
            remedy=f"--mtp-num-layers {held} converts them, --mtp-num-layers 0 leaves them out; "
            "the other layers do not need them",
        )
    if (wanted or 0) > held:
        raise InputError(
            f"--mtp-num-layers {wanted} is more multi-token-prediction layers than there are",
            found=str(held),
        )
    return wanted or 0
