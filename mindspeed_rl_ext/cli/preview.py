"""Shows packed rows, or rows of verl's Parquet, as text: prompts, labels, token counts."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.preprocess.packing.options import PreviewOptions
from mindspeed_rl_ext.preprocess.packing.packed import read_packed, report_file
from mindspeed_rl_ext.preprocess.packing.preview import PreviewRow, decode_rows, recorded_tokenizer
from mindspeed_rl_ext.preprocess.report import histogram, percentiles
from mindspeed_rl_ext.preprocess.templates.chat_template import ChatTemplate
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer, load_with_transformers
from mindspeed_rl_ext.preprocess.verl.preview import chat_rows, verl_file_of
from mindspeed_rl_ext.preprocess.verl.reading import VerlFile

DESCRIPTION_ZH = "把打包的行或 verl 的 Parquet 行显示为文本：提示、标签、token 数。"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags."""
    add_options(parser, PreviewOptions)


def run(args: argparse.Namespace) -> int:
    """Prints the first rows, the length percentiles and a histogram."""
    options = build_options(PreviewOptions, ("flags", given_options(PreviewOptions, args)))
    path = verl_file_of(options.prefix)
    if path is None:
        _show_packed(options)
    else:
        _show_chat(options, VerlFile(path))
    return 0


def _show_packed(options: PreviewOptions) -> None:
    data = read_packed(options.prefix)
    tokenizer = load_tokenizer(options.tokenizer_name_or_path or recorded_tokenizer(data.prefix))
    for row in decode_rows(data, tokenizer, options.rows):
        print(_shown(row))
    show(f"{len(data)} rows, keys {', '.join(data.keys)}, {data.lengths().sum()} prompt tokens")
    _show_lengths({key: data.lengths(key) for key in data.keys if key != "attention_mask"})


def _show_chat(options: PreviewOptions, file: VerlFile) -> None:
    folder = options.tokenizer_name_or_path
    if folder is None and report_file(file.path.with_suffix("")).is_file():
        folder = recorded_tokenizer(file.path.with_suffix(""))
    template = ChatTemplate(load_with_transformers(folder)) if folder else None
    for row in chat_rows(file, template, options.rows):
        show(f"=== row {row.number} ===")
        print("\n".join(f"--- {name} ---\n{text}" for name, text in row.texts), end="\n\n")
    if template is None:
        show("no report beside the file: --tokenizer-name-or-path shows prompts as templated")
    show(f"{len(file)} rows, columns {', '.join(file.keys)}")
    _show_lengths(file.lengths)


def _show_lengths(lengths: Mapping[str, npt.NDArray[Any]]) -> None:
    for key, counts in lengths.items():
        print(f"{key:<10} {', '.join(f'{k} {v}' for k, v in percentiles(counts).items())}")
    if "input_ids" in lengths:
        show("\nprompt tokens, rows")
        print("\n".join(histogram(lengths["input_ids"])))


def _shown(row: PreviewRow) -> str:
    beside = [
        f"--- {key} ({row.text_tokens[key]} tokens) ---\n{text}" for key, text in row.texts.items()
    ]
    head = f"=== row {row.index}: {row.tokens} tokens ==="
    return "\n".join([head, row.prompt, *beside, ""])
