"""Lists the recipes, or shows one: `msrl-ext recipe list`, `msrl-ext recipe show NAME`."""

from __future__ import annotations

import argparse

from mindspeed_rl_ext.core.errors import EXIT_DONE
from mindspeed_rl_ext.recipes.training.recipe.files import find_recipe, read_yaml, recipe_names

DESCRIPTION_ZH = (
    "列出训练配方，或显示其中一个：`msrl-ext recipe list`、`msrl-ext recipe show NAME`。"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the words of `msrl-ext recipe`."""
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("list", help="every recipe in a line, those of MSRL_EXT_RECIPES too")
    show = commands.add_parser("show", help="a recipe's file, every key explained")
    show.add_argument("name", metavar="NAME", help="a name, or a YAML file")


def run(args: argparse.Namespace) -> int:
    """Prints the list or the file."""
    if args.what == "show":
        print(find_recipe(args.name).read_text(encoding="utf-8"), end="")
        return EXIT_DONE
    names = recipe_names()
    width = max(map(len, names))
    for name in names:
        print(f"{name:<{width}}  {read_yaml(find_recipe(name)).get('summary', '')}")
    return EXIT_DONE
