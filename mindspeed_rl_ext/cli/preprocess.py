"""Turns rows of a data set into packed prompt-only files for MindSpeed-RL and MindSpeed-LLM.

The flags are those of the hosts' preprocess_data.py; one without effect here says so. A row that
can't be used is dropped with a reason and kept in <prefix>_rejects.jsonl.

  msrl-ext preprocess --input train.jsonl --tokenizer-name-or-path ./Qwen2.5-7B \\
    --output-prefix ./dataset/gsm8k --prompt-type qwen_math_r1 \\
    --map-keys '{"prompt":"question","query":"","response":"answer"}'
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.dataset_config import (
    PROMPT_ONLY_HANDLER,
    REFUSED,
    WITHOUT_EFFECT,
    check_handler,
    effective_options,
    read_dataset_config,
)
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.report import PreprocessReport, spell
from mindspeed_rl_ext.preprocess.run import preprocess

logger = logging.getLogger(__name__)

REQUIRED = ("input", "tokenizer_name_or_path", "output_prefix")
# Flags of the hosts that take no value, and those that take several.
SWITCHES = frozenset(
    {
        "tokenizer_not_use_fast",
        "trust_remote_code",
        "streaming",
        "overwrite_cache",
        "append_eod",
        "split_sentences",
        "keep_newlines",
        "pack",
        "neat_pack",
        "enable_thinking",
    }
)
LISTS = frozenset({"json_keys", "reward_tokens", "datasets", "merge_group_keys"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags; each is None where it is not given, so that a config can set it."""
    add = parser.add_argument
    add("--config", metavar="NAME_OR_YAML", help="a data recipe; flags given here win over it")
    add(
        "--input", help=".jsonl, .json, .csv, .parquet file, a folder of one kind, a saved data set"
    )
    add("--tokenizer-name-or-path", metavar="DIR", help="directory of the model's tokenizer")
    add("--output-prefix", metavar="PREFIX", help="files are PREFIX_packed_<key>_document.*")
    add("--prompt-type", metavar="NAME", help=TEMPLATE_HELP)
    add("--prompt-type-path", metavar="JSON", help="another templates.json of the host's schema")
    add("--map-keys", metavar="JSON", help='{"prompt":...,"query":"","response":...}')
    add("--derive", metavar="JSON", help='columns made of others: {"question":"Reach {target}."}')
    add("--dataset-additional-keys", nargs="*", metavar="COLUMN", help="further columns to pack")
    add("--handler-name", metavar="NAME", help=f"{PROMPT_ONLY_HANDLER} or a host's synonym")
    add("--label-extractor", metavar="HOW", help=EXTRACTOR_HELP)
    add("--max-prompt-length", type=int, metavar="TOKENS", help="drop longer prompts")
    add("--seq-length", type=int, metavar="TOKENS", help="drop prompts of that length or more")
    add("--dedupe", action="store_true", default=None, help="drop prompts that came before")
    add("--shuffle", action="store_true", default=None, help="mix the rows, by --seed")
    add("--seed", type=int, metavar="N", help="what --shuffle and --split depend on (0)")
    add("--split", type=float, metavar="FRACTION", help="hold out prompts: PREFIX_heldout")
    add("--shard", metavar="I/N", help="pack part I of N; msrl-ext merge joins them")
    add("--n-subs", type=int, metavar="N", help="processes that pack a part each (1)")
    add("--overwrite", action="store_true", default=None, help="replace files of that prefix")
    add("--workers", type=int, metavar="N", help="threads of the tokenizer; all cores by default")
    add("--log-interval", type=int, metavar="ROWS", help="rows between two log lines")
    for name in (*WITHOUT_EFFECT, *REFUSED):
        flag = "--" + name.replace("_", "-")
        if name in SWITCHES:
            add(flag, action="store_true", default=None, help=argparse.SUPPRESS)
        else:
            add(flag, nargs="*" if name in LISTS else None, help=argparse.SUPPRESS)


TEMPLATE_HELP = "template (default: empty, the prompt as it is); tokenizer: its own chat template"
EXTRACTOR_HELP = (
    "auto (default), none, gsm8k, boxed, last-number or regex:PATTERN; the last match counts, "
    "its first group where it has one"
)


def run(args: argparse.Namespace) -> int:
    """Preprocesses, then prints what was kept."""
    report = preprocess(options_of(args))
    print(summary(report))
    return 0


def options_of(args: argparse.Namespace) -> PreprocessOptions:
    """The options of a command line: the config's, and the flags over them.

    Raises:
        InputError: one that is needed is missing, or one has a wrong value.
    """
    given = {name: value for name, value in vars(args).items() if name != "config"}
    merged: dict[str, Any] = read_dataset_config(args.config) if args.config else {}
    merged.update(effective_options(given, "command line"))
    missing = [f"--{name.replace('_', '-')}" for name in REQUIRED if not merged.get(name)]
    if missing:
        raise InputError(
            f"missing {', '.join(missing)}", remedy="give the flags, or name a --config"
        )
    check_handler(str(merged.pop("handler_name", "")))
    if str(merged["output_prefix"]).endswith(("/", os.sep)):
        raise InputError(
            "--output-prefix names a directory",
            found=str(merged["output_prefix"]),
            expected="a directory and the beginning of file names, such as ./dataset/gsm8k",
            remedy="add a name behind the slash",
        )
    if "seed" in merged and not (merged.get("shuffle") or merged.get("split")):
        logger.info("seed has no effect without --shuffle or --split: rows keep their order")
    for name in ("input", "output_prefix"):
        merged[name] = Path(merged[name])
    return PreprocessOptions(**merged)


def summary(report: PreprocessReport) -> str:
    """The report as a few lines for people."""
    dropped = sum(report.dropped.values())
    why = f" ({spell(report.dropped)})" if dropped else ""
    lengths = ", ".join(f"{name} {value}" for name, value in report.lengths.items())
    held = int(report.held_out > 0)
    rows = [
        ("kept", f"{report.kept} of {report.total} rows in {report.seconds:.2f} s"),
        *([("held out", f"{report.held_out} rows, as {report.output_prefix}_heldout")] * held),
        ("dropped", f"{dropped}{why}"),
        ("tokens", f"{report.tokens} of prompts, {report.label_tokens} of labels"),
        ("lengths", lengths),
        ("labels", spell(report.labels) or "none: map-keys names no response"),
        ("keys", ", ".join(report.keys)),
        ("files", f"{report.output_prefix}_packed_<key>_document.bin and .idx"),
        *(("warning", warning) for warning in report.warnings),
    ]
    return "\n".join(f"{name:<8} {text}" for name, text in rows)
