"""The nodes of a Ray cluster: what must be the same on all of them.

Covers: versions, errors and warnings of each node, paths of the configuration by content, the
directory that Ray was started from, NPUs. Does not cover: the speed of the network.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Finding, Place
from mindspeed_rl_ext.doctor.readers.ray_cluster import SAME, Cluster, Facts
from mindspeed_rl_ext.doctor.rulebook import check, rule

RAY = Place("Ray")
NODES_EXAMINED = rule(
    "nodes-examined",
    "ok",
    on=Cluster,
    en=("{count:node} looked at, {npus:NPU}",),
    zh=("检查了 {count} 个节点，{npus} 张 NPU",),
)
NODES_TOO_FEW_CARDS = rule(
    "nodes-too-few-cards",
    "error",
    on=Cluster,
    en=(
        "the cluster has {there:NPU}, the configuration asks for {needed}",
        "start the missing nodes, or ray start with --resources='{\"NPU\": 16}'",
    ),
    zh=(
        "集群有 {there} 张 NPU，配置要 {needed} 张",
        "启动缺少的节点，或 ray start 时加 --resources='{\"NPU\": 16}'",
    ),
)
NODES_START_DIRECTORY_DIFFERS = rule(
    "nodes-start-directory-differs",
    "warning",
    on=Cluster,
    en=(
        "Ray was started from different directories: {values}; relative paths of the "
        "configuration then mean different files",
        "start Ray from the same directory, the host's checkout, on every node",
    ),
    zh=(
        "各节点启动 Ray 的目录不同：{values}；配置里的相对路径会指向不同文件",
        "每个节点都在宿主代码目录下启动 Ray",
    ),
)
NODE_NOT_REACHABLE = rule(
    "node-not-reachable",
    "error",
    on=Cluster,
    en=(
        "nothing can be run on this node: {why}",
        "install mindspeed-rl-ext into the Python that Ray runs there",
    ),
    zh=("这个节点上无法执行：{why}", "把 mindspeed-rl-ext 装进那里 Ray 使用的 Python"),
)
NODES_VERSIONS_DIFFER = rule(
    "nodes-versions-differ",
    "error",
    on=Cluster,
    en=("{what} differs between nodes: {values}", "install the same on every node"),
    zh=("各节点的 {what} 不同：{values}", "每个节点装同样的版本"),
)
NODES_DRIVER_DIFFERS = rule(
    "nodes-driver-differs",
    "error",
    on=Cluster,
    en=(
        "{what} of this process is {here}, of the workers {values}",
        "start the run with the Python of the workers, or install the same; a runtime_env with "
        "py_executable, pip, conda or image_uri gives the workers another Python",
    ),
    zh=(
        "这个进程的 {what} 是 {here}，worker 的是 {values}",
        "用 worker 的 Python 启动训练，或装同样的版本；runtime_env 里的 py_executable、pip、"
        "conda、image_uri 会给 worker 换一个 Python",
    ),
)


@check(Cluster)
def nodes(cluster: Cluster) -> Iterator[Finding]:
    """Every node replies, all are alike, and there are cards enough."""
    good: dict[str, Facts] = {}
    for node, reply in cluster.replies.items():
        if isinstance(reply, str):
            yield NODE_NOT_REACHABLE.at(Place(node), why=reply)
        else:
            good[node] = reply
            yield from _of_node(node, reply)
    yield NODES_EXAMINED.at(RAY, count=len(cluster.replies), npus=cluster.npus)
    if cluster.needed is not None and cluster.npus < cluster.needed:
        yield NODES_TOO_FEW_CARDS.at(RAY, there=cluster.npus, needed=cluster.needed)
    for what in SAME:
        by_value = _grouped(
            {node: facts["versions"].get(what, "-") for node, facts in good.items()}
        )
        if len(by_value) > 1:
            yield NODES_VERSIONS_DIFFER.at(RAY, what=what, values=_shown(by_value))
        here = cluster.driver.get(what)
        if here is not None and by_value.keys() - {here}:
            values = {"what": what, "here": here, "values": _shown(by_value)}
            yield NODES_DRIVER_DIFFERS.at(RAY, **values)
    folders = _grouped({node: facts["folder"] for node, facts in good.items()})
    if len(folders) > 1:
        yield NODES_START_DIRECTORY_DIFFERS.at(RAY, values=_shown(folders))
    yield from _paths(good)


NODE_ERROR = rule(
    "node-error", "error", on=Cluster, en=("{cause}", "{remedy}"), zh=("{cause}", "{remedy}")
)
NODE_WARNING = rule(
    "node-warning",
    "warning",
    on=Cluster,
    en=("{cause}", "{remedy}"),
    zh=("{cause}", "{remedy}"),
)


def _of_node(node: str, reply: Facts) -> Iterator[Finding]:
    for found in reply["findings"]:
        cause, remedy = (Text(*pair) for pair in zip(found["en"], found["zh"], strict=True))
        of_node = NODE_ERROR if found["level"] == "error" else NODE_WARNING
        place = Place(f"{node}: {found['place']}", found.get("id", ""))
        yield of_node.at(place, cause=cause, remedy=remedy)


NODES_PATH_MISSING = rule(
    "nodes-path-missing",
    "error",
    on=Cluster,
    en=(
        "{path} is not there on {nodes}",
        "every node needs code, weights and data at the same paths",
    ),
    zh=("{nodes} 上没有 {path}", "所有节点的代码、权重、数据路径要一致"),
)
NODES_PATH_DIFFERS = rule(
    "nodes-path-differs",
    "error",
    on=Cluster,
    en=("{path} differs between nodes: {values}", "copy the same files to every node"),
    zh=("{path} 在各节点内容不同：{values}", "把同样的文件拷到每个节点"),
)
NODES_PATH_SAME = rule(
    "nodes-path-same",
    "ok",
    on=Cluster,
    en=("{path} is the same on {count:node}",),
    zh=("{path} 在 {count} 个节点上一致",),
)


def _paths(good: Mapping[str, Facts]) -> Iterator[Finding]:
    for path in next(iter(good.values()))["paths"] if good else ():
        marks = {node: facts["paths"].get(path) for node, facts in good.items()}
        absent = [node for node, mark in marks.items() if mark is None]
        if absent:
            yield NODES_PATH_MISSING.at(Place(path), path=path, nodes=", ".join(absent))
        by_value = _grouped({node: mark for node, mark in marks.items() if mark is not None})
        if len(by_value) > 1:
            values = {"path": path, "values": _shown(by_value)}
            yield NODES_PATH_DIFFERS.at(Place(path), **values)
        elif not absent:
            yield NODES_PATH_SAME.at(Place(path), path=path, count=len(good))


def _grouped(values: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for node, value in values.items():
        grouped[value].append(node)
    return dict(grouped)


def _shown(grouped: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{value} on {', '.join(nodes)}" for value, nodes in grouped.items())
