"""One Python and its libraries, read once: versions, site folders, variables, hosts.

Covers: reading metadata only. No library is imported: torch alone would take longer than all
checks.
Does not cover: what is wrong with them; the rules do.
"""

from __future__ import annotations

import json
import os
import platform
import re
import site
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import ClassVar

from mindspeed_rl_ext.core.language import Text

DISTRIBUTION = "mindspeed-rl-ext"


@dataclass(frozen=True)
class Installed:
    """One installed distribution of this package.

    Args:
        version: its version.
        mode: `wheel`, or `editable from PATH`.
        place: the folder that holds its metadata.
    """

    version: str
    mode: str
    place: str


@dataclass(frozen=True)
class Environment:
    """The facts of one Python.

    Args:
        python: version of the interpreter.
        versions: distribution name in lower case with dashes, to version.
        ours: every installed distribution of this package that is on the path.
        site_folders: folders whose `.pth` files this Python reads.
        variables: environment variables.
        hosts: host package to the folders it lies in; hosts that are not there are left out.
        copies: host package to the folder of each copy on the path, the used one first.
        machine: the processor, as `uname -m` names it.
    """

    label: ClassVar[Text] = Text("environment", "环境")

    python: tuple[int, int, int]
    versions: Mapping[str, str]
    ours: tuple[Installed, ...] = ()
    site_folders: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    copies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    machine: str = ""

    def version(self, name: str) -> tuple[int, ...] | None:
        """The leading numbers of a distribution's version; None where it is not installed."""
        text = self.versions.get(name)
        return None if text is None else numbers(text)


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version.

    Example:
        >>> numbers("2.5.1.post1+cpu")
        (2, 5, 1)
    """
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def read_environment() -> Environment:
    """Reads the facts of this interpreter."""
    from mindspeed_rl_ext.hosts.locate import host_copies

    copies = host_copies()
    versions: dict[str, str] = {}
    ours: dict[str, Installed] = {}
    for name, distribution in _distributions():
        versions.setdefault(name, distribution.version)  # the first on the path is imported
        if name == DISTRIBUTION:
            place = str(distribution.locate_file(""))
            ours.setdefault(
                os.path.realpath(place),
                Installed(distribution.version, _mode(distribution), place),
            )
    return Environment(
        python=sys.version_info[:3],
        versions=versions,
        ours=tuple(ours.values()),
        site_folders=tuple(_site_folders()),
        variables=dict(os.environ),
        hosts={package: folders[:1] for package, folders in copies.items()},
        copies=copies,
        machine=platform.machine(),
    )


def _distributions() -> Iterator[tuple[str, Distribution]]:
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:  # a half-removed distribution has none
            yield re.sub(r"[-_.]+", "-", name).lower(), distribution


def _mode(distribution: Distribution) -> str:
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return "wheel"
    if origin.get("dir_info", {}).get("editable"):
        return f"editable from {str(origin.get('url', '')).removeprefix('file://')}"
    return "wheel"


def _site_folders() -> Iterator[Path]:
    seen: set[str] = set()
    users = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    for folder in [*site.getsitepackages(), *users]:
        real = os.path.realpath(folder)
        if real not in seen and os.path.isdir(real):
            seen.add(real)
            yield Path(folder)
