"""The keys of a recipe: one dataclass per section, every field with its help and its least value.

Covers: the keys, their types, defaults, limits, what a resumed run must repeat. A stage's `trl`
holds TRL's own keys as the installed TRL names them; `trl_keys` checks those.
Does not cover: reading YAML (`files`), running (`runner`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mindspeed_rl_ext.core.options import option

STAGES = ("sample", "sft", "expert_iteration", "grpo")
SIZES = ("cpu", "real")
FROM_DATASET, FROM_SAMPLE = "dataset", "sample"
BACKENDS = ("hf", "vllm")


@dataclass(frozen=True)
class DatasetSection:
    """Where prompts and reference answers come from: one of config, packed and task."""

    config: str | None = option(
        "a data recipe under configs/datasets, or a YAML file",
        "configs/datasets 下的数据配方，或一个 YAML 文件",
        default=None,
    )
    packed: str | None = option(
        "prefix of files that `msrl-ext preprocess` made",
        "`msrl-ext preprocess` 生成文件的前缀",
        default=None,
    )
    task: str | None = option(
        "a task made on the spot: signs or largest",
        "现场生成的任务：signs 或 largest",
        default=None,
    )
    options: Mapping[str, Any] = option(
        "keys of the data recipe that replace its own, such as input",
        "覆盖数据配方的键，例如 input",
        default_factory=dict,
    )
    rows: int | None = option(
        "at most so many rows; all where null",
        "最多使用的行数；null 为全部",
        default=None,
        minimum=1,
    )
    held_out: int = option(
        "prompts kept away from training and evaluated before and after",
        "不参与训练、在训练前后评测的提示数",
        default=0,
        minimum=0,
    )


@dataclass(frozen=True)
class SampleSection:
    """Responses of a teacher or of the policy, kept where the verifiers accept them."""

    teacher: str | None = option(
        "model directory; the policy itself where null",
        "教师模型目录；null 为策略自身",
        default=None,
    )
    teacher_template: str | None = option(
        "prompt_type for the teacher; that of the data set where null",
        "教师模型的 prompt_type；null 时与数据集相同",
        default=None,
    )
    prompts: int | None = option(
        "at most so many prompts; all where null",
        "最多采样的提示数；null 为全部",
        default=None,
        minimum=1,
    )
    samples_per_prompt: int = option(
        "responses to each prompt", "每个提示采样的回复数", default=4, minimum=1
    )
    keep_per_prompt: int = option(
        "correct responses kept of each prompt", "每个提示保留的正确回复数", default=1, minimum=1
    )
    max_new_tokens: int = option(
        "longest response in tokens; longer ones are dropped",
        "回复的最大 token 数；更长的丢弃",
        default=1024,
        minimum=1,
    )
    temperature: float = option("of the sampling", "采样温度", default=1.0, minimum=0)
    batch_size: int = option(
        "prompts generated together", "同时生成的提示数", default=64, minimum=1
    )
    backend: str = option("what generates", "生成后端", default="hf", choices=BACKENDS)
    tensor_parallel_size: int = option(
        "devices that share the model, with vLLM", "vLLM 张量并行的设备数", default=1, minimum=1
    )


@dataclass(frozen=True)
class SftSection:
    """Supervised fine-tuning."""

    data: str = option(
        "dataset (its worked solutions), sample (what the stage before kept), or an Alpaca file",
        "dataset（数据集的解答）、sample（上一阶段保留的回复），或一个 Alpaca 文件",
        default=FROM_DATASET,
    )
    demonstration: str = option(
        "how a worked solution becomes a response: plain, boxed, r1 or cs336",
        "解答转为回复的方式：plain、boxed、r1 或 cs336",
        default="plain",
    )
    trl: Mapping[str, Any] = option(
        "keys of TRL's SFTConfig", "TRL SFTConfig 的键", default_factory=dict
    )


@dataclass(frozen=True)
class ExpertIterationSection:
    """Rounds of: sample, keep what is correct, fine-tune on it."""

    rounds: int = option("how many rounds", "轮数", default=3, minimum=1)
    sample: SampleSection = option(
        "the sampling of a round; its prompts are drawn anew each round",
        "每轮的采样；每轮重新抽取提示",
        default_factory=SampleSection,
    )
    trl: Mapping[str, Any] = option(
        "keys of TRL's SFTConfig, of one round", "每轮的 TRL SFTConfig 键", default_factory=dict
    )


@dataclass(frozen=True)
class DynamicSampling:
    """What happens to groups whose responses all got the same reward. They are always counted."""

    max_rounds: int = option(
        "how often fresh prompts replace such groups; 0 only drops them",
        "用新提示替换这类组的次数；0 只丢弃",
        default=0,
        minimum=0,
    )


@dataclass(frozen=True)
class GrpoSection:
    """Group-relative policy optimisation."""

    dynamic_sampling: DynamicSampling | None = option(
        "drops groups whose rewards are all equal, and tries others in their place",
        "丢弃组内奖励全相同的组，并换提示重试",
        default=None,
    )
    permute_rewards: bool = option(
        "a control run: rewards are permuted within each group, so that none can be learned from",
        "对照实验：组内打乱奖励，奖励不含任何可学的信息",
        default=False,
    )
    rollouts_every_steps: int = option(
        "the first step's responses are written, then those of every n-th step",
        "写出第一步的回复，此后每 n 步写一次",
        default=1,
        minimum=1,
    )
    trl: Mapping[str, Any] = option(
        "keys of TRL's GRPOConfig", "TRL GRPOConfig 的键", default_factory=dict
    )


@dataclass(frozen=True)
class EvaluationSection:
    """Held-out evaluation before the first stage and after each."""

    samples_per_prompt: int = option(
        "responses to each held-out prompt", "每个留出提示的回复数", default=4, minimum=1
    )
    max_new_tokens: int = option(
        "longest response in tokens", "回复的最大 token 数", default=64, minimum=1
    )
    temperature: float = option("of the sampling", "采样温度", default=1.0, minimum=0)
    batch_size: int = option(
        "prompts generated together", "同时生成的提示数", default=64, minimum=1
    )


@dataclass(frozen=True)
class Recipe:
    """A training of one size."""

    name: str = option("what it is called", "名称")
    summary: str = option("one line about it", "一行说明", identity=False)
    size: str = option("which of the file's sizes", "文件中的哪一种规模", choices=SIZES)
    model: str = option(
        "a HuggingFace directory, or a model made on the spot: tiny or tiny_base",
        "HuggingFace 模型目录，或现场生成的模型：tiny、tiny_base",
    )
    dataset: DatasetSection = option("prompts and reference answers", "提示与参考答案")
    verifiers: tuple[str, ...] = option(
        "specs; the first decides what counts as correct", "打分器；第一个决定对错"
    )
    weights: tuple[float, ...] = option("one for each verifier", "每个打分器的权重")
    stages: tuple[str, ...] = option(
        "in order; each starts from the policy of the one before",
        "按顺序执行；每个阶段从上一阶段的策略开始",
    )
    summary_zh: str = option(
        "the same line in Chinese", "同一行说明的中文", default="", identity=False
    )
    seed: int = option(
        "of data order, sampling and models made on the spot",
        "数据顺序、采样与现场生成模型的随机种子",
        default=0,
        minimum=0,
    )
    dtype: str = option("of the weights in memory", "内存中权重的精度", default="float32")
    accelerate: str = option(
        "a file under configs/accelerate, for accelerate launch",
        "configs/accelerate 下的文件，用于 accelerate launch",
        default="cpu",
    )
    report_to: tuple[str, ...] = option(
        "trackers by name: tensorboard, wandb, swanlab, ...; none for no tracker",
        "实验跟踪工具：tensorboard、wandb、swanlab 等；none 为不使用",
        default=("tensorboard",),
        identity=False,
    )
    sample: SampleSection = option("the stage sample", "sample 阶段", default_factory=SampleSection)
    sft: SftSection = option("the stage sft", "sft 阶段", default_factory=SftSection)
    expert_iteration: ExpertIterationSection = option(
        "the stage expert_iteration",
        "expert_iteration 阶段",
        default_factory=ExpertIterationSection,
    )
    grpo: GrpoSection = option("the stage grpo", "grpo 阶段", default_factory=GrpoSection)
    evaluation: EvaluationSection = option(
        "held-out evaluation", "留出集评测", default_factory=EvaluationSection
    )
    cluster: Mapping[str, str] = option(
        "engine to the name of its configuration, for the same training on a cluster",
        "引擎到其配置文件名的映射，用于在集群上做同样的训练",
        default_factory=dict,
        identity=False,
    )
