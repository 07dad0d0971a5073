"""The options of `msrl-ext doctor` and `msrl-ext resume-config`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.options import check_options, option


@dataclass(frozen=True)
class DoctorOptions:
    """What a user names; all of it may be left out."""

    config: tuple[str, ...] = option(
        "of a host, a dataset, a recipe, TRL, accelerate; or a shipped name; may repeat",
        "宿主、数据集、配方、TRL、accelerate 的 YAML，或自带配置的名字；可重复",
        default=(),
        metavar="YAML",
        repeat=True,
    )
    model: Path | None = option(
        "config.json and tokenizer",
        "含 config.json 与 tokenizer 的 HuggingFace 目录",
        default=None,
        metavar="HF_DIR",
    )
    checkpoint: Path | None = option(
        "a checkpoint of any format", "任意格式的检查点目录", default=None, metavar="DIR"
    )
    data: str | None = option(
        "packed files to look at, or a Parquet file of chat prompts",
        "要检查的打包文件前缀，或对话提示的 Parquet 文件",
        default=None,
        metavar="PREFIX",
    )
    max_prompt_length: int | None = option(
        "with --model, the longest prompt of Parquet files in tokens; by default that of --verl",
        "配合 --model：Parquet 文件里 prompt 的最大 token 数；不写时取 --verl 的",
        default=None,
        metavar="TOKENS",
        minimum=1,
    )
    launch: Path | None = option(
        "a launch script (.sh)", "启动脚本（.sh）", default=None, metavar="SCRIPT"
    )
    runtime_env: Path | None = option(
        "Ray's runtime_env", "Ray 的 runtime_env", default=None, metavar="YAML"
    )
    trl: Path | None = option(
        "a TRL file, or a recipe", "TRL 的 YAML，或配方", default=None, metavar="YAML"
    )
    accelerate: Path | None = option(
        "an accelerate file", "accelerate 的 YAML", default=None, metavar="YAML"
    )
    verl: str | None = option(
        "verl: a shell script with overrides, a file of overrides, a YAML, or overrides",
        "verl：带覆盖项的 shell 脚本、覆盖项文件、YAML，或直接写覆盖项",
        default=None,
        metavar="SCRIPT_OR_OVERRIDES",
    )
    verl_version: str | None = option(
        "verl's version, such as 0.9; that of the installed one where left out",
        "verl 的版本，例如 0.9；不写时取已安装的版本",
        default=None,
        metavar="VERSION",
    )
    ray: str | None = option(
        "look at every node of a cluster: auto (without a value), HOST:PORT, or local to try it "
        "here",
        "检查集群的每个节点：auto（不写值时）、HOST:PORT，或 local（在本机试跑）",
        default=None,
        metavar="ADDRESS",
        bare="auto",
    )
    rules: bool = option(
        "list all rules, those of other packages too, and look at nothing",
        "列出全部规则（包括其他包的），不做检查",
        default=False,
    )
    json: bool = option("findings as a JSON list", "以 JSON 列表输出结果", default=False)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class ResumeOptions:
    """What `msrl-ext resume-config` reads and writes."""

    config: Path = option("the YAML of the run", "训练所用的 YAML", flag="config", metavar="IN")
    output: Path = option(
        "the YAML that resumes it", "续训用的 YAML", aliases=("-o",), metavar="OUT"
    )
    reference: str | None = option(
        "the weights that the first run started from; by default its load",
        "首次训练的起始权重；默认取它的 load",
        default=None,
        metavar="DIR",
    )
    overwrite: bool = option("replace OUT where it is there", "OUT 已存在时覆盖", default=False)

    def __post_init__(self) -> None:
        check_options(self)
