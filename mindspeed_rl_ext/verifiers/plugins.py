"""Verifiers of other packages: the entry point group `mindspeed_rl_ext.verifiers`, and `--import`.

Covers: loading each entry point once, when a name is missing or names are listed; a module that
the user names. Loading a module registers what its decorators name.
Does not cover: registration itself; `api.verifier` does.
"""

from __future__ import annotations

import os
import sys
import threading
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from mindspeed_rl_ext.core.errors import InputError

GROUP = "mindspeed_rl_ext.verifiers"

# A set of what was loaded, so that a listing in one thread and a miss in another load once.
_lock = threading.RLock()
_loaded: set[tuple[str, str]] = set()
# What `sys.path` held at the last look: reading all metadata again takes 7 ms, and a host asks for
# names that are not ours in every batch.
_seen: tuple[tuple[str, int], ...] | None = None


def load_plugins() -> None:
    """Loads every entry point of the group that was not loaded yet.

    Raises:
        InputError: a plugin cannot be loaded; it is named, with its distribution.
    """
    global _seen
    with _lock:
        there = tuple((folder, _changed_at(folder)) for folder in sys.path)
        if there == _seen:
            return
        for point in entry_points(group=GROUP):
            if (point.name, point.value) not in _loaded:
                _load(point)
                _loaded.add((point.name, point.value))
        _seen = there  # not where a plugin failed: the next look names it again


def _changed_at(folder: str) -> int:
    """When something was last installed into a folder of `sys.path`; 0 where there is none."""
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return 0


def import_user_module(module: str) -> None:
    """Imports the module of an `--import`, from the current folder too, as `python -m` would.

    Raises:
        InputError: there is no such module, or one that it imports is missing.
    """
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        import_module(module)
    except ImportError as error:
        raise InputError(
            f"--import {module}: the module cannot be imported",
            found=str(error),
            remedy="give its dotted name, from a folder on PYTHONPATH or the current one",
        ) from error


def _load(point: EntryPoint) -> None:
    try:
        point.load()
    except Exception as error:  # whatever a plugin's own module raises has to be named
        distribution = point.dist.name if point.dist is not None else "an unknown distribution"
        raise InputError(
            f"the verifier plugin {point.name!r} of {distribution} cannot be loaded",
            found=f"{point.value}: {type(error).__name__}: {error}",
            remedy=f"fix it, or uninstall it: pip uninstall {distribution}",
        ) from error
