"""The options of `msrl-ext score`, declared once: flags, help, checks and the docs table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.options import check_options, option
from mindspeed_rl_ext.verifiers.spec import split_specs

LOCAL, RAY = "local", "ray"
ENGINES = (LOCAL, RAY)


def _specs(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(spec for text in texts for spec in split_specs(text))


def _weights(texts: Sequence[str]) -> tuple[float, ...]:
    words = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    try:
        return tuple(map(float, words))
    except ValueError as error:
        raise InputError(
            "a weight is not a number",
            found=", ".join(words),
            expected="for example --weight 0.5,0.5",
            remedy="correct --weight",
        ) from error


@dataclass(frozen=True)
class ScoreOptions:
    """What `msrl-ext score` is asked for."""

    input: Path | None = option(
        "rollouts, JSON Lines", "rollout 文件，JSON Lines", default=None, metavar="FILE"
    )
    verifier: tuple[str, ...] = option(
        "verifiers, separated by commas or by giving the flag again",
        "打分器，用逗号分隔，或重复给出",
        default=(), repeat=True, parse=_specs, metavar="A,B(key=value)",
    )  # fmt: skip
    weight: tuple[float, ...] = option(
        "as many weights as verifiers; 1 each where left out",
        "权重，与打分器一样多；不写则各为 1",
        default=(), repeat=True, parse=_weights, metavar="W,W",
    )  # fmt: skip
    output: Path | None = option(
        "where the scored rows go", "打过分的行写到哪里", default=None, metavar="FILE"
    )
    overwrite: bool = option(
        "replace an --output that exists", "替换已有的 --output", default=False
    )
    engine: str = option(
        "where the verifiers run: this process, or tasks of a Ray cluster",
        "打分器在哪里运行：本进程，或 Ray 集群",
        default=LOCAL, choices=ENGINES,
    )  # fmt: skip
    modules: tuple[str, ...] = option(
        "a module that registers verifiers of yours; may be given again",
        "注册您自己打分器的模块；可重复",
        default=(), repeat=True, parse=tuple, flag="--import", metavar="MODULE",
    )  # fmt: skip
    explain: str | None = option(
        "show one row step by step instead of the counts: its id, or `line N`",
        "逐步显示一行而不是统计：写它的 id 或 `line N`",
        default=None, metavar="ID",
    )  # fmt: skip
    compare: tuple[str, ...] = option(
        "second graders: math-verify, host (the host that is installed; host:NAME for a rule of "
        "it), a verifier, or module:function(response, answer); shows by family where they "
        "disagree with the verifiers that judge the answer",
        "另一个打分器：math-verify、host（当前安装的宿主；host:NAME 指定其规则）、任一打分器，"
        "或 module:function(response, answer)；"
        "按类别列出与判断答案的打分器不一致之处",
        default=(), repeat=True, parse=_specs, metavar="NAME",
    )  # fmt: skip
    check_references: Path | None = option(
        "compare each reference answer of a data set with itself; exit 1 if one fails",
        "把数据集的每个参考答案与自己比较；有问题则退出码 1",
        default=None, metavar="FILE",
    )  # fmt: skip
    answer_column: str = option(
        "the column of the reference answer, in either file",
        "参考答案所在的列，两种文件都适用",
        default="answer", metavar="NAME",
    )  # fmt: skip
    label_extractor: str | None = option(
        "how the reference is taken out of that column: auto, none, boxed, gsm8k, last-number, "
        "regex:PATTERN; auto for --check-references, none for --input where left out",
        "怎样从该列取出参考答案：auto、none、boxed、gsm8k、last-number、regex:PATTERN；"
        "不写则 --check-references 为 auto，--input 为 none",
        default=None, metavar="NAME",
    )  # fmt: skip
    list: bool = option("show the verifiers and end", "列出打分器后结束", default=False)

    def __post_init__(self) -> None:
        check_options(self)
