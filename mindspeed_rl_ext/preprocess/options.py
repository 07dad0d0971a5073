"""All options of a run, in one frozen object.

Covers: what each option is, its default and limits; flags, YAML keys, the `MSRL_EXT_*` variables
through which options reach the handler inside a host's script, and the tables of the documentation
are derived from that.
Does not cover: keys of the hosts that have no effect here; `dataset_config` names them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.options import check_options, option
from mindspeed_rl_ext.preprocess.packing.packed import heldout_prefix, part_prefix

LABELS = "labels"
PACKED, VERL = "packed", "verl"
PROMPT_ONLY_HANDLER = "AlpacaStylePromptOnlyHandler"
HANDLER_SYNONYMS = ("R1AlpacaStyleInstructionHandler", "Math17kAlpacaStyleInstructionHandler")
EXTRACTOR_HELP = (
    "auto (default), none, gsm8k, boxed, last-number or regex:PATTERN; the last match counts, "
    "its first group where it has one"
)
EXTRACTOR_HELP_ZH = (
    "auto（默认）、none、gsm8k、boxed、last-number、regex:PATTERN（取最后一处，有分组取首组）"
)


def parse_shard(text: str) -> tuple[int, int]:
    """Reads the value of `--shard`.

    Raises:
        InputError: it is not `i/n`.

    Example:
        >>> parse_shard("2/4")
        (2, 4)
    """
    index, slash, of = text.partition("/")
    if not (slash and index.isdecimal() and of.isdecimal()):
        raise InputError("--shard can't be read", found=text, expected="i/n, such as 1/4")
    return int(index), int(of)


def parse_prefix(text: str) -> Path:
    """Reads the value of `--output-prefix`.

    Raises:
        InputError: it names a directory.
    """
    if text.endswith(("/", os.sep)):
        raise InputError(
            "--output-prefix names a directory",
            found=text,
            expected="a directory and the beginning of file names, such as ./dataset/gsm8k",
            remedy="add a name behind the slash",
        )
    return Path(text)


@dataclass(frozen=True)
class PreprocessOptions:
    """What to preprocess, and how."""

    input: Path = option(
        ".jsonl, .json, .csv (also .gz, .zst), .parquet file, a folder of one kind, "
        "a saved data set",
        ".jsonl、.json、.csv（可带 .gz、.zst）、.parquet 文件，同类文件的目录，"
        "或 save_to_disk 的数据集",
        metavar="PATH",
        identity=False,
    )
    tokenizer_name_or_path: str = option(
        "directory of the model's tokenizer",
        "模型分词器所在目录",
        metavar="DIR",
        identity=False,
    )
    output_prefix: Path = option(
        "files are PREFIX_packed_<key>_document.*, or PREFIX.parquet",
        "输出文件为 PREFIX_packed_<key>_document.*，或 PREFIX.parquet",
        metavar="PREFIX",
        parse=parse_prefix,
        identity=False,
    )
    format: str = option(
        "packed (default): the hosts' files; verl: Parquet of chat prompts",
        "packed（默认）：宿主的打包文件；verl：对话形式的 Parquet",
        default=PACKED,
        choices=(PACKED, VERL),
    )
    data_source: str = option(
        "verl's data_source of every row; default: the row's own, else the name of PREFIX",
        "verl 每行的 data_source；默认用该行自带的值，没有时用 PREFIX 的名称",
        default="",
        metavar="NAME",
        environment=True,
    )
    prompt_type: str = option(
        "template (default: empty, the prompt as it is); tokenizer: its own chat template",
        "模板（默认 empty：提示词原样）；tokenizer：分词器自带的对话模板",
        default="empty",
        metavar="NAME",
        environment=True,
        identity=False,
    )
    prompt_type_path: str | None = option(
        "another templates.json of the host's schema",
        "另一份宿主格式的 templates.json",
        default=None,
        metavar="JSON",
        environment=True,
    )
    map_keys: Mapping[str, Any] | str | None = option(
        'column by role: {"prompt":...,"query":"","response":...}; default: the Alpaca names',
        '各角色的列名：{"prompt":...,"query":"","response":...}；默认为 Alpaca 列名',
        default=None,
        metavar="JSON",
    )
    derive: Mapping[str, Any] | str | None = option(
        'columns made of others: {"question":"Reach {target}."}',
        '由其他列生成的列：{"question":"Reach {target}."}',
        default=None,
        metavar="JSON",
        environment=True,
    )
    dataset_additional_keys: tuple[str, ...] = option(
        "further columns to pack, as text; labels is made anyway",
        "另外打包的列，按文本保存；labels 总会生成",
        default=(),
        metavar="COLUMN",
        identity=False,
    )
    handler_name: str = option(
        f"{PROMPT_ONLY_HANDLER} or a host's synonym",
        f"{PROMPT_ONLY_HANDLER} 或宿主中的同义名",
        default=PROMPT_ONLY_HANDLER,
        metavar="NAME",
        identity=False,
    )
    label_extractor: str = option(
        EXTRACTOR_HELP, EXTRACTOR_HELP_ZH, default="auto", metavar="HOW", environment=True
    )
    max_prompt_length: int | None = option(
        "drop longer prompts",
        "丢弃更长的提示词",
        default=None,
        metavar="TOKENS",
        minimum=1,
        environment=True,
    )
    seq_length: int | None = option(
        "drop prompts of that length or more, as the hosts do",
        "丢弃达到此长度的提示词，与宿主一致",
        default=None,
        metavar="TOKENS",
        minimum=1,
    )
    dedupe: bool = option(
        "drop prompts that came before", "丢弃重复的提示词", default=False, environment=True
    )
    shuffle: bool = option(
        "mix the rows, by --seed", "按 --seed 打乱行序", default=False, environment=True
    )
    seed: int = option(
        "what --shuffle and --split depend on",
        "--shuffle 与 --split 所用的种子",
        default=0,
        metavar="N",
        environment=True,
    )
    split: float | None = option(
        "hold out that fraction of the prompts: PREFIX_heldout",
        "留出此比例的提示词：PREFIX_heldout",
        default=None,
        metavar="FRACTION",
        environment=True,
    )
    shard: tuple[int, int] | None = option(
        "pack part I of N, counted from 1; msrl-ext merge joins them",
        "只打包 N 份中的第 I 份（从 1 数起）；用 msrl-ext merge 合并",
        default=None,
        metavar="I/N",
        parse=parse_shard,
        identity=False,
    )
    n_subs: int = option(
        "processes that pack a part each",
        "同时打包的进程数，每个进程一份",
        default=1,
        metavar="N",
        minimum=1,
        identity=False,
    )
    overwrite: bool = option(
        "replace files of that prefix",
        "替换同前缀的文件",
        default=False,
        environment=True,
        identity=False,
    )
    workers: int = option(
        "threads of the tokenizer; 0 for all cores",
        "分词器线程数；0 为所有核",
        default=0,
        metavar="N",
        minimum=0,
        identity=False,
    )
    log_interval: int = option(
        "rows between two log lines; 0 for none",
        "每多少行写一条日志；0 为不写",
        default=0,
        metavar="ROWS",
        minimum=0,
        identity=False,
    )

    def __post_init__(self) -> None:
        check_options(self)
        self._check_handler()
        self._check_parts()
        if not Path(self.output_prefix).name:
            raise InputError(
                "the output prefix has no name", expected="a path such as ./dataset/gsm8k"
            )

    def _check_handler(self) -> None:
        if self.handler_name not in ("", PROMPT_ONLY_HANDLER, *HANDLER_SYNONYMS):
            raise InputError(
                f"handler {self.handler_name!r} is not one of this package",
                expected=", ".join((PROMPT_ONLY_HANDLER, *HANDLER_SYNONYMS)),
                remedy="leave --handler-name out, or use the host's preprocess_data.py",
            )

    def _check_parts(self) -> None:
        if self.split is not None and not 0 < self.split < 1:
            raise InputError(
                "split is not a fraction", found=str(self.split), expected="between 0 and 1"
            )
        if self.shard is None:
            return
        index, of = self.shard
        if not 1 <= index <= of:
            raise InputError(
                "no such shard", found=f"{index}/{of}", expected=f"1/{of} to {of}/{of}"
            )
        if self.shuffle or self.n_subs > 1:
            raise InputError(
                f"shard and {'shuffle' if self.shuffle else 'n_subs'} do not go together",
                remedy="shuffle when the parts are joined: msrl-ext merge --shuffle --seed N"
                if self.shuffle
                else "give more shards",
            )

    def part_prefix(self) -> Path:
        """The prefix of this run's files: that of its part where it packs one shard."""
        prefix = Path(self.output_prefix)
        return part_prefix(prefix, *self.shard) if self.shard else prefix

    def prefixes(self) -> tuple[Path, ...]:
        """The prefixes that a run writes: its own, and that of the held-out rows."""
        prefix = self.part_prefix()
        return (prefix,) if self.split is None else (prefix, heldout_prefix(prefix))

    def additional(self) -> tuple[str, ...]:
        """The additional columns, without `labels`, each once."""
        return tuple(dict.fromkeys(k for k in self.dataset_additional_keys if k != LABELS))
