"""Curves, throughput and a diagnosis of a run, from its log.

Reads our metrics.jsonl and rollouts.jsonl, the console logs of MindSpeed-RL and MindSpeed-LLM,
TRL's trainer_state.json and printed logs, and tensorboard's event files; of a directory the first
of these that is there. Prints what it found, and writes report.html, one file that opens without a
network, and curves.png.
"""

from __future__ import annotations

import argparse
import json

from mindspeed_rl_ext.core.errors import EXIT_DONE, InputError
from mindspeed_rl_ext.core.language import Language, current_language
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.report.comparison import (
    ComparisonFiles,
    stage_folders,
    write_comparison,
    write_stages,
)
from mindspeed_rl_ext.report.options import ReportOptions
from mindspeed_rl_ext.report.page.words import Words
from mindspeed_rl_ext.report.run import write_report
from mindspeed_rl_ext.report.terminal import as_json, file_lines, lines_of, run_lines

DESCRIPTION_ZH = """从日志给出一次运行的曲线、吞吐和诊断。

可读：我们的 metrics.jsonl 和 rollouts.jsonl，MindSpeed-RL 和 MindSpeed-LLM 的控制台日志，TRL 的
trainer_state.json 和打印的日志，以及 tensorboard 的事件文件；给目录时取其中第一个有的。打印结果，
并写出 report.html（一个不联网也能打开的文件）和 curves.png。
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext report`."""
    add_options(parser, ReportOptions)


def run(args: argparse.Namespace) -> int:
    """Writes the report of a run."""
    given = given_options(ReportOptions, args)
    options = build_options(ReportOptions, ("the command line", given))
    if not options.runs:
        raise InputError("no run is named", remedy="give a run's directory, or one of its logs")
    language = current_language()
    if len(options.runs) > 1:
        return _print_runs(write_comparison(options.runs, options, language), options, language)
    if len(stage_folders(options.runs[0])) > 1:
        return _print_runs(write_stages(options.runs[0], options, language), options, language)
    files = write_report(
        options.runs[0],
        options.output,
        title=options.title,
        language=language,
        a3=options.a3,
        sizes=options.sizes,
        model=options.model,
        smooth=options.smooth,
    )
    if options.json:
        print(json.dumps(as_json(files, language), ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines_of(files, Words(language))))
    return EXIT_DONE


def _print_runs(files: ComparisonFiles, options: ReportOptions, language: Language) -> int:
    if options.json:
        runs = {name: as_json(one, language) for name, one in files.runs.items()}
        print(json.dumps(runs, ensure_ascii=False, indent=2))
        return EXIT_DONE
    words = Words(language)
    for name, one in files.runs.items():
        print(f"== {name}")
        print("\n".join(run_lines(one, words)))
    print("\n".join(file_lines(files.html, files.png, words)))
    return EXIT_DONE
