"""Turns rows of a data set into prompt-only files for MindSpeed-RL, MindSpeed-LLM or verl.

The flags are those of the hosts' preprocess_data.py; one without effect here says so. A row that
can't be used is dropped with a reason and kept in <prefix>_rejects.jsonl.

  msrl-ext preprocess --input train.jsonl --tokenizer-name-or-path ./Qwen2.5-7B \\
    --output-prefix ./dataset/gsm8k --prompt-type qwen_math_r1 \\
    --map-keys '{"prompt":"question","query":"","response":"answer"}'
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.core.catalog import translate
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.host_flags import add_host_flags
from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, current_language
from mindspeed_rl_ext.core.options import add_options, build_options
from mindspeed_rl_ext.preprocess.dataset_config import (
    HOST_FLAGS,
    effective_options,
    read_dataset_config,
)
from mindspeed_rl_ext.preprocess.options import (
    HANDLER_SYNONYMS,
    PROMPT_ONLY_HANDLER,
    VERL,
    PreprocessOptions,
)
from mindspeed_rl_ext.preprocess.report import PreprocessReport, format_counts
from mindspeed_rl_ext.preprocess.run import preprocess

DESCRIPTION_ZH = """把数据集变成 MindSpeed-RL、MindSpeed-LLM 或 verl 读取的只含提示的文件。

参数与宿主的 preprocess_data.py 相同；在这里不起作用的参数会说明。不能用的行带着原因丢弃，
并保存在 <prefix>_rejects.jsonl 里。

  msrl-ext preprocess --input train.jsonl --tokenizer-name-or-path ./Qwen2.5-7B \\
    --output-prefix ./dataset/gsm8k --prompt-type qwen_math_r1 \\
    --map-keys '{"prompt":"question","query":"","response":"answer"}'
"""

_ROWS_ZH = {
    "kept": "保留",
    "held out": "留出",
    "dropped": "丢弃",
    "tokens": "token 数",
    "lengths": "长度",
    "labels": "标签",
    "keys": "键",
    "sources": "来源",
    "files": "文件",
    "warning": "警告",
}

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags; one that is not given is absent, so that a config can set it."""
    parser.add_argument(
        "--config", metavar="NAME_OR_YAML", help="a data recipe; flags given here win over it"
    )
    add_options(parser, PreprocessOptions)
    add_host_flags(parser, HOST_FLAGS)


def run(args: argparse.Namespace) -> int:
    """Preprocesses, then prints what was kept."""
    options = options_of(args)
    if args.config and not hasattr(args, "input") and not Path(options.input).exists():
        raise InputError(
            f"no such file: {options.input}",
            found=f"the input of {args.config}",
            remedy="give --input, or fetch it: the head of a shipped data recipe has the commands "
            "(msrl-ext init DIR copies the recipes)",
        )
    show(summary(preprocess(options)))
    return 0


def options_of(args: argparse.Namespace) -> PreprocessOptions:
    """The options of a command line: the config's, and the flags over them.

    Raises:
        InputError: one that is needed is missing, or one has a wrong value.
    """
    given = {name: value for name, value in vars(args).items() if name != "config"}
    config = read_dataset_config(args.config) if args.config else {}
    flags = effective_options(given, "the command line")
    options = build_options(
        PreprocessOptions,
        (str(args.config), config),
        ("flags", flags),
        remedy="give the flags, or name a --config",
    )
    if options.handler_name in HANDLER_SYNONYMS:
        logger.info("%s: rows are handled by %s", options.handler_name, PROMPT_ONLY_HANDLER)
    if "seed" in {**config, **flags} and not (options.shuffle or options.split):
        logger.info("seed has no effect without --shuffle or --split: rows keep their order")
    return options


def summary(report: PreprocessReport) -> str:
    """The report as a few lines for people."""
    dropped = sum(report.dropped.values())
    why = f" ({format_counts(report.dropped)})" if dropped else ""
    lengths = ", ".join(f"{name} {value}" for name, value in report.lengths.items())
    held = int(report.held_out > 0)
    is_verl = report.settings.get("format") == VERL
    files = ".parquet" if is_verl else "_packed_<key>_document.bin and .idx"
    rows = [
        ("kept", f"{report.kept} of {report.total} rows in {report.seconds:.2f} s"),
        *([("held out", f"{report.held_out} rows, as {report.output_prefix}_heldout")] * held),
        ("dropped", f"{dropped}{why}"),
        ("tokens", f"{report.tokens} of prompts, {report.label_tokens} of labels"),
        ("lengths", lengths),
        ("labels", format_counts(report.labels) or "none: map-keys names no response"),
        ("keys", ", ".join(report.keys)),
        *([("sources", format_counts(report.sources))] * is_verl),
        ("files", f"{report.output_prefix}{files}"),
        *(("warning", warning) for warning in report.warnings),
    ]
    language = current_language()
    if language == DEFAULT_LANGUAGE:
        return "\n".join(f"{name:<8} {text}" for name, text in rows)
    return "\n".join(f"{_ROWS_ZH[name]}：{translate(text, language)}" for name, text in rows)
