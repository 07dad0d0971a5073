"""Which torch, torch_npu and CANN go together, as the hosts' documentation lists them.

Covers: torch beside torch_npu, the CANN that is set up or lies where it is usually installed.
Does not cover: drivers and firmware. No row was run by us.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.doctor.environment import PACKAGES
from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.doctor.surroundings import Surroundings

# MindSpeed-RL line, torch and torch_npu, CANN.
ROWS = (
    ("master", "2.7.1", "8.5.0"),
    ("2.3.0", "2.5.1", "8.5.0"),
    ("2.2.0", "2.5.1", "8.3.RC1"),
    ("2.1.0", "2.5.1", "8.2.RC1"),
    ("2.0.0", "2.5.1", "8.1.RC1"),
)
_TOOLKIT_VARIABLES = ("ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH")
_USUAL_PLACE = Path("/usr/local/Ascend/ascend-toolkit/latest")
_VERSION_FILES = ("version.cfg", "version.info", "*/ascend_toolkit_install.info")
_VERSION = re.compile(r"(?<![\d.])(\d+\.\d+\.(?:RC)?\d+)")


def versions_of_the_npu(found: Surroundings) -> Iterator[Finding]:
    """torch_npu fits torch, and both fit CANN."""
    torch, npu = found.version("torch"), found.version("torch-npu")
    if npu is None or torch is None:
        return
    named = {"torch": found.versions["torch"], "npu": found.versions["torch-npu"]}
    if torch[:2] != npu[:2]:
        yield Finding("E-npu-versions", PACKAGES, named)
        return
    cann = cann_version(found)
    if cann is None:
        yield Finding("E-no-cann", Place(" ".join(_TOOLKIT_VARIABLES)))
        return
    version, place = cann
    number = ".".join(map(str, torch[:3]))
    hosts = [f"MindSpeed-RL {line}" for line, t, c in ROWS if (t, c) == (number, version)]
    values = {"torch": number, "cann": version, "hosts": ", ".join(hosts)}
    if hosts:
        yield Finding("E-row", Place(str(place)), values)
    else:
        rows = "; ".join(f"torch {t} CANN {c}" for _, t, c in ROWS)
        yield Finding("E-no-row", Place(str(place)), {**values, "rows": rows})


def cann_version(found: Surroundings) -> tuple[str, Path] | None:
    """The version of the CANN toolkit and the file that says so."""
    named = [found.variables[name] for name in _TOOLKIT_VARIABLES if found.variables.get(name)]
    for home in [*map(Path, named), *([] if named else [_USUAL_PLACE])]:
        for pattern in _VERSION_FILES:
            for path in sorted(home.glob(pattern)):
                match = _VERSION.search(path.read_text("utf-8", errors="replace"))
                if match:
                    return match.group(1), path
    return None
