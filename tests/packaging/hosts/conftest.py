"""An environment with what a host line requires, made with uv beside the line's checkouts.

Covers: torch and torch_npu as the line pairs them, the requirement files of its checkouts in the
order of its installation guide, what the guide installs last with --no-deps, and what pip sees.
Does not cover: CANN, vllm-ascend, apex, and what no index has (`left_out` names each with the
reason), nor another host beside the line: that one is a line of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mindspeed_rl_ext.hosts.adapter import MINDSPEED_LLM_URL, MINDSPEED_RL_URL, Adapter

# Every line's documentation accepts this Python, and it is the oldest of ours.
PYTHON = "3.10"
# A host that serves NPUs beside GPUs has a file for NPUs.
_REQUIREMENTS = ("requirements-npu.txt", "requirements.txt")
_INSTALLED_LAST = re.compile(r"pip3? install ([\w-]+==\S+) --no-deps")
_REASON = re.compile(r"Because (.+?)(?:,? and you require|, we can conclude|$)")


@dataclass
class HostEnvironment:
    """A virtual environment of a host line.

    Args:
        home: its folder.
        kept: requirements that hold in every later installation.
        left_out: requirement that could not be had to the reason.
    """

    home: Path
    kept: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.home / "bin" / "python"

    def run(self, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in its folder, without this process's Python variables."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MSRL"))}
        inherited["PATH"] = f"{self.python.parent}{os.pathsep}{inherited['PATH']}"
        return subprocess.run(
            list(map(str, words)),
            cwd=self.home,
            env={**inherited, **env},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def uv(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Installs with uv, which takes seconds where pip takes minutes."""
        return self.run("uv", "pip", "install", "--python", self.python, *words)

    def install(self, *words: object) -> None:
        """Installs what must be there."""
        done = self.uv(*words)
        assert done.returncode == 0, f"{self.home.name}: {done.stderr[-2000:]}"

    def install_what_can_be_had(self, requirements: list[str], *flags: str) -> None:
        """Installs requirements together, without those that no index has or `kept` forbids."""
        possible = []
        for one in requirements:
            done = self.uv("--dry-run", *flags, *self.kept, one)
            if done.returncode == 0:
                possible.append(one)
            else:
                self.left_out[one] = _reason(done.stderr)
        if possible:
            self.install(*flags, *self.kept, *possible)

    def freeze(self) -> dict[str, str]:
        """Package to version, as pip sees them."""
        done = self.run(self.python, "-m", "pip", "list", "--format=freeze")
        assert done.returncode == 0, done.stderr
        return dict(row.split("==", 1) for row in done.stdout.splitlines())

    def complaints(self) -> set[str]:
        """What `pip check` finds, a sentence each."""
        done = self.run(self.python, "-m", "pip", "check")
        return set(done.stdout.splitlines()) if done.returncode else set()


@pytest.fixture(name="make", scope="session")
def make_fixture() -> Callable[[Adapter, Path, Path], HostEnvironment]:
    """Makes the environment of a line."""
    return make


def make(line: Adapter, hosts: Path, home: Path) -> HostEnvironment:
    """Makes the environment of a host line.

    Args:
        line: the host line.
        hosts: the folder of checkouts.
        home: the folder of the new environment.
    """
    made = HostEnvironment(home)
    python = os.environ.get("MSRL_EXT_HOST_PYTHON", PYTHON)
    subprocess.run(["uv", "venv", "-q", "--seed", "--python", python, home], check=True)
    torch = line.versions.torch.split(", ")[-1]  # where a line names two, the newest
    if torch:
        made.kept.append(f"torch=={torch}")
        made.install(*made.kept)
        # Its metadata name a CPU build of torch, which only PyTorch's own index has.
        made.install_what_can_be_had([f"torch-npu=={torch}.*"], "--no-deps")
    host, *beside = line.checkouts
    for one in (*beside, host):
        if one is host or one.url not in (MINDSPEED_LLM_URL, MINDSPEED_RL_URL):
            made.install_what_can_be_had(_requirements(hosts / one.folder))
    for one in _installed_last(hosts / host.folder):
        made.install("--no-deps", one)
    return made


def _requirements(checkout: Path) -> list[str]:
    """What a checkout's own file requires; nothing where it has none."""
    for name in _REQUIREMENTS:
        if (checkout / name).is_file():
            rows = (row.split("#")[0].strip() for row in (checkout / name).read_text().splitlines())
            return [row for row in rows if row]
    return []


def _installed_last(checkout: Path) -> list[str]:
    """What a host's installation guide installs over its own requirements."""
    guides = sorted(checkout.glob("docs/**/install_guide.md"))
    return sorted({one for guide in guides for one in _INSTALLED_LAST.findall(guide.read_text())})


def _reason(stderr: str) -> str:
    """The cause that uv names, on one line."""
    text = " ".join(stderr.split())
    found = _REASON.search(text)
    return found[1] if found else text[-200:]
