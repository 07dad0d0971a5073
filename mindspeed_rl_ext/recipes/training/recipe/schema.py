"""What a recipe says: one dataclass a section, and nothing that runs.

Covers: the keys, their types and defaults. A stage's `trl` holds TRL's own keys as the installed
TRL names them; `trl_keys` checks those.
Does not cover: reading YAML (`files`), running (`runner`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STAGES = ("sample", "sft", "expert_iteration", "grpo")
SIZES = ("cpu", "real")
FROM_DATASET, FROM_SAMPLE = "dataset", "sample"


@dataclass(frozen=True)
class DatasetSection:
    """Where prompts and reference answers come from: one of config, packed and task.

    Args:
        config: a data recipe (`configs/datasets` or a YAML file); its keys can be set here too.
        packed: prefix of files that `msrl-ext preprocess` made.
        task: a task made on the spot (`tasks.TASKS`).
        options: keys of the data recipe that replace its own, such as `input`.
        rows: at most so many rows; all where None.
        held_out: prompts kept away from training and evaluated before and after.
    """

    config: str | None = None
    packed: str | None = None
    task: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    rows: int | None = None
    held_out: int = 0


@dataclass(frozen=True)
class SampleSection:
    """Responses of a teacher or of the policy, kept where the verifiers accept them.

    Args:
        teacher: model directory; the policy itself where None.
        teacher_template: `prompt_type` for the teacher; that of the data set where None.
        prompts: at most so many prompts; all where None.
        samples_per_prompt: responses drawn for each.
        keep_per_prompt: right responses kept of each prompt.
        max_new_tokens: longest response in tokens; longer ones are dropped.
        temperature: of the draws.
        batch_size: prompts generated together.
        backend: "hf" or "vllm".
        tensor_parallel_size: devices that share the model, with vLLM.
    """

    teacher: str | None = None
    teacher_template: str | None = None
    prompts: int | None = None
    samples_per_prompt: int = 4
    keep_per_prompt: int = 1
    max_new_tokens: int = 1024
    temperature: float = 1.0
    batch_size: int = 64
    backend: str = "hf"
    tensor_parallel_size: int = 1


@dataclass(frozen=True)
class SftSection:
    """Supervised fine-tuning.

    Args:
        data: `dataset` (the data set's worked solutions), `sample` (what the stage before kept),
            or an Alpaca file (instruction, input, output).
        demonstration: how a worked solution becomes a response (`demonstrations.STYLES`).
        trl: keys of TRL's SFTConfig.
    """

    data: str = FROM_DATASET
    demonstration: str = "plain"
    trl: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExpertIterationSection:
    """Rounds of: sample, keep what is right, fine-tune on it.

    Args:
        rounds: how many.
        sample: the sampling of a round; its prompts are drawn anew each round.
        trl: keys of TRL's SFTConfig, of one round.
    """

    rounds: int = 3
    sample: SampleSection = field(default_factory=SampleSection)
    trl: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DynamicSampling:
    """What happens to groups whose responses all got the same reward. They are always counted.

    Args:
        max_rounds: how often fresh prompts are tried in the place of such groups; 0 only drops.
    """

    max_rounds: int = 0


@dataclass(frozen=True)
class GrpoSection:
    """Group-relative policy optimisation.

    Args:
        dynamic_sampling: drops groups that teach nothing, and tries others in their place.
        rollouts_every_steps: the first step's responses are written, then every n-th step's.
        trl: keys of TRL's GRPOConfig.
    """

    dynamic_sampling: DynamicSampling | None = None
    rollouts_every_steps: int = 1
    trl: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EvaluationSection:
    """Held-out evaluation before the first stage and after each.

    Args:
        samples_per_prompt: responses to each held-out prompt.
        max_new_tokens: longest response in tokens.
        temperature: of the draws.
        batch_size: prompts generated together.
    """

    samples_per_prompt: int = 4
    max_new_tokens: int = 64
    temperature: float = 1.0
    batch_size: int = 64


@dataclass(frozen=True)
class Recipe:
    """A training of one size.

    Args:
        name: what it is called.
        summary: one line.
        size: "cpu" or "real".
        model: a HuggingFace directory, or a model made on the spot (`models.MADE_HERE`).
        dataset: prompts and answers.
        verifiers: specs; the first decides what counts as right.
        weights: one for each verifier.
        stages: in order; each starts from the policy of the one before.
        seed: of data order, sampling and models made on the spot.
        dtype: of the weights in memory, such as `bfloat16`.
        accelerate: name of a file under configs/accelerate.
        report_to: trackers by name.
        sample: the section of that stage.
        sft: the section of that stage.
        expert_iteration: the section of that stage.
        grpo: the section of that stage.
        evaluation: held-out evaluation.
        cluster: engine to the name of its config, for the same training on a cluster.
    """

    name: str
    summary: str
    size: str
    model: str
    dataset: DatasetSection
    verifiers: tuple[str, ...]
    weights: tuple[float, ...]
    stages: tuple[str, ...]
    seed: int = 0
    dtype: str = "float32"
    accelerate: str = "cpu"
    report_to: tuple[str, ...] = ("tensorboard",)
    sample: SampleSection = field(default_factory=SampleSection)
    sft: SftSection = field(default_factory=SftSection)
    expert_iteration: ExpertIterationSection = field(default_factory=ExpertIterationSection)
    grpo: GrpoSection = field(default_factory=GrpoSection)
    evaluation: EvaluationSection = field(default_factory=EvaluationSection)
    cluster: Mapping[str, str] = field(default_factory=dict)
