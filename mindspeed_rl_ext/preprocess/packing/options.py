"""Options of the commands on packed files: merge, strip, preview.

Covers: what each option is, its default and limits.
Does not cover: making packed files from rows; `preprocess.options` has those.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.options import check_options, option
from mindspeed_rl_ext.preprocess.options import EXTRACTOR_HELP, EXTRACTOR_HELP_ZH


@dataclass(frozen=True)
class MergeOptions:
    """What to join, and how."""

    prefix: Path = option(
        "prefix of the joined files", "合并后文件的前缀", flag="prefix", metavar="PREFIX"
    )
    parts: tuple[Path, ...] = option(
        "prefixes to join, in this order; default: the shards of PREFIX",
        "按此顺序合并的前缀；默认为 PREFIX 的各分片",
        default=(),
        flag="parts",
        metavar="PART",
    )
    shuffle: bool = option("mix the rows, by --seed", "按 --seed 打乱行序", default=False)
    seed: int = option("what --shuffle depends on", "--shuffle 所用的种子", default=0, metavar="N")
    overwrite: bool = option("replace files of that prefix", "替换同前缀的文件", default=False)


@dataclass(frozen=True)
class StripOptions:
    """What to strip, and how."""

    source: Path = option(
        "prefix of the instruction files", "指令数据文件的前缀", flag="source", metavar="IN"
    )
    target: Path = option(
        "prefix of the prompt-only files", "仅含提示词的文件前缀", flag="target", metavar="OUT"
    )
    tokenizer_name_or_path: str | None = option(
        "directory of the tokenizer; default: the one that a report beside IN names",
        "分词器目录；默认为 IN 旁边的报告所记录的分词器",
        default=None,
        metavar="DIR",
    )
    label_extractor: str = option(EXTRACTOR_HELP, EXTRACTOR_HELP_ZH, default="auto", metavar="HOW")
    max_prompt_length: int | None = option(
        "drop longer prompts", "丢弃更长的提示词", default=None, metavar="TOKENS", minimum=1
    )
    overwrite: bool = option("replace files of prefix OUT", "替换前缀 OUT 的文件", default=False)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class PreviewOptions:
    """What to show."""

    prefix: Path = option(
        "the --output-prefix of the files, or a Parquet file of verl's format",
        "文件的 --output-prefix，或 verl 格式的 Parquet 文件",
        flag="prefix",
        metavar="PREFIX",
    )
    rows: int = option(
        "how many rows", "显示的行数", default=3, flag="-n", metavar="ROWS", minimum=0
    )
    tokenizer_name_or_path: str | None = option(
        "directory of the tokenizer; default: the one that the report names",
        "分词器目录；默认为报告所记录的分词器",
        default=None,
        metavar="DIR",
    )

    def __post_init__(self) -> None:
        check_options(self)
