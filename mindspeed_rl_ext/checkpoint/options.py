"""What the checkpoint commands are asked to do.

Covers: the options of convert, inspect, verify and diff, with their checks that need no file.
Does not cover: the hosts' flags without effect here; `host_flags` has those.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.targets import TARGETS, Convention, convention_of
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.options import check_options, declared_options, option

# More gain little: a disk is full by then.
_MOST_BY_DEFAULT, _MOST_WORKERS = 4, 256
# Options that only writers of sharded formats read; such a writer names the group in `uses`.
LAYOUT = "layout"
# Options that choose some ranks; only writers of a file per rank read them.
PART = "one node's part"
LOCAL, RAY = "local", "ray"
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_numbers(value: Any) -> tuple[int, ...]:
    """Numbers from "1,2", a list, a set, or None.

    Raises:
        InputError: something that is no number.

    Example:
        >>> parse_numbers("3, 1"), parse_numbers(None)
        ((3, 1), ())
    """
    if value is None or value == "":
        return ()
    parts = value.split(",") if isinstance(value, str) else value
    try:
        return tuple(int(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise InputError(f"not a list of numbers: {value!r}", expected="such as 7,7,7,7") from error


def parse_names(value: Any) -> tuple[str, ...]:
    """Names from "a,b", a list, or None.

    Example:
        >>> parse_names("10.0.0.2, 10.0.0.1")
        ('10.0.0.2', '10.0.0.1')
    """
    parts = value.split(",") if isinstance(value, str) else value or ()
    return tuple(word for part in parts if (word := str(part).strip()))


def parse_size(text: str) -> int:
    """Bytes of a size such as "5GB", "500MB" or "1000".

    Raises:
        InputError: no such size.

    Example:
        >>> parse_size("5GB")
        5000000000
    """
    upper = text.strip().upper()
    unit = next((u for u in sorted(_UNITS, key=len, reverse=True) if upper.endswith(u)), "")
    try:
        size = float(upper.removesuffix(unit)) * _UNITS.get(unit, 1)
    except ValueError:
        size = 0.0
    if not 1 <= size < 2**63:
        raise InputError(f"not a size: {text!r}", expected="such as 5GB or 500MB")
    return int(size)


# Options about an adapter, which several commands have.
_ADAPTER: Mapping[str, Mapping[str, Any]] = {
    "lora_load": {
        "help": "adapter that is merged: of PEFT, or rank files of a host",
        "zh": "合并的 LoRA 适配器目录：PEFT 或宿主的 rank 文件",
        "default": None, "metavar": "DIR", "identity": False,
    },
    "lora_r": {
        "help": "the adapter's rank; compared with what it says",
        "zh": "适配器的秩；与适配器自身的记录核对",
        "default": None, "minimum": 1, "metavar": "N",
    },
    "lora_alpha": {
        "help": "the adapter's alpha, where it does not say it",
        "zh": "适配器的 alpha（适配器未记录时需给出）",
        "default": None, "metavar": "ALPHA",
    },
    "lora_target_modules": {
        "help": "layers that the adapter may change", "zh": "适配器可以改动的层",
        "default": (), "metavar": "NAME",
    },
    "lora_rounding": {
        "help": "of a merged weight: once rounds the float32 sum, host rounds product, change and "
        "sum, as MindSpeed-LLM does",
        "zh": "合并后权重的舍入：once 对 float32 的和舍入一次，host 与 MindSpeed-LLM 相同（三次）",
        "default": "once", "choices": ("once", "host"),
    },
}  # fmt: skip


@dataclass(frozen=True)
class ConvertOptions:
    """One conversion; each field says what it is.

    Raises:
        InputError: an option that cannot be.
    """

    load_model_type: str = option(
        "format to read; auto recognises it", "读取的格式；auto 表示自动识别", metavar="FORMAT"
    )
    save_model_type: str = option("format to write", "写出的格式", metavar="FORMAT")
    load_dir: Path = option(
        "checkpoint to read", "待读取的检查点目录", metavar="DIR", identity=False
    )
    save_dir: Path = option("directory to write", "写出目录", metavar="DIR", identity=False)
    tensor_parallel_size: int = option(
        "tensor-parallel ranks", "张量并行数", default=1, minimum=1, metavar="TP", group=LAYOUT,
        flag="--target-tensor-parallel-size", aliases=("--target-tp-size",),
    )  # fmt: skip
    pipeline_parallel_size: int = option(
        "pipeline stages", "流水线并行数", default=1, minimum=1, metavar="PP", group=LAYOUT,
        flag="--target-pipeline-parallel-size", aliases=("--target-pp-size",),
    )  # fmt: skip
    num_layers_per_virtual_pipeline_stage: int | None = option(
        "layers of a virtual stage", "每个虚拟流水线段的层数",
        default=None, minimum=1, metavar="N", group=LAYOUT,
    )  # fmt: skip
    num_layer_list: tuple[int, ...] = option(
        "layers of each stage, where stages differ", "各流水线段的层数（不均匀切分）",
        default=(), parse=parse_numbers, metavar="A,B,..", group=LAYOUT,
    )  # fmt: skip
    noop_layers: tuple[int, ...] = option(
        "slots, counted from 0, that hold no layer", "空层的位置，从 0 开始",
        default=(), parse=parse_numbers, metavar="X,Y,..", group=LAYOUT,
    )  # fmt: skip
    make_vocab_size_divisible_by: int = option(
        "the padded vocabulary is a multiple of this times TP", "词表补齐为该值乘 TP 的倍数",
        default=1, minimum=1, metavar="N", group=LAYOUT,
    )  # fmt: skip
    padded_vocab_size: int | None = option(
        "rows of the embedding after padding; goes before the multiple", "补齐后的词表大小，优先",
        default=None, minimum=1, metavar="N", group=LAYOUT,
    )  # fmt: skip
    model_type_hf: str = option(
        "model type; auto takes that of config.json", "模型类型；auto 取 config.json 中的类型",
        default="auto", metavar="NAME",
    )  # fmt: skip
    add_qkv_bias: bool = option(
        "with llama2: the older hosts' way to say Qwen2", "与 llama2 连用：旧版宿主对 Qwen2 的写法",
        default=False,
    )  # fmt: skip
    params_dtype: str | None = option(
        "number format to write: bf16, fp16, fp32; the source's by default",
        "写出的数值格式：bf16、fp16、fp32；默认与源相同", default=None, metavar="bf16",
    )  # fmt: skip
    quantization: str = option(
        "of weights in other number formats: none refuses what is not dequantised (block FP8 is), "
        "keep writes them as they are",
        "其他数值格式的权重：none 拒绝未反量化者（分块 FP8 会反量化），keep 原样写出",
        default="none", choices=("none", "keep"),
    )  # fmt: skip
    transformer_impl: str = option(
        "whose tensor names are written", "采用哪种实现的张量名",
        default="local", choices=("local", "transformer_engine"), group=LAYOUT,
    )  # fmt: skip
    hf_cfg_dir: Path | None = option(
        "directory of config.json and tokenizer", "config.json 与分词器所在目录",
        default=None, metavar="DIR", identity=False, aliases=("--hf-dir",),
    )  # fmt: skip
    max_shard_bytes: int = option(
        "most bytes of a safetensors file, such as 5GB", "单个 safetensors 文件的上限，如 5GB",
        default=5_000_000_000, minimum=1, flag="--max-shard-size", parse=parse_size, metavar="SIZE",
    )  # fmt: skip
    expert_parallel_size: int = option(
        "ranks that share the experts", "专家并行数", default=1, minimum=1, metavar="EP",
        group=LAYOUT, flag="--target-expert-parallel-size",
    )  # fmt: skip
    moe_grouped_gemm: bool = option(
        "one buffer holds the experts of a rank", "每个 rank 的专家存为一个缓冲区",
        default=False, group=LAYOUT,
    )  # fmt: skip
    moe_tp_extend_ep: bool = option(
        "TP ranks hold whole experts", "TP 各 rank 存放完整专家", default=False, group=LAYOUT
    )
    target: str | None = option(
        "what will load it: a host line or a version of Megatron core, which fixes names and args; "
        "single flags override it",
        "将加载它的宿主版本或 Megatron core 版本：决定张量名与 args，单独的参数优先",
        default=None, choices=tuple(TARGETS), group=LAYOUT,
    )  # fmt: skip
    mcore_dialect: str | None = option(
        "whose names of latent attention, the shared gate and prediction layers are written: hosts "
        "up to 2.1 (0.8, the default), later hosts (0.12), Megatron core itself (core)",
        "MLA、共享专家门控与 MTP 层的张量名：2.1 及更早的宿主（0.8，默认）、更新的宿主（0.12）、"
        "Megatron core（core）",
        default=None, choices=("0.8", "0.12", "core"), group=LAYOUT,
    )  # fmt: skip
    mtp_num_layers: int | None = option(
        "multi-token-prediction layers; 0 leaves them out", "MTP 层数；0 表示不转换",
        default=None, minimum=0, metavar="N",
    )  # fmt: skip
    expert_tensor_parallel_size: int | None = option(
        "ranks that cut an expert: 1, or TP, which is the default",
        "切分单个专家的 rank 数：1 或 TP（默认）",
        default=None, minimum=1, metavar="N", group=LAYOUT,
    )  # fmt: skip
    mla_mm_split: bool = option(
        "the upward projections of latent attention in four tensors", "MLA 上投影拆成四个张量",
        default=False, group=LAYOUT,
    )  # fmt: skip
    schedules_method: str | None = option(
        "dualpipev: stages hold slices of both ends", "dualpipev：每段持有首尾两端的层",
        default=None, choices=("dualpipev",), group=LAYOUT,
    )  # fmt: skip
    lora_load: Path | None = option(**_ADAPTER["lora_load"])
    lora_r: int | None = option(**_ADAPTER["lora_r"])
    lora_alpha: float | None = option(**_ADAPTER["lora_alpha"])
    lora_target_modules: tuple[str, ...] = option(**_ADAPTER["lora_target_modules"])
    lora_rounding: str = option(**_ADAPTER["lora_rounding"])
    save_lora_to_hf: bool = option(
        "write the adapter of a host, of --lora-load or --load-dir, as a directory of PEFT; "
        "nothing is merged",
        "把宿主训练的适配器（--lora-load，或 --load-dir）写成 PEFT 目录，不合并",
        default=False,
    )  # fmt: skip
    ranks: str = option(
        "convert these ranks only: tp, pp, ep with numbers or ranges; an axis that is left out "
        "means all of it",
        "只转换这些 rank：tp、pp、ep 的编号或区间，未写的轴表示全部",
        default="", metavar="tp=0-7,pp=2", group=PART, identity=False,
    )  # fmt: skip
    node: str = option(
        "convert only what node I of N loads; I counts from 0, as NODE_RANK does",
        "只转换 N 个节点中第 I 个所加载的部分，I 从 0 开始，与 NODE_RANK 相同",
        default="", metavar="I/N", group=PART, identity=False,
    )  # fmt: skip
    npus_per_node: int | None = option(
        "with --node: ranks that run on a node, where data parallelism gives several nodes the "
        "same files",
        "与 --node 连用：每个节点运行的 rank 数（数据并行使多个节点加载相同文件时需要）",
        default=None, minimum=1, metavar="NPUS", group=PART, identity=False,
    )  # fmt: skip
    engine: str = option(
        "where to convert: this process, or each node of a Ray cluster its part of --node",
        "在哪里转换：本进程，或 Ray 集群的每个节点各转自己的部分（同 --node）",
        default=LOCAL, choices=(LOCAL, RAY), group=PART, identity=False,
    )  # fmt: skip
    ray_address: str = option(
        "the cluster of --engine ray: auto (RAY_ADDRESS, or the one of this machine), HOST:PORT",
        "--engine ray 的集群：auto（取 RAY_ADDRESS 或本机所在集群）或 HOST:PORT",
        default="auto", metavar="ADDRESS", group=PART, identity=False,
    )  # fmt: skip
    nodes: tuple[str, ...] = option(
        "addresses of the nodes of --engine ray, node 0 first; all by default, in numeric order",
        "--engine ray 的节点地址，从节点 0 起；默认全部节点，按地址的数值排序",
        default=(), parse=parse_names, metavar="IP,IP,..", group=PART, identity=False,
    )  # fmt: skip
    resume: bool = option(
        "go on where a stopped run was", "从中断处继续", default=False, identity=False
    )
    workers: int = option(
        "threads; one per core, at most 4, by default", "线程数；默认每核一个，至多 4 个",
        default=0, minimum=0, maximum=_MOST_WORKERS, metavar="N", identity=False,
    )  # fmt: skip
    sha256: bool = option("record SHA-256 of each tensor", "记录每个张量的 SHA-256", default=False)
    overwrite: bool = option(
        "replace what save-dir holds", "覆盖写出目录中已有的检查点", default=False, identity=False
    )
    verify: bool = option(
        "verify what was written before it is put in place", "就位之前先校验写出的内容",
        default=False, identity=False,
    )  # fmt: skip
    dry_run: bool = option(
        "print the plan, write nothing", "只打印计划，不写文件", default=False, identity=False
    )
    json: bool = option(
        "print plan and report as JSON", "以 JSON 打印计划和结果", default=False, identity=False
    )

    @property
    def threads(self) -> int:
        """Threads that copy."""
        return self.workers or min(_MOST_BY_DEFAULT, os.cpu_count() or 1)

    @property
    def convention(self) -> Convention:
        """How what is written is named."""
        return convention_of(self.target, self.mcore_dialect)

    def __post_init__(self) -> None:
        # numpy is imported when a command runs, not by --help.
        from mindspeed_rl_ext.checkpoint.dtypes import CASTABLE, full_name

        check_options(self)
        self._check_part()
        if self.params_dtype is not None and full_name(self.params_dtype) not in CASTABLE:
            raise InputError(
                f"weights are not written as {self.params_dtype}",
                expected=f"bf16, fp16 or fp32 (or {', '.join(CASTABLE)})",
                remedy="leave --params-dtype out to keep the source's format",
            )

    def _check_part(self) -> None:
        """Raises InputError where `--ranks` or `--node` can't be read, or both are given."""
        from mindspeed_rl_ext.checkpoint.parts.ranks import parse_node, parse_ranks

        if self.ranks and self.node:
            raise InputError("--ranks and --node both choose ranks", remedy="leave one of them out")
        if self.npus_per_node is not None and not (self.node or self.engine == RAY):
            raise InputError(
                "--npus-per-node is about --node and --engine ray", remedy="add --node I/N"
            )
        of_ray = {"--nodes": self.nodes != (), "--ray-address": self.ray_address != "auto"}
        for flag, given in of_ray.items():
            if given and self.engine != RAY:
                raise InputError(f"{flag} is about --engine ray", remedy="add --engine ray")
        if self.ranks:
            parse_ranks(self.ranks)
        if self.node:
            parse_node(self.node)


