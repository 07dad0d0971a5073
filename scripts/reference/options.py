"""The options of a command, or of all: whatever dataclass of options its module uses."""

from __future__ import annotations

from dataclasses import is_dataclass
from importlib import import_module
from types import ModuleType

from mindspeed_rl_ext.cli._dispatch import command_names, load_command
from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.core.options import OptionRow, declared_options, describe_options
from reference._markdown import code, markdown_table

FLAG = Text("flag", "参数")
KEY = Text("key in YAML", "YAML 中的键")
VARIABLE = Text("variable", "环境变量")
HOST_KEY = Text("the hosts' name", "宿主的名称")
DEFAULT = Text("default", "默认值")
HELP = Text("what it does", "作用")


def render(language: Language, argument: str) -> str:
    """The options of one command; of every command, with headings, where `argument` is ""."""
    if argument:
        return _tables(argument, language)
    parts = []
    for name in command_names():
        text = _tables(name, language)
        if text:
            parts += [f"## msrl-ext {name}", text]
    return "\n\n".join(parts)


def option_classes(module: ModuleType) -> list[type]:
    """The dataclasses of options that a command's module names, or the one that adds its flags."""
    adds = import_module(module.add_arguments.__module__)
    things = {id(thing): thing for part in (module, adds) for thing in vars(part).values()}
    kinds = [one for one in things.values() if isinstance(one, type) and is_dataclass(one)]
    return [kind for kind in kinds if declared_options(kind)]


def _tables(command: str, language: Language) -> str:
    kinds = option_classes(load_command(command))
    return "\n\n".join(_table(describe_options(kind, language), language) for kind in kinds)


def _table(rows: list[OptionRow], language: Language) -> str:
    columns = [
        (FLAG, [code(row.flag) for row in rows]),
        (KEY, [code(row.key) for row in rows]),
        (VARIABLE, [code(row.variable) for row in rows]),
        (HOST_KEY, [code(row.host_key) for row in rows]),
        (DEFAULT, [code(row.default) for row in rows]),
        (HELP, [row.help for row in rows]),
    ]
    shown = [(head, cells) for head, cells in columns if any(cells)]
    return markdown_table(
        [head for head, _ in shown], zip(*(cells for _, cells in shown), strict=True), language
    )
