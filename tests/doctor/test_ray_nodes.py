"""A real cluster of Ray whose nodes have different faults: each is named with its node."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

from mindspeed_rl_ext.activation.pth import PTH_NAME, startup_line
from mindspeed_rl_ext.version import __version__

pytest.importorskip("ray", reason="ray is not installed")
pytestmark = pytest.mark.slow

OTHER = "0.0.7"
TEMPLATE = "shared/tokenizer_config.json"
# An absolute path that is another file for each node, as on disks that are not shared.
OF_EACH_NODE = "/proc/self/cwd/shared"
GOOD, MISSING, OLDER, EMPTY = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"


class Nodes:
    """A head node and others on this machine, each with a Python of its own."""

    def __init__(self, home: Path, root: Path, ray) -> None:
        self.home, self.root, self.ray = home, root, ray

    def python(self, name: str, version: str | None, *, hook: bool = True) -> Path:
        """A Python with the libraries of this one and this package in a version, or without it."""
        home = self.home / f"python_{name}"
        venv.create(home, symlinks=True)
        [site] = home.glob("lib/python*/site-packages")
        for library in Path(sysconfig.get_path("purelib")).iterdir():
            if "mindspeed" not in library.name and library.suffix != ".pth":
                target = site / library.name
                if not target.exists():
                    target.symlink_to(library)
        if version is not None:
            metadata = site / f"mindspeed_rl_ext-{version}.dist-info" / "METADATA"
            metadata.parent.mkdir()
            metadata.write_text(
                f"Metadata-Version: 2.1\nName: mindspeed-rl-ext\nVersion: {version}\n"
            )
            (site / "a_checkout.pth").write_text(f"{self.root}\n")
            if hook:
                (site / PTH_NAME).write_text(startup_line())
        return home / "bin" / "python"

    def directory(self, name: str, template: str | None) -> Path:
        made = self.home / f"directory_{name}"
        (made / "shared").mkdir(parents=True)
        if template is None:
            (made / "shared").rmdir()
        else:
            (made / TEMPLATE).write_text(template)
        return made

    def environment(self, **settings: str) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "OMP_NUM_THREADS": "1",
            **self.ray.settings(**settings),
        }

    def start(self, python: Path, ip: str, directory: Path) -> None:
        self.ray.start(python, ip, directory, self.environment())

    def doctor(self, python: Path, *words: object, **settings: str) -> str:
        done = subprocess.run(
            [python, "-m", "mindspeed_rl_ext.cli", "doctor", "--ray", self.ray.address, *words],
            cwd=self.home, env=self.environment(**settings), capture_output=True, text=True,
            timeout=200, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, repo_root, ray_nodes) -> tuple[Nodes, Path]:
    nodes = Nodes(tmp_path_factory.mktemp("nodes"), repo_root, ray_nodes)
    head = nodes.python("good", __version__)
    nodes.start(head, GOOD, nodes.directory("good", "one template"))
    without = nodes.python("missing", None)
    nodes.start(without, MISSING, nodes.directory("missing", "one template"))
    older = nodes.python("older", OTHER, hook=False)
    nodes.start(older, OLDER, nodes.directory("older", "another template"))
    nodes.start(head, EMPTY, nodes.directory("empty", None))
    return nodes, head


@pytest.fixture(scope="module")
def report(cluster, repo_root) -> str:
    nodes, python = cluster
    text = (repo_root / "configs" / "msrl" / "grpo_qwen25_7b.yaml").read_text()
    text = re.sub(r"(tokenizer_name_or_path): *\S+", rf"\1: {OF_EACH_NODE}", text)
    shutil.copytree(repo_root / "configs" / "model", nodes.home / "model")
    config = nodes.home / "run.yaml"
    config.write_text(text)
    found = nodes.doctor(python, "--config", config)
    # Ray puts the machine's own address in the place of the head's.
    [own] = re.findall(r"Local node IP: (\S+)", (nodes.home / f"{GOOD}.log").read_text())
    return found.replace(own, GOOD)


def rows(report: str, *words: str) -> list[str]:
    """The findings that hold all the words, each with its place and remedy."""
    findings = re.split(r"\n(?=\S)", report)
    return [found for found in findings if all(word in found for word in words)]


def test_a_node_without_the_plugin_is_named(report):
    assert rows(report, MISSING, "nothing can be run on this node", "mindspeed_rl_ext")


def test_a_node_with_another_version_is_named(report):
    [row] = rows(report, "mindspeed-rl-ext differs between nodes")
    assert re.search(rf"{re.escape(OTHER)} on {OLDER} \(\w+\)(;|\n|$)", row), row


def test_a_node_without_the_hook_is_named(report):
    assert rows(report, f"{OLDER} (", "activation")
    assert not rows(report, f"{GOOD} (", "activation")


def test_a_node_whose_template_differs_is_named(report):
    [row] = rows(report, f"{OF_EACH_NODE} differs between nodes")
    assert f"on {OLDER} (" in row
    assert f"on {GOOD} (" in row
    assert EMPTY not in row


def test_a_node_without_the_path_is_named(report):
    [row] = rows(report, f"{OF_EACH_NODE} is not there on", EMPTY)
    assert not any(ip in row for ip in (GOOD, OLDER))


def test_another_token_is_named_as_that_and_not_as_a_missing_cluster(cluster):
    nodes, python = cluster
    for token in ("another-token-0123456789-0123456789", ""):
        found = nodes.doctor(python, token=token)
        assert "its authentication token differs" in found, found
        assert "RAY_AUTH_TOKEN" in found
        assert "ray start --head" not in found
        assert "Traceback" not in found


@pytest.mark.parametrize(
    ("name", "hook", "expected"),
    [
        ("older", "", f"mindspeed-rl-ext of this process is {__version__}, of the workers {OTHER}"),
        ("missing", "", "nothing can be run on this node"),
        # The shipped file has the hook, so that a worker without the package does not start.
        ("missing", "worker_process_setup_hook: mindspeed_rl_ext.activate", "nothing can be run"),
    ],
)
def test_workers_of_a_runtime_env_are_looked_at_in_it(cluster, name, hook, expected):
    nodes, python = cluster
    file = nodes.home / "runtime_env.yaml"
    other = nodes.home / f"python_{name}" / "bin" / "python"
    file.write_text(f"py_executable: {other}\n{hook}\n")
    found = nodes.doctor(python, "--runtime-env", file)
    assert expected in found, found
