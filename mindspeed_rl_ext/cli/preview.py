"""Shows packed rows as text: the prompt with its special tokens, the label, token counts."""

from __future__ import annotations

import argparse

from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.preprocess.packing.options import PreviewOptions
from mindspeed_rl_ext.preprocess.packing.packed import read_packed
from mindspeed_rl_ext.preprocess.packing.preview import PreviewRow, decode_rows, recorded_tokenizer
from mindspeed_rl_ext.preprocess.report import histogram, percentiles
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

SUMMARY_ZH = "把打包的行显示为文本：带特殊 token 的提示、标签、token 数"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags."""
    add_options(parser, PreviewOptions)


def run(args: argparse.Namespace) -> int:
    """Prints the first rows, the length percentiles and a histogram."""
    options = build_options(PreviewOptions, ("flags", given_options(PreviewOptions, args)))
    data = read_packed(options.prefix)
    tokenizer = load_tokenizer(options.tokenizer_name_or_path or recorded_tokenizer(data))
    for row in decode_rows(data, tokenizer, options.rows):
        print(_shown(row))
    print(f"{len(data)} rows, keys {', '.join(data.keys)}, {data.lengths().sum()} prompt tokens")
    for key in data.keys:
        if key != "attention_mask":
            spelled = ", ".join(f"{k} {v}" for k, v in percentiles(data.lengths(key)).items())
            print(f"{key:<10} {spelled}")
    print("\nprompt tokens, rows")
    print("\n".join(histogram(data.lengths())))
    return 0


def _shown(row: PreviewRow) -> str:
    beside = [
        f"--- {key} ({row.text_tokens[key]} tokens) ---\n{text}" for key, text in row.texts.items()
    ]
    head = f"=== row {row.index}: {row.tokens} tokens ==="
    return "\n".join([head, row.prompt, *beside, ""])
