"""Where the hosts are, and whether their source fits, without importing them.

Covers: folders of the host packages on the path, every copy of them; probes on their source text.
Does not cover: a host inside a zip archive.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder

from mindspeed_rl_ext.hosts.catalog import (
    host_packages,
    load_adapters,
    missing_points,
    points_by_module,
)
from mindspeed_rl_ext.hosts.fit import by_attribute, choose
from mindspeed_rl_ext.hosts.point import Fitted
from mindspeed_rl_ext.hosts.probe import source_misfits
from mindspeed_rl_ext.hosts.source import read_source, source_file, uncalled


def host_copies() -> dict[str, tuple[str, ...]]:
    """The host packages that this Python could import, with the folder of each copy.

    The first copy is the one that is imported.
    """
    found = {package: package_copies(package) for package in host_packages()}
    return {package: copies for package, copies in found.items() if copies}


def host_folders() -> dict[str, tuple[str, ...]]:
    """The host packages that this Python would import, with their folders."""
    return {package: copies[:1] for package, copies in host_copies().items()}


def package_copies(package: str) -> tuple[str, ...]:
    """The folders of a package on the path, in the order in which Python looks; each once."""
    found: dict[str, str] = {}
    for spec in _specs(package):
        # A folder that only has the name, such as a checkout's parent, is no host.
        if spec is not None and spec.origin is not None:
            for folder in spec.submodule_search_locations or ():
                found.setdefault(os.path.realpath(folder), folder)
    return tuple(found.values())


def _specs(package: str) -> Iterator[ModuleSpec | None]:
    for finder in list(sys.meta_path):
        # Our own entries would take the question for an import.
        if "mindspeed_rl_ext" in getattr(finder, "__module__", type(finder).__module__):
            continue
        if finder is PathFinder:
            for entry in sys.path:
                yield PathFinder.find_spec(package, [entry])
        elif hasattr(finder, "find_spec"):
            yield finder.find_spec(package, None)


def probe_source(package: str, folders: tuple[str, ...]) -> list[Fitted]:
    """What would become of each point of a host, from its source text."""
    table = points_by_module(load_adapters())
    results = missing_points(package, folders, table)
    for module, rows in table.items():
        path = source_file(module, folders)
        if module.split(".")[0] != package or path is None:
            continue
        source = read_source(path)
        for same in by_attribute(rows):
            misfits = [source_misfits(source, point.probe) for _, point in same]
            results.append(choose(same, misfits, [uncalled(p, folders) for _, p in same]))
    return results
