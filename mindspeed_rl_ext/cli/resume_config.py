"""Writes the configuration that resumes a run: every key that a resume needs, or none.

In MindSpeed-RL: finetune, no_load_optim, no_load_rng false; load is the run's save; the reference
model is loaded from the first run's weights (rl_config.integrated_mode_config.ref_model_load_path).
Comments and order stay. In MindSpeed-LLM's rlxf files the same keys of the actor and the critic.
"""

from __future__ import annotations

import argparse

from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.core.errors import EXIT_DONE, InputError
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic
from mindspeed_rl_ext.core.files.yaml_file import read_yaml
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.doctor.options import ResumeOptions
from mindspeed_rl_ext.doctor.resume import resumed

DESCRIPTION_ZH = """写出续训用的配置：续训需要的键要么全有，要么全无。

MindSpeed-RL 中：finetune、no_load_optim、no_load_rng 为 false；load 是该次运行的 save；参考模型从
首次运行的权重加载（rl_config.integrated_mode_config.ref_model_load_path）。注释和顺序不变。
MindSpeed-LLM 的 rlxf 文件中，actor 和 critic 的同名键同样处理。
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext resume-config`."""
    add_options(parser, ResumeOptions)


def run(args: argparse.Namespace) -> int:
    """Writes OUT and prints what differs in it."""
    given = given_options(ResumeOptions, args)
    options = build_options(ResumeOptions, ("the command line", given))
    read_yaml(options.config)
    text = options.config.read_bytes().decode("utf-8")
    changed, changes = resumed(text, options.config, options.reference)
    if options.output.exists() and not options.overwrite:
        raise InputError(
            f"{options.output} is there already",
            remedy="choose another name, or give --overwrite",
        )
    if not options.output.parent.is_dir():
        raise InputError(f"no directory {options.output.parent}", remedy="make it first")
    write_text_atomic(options.output, changed)
    for change in changes:
        show(str(change))
    show(f"\nwrote {options.output}; check it: msrl-ext doctor --config {options.output}")
    return EXIT_DONE
