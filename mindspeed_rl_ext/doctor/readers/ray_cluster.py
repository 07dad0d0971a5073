"""What every node of a Ray cluster reports: its environment, its versions, paths by content.

Covers: a running cluster, or a Ray of this machine that is ended again.
Does not cover: what is wrong on a node; the rules do.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.integrations.ray_nodes import alive_nodes, connect, import_ray

if TYPE_CHECKING:
    from mindspeed_rl_ext.doctor.readers.environment import Environment

# What must be the same on every node.
SAME = ("python", "mindspeed-rl-ext", "torch", "torch-npu", "ray", "vllm", "transformers", "numpy")
# What must be the same in the process that starts a run and in its workers.
SAME_AS_DRIVER = ("python", "mindspeed-rl-ext")
WHOLE_FILE_BYTES = 64 << 20
NODE_TIMEOUT_S = 120
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Cluster:
    """The nodes of a Ray cluster.

    Args:
        replies: node to its facts, or to why there are none.
        npus: NPUs of the cluster.
        needed: NPUs that the configuration asks for.
        driver: versions in this process, of what a driver and its workers must share.
    """

    label: ClassVar[Text] = Text("Ray cluster", "Ray 集群")

    replies: Mapping[str, Facts | str]
    npus: int
    needed: int | None = None
    driver: Mapping[str, str] = field(default_factory=dict)


def facts_of_this_node(paths: Sequence[str]) -> dict[str, Any]:
    """What a node reports of itself: plain values, so that any version of this package reads them.

    Args:
        paths: files and directories whose content is compared.
    """
    # Here, not above: the rules import what they look at.
    from mindspeed_rl_ext.doctor.readers.environment import read_environment
    from mindspeed_rl_ext.doctor.rulebook import load_rules

    found = read_environment()
    troubles = [f for f in load_rules().examine(found) if f.level in ("error", "warning")]
    return {
        "host": platform.node(),
        "folder": _folder_of_ray(),
        "versions": versions_of(found),
        "paths": {path: content_of(Path(path)) for path in paths},
        "findings": [
            {
                "level": f.level,
                "place": f.place,
                "en": list(f.words("en")),
                "zh": list(f.words("zh")),
                "id": f.id,
            }
            for f in troubles
        ],
    }


def versions_of(environment: Environment) -> dict[str, str]:
    """The versions of what must be the same everywhere; "-" for what is not installed."""
    python = ".".join(map(str, environment.python))
    return {"python": python, **{name: environment.versions.get(name, "-") for name in SAME[1:]}}


def _folder_of_ray() -> str:
    # A worker starts where its raylet was started.
    return os.environ.get("PWD") or str(Path.cwd())


def content_of(path: Path) -> str | None:
    """A mark of what lies at a path; None where nothing does.

    Files up to 64 MiB by their bytes; larger ones, and what a directory holds, by names and sizes.
    """
    if path.is_file():
        if path.stat().st_size > WHOLE_FILE_BYTES:
            return f"{path.stat().st_size} bytes"
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    if not path.is_dir():
        return None
    names = sorted(
        (str(p.relative_to(path)), p.stat().st_size) for p in path.rglob("*") if p.is_file()
    )
    return f"{len(names)} files, {hashlib.sha256(repr(names).encode()).hexdigest()[:12]}"


def read_cluster(
    address: str,
    paths: Sequence[str],
    needed: int | None,
    runtime_env: Mapping[str, Any] | None = None,
) -> Cluster:
    """Asks every node of a cluster, in the environment that the workers of a run have.

    Args:
        address: "auto", "local" (a Ray of this machine, ended again), or host:port.
        paths: what must be the same everywhere.
        needed: NPUs that the configuration asks for.
        runtime_env: what the run passes to `ray.init`; None for the environment of the nodes.

    Raises:
        MissingExtraError: ray is not installed.
        InputError: no cluster.
    """
    ray = import_ray("--ray")
    from mindspeed_rl_ext.doctor.readers.environment import read_environment

    here = versions_of(read_environment())
    driver = {name: here[name] for name in SAME_AS_DRIVER}
    remedy = "run ray start --head first, give --ray HOST:PORT, or --ray local"
    started = connect(ray, address, remedy, runtime_env)
    try:
        npus = int(ray.cluster_resources().get("NPU", 0))
        return Cluster(_ask(ray, paths), npus, needed, driver)
    finally:
        if started:
            ray.shutdown()


def _ask(ray: Any, paths: Sequence[str]) -> dict[str, Facts | str]:
    task = ray.remote(num_cpus=0, max_retries=0)(facts_of_this_node)
    asked = {
        str(node): task.options(scheduling_strategy=node.strategy()).remote(list(paths))
        for node in alive_nodes(ray)
    }
    replies: dict[str, Facts | str] = {}
    for name, reference in asked.items():
        try:
            replies[name] = ray.get(reference, timeout=NODE_TIMEOUT_S)
        except ray.exceptions.RayError as error:
            replies[name] = str(error).strip().splitlines()[-1]
    return replies
