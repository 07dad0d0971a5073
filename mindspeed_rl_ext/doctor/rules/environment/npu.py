"""Which torch, torch_npu and CANN go together, as the hosts' documentation lists them.

Covers: torch beside torch_npu, the CANN that is set up or lies where it is usually installed.
Does not cover: drivers and firmware. No row was run by us.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.rules import Finding, Place
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.rulebook import check, rule
from mindspeed_rl_ext.doctor.rules.environment.libraries import PACKAGES

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


TORCH_NPU_FOR_ANOTHER_TORCH = rule(
    "torch-npu-for-another-torch",
    "error",
    on=Environment,
    en=(
        "torch {torch} beside torch_npu {npu}: both must have the same first two numbers",
        "install the torch that torch_npu {npu} was built for",
    ),
    zh=(
        "torch {torch} 与 torch_npu {npu} 不配套：前两段版本号必须相同",
        "安装与 torch_npu {npu} 配套的 torch",
    ),
)
CANN_ABSENT = rule(
    "cann-absent",
    "warning",
    on=Environment,
    en=(
        "torch_npu is installed, but no CANN toolkit was found",
        "source .../ascend-toolkit/set_env.sh, which sets ASCEND_TOOLKIT_HOME; without it "
        "`import torch` fails from torch 2.5 on. On a machine without NPUs: "
        "export TORCH_DEVICE_BACKEND_AUTOLOAD=0",
    ),
    zh=(
        "装了 torch_npu，但没有找到 CANN toolkit",
        "source .../ascend-toolkit/set_env.sh，它会设置 ASCEND_TOOLKIT_HOME；否则 torch 2.5 起 "
        "`import torch` 会失败。没有 NPU 的机器：export TORCH_DEVICE_BACKEND_AUTOLOAD=0",
    ),
)
CANN_VERSION_DOCUMENTED = rule(
    "cann-version-documented",
    "ok",
    on=Environment,
    en=("torch {torch} and CANN {cann} are those of {hosts} (from the hosts' documentation)",),
    zh=("torch {torch} 与 CANN {cann} 是 {hosts} 文档所列的配套",),
)
CANN_VERSION_NOT_DOCUMENTED = rule(
    "cann-version-not-documented",
    "warning",
    on=Environment,
    en=(
        "no host documents torch {torch} with CANN {cann}; known: {rows}",
        "choose a row of the host's installation guide",
    ),
    zh=(
        "没有宿主文档列出 torch {torch} 配 CANN {cann}；已知：{rows}",
        "按宿主安装指南选一行配套版本",
    ),
)


@check(Environment)
def versions_of_the_npu(found: Environment) -> Iterator[Finding]:
    """torch_npu fits torch, and both fit CANN."""
    torch, npu = found.version("torch"), found.version("torch-npu")
    if npu is None or torch is None:
        return
    named = {"torch": found.versions["torch"], "npu": found.versions["torch-npu"]}
    if torch[:2] != npu[:2]:
        yield TORCH_NPU_FOR_ANOTHER_TORCH.at(PACKAGES, **named)
        return
    cann = cann_version(found)
    if cann is None:
        yield CANN_ABSENT.at(Place(" ".join(_TOOLKIT_VARIABLES)))
        return
    version, place = cann
    number = ".".join(map(str, torch[:3]))
    hosts = [f"MindSpeed-RL {line}" for line, t, c in ROWS if (t, c) == (number, version)]
    values = {"torch": number, "cann": version, "hosts": ", ".join(hosts)}
    if hosts:
        yield CANN_VERSION_DOCUMENTED.at(Place(str(place)), **values)
    else:
        rows = "; ".join(f"torch {t} CANN {c}" for _, t, c in ROWS)
        yield CANN_VERSION_NOT_DOCUMENTED.at(Place(str(place)), **values, rows=rows)


def cann_version(found: Environment) -> tuple[str, Path] | None:
    """The version of the CANN toolkit and the file that says so."""
    named = [found.variables[name] for name in _TOOLKIT_VARIABLES if found.variables.get(name)]
    for home in [*map(Path, named), *([] if named else [_USUAL_PLACE])]:
        for pattern in _VERSION_FILES:
            for path in sorted(home.glob(pattern)):
                match = _VERSION.search(path.read_text("utf-8", errors="replace"))
                if match:
                    return match.group(1), path
    return None
