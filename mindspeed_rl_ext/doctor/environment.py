"""Checks of the environment: Python, versions, libraries that do not go together.

Covers: one function a check, each from the same facts. Does not cover: devices and drivers; what
the notes' FAQ names beside libraries, which is in `faq`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.doctor.surroundings import Surroundings
from mindspeed_rl_ext.version import __version__

PACKAGES = Place("installed packages")
OLDEST_PYTHON = (3, 10)
RAY_RUNS_WITH_CLICK_8_5 = (2, 60)
SHOWN = ("torch", "torch-npu", "transformers", "numpy", "ray", "trl", "vllm")


def python_version(found: Surroundings) -> Iterator[Finding]:
    """The engines run on Python 3.10 or newer."""
    old = found.python[:2] < OLDEST_PYTHON
    text = ".".join(map(str, found.python))
    yield Finding("E-python-old" if old else "E-python", Place("interpreter"), {"version": text})


def our_installation(found: Surroundings) -> Iterator[Finding]:
    """This package is installed once, and what is imported is what is installed."""
    if not found.ours:
        yield Finding("E-not-installed", PACKAGES, {"version": __version__})
    for one in found.ours:
        yield Finding("E-ours", Place(one.place), {"version": one.version, "mode": one.mode})
    if len(found.ours) > 1:
        places = ", ".join(one.place for one in found.ours)
        yield Finding("E-twice", Place(places), {"count": len(found.ours)})
    if found.ours and found.ours[0].version != __version__:
        values = {"code": __version__, "installed": found.ours[0].version}
        yield Finding("E-stale", Place(found.ours[0].place), values)


def library_versions(found: Surroundings) -> Iterator[Finding]:
    """Which of the large libraries are there."""
    there = [f"{name} {found.versions[name]}" for name in SHOWN if name in found.versions]
    absent = [name for name in SHOWN if name not in found.versions]
    if there:
        yield Finding("E-libraries", PACKAGES, {"there": ", ".join(there)})
    if absent:
        yield Finding("E-absent", PACKAGES, {"absent": ", ".join(absent)})


def math_verify(found: Surroundings) -> Iterator[Finding]:
    """math-verify decides what our own arithmetic cannot; its API changed at 0.8."""
    version = found.version("math-verify")
    if version is None:
        yield Finding("E-no-math-verify", PACKAGES)
    elif version < (0, 8):
        pinned = found.versions.get("latex2sympy2")
        values = {
            "version": found.versions["math-verify"],
            "because": f"; latex2sympy2 {pinned} may hold it back (it pins antlr)" * bool(pinned),
            "because_zh": f"；可能被 latex2sympy2 {pinned} 拖住（它固定了 antlr）" * bool(pinned),
        }
        yield Finding("E-math-verify-old", PACKAGES, values)


def antlr(found: Surroundings) -> Iterator[Finding]:
    """hydra and omegaconf read their grammars only with antlr 4.9."""
    version = found.version("antlr4-python3-runtime")
    users = [name for name in ("hydra-core", "omegaconf") if name in found.versions]
    if version is not None and users and version[:2] != (4, 9):
        installed = found.versions["antlr4-python3-runtime"]
        yield Finding("E-antlr", PACKAGES, {"version": installed, "users": " and ".join(users)})


def bitsandbytes(found: Surroundings) -> Iterator[Finding]:
    """bitsandbytes asks CUDA for its capability at import, which torch_npu answers wrongly."""
    if "bitsandbytes" in found.versions and "torch-npu" in found.versions:
        yield Finding("E-bitsandbytes", PACKAGES, {"version": found.versions["bitsandbytes"]})


def click_and_ray(found: Surroundings) -> Iterator[Finding]:
    """The ray command of older versions does not start with click 8.3 or newer."""
    click, ray = found.version("click"), found.version("ray")
    if click is not None and ray is not None and click >= (8, 3) and ray < RAY_RUNS_WITH_CLICK_8_5:
        values = {"click": found.versions["click"], "ray": found.versions["ray"]}
        yield Finding("E-click", PACKAGES, values)


def two_hosts(found: Surroundings) -> Iterator[Finding]:
    """MindSpeed-LLM and MindSpeed-RL pin different libraries and patch the same Megatron."""
    if len(found.hosts) > 1:
        places = ", ".join(f"{name}: {', '.join(p)}" for name, p in found.hosts.items())
        yield Finding("E-two-hosts", Place(places), {"hosts": ", ".join(found.hosts)})
