"""The host lines: every file in `lines/`.

Covers: finding them; a new host line is a new file there, or in any folder that is appended to the
path of that package, and nothing else changes.
Does not cover: what a line holds; `adapter` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules

from mindspeed_rl_ext.hosts import lines
from mindspeed_rl_ext.hosts.adapter import Adapter
from mindspeed_rl_ext.hosts.point import Fitted, Point
from mindspeed_rl_ext.hosts.source import source_file

Table = dict[str, list[tuple[Adapter, Point]]]


def adapters_by_file() -> dict[str, Adapter]:
    """All adapters by the name of their file, sorted."""
    names = sorted(found.name for found in iter_modules(lines.__path__))
    return {name: import_module(f"{lines.__name__}.{name}").ADAPTER for name in names}


def load_adapters() -> list[Adapter]:
    """All adapters, in the order of their file names."""
    return list(adapters_by_file().values())


def host_packages() -> tuple[str, ...]:
    """The top-level packages of the hosts, sorted.

    Example:
        >>> host_packages()
        ('mindspeed_llm', 'mindspeed_rl', 'verl')
    """
    return tuple(sorted({adapter.package for adapter in load_adapters()}))


def points_by_module(adapters: list[Adapter]) -> Table:
    """For each host module the points that it may have, of all lines."""
    table: Table = {}
    for adapter in adapters:
        for point in adapter.points:
            table.setdefault(point.module, []).append((adapter, point))
    return table


def missing_points(package: str, folders: Iterable[str], table: Table) -> list[Fitted]:
    """The points of a host whose module is not there at all, so that nothing can be trip-wired."""
    places = [folder for folder in folders if os.path.isdir(folder)]
    if not places:
        return []
    return [
        Fitted(
            module, point.attribute, adapter.name, point.ledger.id, "the host has no such module"
        )
        for module, rows in table.items()
        if module.split(".")[0] == package and source_file(module, places) is None
        for adapter, point in rows[:1]
        if point.required
    ]
