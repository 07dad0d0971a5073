"""Texts on launch scripts and runtime_env. Ids: R12-, S1-."""

from mindspeed_rl_ext.doctor.texts.text import Text

TEXTS = {
    "S1-14": Text(
        "error",
        "MASTER_ADDR is {value}: HCCL and Ray need the address of a network card",
        "MASTER_ADDR: the IP of the head node, on one node that of this node",
        "MASTER_ADDR 是 {value}：HCCL 和 Ray 需要网卡的地址",
        "MASTER_ADDR 填主节点 IP；单机即本机 IP",
    ),
    "S1-14-differs": Text(
        "error",
        "one node (NNODES 1), but MASTER_ADDR is {master} and CURRENT_IP is {current}: this node "
        "waits for a master that is elsewhere",
        "MASTER_ADDR: {current}",
        "单机（NNODES 为 1），但 MASTER_ADDR 是 {master}，CURRENT_IP 是 {current}："
        "本机会一直等待别处的主节点",
        "MASTER_ADDR 填 {current}",
    ),
    "S1-14-empty": Text(
        "note",
        "MASTER_ADDR is not filled in yet ({value})",
        "MASTER_ADDR: the IP of the head node, the same on every node",
        "MASTER_ADDR 还没有填写（{value}）",
        "MASTER_ADDR 填主节点 IP，所有节点一致",
    ),
    "S1-13": Text(
        "error",
        "NNODES {nodes} x NPUS_PER_NODE {each} = {cards} cards, the configuration asks for "
        "{needed}",
        "raise NNODES or NPUS_PER_NODE (A3: 16, A2: 8), or lower num_npus",
        "NNODES {nodes} x NPUS_PER_NODE {each} = {cards} 张卡，配置要 {needed} 张",
        "调大 NNODES 或 NPUS_PER_NODE（A3 为 16，A2 为 8），或调小 num_npus",
    ),
    "S1-13-holds": Text(
        "ok",
        "{cards} cards for the {needed} that the configuration asks for",
        "",
        "{cards} 张卡，配置需要 {needed} 张",
        "",
    ),
    "S1-15": Text(
        "error",
        "the network card {card} has {addresses}, not the {address} of {variable}",
        "{variable_card}: the card that holds {address} (ip addr shows it)",
        "网卡 {card} 的地址是 {addresses}，不是 {variable} 的 {address}",
        "{variable_card} 填拥有 {address} 的网卡（ip addr 可查）",
    ),
    "S1-15-absent": Text(
        "warning",
        "this machine has no network card {card}; it has {cards}",
        "name the card of this node's IP; run doctor on the node that will run it",
        "本机没有网卡 {card}；有 {cards}",
        "填本节点 IP 所在的网卡；请在要运行的节点上执行 doctor",
    ),
    "S1-11": Text(
        "warning",
        "LD_PRELOAD names {path}, which is not on this machine: nothing is preloaded",
        "find /usr -name 'libjemalloc.so*' shows where it is",
        "LD_PRELOAD 指向的 {path} 本机不存在：不会预加载",
        "find /usr -name 'libjemalloc.so*' 查实际位置",
    ),
    "S1-12": Text(
        "error",
        "VLLM_DP_SIZE is {value}, {reason}",
        "VLLM_DP_SIZE: '{expected}'",
        "VLLM_DP_SIZE 是 {value_zh}，{reason_zh}",
        "VLLM_DP_SIZE: '{expected}'",
    ),
    "S1-12-type": Text(
        "error",
        "{key} is {value}, not text: Ray refuses env_vars that are no text",
        "write it in quotes: '{value}'",
        "{key} 是 {value}，不是字符串：Ray 会拒绝",
        "加引号：'{value}'",
    ),
    "S1-12-hook": Text(
        "note",
        "no worker_process_setup_hook: Ray workers rely on the .pth of their own Python",
        "worker_process_setup_hook: mindspeed_rl_ext.activate",
        "没有 worker_process_setup_hook：Ray worker 依赖各自 Python 里的 .pth",
        "worker_process_setup_hook: mindspeed_rl_ext.activate",
    ),
    "S1-12-hook-other": Text(
        "warning",
        "worker_process_setup_hook is {value}, not ours",
        "worker_process_setup_hook: mindspeed_rl_ext.activate, or call it from yours",
        "worker_process_setup_hook 是 {value}，不是我们的",
        "worker_process_setup_hook: mindspeed_rl_ext.activate，或在你的钩子里调用它",
    ),
    "R12-cards-differ": Text(
        "warning",
        "the three SOCKET_IFNAME name different cards: {cards}",
        "one card, the same three times",
        "三个 SOCKET_IFNAME 指向不同网卡：{cards}",
        "三个填同一张网卡",
    ),
    "R12-disabled": Text(
        "error",
        "MSRL_EXT_DISABLE is {value}: hosts score our verifiers' names 0 without a word",
        "MSRL_EXT_DISABLE: '0'",
        "MSRL_EXT_DISABLE 是 {value}：宿主会把我们的 verifier 一律记 0 分",
        "MSRL_EXT_DISABLE: '0'",
    ),
    "R12-kill": Text(
        "warning",
        "`{line}` ends every process of that name on the node, other people's and the notebook's",
        "ray stop, and end by number what the script itself started",
        "`{line}` 会结束本节点上所有同名进程，包括别人的",
        "用 ray stop，并只结束脚本自己启动的进程号",
    ),
    "R12-unset": Text(
        "note",
        "{key} is not set in the script",
        "",
        "脚本里没有设置 {key}",
        "",
    ),
}
