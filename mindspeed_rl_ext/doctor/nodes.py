"""`doctor --ray`: the checks of the surroundings on every node, and what must be the same there.

Covers: versions, errors and warnings of each node, paths of the configuration by content, the
directory that Ray was started from, NPUs. Does not cover: the speed of the network.
"""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError
from mindspeed_rl_ext.doctor.finding import Finding, Place

SAME = ("python", "mindspeed-rl-ext", "torch", "torch-npu", "ray", "vllm", "transformers", "numpy")
WHOLE_FILE_BYTES = 64 << 20
LOCAL, AUTO = "local", "auto"
# Where `ray start` leaves the address of the cluster that `auto` means.
CURRENT_CLUSTER = Path("/tmp/ray/ray_current_cluster")
SECONDS_TO_ANSWER = 5
SECONDS_A_NODE = 120
Facts = Mapping[str, Any]


def facts_of_this_node(paths: Sequence[str]) -> dict[str, Any]:
    """What a node says of itself: plain values, so that any version of this package reads them.

    Args:
        paths: files and directories whose content is compared.
    """
    from mindspeed_rl_ext.doctor.surroundings import gather
    from mindspeed_rl_ext.doctor.table import examine

    found = gather()
    troubles = [f for f in examine(found) if f.level in ("error", "warning")]
    return {
        "host": platform.node(),
        "folder": _folder_of_ray(),
        "versions": {
            "python": ".".join(map(str, found.python)),
            **{name: found.versions.get(name, "-") for name in SAME[1:]},
        },
        "paths": {path: content_of(Path(path)) for path in paths},
        "findings": [
            {
                "level": f.level,
                "place": f.place,
                "en": list(f.said("en")),
                "zh": list(f.said("zh")),
                "id": f.id,
            }
            for f in troubles
        ],
    }


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


def on_every_node(address: str, paths: Sequence[str], needed: int | None) -> Iterator[Finding]:
    """Runs the checks on a cluster.

    Args:
        address: "auto", "local" (a Ray of this machine, ended again), or host:port.
        paths: what must be the same everywhere.
        needed: NPUs that the configuration asks for.

    Raises:
        MissingExtraError: ray is not installed.
        InputError: no cluster.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "--ray") from error
    if (
        getattr(ray, "__file__", None) is None
    ):  # a folder of that name on the path, such as /tmp/ray
        raise MissingExtraError("ray", "ray", "--ray")
    started = _connect(ray, address)
    try:
        answers = _ask(ray, paths)
        npus = int(ray.cluster_resources().get("NPU", 0))
    finally:
        if started:
            ray.shutdown()
    yield from compared(answers, npus, needed)


def _connect(ray: Any, address: str) -> bool:
    if ray.is_initialized():
        return False
    try:
        if address == LOCAL:
            ray.init(address=LOCAL, include_dashboard=False, log_to_driver=False)
        else:
            _knock(address)
            ray.init(address=address, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise InputError(
            f"no Ray cluster at {address}",
            found=(str(error).splitlines() or ["no answer"])[0],
            remedy="run ray start --head first, give --ray HOST:PORT, or --ray local",
        ) from error
    return True


def _knock(address: str) -> None:
    """Raises OSError where nobody listens: Ray itself would try for minutes."""
    named = os.environ.get("RAY_ADDRESS", "") if address == AUTO else address
    if not named and CURRENT_CLUSTER.is_file():
        named = CURRENT_CLUSTER.read_text("utf-8").strip()
    host, _, port = named.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=SECONDS_TO_ANSWER).close()


def _ask(ray: Any, paths: Sequence[str]) -> dict[str, Facts | str]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0, max_retries=0)(facts_of_this_node)
    asked = {}
    for node in ray.nodes():
        if node["Alive"]:
            strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            name = f"{node['NodeManagerAddress']} ({node['NodeID'][:6]})"
            asked[name] = task.options(scheduling_strategy=strategy).remote(list(paths))
    answers: dict[str, Facts | str] = {}
    for name, reference in asked.items():
        try:
            answers[name] = ray.get(reference, timeout=SECONDS_A_NODE)
        except ray.exceptions.RayError as error:
            answers[name] = str(error).strip().splitlines()[-1]
    return answers


def compared(
    answers: Mapping[str, Facts | str], npus: int, needed: int | None
) -> Iterator[Finding]:
    """What the nodes' answers show together.

    Args:
        answers: node to its facts, or to why there are none.
        npus: NPUs of the cluster.
        needed: NPUs that the configuration asks for.
    """
    good: dict[str, Facts] = {}
    for node, said in answers.items():
        if isinstance(said, str):
            yield Finding("N-failed", Place(node), {"why": said})
        else:
            good[node] = said
            yield from _of_node(node, said)
    yield Finding("N-nodes", Place("Ray"), {"count": len(answers), "npus": npus})
    if needed is not None and npus < needed:
        yield Finding("N-npus", Place("Ray"), {"there": npus, "needed": needed})
    for what in SAME:
        by_value = _grouped(
            {node: facts["versions"].get(what, "-") for node, facts in good.items()}
        )
        if len(by_value) > 1:
            yield Finding("N-versions", Place("Ray"), {"what": what, "values": _shown(by_value)})
    folders = _grouped({node: facts["folder"] for node, facts in good.items()})
    if len(folders) > 1:
        yield Finding("S1-16-folder", Place("Ray"), {"values": _shown(folders)})
    yield from _paths(good)


def _of_node(node: str, said: Facts) -> Iterator[Finding]:
    for found in said["findings"]:
        values = dict(zip(("cause", "remedy"), found["en"], strict=True))
        values |= dict(zip(("cause_zh", "remedy_zh"), found["zh"], strict=True))
        rule = "N-finding" if found["level"] == "error" else "N-warning"
        yield Finding(rule, Place(f"{node}: {found['place']}", found.get("id", "")), values)


def _paths(good: Mapping[str, Facts]) -> Iterator[Finding]:
    for path in next(iter(good.values()))["paths"] if good else ():
        marks = {node: facts["paths"].get(path) for node, facts in good.items()}
        absent = [node for node, mark in marks.items() if mark is None]
        if absent:
            yield Finding("S1-16-missing", Place(path), {"path": path, "nodes": ", ".join(absent)})
            continue
        by_value = _grouped({node: str(mark) for node, mark in marks.items()})
        if len(by_value) > 1:
            values = {"path": path, "values": _shown(by_value)}
            yield Finding("S1-16-differs", Place(path), values)
        else:
            yield Finding("S1-16-same", Place(path), {"path": path, "count": len(good)})


def _grouped(values: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for node, value in values.items():
        grouped[value].append(node)
    return dict(grouped)


def _shown(grouped: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{value} on {', '.join(nodes)}" for value, nodes in grouped.items())