def option_names(group: str) -> list[str]:
    """The names of the conversion's options in a group."""
    known = declared_options(ConvertOptions).values()
    return [one.name for one in known if one.option.group == group]


@dataclass(frozen=True)
class InspectOptions:
    """What to describe."""

    path: Path = option("a checkpoint", "检查点目录", flag="path")
    json: bool = option("print everything as JSON", "以 JSON 打印全部内容", default=False)


@dataclass(frozen=True)
class VerifyOptions:
    """What to compare."""

    src: Path = option("a checkpoint", "检查点目录", flag="src")
    dst: Path = option("the checkpoint made from it", "由它转换而来的检查点目录", flag="dst")
    hf_cfg_dir: Path | None = option(
        "config.json, where SRC and DST lack it", "SRC 与 DST 都没有 config.json 时指定",
        default=None, metavar="DIR",
    )  # fmt: skip
    lora_load: Path | None = option(**_ADAPTER["lora_load"])
    lora_r: int | None = option(**_ADAPTER["lora_r"])
    lora_alpha: float | None = option(**_ADAPTER["lora_alpha"])
    lora_target_modules: tuple[str, ...] = option(**_ADAPTER["lora_target_modules"])
    lora_rounding: str = option(**_ADAPTER["lora_rounding"])
    json: bool = option("print the result as JSON", "以 JSON 打印结果", default=False)


@dataclass(frozen=True)
class DiffOptions:
    """What to tell apart."""

    a: Path = option("a checkpoint", "检查点目录", flag="a")
    b: Path = option("another of the same format", "同一格式的另一个检查点目录", flag="b")
    json: bool = option("print the rows as JSON", "以 JSON 打印各行", default=False)
