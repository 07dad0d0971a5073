"""Texts on the nodes of a Ray cluster. Ids: N-, S1-16."""

from mindspeed_rl_ext.doctor.texts.text import Text

TEXTS = {
    "N-nodes": Text(
        "ok",
        "{count} nodes looked at, {npus} NPUs",
        "",
        "检查了 {count} 个节点，{npus} 张 NPU",
        "",
    ),
    "N-versions": Text(
        "error",
        "{what} differs between nodes: {values}",
        "install the same on every node",
        "各节点的 {what} 不同：{values}",
        "每个节点装同样的版本",
    ),
    "N-failed": Text(
        "error",
        "nothing can be run on this node: {why}",
        "install mindspeed-rl-ext into the Python that Ray runs there",
        "这个节点上无法执行：{why}",
        "把 mindspeed-rl-ext 装进那里 Ray 使用的 Python",
    ),
    "N-finding": Text("error", "{cause}", "{remedy}", "{cause_zh}", "{remedy_zh}"),
    "N-warning": Text("warning", "{cause}", "{remedy}", "{cause_zh}", "{remedy_zh}"),
    "N-npus": Text(
        "error",
        "the cluster has {there} NPUs, the configuration asks for {needed}",
        "start the missing nodes, or ray start with --resources='{\"NPU\": 16}'",
        "集群有 {there} 张 NPU，配置要 {needed} 张",
        "启动缺少的节点，或 ray start 时加 --resources='{\"NPU\": 16}'",
    ),
    "S1-16-missing": Text(
        "error",
        "{path} is not there on {nodes}",
        "every node needs code, weights and data at the same paths",
        "{nodes} 上没有 {path}",
        "所有节点的代码、权重、数据路径要一致",
    ),
    "S1-16-differs": Text(
        "error",
        "{path} differs between nodes: {values}",
        "copy the same files to every node",
        "{path} 在各节点内容不同：{values}",
        "把同样的文件拷到每个节点",
    ),
    "S1-16-same": Text(
        "ok", "{path} is the same on {count} nodes", "", "{path} 在 {count} 个节点上一致", ""
    ),
    "S1-16-folder": Text(
        "warning",
        "Ray was started from different directories: {values}; relative paths of the configuration "
        "then mean different files",
        "start Ray from the same directory, the host's checkout, on every node",
        "各节点启动 Ray 的目录不同：{values}；配置里的相对路径会指向不同文件",
        "每个节点都在宿主代码目录下启动 Ray",
    ),
}
