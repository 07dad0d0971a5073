"""A conversion as planned: what is read, what is written, how much room it needs.

Covers: opening and checking the source, choosing the model, the plan as a table and as data.
Does not cover: writing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.copying.threads import LANE_BYTES
from mindspeed_rl_ext.checkpoint.dtypes import by_name
from mindspeed_rl_ext.checkpoint.formats.huggingface.reader import HfSource
from mindspeed_rl_ext.checkpoint.formats.huggingface.writer import existing_hf, shards_of
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.rank_files import check_ranks
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.reader import RANK_FILE, MgSource
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.writer import ITERATION_DIR, existing_mg
from mindspeed_rl_ext.checkpoint.manifest import recorded_cfg_dir
from mindspeed_rl_ext.checkpoint.mapping.expected import (
    TE,
    RankPart,
    expected_hf,
    expected_parts,
    hf_part,
)
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout, padded_vocab
from mindspeed_rl_ext.checkpoint.mapping.plan import CopyPair, TensorPlan, held_boxes, plan_tensors
from mindspeed_rl_ext.checkpoint.mapping.sizes import (
    Sizes,
    check_args,
    read_config,
    sizes_of_config,
)
from mindspeed_rl_ext.checkpoint.mapping.spec import EMBEDDING, ModelSpec
from mindspeed_rl_ext.checkpoint.models import choose_model
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.wording import in_bytes
from mindspeed_rl_ext.core.errors import InputError, MachineError
from mindspeed_rl_ext.version import __version__

# Pickle, headers, manifest and file-system blocks, per tensor and per file.
_OVERHEAD_BYTES = 1024
# Measured: Python with numpy, and the objects of a plan for each piece of it.
_PROCESS_BYTES = 36 << 20
_PIECE_BYTES = 3 << 10


@dataclass(frozen=True)
class Job:
    """A planned conversion.

    Args:
        options: what was asked for.
        spec: the model.
        sizes: its sizes.
        layout: how the Megatron side is cut.
        cfg_dir: the directory of config.json.
        source: the opened checkpoint.
        files: file name below save_dir -> tensors.
        copies: boxes of the source that must be equal.
        chunk_keys: file name -> keys of its model chunks (mg).
    """

    options: ConvertOptions
    spec: ModelSpec
    sizes: Sizes
    layout: Layout
    cfg_dir: Path
    source: HfSource | MgSource
    files: dict[str, list[TensorPlan]]
    copies: list[CopyPair]
    chunk_keys: dict[str, list[str]] = field(default_factory=dict)

    @property
    def plans(self) -> list[TensorPlan]:
        """All tensors to write."""
        return [plan for plans in self.files.values() for plan in plans]

    @property
    def nbytes(self) -> int:
        """Bytes of all values to write."""
        return sum(plan.nbytes for plan in self.plans)

    @property
    def memory_bytes(self) -> int:
        """About the anonymous memory of one process: the interpreter, windows, the plan itself."""
        pieces = sum(len(plan.pieces) for plan in self.plans)
        return _PROCESS_BYTES + self.options.threads * LANE_BYTES + _PIECE_BYTES * pieces

    def as_data(self) -> dict[str, Any]:
        """The plan for programs."""
        return {
            "direction": f"{self.options.load_model_type} -> {self.options.save_model_type}",
            "model_type": self.spec.name,
            "layout": asdict(self.layout),
            "bytes": self.nbytes,
            "free_disk_bytes": free_disk(self.options.save_dir),
            "memory_bytes": self.memory_bytes,
            "files": {
                name: {
                    "bytes": sum(plan.nbytes for plan in plans),
                    "tensors": [
                        {"name": p.ref.name, "shape": list(p.shape), "dtype": p.dtype.name}
                        for p in plans
                    ],
                }
                for name, plans in self.files.items()
            },
        }


def plan_job(options: ConvertOptions) -> Job:
    """Plans a conversion; reads headers and config only, writes nothing.

    Raises:
        InputError: the source is broken, or the layout cannot be.
        MachineError: the disk has too little room.
    """
    if options.save_dir.exists() and not options.save_dir.is_dir():
        raise InputError(f"--save-dir {options.save_dir} is a file", expected="a directory")
    _check_destination(options)
    job = _planned(options)
    needed = job.nbytes + _OVERHEAD_BYTES * (len(job.plans) + len(job.files))
    free = free_disk(options.save_dir)
    if needed > free:
        raise MachineError(
            f"not enough disk for {options.save_dir}",
            found=f"{in_bytes(free)} free",
            expected=in_bytes(needed),
            remedy="free some space, or choose another --save-dir",
        )
    return job


def _planned(options: ConvertOptions) -> Job:
    mg_source = MgSource(options.load_dir) if options.load_model_type == "mg" else None
    cfg_dir = _cfg_dir(options)
    spec, sizes = _model(options, cfg_dir)
    source = mg_source or HfSource(options.load_dir)
    if isinstance(source, MgSource):
        held, layout = checked_parts(spec, sizes, source), source.layout
        check_ranks(source, held)
    else:
        held, layout = [hf_part(spec, sizes)], Layout()
        tied = tied_name(spec) if sizes.tied else ""
        source.check(expected_hf(spec, sizes), ignored_names(spec, sizes), tied)
    to_mg = options.save_model_type == "mg"
    if to_mg:
        layout = _target_layout(options, spec, sizes)
    wanted = expected_parts(spec, sizes, layout) if to_mg else [hf_part(spec, sizes)]
    boxes, copies = held_boxes(held)
    dtype = by_name(options.params_dtype) if options.params_dtype else None
    plans = plan_tensors(wanted, boxes, source, dtype)
    if not to_mg:
        files = shards_of(plans, options.max_shard_bytes)
        return Job(options, spec, sizes, layout, cfg_dir, source, files, copies)
    # A stage of noop layers alone has no tensors, but a file with an empty model all the same.
    chunk_keys: dict[str, list[str]] = {}
    for part in wanted:
        chunk_keys.setdefault(_rank_file(part.directory), []).append(part.key)
    files = {name: [] for name in chunk_keys}
    for plan in plans:
        files[_rank_file(plan.ref.part.partition("/")[0])].append(plan)
    return Job(options, spec, sizes, layout, cfg_dir, source, files, copies, chunk_keys)


def _rank_file(directory: str) -> str:
    return f"{ITERATION_DIR}/{directory}/{RANK_FILE}"


def _cfg_dir(options: ConvertOptions) -> Path:
    if options.hf_cfg_dir is not None:
        return options.hf_cfg_dir
    if options.load_model_type == "hf":
        return options.load_dir
    found = recorded_cfg_dir(options.load_dir)
    if found is None:
        raise InputError(
            f"mg -> {options.save_model_type} needs the model's config.json and tokenizer",
            found="no --hf-cfg-dir, and no manifest.json that names a directory with both",
            remedy="--hf-cfg-dir with the HuggingFace directory of the original model",
        )
    return found


def _target_layout(options: ConvertOptions, spec: ModelSpec, sizes: Sizes) -> Layout:
    if spec.mla and options.transformer_impl == TE:
        raise InputError(
            f"{spec.name} has latent attention, whose transformer_engine names are not known",
            remedy="--transformer-impl local",
        )
    return Layout(
        tp=options.tensor_parallel_size,
        pp=options.pipeline_parallel_size,
        layers_per_virtual_stage=options.num_layers_per_virtual_pipeline_stage or 0,
        layer_list=options.num_layer_list,
        noop_layers=options.noop_layers,
        padded_vocab=padded_vocab(
            sizes.vocab,
            options.tensor_parallel_size,
            options.make_vocab_size_divisible_by,
            options.padded_vocab_size,
        ),
        transformer_impl=options.transformer_impl,
        ep=options.expert_parallel_size,
        extend_ep=options.moe_tp_extend_ep,
        grouped=options.moe_grouped_gemm,
        dialect=options.mcore_dialect,
    )


def _model(options: ConvertOptions, cfg_dir: Path) -> tuple[ModelSpec, Sizes]:
    config = read_config(cfg_dir)
    spec = choose_model(options.model_type_hf, config, options.add_qkv_bias)
    sizes = sizes_of_config(spec, config)
    if options.add_qkv_bias and "qkv_bias" not in sizes.options:
        raise InputError(
            "--add-qkv-bias does not fit the model",
            found=f"{cfg_dir / 'config.json'} describes {spec.name} without these biases",
            remedy="leave the flag out",
        )
    if spec.mtp_key and config.get(spec.mtp_key) and options.mtp_num_layers is None:
        raise InputError(
            "multi-token-prediction layers are not converted",
            found=f"{spec.mtp_key}={config[spec.mtp_key]}: model.layers.{sizes.layers} and after",
            remedy="--mtp-num-layers 0 leaves them out; the other layers do not need them",
        )
    return spec, sizes


def ignored_names(spec: ModelSpec, sizes: Sizes) -> tuple[str, ...]:
    """Patterns of HuggingFace tensors that are left out: no weights, prediction layers."""
    count = int(sizes.config.get(spec.mtp_key) or 0) if spec.mtp_key else 0
    return (
        *spec.ignored,
        *(f"model.layers.{sizes.layers + number}.*" for number in range(count)),
    )


def checked_parts(spec: ModelSpec, sizes: Sizes, source: MgSource) -> list[RankPart]:
    """What a Megatron checkpoint must hold, compared with its args, names and shapes."""
    check_args(sizes, source.args, str(source.folder), spec.mla)
    slots = source.args.get("num_layers")
    expected = sizes.layers + len(source.layout.noop_layers)
    if isinstance(slots, int) and slots != expected:
        raise InputError(
            f"the args of {source.folder} contradict config.json",
            found=f"num_layers={slots}",
            expected=f"{expected} ({sizes.layers}, and {len(source.layout.noop_layers)} noop)",
            remedy="pass the --hf-cfg-dir of the model that the checkpoint was made from",
        )
    if source.layout.padded_vocab < sizes.vocab:
        raise InputError(
            f"{source.folder} holds fewer vocabulary rows than config.json says",
            found=str(source.layout.padded_vocab),
            expected=f"at least {sizes.vocab}",
            remedy="check --hf-cfg-dir",
        )
    parts = expected_parts(spec, sizes, source.layout)
    source.check(parts)
    return parts


def tied_name(spec: ModelSpec) -> str:
    """The HuggingFace embedding, which a tied output layer is."""
    return next(row.hf[0].name for row in spec.rows if row.place == EMBEDDING)


def free_disk(folder: Path) -> int:
    """Free bytes where the directory is or will be."""
    while not folder.exists():
        folder = folder.parent if folder.parent != folder else Path(".")
    return shutil.disk_usage(folder).free


def _check_destination(options: ConvertOptions) -> None:
    protected = [options.load_dir, *([options.hf_cfg_dir] if options.hf_cfg_dir else [])]
    if any(options.save_dir.resolve() == path.resolve() for path in protected):
        raise InputError(
            "--save-dir is the directory that is read from",
            found=str(options.save_dir),
            remedy=f"another directory, such as {options.save_dir / 'mg2hf'}",
        )
    # A run that goes on looks again when it has the directory for itself.
    if not options.resume:
        check_replaceable(options)


def check_replaceable(options: ConvertOptions) -> None:
    """Raises InputError where save_dir holds a checkpoint that must not be replaced."""
    existing = existing_mg if options.save_model_type == "mg" else existing_hf
    found = existing(options.save_dir)
    if found and not options.overwrite:
        raise InputError(
            f"{options.save_dir} holds a checkpoint already",
            found=found[0].name,
            remedy="--overwrite replaces it",
        )


def plan_id(job: Job) -> str:
    """The identity of a plan: equal where source, options and result are."""
    row = job.as_data()
    for name in ("free_disk_bytes", "memory_bytes"):
        row.pop(name)
    sources = [
        (path.name, path.parent.name, path.stat().st_size, path.stat().st_mtime_ns)
        for path in job.source.paths()
    ]
    config = (job.cfg_dir / "config.json").read_text("utf-8")
    options = job.options
    more = (options.make_vocab_size_divisible_by, options.sha256, __version__)
    text = json.dumps([row, sources, config, more], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
