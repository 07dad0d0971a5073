"""Trains by a recipe: sampling, fine-tuning, Expert Iteration, GRPO.

`msrl-ext recipe list` names the recipes. The CPU size needs nothing but this machine; the real
size names its model and data at the head of its file and is started with `accelerate launch`
(--print shows the whole command). With --engine the same training runs on a cluster.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mindspeed_rl_ext.cli import doctor
from mindspeed_rl_ext.core.errors import EXIT_DONE, InputError
from mindspeed_rl_ext.recipes.training.cluster import ENGINES
from mindspeed_rl_ext.recipes.training.recipe.schema import SIZES, STAGES, Recipe

TRL = "trl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext train`."""
    parser.add_argument("--config", required=True, metavar="NAME_OR_YAML", help="the recipe")
    parser.add_argument("--size", choices=SIZES, help="default: the first in the recipe's file")
    parser.add_argument(
        "--stage", action="append", choices=STAGES, help="only this stage; may be given again"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: train_output/NAME")
    parser.add_argument(
        "--resume", action="store_true", help="go on where a run in DIR stopped, exactly"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a key, such as grpo.trl.max_steps=100",
    )
    parser.add_argument("--engine", choices=[TRL, *ENGINES], default=TRL, help="default: trl")
    parser.add_argument("--print", action="store_true", help="show the command, run nothing")
    cluster = parser.add_argument_group("on a cluster (--engine other than trl)")
    cluster.add_argument("--host", type=Path, metavar="DIR", help="checkout of the host")
    cluster.add_argument(
        "--skip-doctor", action="store_true", help="start although the doctor found errors"
    )


def run(args: argparse.Namespace) -> int:
    """Trains, or shows how it would."""
    from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe

    recipe = load_recipe(args.config, args.size, args.set)
    if args.engine != TRL:
        _require_no_effectless(args)
        return _run_on_cluster(args, recipe)
    if args.host or args.skip_doctor:
        raise InputError(
            "--host and --skip-doctor have no effect with --engine trl", remedy="leave them out"
        )
    output = args.output or Path("train_output") / recipe.name
    if args.print:
        from mindspeed_rl_ext.recipes.training.launch import launch_lines

        print("\n".join(launch_lines(recipe, args, output)))
        return EXIT_DONE
    return _train(recipe, args, output)


def _train(recipe: Recipe, args: argparse.Namespace, output: Path) -> int:
    from mindspeed_rl_ext.recipes.training.runner import run_recipe
    from mindspeed_rl_ext.recipes.training.trainer.running import is_main_process

    results = run_recipe(recipe, output, args.stage or (), resume=args.resume)
    if not is_main_process():
        return EXIT_DONE
    width = max(len(result.stage) for result in results)
    for result in results:
        accuracy = "" if result.accuracy is None else f"held-out accuracy {result.accuracy:.3f}"
        told = "; ".join(filter(None, (result.told, accuracy)))
        print(f"{result.stage:<{width}}  {result.seconds:7.1f} s  {told}")
    print(f"\nmsrl-ext report {output / results[-1].stage}")
    return EXIT_DONE


def _require_no_effectless(args: argparse.Namespace) -> None:
    """The host's trainer reads its own YAML: what would change nothing there is refused."""
    given = {
        "--set": [change for change in args.set if not change.startswith("cluster.")],
        "--stage": args.stage,
        "--output": args.output,
        "--resume": args.resume,
    }
    named = [flag for flag, value in given.items() if value]
    if named:
        raise InputError(
            f"{', '.join(named)} would change nothing with --engine {args.engine}",
            expected="the host's trainer reads its own YAML file, and nothing else",
            remedy=f"msrl-ext init DIR copies that file out; change it there, then --set "
            f"cluster.{args.engine}=FILE",
        )


def _run_on_cluster(args: argparse.Namespace, recipe: Recipe) -> int:
    from mindspeed_rl_ext.recipes.training.cluster import cluster_command, run_cluster

    command = cluster_command(recipe, args.engine, args.host)
    if args.print:
        print(command.as_shell())
        return EXIT_DONE
    return run_cluster(command, doctor=None if args.skip_doctor else ask_doctor)


def ask_doctor(config: Path) -> int:
    """Runs `msrl-ext doctor --config FILE`; returns its exit code."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    doctor.add_arguments(parser)
    return doctor.run(parser.parse_args(["--config", str(config)]))
