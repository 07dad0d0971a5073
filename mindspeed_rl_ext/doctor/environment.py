"""Checks of the environment: Python, versions, libraries that do not go together.

Covers: one function a check, each from the same facts. Does not cover: devices and drivers.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.surroundings import Surroundings
from mindspeed_rl_ext.version import __version__

PACKAGES = "installed packages"
OLDEST_PYTHON = (3, 10)
RAY_RUNS_WITH_CLICK_8_5 = (2, 60)
SHOWN = ("torch", "torch-npu", "transformers", "numpy", "ray", "trl", "vllm")


def python_version(found: Surroundings) -> Iterator[Finding]:
    """The engines run on Python 3.10 or newer."""
    text = ".".join(map(str, found.python))
    if found.python[:2] < OLDEST_PYTHON:
        yield Finding(
            "error", f"Python {text} is too old", "interpreter", "use Python 3.10 or newer"
        )
    else:
        yield Finding("info", f"Python {text}", "interpreter")


def our_installation(found: Surroundings) -> Iterator[Finding]:
    """This package is installed once, and what is imported is what is installed."""
    if not found.ours:
        yield Finding(
            "warning",
            f"mindspeed-rl-ext {__version__} runs from a folder, without being installed",
            PACKAGES,
            "pip install mindspeed-rl-ext, or pip install -e . in the checkout: only then are "
            "hosts adapted by themselves",
        )
    for one in found.ours:
        yield Finding("info", f"mindspeed-rl-ext {one.version}, {one.mode}", one.place)
    if len(found.ours) > 1:
        yield Finding(
            "warning",
            f"mindspeed-rl-ext is installed {len(found.ours)} times",
            ", ".join(one.place for one in found.ours),
            "uninstall all but one: pip uninstall mindspeed-rl-ext",
        )
    if found.ours and found.ours[0].version != __version__:
        yield Finding(
            "warning",
            f"the code is version {__version__}, the installation says {found.ours[0].version}",
            found.ours[0].place,
            "install again",
        )


def library_versions(found: Surroundings) -> Iterator[Finding]:
    """Which of the large libraries are there."""
    there = [f"{name} {found.versions[name]}" for name in SHOWN if name in found.versions]
    absent = [name for name in SHOWN if name not in found.versions]
    if there:
        yield Finding("info", ", ".join(there), PACKAGES)
    if absent:
        yield Finding("info", f"not installed: {', '.join(absent)}", PACKAGES)


def math_verify(found: Surroundings) -> Iterator[Finding]:
    """math-verify decides what our own arithmetic cannot; its API changed at 0.8."""
    version = found.version("math-verify")
    remedy = 'pip install "mindspeed-rl-ext[verify]"'
    if version is None:
        yield Finding(
            "info",
            "math-verify is not installed: answers that need it count as UNPARSEABLE; "
            f"{remedy} brings it",
            PACKAGES,
        )
    elif version < (0, 8):
        pinned = found.versions.get("latex2sympy2")
        because = f"; latex2sympy2 {pinned} may hold it back (it pins antlr)" if pinned else ""
        yield Finding(
            "warning",
            f"math-verify {found.versions['math-verify']} is older than 0.8{because}",
            PACKAGES,
            remedy,
        )


def antlr(found: Surroundings) -> Iterator[Finding]:
    """hydra and omegaconf read their grammars only with antlr 4.9."""
    version = found.version("antlr4-python3-runtime")
    users = [name for name in ("hydra-core", "omegaconf") if name in found.versions]
    if version is not None and users and version[:2] != (4, 9):
        yield Finding(
            "warning",
            f"antlr4-python3-runtime {found.versions['antlr4-python3-runtime']} beside "
            f"{' and '.join(users)}, which need 4.9",
            PACKAGES,
            'pip install "antlr4-python3-runtime==4.9.3"',
        )


def bitsandbytes(found: Surroundings) -> Iterator[Finding]:
    """bitsandbytes asks CUDA for its capability at import, which torch_npu answers wrongly."""
    if "bitsandbytes" in found.versions and "torch-npu" in found.versions:
        yield Finding(
            "error",
            f"bitsandbytes {found.versions['bitsandbytes']} beside torch_npu: importing it fails "
            "in get_device_capability, and with it loading a model",
            PACKAGES,
            "pip uninstall bitsandbytes",
        )


def click_and_ray(found: Surroundings) -> Iterator[Finding]:
    """The ray command of older versions does not start with click 8.3 or newer."""
    click, ray = found.version("click"), found.version("ray")
    if click is not None and ray is not None and click >= (8, 3) and ray < RAY_RUNS_WITH_CLICK_8_5:
        yield Finding(
            "warning",
            f"click {found.versions['click']} beside ray {found.versions['ray']}: "
            "the ray command may fail (ray issue 56747)",
            PACKAGES,
            'pip install "click<8.3" where `ray --version` fails',
        )


def two_hosts(found: Surroundings) -> Iterator[Finding]:
    """MindSpeed-LLM and MindSpeed-RL pin different libraries and patch the same Megatron."""
    if len(found.hosts) > 1:
        places = ", ".join(f"{name}: {', '.join(p)}" for name, p in found.hosts.items())
        yield Finding(
            "warning",
            f"{' and '.join(found.hosts)} are importable in one environment",
            places,
            "give each host an environment of its own, or take one off PYTHONPATH",
        )
