"""Trains by a recipe: sampling, fine-tuning, Expert Iteration, GRPO.

`msrl-ext recipe list` names the recipes. The CPU size needs nothing but this machine; the real
size names its model and data at the head of its file and is started with `accelerate launch`
(--print shows the whole command). With --engine the same training runs on a cluster.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mindspeed_rl_ext.cli import doctor
from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.core.errors import EXIT_DONE, InputError
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.recipes.training.cluster import VERL
from mindspeed_rl_ext.recipes.training.options import TRL, TrainOptions
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe

DESCRIPTION_ZH = """按配方训练：采样、微调、专家迭代、GRPO。

`msrl-ext recipe list` 列出配方。cpu 规模只需要本机；real 规模在文件开头写明模型和数据，用
`accelerate launch` 启动（--print 显示完整命令）。给出 --engine 时，同样的训练在集群上运行。
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext train`."""
    add_options(parser, TrainOptions)


def run(args: argparse.Namespace) -> int:
    """Trains, or shows how it would."""
    from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe

    options = build_options(TrainOptions, ("the command line", given_options(TrainOptions, args)))
    # A host's trainer has the real size only.
    size = options.size or (None if options.engine == TRL else "real")
    recipe = load_recipe(options.config, size, options.changes)
    if options.engine == VERL:
        return _run_with_verl(options, recipe)
    if options.engine != TRL:
        _require_no_effectless(options)
        return _run_on_cluster(options, recipe)
    if options.host or options.skip_doctor:
        raise InputError(
            "--host and --skip-doctor have no effect with --engine trl", remedy="leave them out"
        )
    output = options.output or Path("train_output") / recipe.name
    if options.print_only:
        from mindspeed_rl_ext.recipes.training.launch import launch_lines

        print("\n".join(launch_lines(recipe, options, output)))
        return EXIT_DONE
    return _train(recipe, options, output)


def _train(recipe: Recipe, options: TrainOptions, output: Path) -> int:
    from mindspeed_rl_ext.recipes.training.runner import run_recipe
    from mindspeed_rl_ext.recipes.training.trainer.running import is_main_process

    results = run_recipe(recipe, output, options.stage, resume=options.resume)
    if not is_main_process():
        return EXIT_DONE
    width = max(len(result.stage) for result in results)
    for result in results:
        accuracy = "" if result.accuracy is None else f"held-out accuracy {result.accuracy:.3f}"
        line = "; ".join(filter(None, (result.line, accuracy)))
        show(f"{result.stage:<{width}}  {result.seconds:7.1f} s  {line}")
    print(f"\nmsrl-ext report {output / results[-1].stage}")
    return EXIT_DONE


def _run_with_verl(options: TrainOptions, recipe: Recipe) -> int:
    from mindspeed_rl_ext.recipes.training.verl_engine import as_shell, run_verl

    given = {
        "--host": options.host,
        "--skip-doctor": options.skip_doctor,
        "--stage": [stage for stage in options.stage if stage != "grpo"],
        "--resume": options.resume,
    }
    named = [flag for flag, value in given.items() if value]
    if named:
        raise InputError(
            f"{', '.join(named)} would change nothing with --engine verl",
            expected="verl trains the stage grpo and resumes by itself (trainer.resume_mode)",
            remedy="leave it out",
        )
    output = options.output or Path("train_output") / recipe.name
    if options.print_only:
        print(as_shell(recipe, output))
        return EXIT_DONE
    return run_verl(recipe, output)


def _require_no_effectless(options: TrainOptions) -> None:
    """The host's trainer reads its own YAML: what would change nothing there is refused."""
    given = {
        "--set": [change for change in options.changes if not change.startswith("cluster.")],
        "--stage": options.stage,
        "--output": options.output,
        "--resume": options.resume,
    }
    named = [flag for flag, value in given.items() if value]
    if named:
        raise InputError(
            f"{', '.join(named)} would change nothing with --engine {options.engine}",
            expected="the host's trainer reads its own YAML file, and nothing else",
            remedy=f"msrl-ext init DIR copies that file out; change it there, then --set "
            f"cluster.{options.engine}=FILE",
        )


def _run_on_cluster(options: TrainOptions, recipe: Recipe) -> int:
    from mindspeed_rl_ext.recipes.training.cluster import cluster_command, run_cluster

    command = cluster_command(recipe, options.engine, options.host, shown=options.print_only)
    if options.print_only:
        print(command.as_shell())
        return EXIT_DONE
    return run_cluster(command, doctor=None if options.skip_doctor else ask_doctor)


def ask_doctor(config: Path) -> int:
    """Runs `msrl-ext doctor --config FILE`; returns its exit code."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    doctor.add_arguments(parser)
    return doctor.run(parser.parse_args(["--config", str(config)]))
