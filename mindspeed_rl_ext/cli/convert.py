"""HuggingFace <-> Megatron-core checkpoints, with the flags of the hosts' converters.

hf -> mg, mg -> hf, and mg -> mg (reshard). Nothing is written before the whole plan holds;
--dry-run stops there.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mindspeed_rl_ext.checkpoint.host_flags import NO_EFFECT, REFUSED, add_table
from mindspeed_rl_ext.checkpoint.wording import in_bytes
from mindspeed_rl_ext.core.errors import InputError

if TYPE_CHECKING:
    from mindspeed_rl_ext.checkpoint.convert import ConvertReport
    from mindspeed_rl_ext.checkpoint.job import Job
    from mindspeed_rl_ext.checkpoint.options import ConvertOptions

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    for name in ("--load-model-type", "--save-model-type"):
        parser.add_argument(name, choices=("hf", "mg"), help="format to read or to write")
    parser.add_argument("--load-dir", type=Path, required=True, help="checkpoint to read")
    parser.add_argument("--save-dir", type=Path, required=True, help="directory to write")
    parser.add_argument("--target-tensor-parallel-size", type=int, default=1, metavar="TP")
    parser.add_argument("--target-pipeline-parallel-size", type=int, default=1, metavar="PP")
    parser.add_argument("--target-expert-parallel-size", type=int, default=1, metavar="EP")
    parser.add_argument("--num-layers-per-virtual-pipeline-stage", type=int, metavar="N")
    parser.add_argument("--num-layer-list", metavar="A,B,..", help="layers of each stage")
    parser.add_argument("--noop-layers", metavar="X,Y,..", help="slots that hold no layer")
    parser.add_argument("--moe-grouped-gemm", action="store_true", help="one buffer of experts")
    parser.add_argument("--moe-tp-extend-ep", action="store_true", help="TP ranks: whole experts")
    parser.add_argument("--mtp-num-layers", type=int, metavar="0", help="0: leave them out")
    parser.add_argument("--make-vocab-size-divisible-by", type=int, default=1, metavar="N")
    parser.add_argument("--padded-vocab-size", type=int, metavar="N")
    parser.add_argument("--model-type-hf", default="auto", metavar="NAME", help="default: auto")
    parser.add_argument("--add-qkv-bias", action="store_true", help="with llama2: Qwen2")
    parser.add_argument("--params-dtype", metavar="bf16", help="number format to write")
    parser.add_argument(
        "--transformer-impl", choices=("local", "transformer_engine"), default="local"
    )
    parser.add_argument("--mcore-dialect", choices=("0.8", "0.12"), default="0.8")
    parser.add_argument("--hf-cfg-dir", type=Path, help="directory of config.json and tokenizer")
    parser.add_argument("--max-shard-size", default="5GB", help="of safetensors files (5GB)")
    parser.add_argument("--dry-run", action="store_true", help="print the plan, write nothing")
    parser.add_argument("--json", action="store_true", help="print plan and report as JSON")
    parser.add_argument("--verify", action="store_true", help="verify what was written")
    parser.add_argument("--overwrite", action="store_true", help="replace what save-dir holds")
    parser.add_argument("--resume", action="store_true", help="go on where a run was stopped")
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="threads (one per core, at most 4)"
    )
    parser.add_argument("--sha256", action="store_true", help="record SHA-256 of each tensor")
    add_table(parser)


def run(args: argparse.Namespace) -> int:
    """Converts, or prints the plan; returns the exit code."""
    from mindspeed_rl_ext.checkpoint.convert import run_job
    from mindspeed_rl_ext.checkpoint.job import plan_job

    options = options_of(args)
    _say_without_effect(args)
    job = plan_job(options)
    if args.dry_run:
        _print_plan(job, args.json)
        return 0
    _print_report(run_job(job), options, args.json)
    return 0


def options_of(args: argparse.Namespace) -> ConvertOptions:
    """The options that the flags mean.

    Raises:
        InputError: a flag that is not built yet, or one that cannot be read.
    """
    from mindspeed_rl_ext.checkpoint.mapping.layout_args import parse_numbers
    from mindspeed_rl_ext.checkpoint.options import ConvertOptions

    for name, flag in REFUSED.items():
        value = getattr(args, _attribute(name))
        if value not in (None, False, *flag.harmless):
            raise InputError(f"{name} is not built yet", found=str(value), remedy=flag.remedy)
    load, save = _direction(args)
    return ConvertOptions(
        load_model_type=load,
        save_model_type=save,
        load_dir=args.load_dir,
        save_dir=args.save_dir,
        tensor_parallel_size=args.target_tensor_parallel_size,
        pipeline_parallel_size=args.target_pipeline_parallel_size,
        num_layers_per_virtual_pipeline_stage=args.num_layers_per_virtual_pipeline_stage,
        num_layer_list=parse_numbers(args.num_layer_list),
        noop_layers=tuple(sorted(parse_numbers(args.noop_layers))),
        make_vocab_size_divisible_by=args.make_vocab_size_divisible_by,
        padded_vocab_size=args.padded_vocab_size,
        model_type_hf=args.model_type_hf,
        add_qkv_bias=args.add_qkv_bias,
        params_dtype=args.params_dtype,
        transformer_impl=args.transformer_impl,
        hf_cfg_dir=args.hf_cfg_dir,
        max_shard_bytes=parse_size(args.max_shard_size),
        expert_parallel_size=args.target_expert_parallel_size,
        moe_grouped_gemm=args.moe_grouped_gemm,
        moe_tp_extend_ep=args.moe_tp_extend_ep,
        mcore_dialect=args.mcore_dialect,
        mtp_num_layers=args.mtp_num_layers,
        resume=args.resume,
        workers=args.workers,
        sha256=args.sha256,
        overwrite=args.overwrite,
        verify=args.verify,
    )


def _direction(args: argparse.Namespace) -> tuple[str, str]:
    """The formats; older hosts say them with --loader and --saver."""
    kinds = {None: None, "hf": "hf", "llama2_hf": "hf", "mg": "mg", "mcore": "mg", "megatron": "mg"}
    load, save = args.load_model_type, args.save_model_type
    for name, value in (("--loader", args.loader), ("--saver", args.saver)):
        if value not in kinds:
            raise InputError(f"unknown {name} {value!r}", expected=", ".join(filter(None, kinds)))
    load, save = load or kinds[args.loader], save or kinds[args.saver]
    if load is None or save is None:
        raise InputError(
            "the direction is missing",
            expected="--load-model-type hf --save-model-type mg, or the reverse",
        )
    return load, save


def parse_size(text: str) -> int:
    """Bytes of a size such as "5GB", "500MB" or "1000".

    Raises:
        InputError: no such size.

    Example:
        >>> parse_size("5GB")
        5000000000
    """
    units = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
    upper = text.strip().upper()
    unit = next((unit for unit in sorted(units, key=len, reverse=True) if upper.endswith(unit)), "")
    try:
        size = float(upper.removesuffix(unit)) * units.get(unit, 1)
    except ValueError:
        size = 0.0
    if not 1 <= size < 2**63:
        raise InputError(f"not a size: {text!r}", expected="such as 5GB or 500MB")
    return int(size)


def _attribute(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


def _say_without_effect(args: argparse.Namespace) -> None:
    table = (*NO_EFFECT, *REFUSED)
    given = [name for name in table if getattr(args, _attribute(name)) not in (None, False)]
    if args.save_model_type == "hf":
        given += [
            name
            for name, default in _LAYOUT_FLAGS.items()
            if getattr(args, _attribute(name)) != default
        ]
    if given:
        log.info("without effect here: %s", ", ".join(given))


# A checkpoint that is read says its own layout.
_LAYOUT_FLAGS: dict[str, Any] = {
    "--target-tensor-parallel-size": 1,
    "--target-pipeline-parallel-size": 1,
    "--num-layers-per-virtual-pipeline-stage": None,
    "--num-layer-list": None,
    "--noop-layers": None,
    "--make-vocab-size-divisible-by": 1,
    "--padded-vocab-size": None,
    "--transformer-impl": "local",
    "--target-expert-parallel-size": 1,
    "--moe-grouped-gemm": False,
    "--moe-tp-extend-ep": False,
    "--mcore-dialect": "0.8",
}


def _print_plan(job: Job, as_json: bool) -> None:
    data = job.as_data()
    if as_json:
        print(json.dumps(data, indent=1))
        return
    print(f"{data['direction']}, {data['model_type']}, {len(job.plans)} tensors")
    print(f"layout: {', '.join(f'{k}={v}' for k, v in data['layout'].items() if v)}")
    for name, file in data["files"].items():
        print(f"{name}: {len(file['tensors'])} tensors, {in_bytes(file['bytes'])}")
        for row in file["tensors"]:
            print(f"  {row['name']:<60} {row['dtype']:<9} {row['shape']}")
    disk, free, memory = (in_bytes(data[f"{n}bytes"]) for n in ("", "free_disk_", "memory_"))
    print(f"needed {disk} of disk, {free} free, and about {memory} of memory; nothing was written")


def _print_report(report: ConvertReport, options: ConvertOptions, as_json: bool) -> None:
    if as_json:
        row = {"save_dir": str(options.save_dir), "tensors": report.tensors, "files": report.files}
        row |= {"bytes": report.bytes_written, "drifted": report.drifted}
        row["with_nan"] = report.with_nan
        row["verified"] = report.verified.ok if report.verified else None
        print(json.dumps(row, indent=1))
        return
    print(
        f"{options.save_dir}: {report.tensors} tensors in {report.files} files, "
        f"{in_bytes(report.bytes_written)}"
        + (f"; verified {report.verified.tensors} tensors" if report.verified else "")
    )
