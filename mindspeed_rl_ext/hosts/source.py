"""The source files of a host, found and read without importing anything.

Covers: modules in the folders of a host's package, scripts beside it, who calls what.
Does not cover: a host inside a zip archive.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from mindspeed_rl_ext.hosts.point import Caller, Point


def source_file(module: str, folders: Iterable[str]) -> str | None:
    """The file of a host module in a package's folders.

    Args:
        module: full name.
        folders: where the host's top-level package lies.
    """
    inner = module.split(".")[1:]
    for folder in folders:
        stem = os.path.join(folder, *inner)
        for path in (stem + ".py", os.path.join(stem, "__init__.py")):
            if os.path.isfile(path):
                return path
    return None


def read_source(path: str) -> str:
    """The text of a source file, whatever bytes are in it."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def uncalled(point: Point, folders: Iterable[str]) -> str:
    """Why this host never reaches what a point touches; "" where it does, or where none can tell.

    Args:
        point: a point whose probe holds.
        folders: where the host's top-level package lies.
    """
    places = list(folders)
    if not point.callers or not places:
        return ""
    found = [_calls(caller, point.module, places) for caller in point.callers]
    if any(one is not False for one in found):
        return ""
    return "; ".join(caller.describe("does not call it") for caller in point.callers)


def _calls(caller: Caller, module: str, folders: list[str]) -> bool | None:
    """Whether the call stands in the caller's text; None where that text can't be looked at."""
    if caller.script:
        # A host that was installed from a wheel has no scripts beside it: nothing can be concluded.
        beside = [os.path.dirname(os.path.abspath(folder)) for folder in folders]
        if not any(os.path.isfile(os.path.join(folder, "setup.py")) for folder in beside):
            return None
        paths = [os.path.join(folder, caller.script) for folder in beside]
        found = next((path for path in paths if os.path.isfile(path)), None)
    else:
        found = source_file(caller.module or module, folders)
    if found is None:
        return False
    return re.search(caller.calls, read_source(found)) is not None
