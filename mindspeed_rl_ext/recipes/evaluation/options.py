"""The options of `msrl-ext evaluate`.

Covers: what is evaluated and how, which flags have no effect with a backend, what the responses
depend on (a resumed evaluation must repeat it).
Does not cover: the files; `run` reads and writes those.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.options import check_options, declared_options, option
from mindspeed_rl_ext.recipes.evaluation.backends import BACKENDS, Sampling
from mindspeed_rl_ext.recipes.evaluation.defaults import defaults_for
from mindspeed_rl_ext.recipes.evaluation.grading import Graders
from mindspeed_rl_ext.recipes.evaluation.problems.benchmarks import BENCHMARKS, benchmarks_named

_LOG = logging.getLogger(__name__)

DEFAULT_OUTPUT = Path("evaluation_output")
RECORDED = "jsonl"
SAMPLING = ("n", "temperature", "top_p", "max_tokens", "seed", "stop")
# Options of a backend's class, by the backends that know them.
OF_BACKENDS: Mapping[str, tuple[str, ...]] = {
    "batch_size": ("hf", "vllm"),
    "dtype": ("hf", "vllm"),
    "device": ("hf",),
    "tensor_parallel_size": ("vllm",),
    "memory_fraction": ("vllm",),
}
_SAMPLED, _BACKEND = "how responses are sampled", "the backend"
_SCORED, _RESULTS = "how responses are scored", "results"


def _benchmarks(text: str) -> tuple[str, ...]:
    return tuple(benchmark.name for benchmark in benchmarks_named(text))


@dataclass(frozen=True)
class EvaluateOptions:
    """What `msrl-ext evaluate` was asked for."""

    benchmark: tuple[str, ...] = option(
        f"of {', '.join(BENCHMARKS)}", f"可选 {'、'.join(BENCHMARKS)}",
        metavar="A,B", parse=_benchmarks,
    )  # fmt: skip
    data_dir: Path = option(
        "holds NAME/test.jsonl", "含 NAME/test.jsonl 的目录", metavar="DIR", identity=False
    )
    backend: str = option(
        "where responses come from: a model, or a file (jsonl)",
        "回复的来源：模型，或文件（jsonl）",
        choices=(*BACKENDS, RECORDED),
    )
    model: Path | None = option(
        "HuggingFace model directory", "HuggingFace 模型目录", default=None, metavar="DIR"
    )
    responses: Path | None = option(
        "of the backend jsonl: responses to grade",
        "jsonl 后端：要评分的回复",
        default=None,
        metavar="FILE",
    )
    prompt_type: str = option(
        "of templates.json, or tokenizer: the model's chat template (default: qwen_math_r1)",
        "templates.json 中的名称，或 tokenizer：模型自带的对话模板（默认 qwen_math_r1）",
        default="qwen_math_r1", metavar="NAME",
    )  # fmt: skip
    prompt_type_path: Path | None = option(
        "another templates.json", "另一个 templates.json", default=None, metavar="FILE",
        identity=False,
    )  # fmt: skip
    limit: int | None = option(
        "first problems of each only", "每个评测集只取前 N 题", default=None, minimum=1, metavar="N"
    )
    n: int | None = option(
        "responses per problem (default: 1)", "每题的回复数（默认 1）",
        default=None, metavar="K", group=_SAMPLED,
    )  # fmt: skip
    temperature: float | None = option(
        "default: 0, the likeliest token each time", "默认 0，每次取概率最大的 token",
        default=None, metavar="T", group=_SAMPLED,
    )  # fmt: skip
    top_p: float | None = option("default: 1", "默认 1", default=None, metavar="P", group=_SAMPLED)
    max_tokens: int | None = option(
        "default: 1024", "默认 1024", default=None, metavar="N", group=_SAMPLED
    )
    seed: int | None = option("default: 0", "默认 0", default=None, metavar="N", group=_SAMPLED)
    stop: tuple[str, ...] | None = option(
        "a text that ends a response; may be given again",
        "结束回复的文本；可重复给出",
        default=None, repeat=True, parse=tuple, metavar="TEXT", group=_SAMPLED,
    )  # fmt: skip
    batch_size: int | None = option(
        "prompts at once", "同时生成的题目数", default=None, metavar="N", group=_BACKEND
    )
    dtype: str | None = option(
        "of the weights", "权重的精度", default=None, group=_BACKEND,
        choices=("auto", "float32", "bfloat16", "float16"),
    )  # fmt: skip
    device: str | None = option(
        "hf: default the best", "hf：默认选最好的设备", default=None, group=_BACKEND,
        choices=("npu", "cuda", "cpu"),
    )  # fmt: skip
    tensor_parallel_size: int | None = option(
        "vllm: devices", "vllm：设备数", default=None, metavar="N", group=_BACKEND
    )
    memory_fraction: float | None = option(
        "vllm: of the device's memory", "vllm：占用的显存比例", default=None, metavar="X",
        group=_BACKEND,
    )  # fmt: skip
    verifier: str | None = option(
        "strict; default: what reads the format that the prompt asks for",
        "严格打分器；默认按提示词要求的格式选取",
        default=None, metavar="NAME", group=_SCORED, identity=False,
    )  # fmt: skip
    format_verifier: str | None = option(
        "judges the format where the strict one does not",
        "在严格打分器不判断格式时判断格式",
        default=None, metavar="NAME", group=_SCORED, identity=False,
    )  # fmt: skip
    lenient_verifier: str | None = option(
        "default: last_answer, the last one in prose", "默认 last_answer：文中最后的答案",
        default=None, metavar="NAME", group=_SCORED, identity=False,
    )  # fmt: skip
    modules: tuple[str, ...] = option(
        "a module that registers verifiers of yours; may be given again",
        "注册您自己打分器的模块；可重复",
        default=(), repeat=True, parse=tuple, flag="--import", metavar="MODULE", group=_SCORED,
        identity=False,
    )  # fmt: skip
    output: Path = option(
        f"default: {DEFAULT_OUTPUT}", f"默认 {DEFAULT_OUTPUT}", default=DEFAULT_OUTPUT,
        metavar="DIR", group=_RESULTS, identity=False,
    )  # fmt: skip
    resume: bool = option(
        "go on with what --output holds", "继续 --output 中未完成的评测", default=False,
        group=_RESULTS, identity=False,
    )  # fmt: skip
    overwrite: bool = option(
        "replace what --output holds", "替换 --output 中的内容", default=False,
        group=_RESULTS, identity=False,
    )  # fmt: skip
    step: int = option(
        "the model's training step, for the report", "模型的训练步数，用于报告",
        default=0, metavar="N", group=_RESULTS, identity=False,
    )  # fmt: skip
    json: bool = option(
        "print summary.json instead of the table", "打印 summary.json 而不是表格",
        default=False, group=_RESULTS, identity=False,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self)
        self._refuse_contradictions()

    @property
    def sampling(self) -> Sampling:
        """How responses are sampled; not used by jsonl."""
        given = {name: getattr(self, name) for name in SAMPLING}
        given = {name: value for name, value in given.items() if value is not None}
        given.setdefault("stop", defaults_for(self.prompt_type, self.templates).stop)
        return Sampling(**given)

    @property
    def graders(self) -> Graders:
        """The verifiers; the default one for the format only beside the default strict one."""
        fitting = defaults_for(self.prompt_type, self.templates).graders
        form = "" if self.verifier else fitting.format
        return Graders(
            strict=self.verifier or fitting.strict,
            lenient=self.lenient_verifier or fitting.lenient,
            format=form if self.format_verifier is None else self.format_verifier,
        )

    @property
    def of_backend(self) -> dict[str, Any]:
        """The options of the backend's class that were given."""
        given = {name: getattr(self, name) for name in OF_BACKENDS}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def templates(self) -> str | None:
        """The file of prompt types; None for the shipped one."""
        return None if self.prompt_type_path is None else str(self.prompt_type_path)

    def _refuse_contradictions(self) -> None:
        recorded = self.backend == RECORDED
        needed, flag = self.model, "--model DIR"
        if recorded:
            needed, flag = self.responses, "--responses FILE"
        if needed is None:
            raise InputError(f"the backend {self.backend} needs {flag}", remedy=f"add {flag}")
        if self.resume and self.overwrite:
            raise InputError("--resume and --overwrite contradict each other", remedy="give one")
        if self.resume and recorded:
            raise InputError(
                "--resume goes on generating, and the backend jsonl generates nothing",
                remedy="--overwrite takes the figures anew",
            )

    def warn_of_no_effect(self) -> None:
        """Names the flags that the backend does not read."""
        recorded = self.backend == RECORDED
        names: Sequence[str] = SAMPLING if recorded else ("responses",)
        known = declared_options(type(self))
        others = [name for name, backends in OF_BACKENDS.items() if self.backend not in backends]
        for name in (*names, *others):
            if getattr(self, name) is not None:
                flag = known[name].flag
                _LOG.warning("%s has no effect with the backend %s", flag, self.backend)
