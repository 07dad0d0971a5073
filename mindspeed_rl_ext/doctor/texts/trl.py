"""Texts on TRL and accelerate files. Ids: R11-, I11-, I14, S3-."""

from mindspeed_rl_ext.doctor.texts.text import Text

TEXTS = {
    "R11-group": Text(
        "error",
        "{processes} processes x {each} a device{steps} = {batch} responses a generation "
        "batch, not "
        "a multiple of num_generations {group}",
        "make the product a multiple of {group}",
        "{processes} 个进程 x 每卡 {each}{steps_zh} = 每个生成批次 {batch} 条回答，不是 "
        "num_generations {group} 的倍数",
        "让乘积成为 {group} 的倍数",
    ),
    "R11-holds": Text(
        "ok",
        "{processes} processes x {each} a device{steps} = {batch} responses, {prompts} prompts of "
        "{group}",
        "",
        "{processes} 个进程 x 每卡 {each}{steps_zh} = {batch} 条回答，{prompts} 题、每题 "
        "{group} 条",
        "",
    ),
    "I14": Text(
        "note",
        "TRL before 0.18 does not count gradient_accumulation_steps here: {processes} x {each} = "
        "{short} would be refused",
        "",
        "早于 0.18 的 TRL 这里不算 gradient_accumulation_steps：{processes} x {each} = "
        "{short} 会被拒绝",
        "",
    ),
    "I11-renamed": Text(
        "error",
        "{key} is not a key of TRL {version}",
        "{now}",
        "{key} 不是 TRL {version} 的键",
        "{now_zh}",
    ),
    "R11-unknown": Text(
        "error",
        "{key} is not a key of {library} {version}",
        "{nearest}",
        "{key} 不是 {library} {version} 的键",
        "{nearest}",
    ),
    "R11-no-trl": Text(
        "note",
        "TRL is not installed here, so its keys were not checked",
        'pip install "mindspeed-rl-ext[train]"',
        "这里没有安装 TRL，没有检查它的键",
        'pip install "mindspeed-rl-ext[train]"',
    ),
    "R11-known": Text(
        "ok",
        "all {count} keys are keys of TRL {version}",
        "",
        "{count} 个键都是 TRL {version} 的键",
        "",
    ),
    "S3-flash": Text(
        "error",
        "attn_implementation is flash_attention_2 and torch_npu is installed: flash-attn has no "
        "NPU build (newer transformers may have a kernel of torch_npu's for it; not run by us)",
        "attn_implementation: sdpa",
        "attn_implementation 是 flash_attention_2，而装了 torch_npu：flash-attn 没有 NPU 版"
        "（较新的 transformers 可能换成 torch_npu 的算子；我们没有跑过）",
        "attn_implementation: sdpa",
    ),
    "S3-flash-absent": Text(
        "warning",
        "attn_implementation is flash_attention_2, but flash-attn is not installed here",
        "pip install flash-attn on a CUDA machine, or attn_implementation: sdpa",
        "attn_implementation 是 flash_attention_2，但这里没有装 flash-attn",
        "在 CUDA 机器上 pip install flash-attn，或 attn_implementation: sdpa",
    ),
    "S3-tf32": Text(
        "error",
        "tf32: true needs a CUDA device of the Ampere generation or newer; {where} it stops "
        "the run",
        "tf32: false",
        "tf32: true 需要 Ampere 及以后的 CUDA 设备；{where_zh} 会直接报错",
        "tf32: false",
    ),
    "S3-tf32-note": Text(
        "note",
        "tf32: true runs only on CUDA devices from Ampere on; elsewhere it stops the run",
        "",
        "tf32: true 只能在 Ampere 及以后的 CUDA 设备上用；其他设备会报错",
        "",
    ),
    "S3-2": Text(
        "note",
        "{model} has {size} B parameters; below 3 B the Datawhale note saw no reasoning on "
        "Countdown",
        "",
        "{model} 为 {size} B 参数；Datawhale 笔记称 3B 以下在 Countdown 上学不会推理",
        "",
    ),
    "S3-9-trl": Text(
        "warning",
        "about {each} GB a checkpoint x {count} = {total} GB (every {every} of {steps} steps, "
        "optimizer included)",
        "save_total_limit: 2, a larger save_steps, or save_only_model: true where no resume "
        "is needed",
        "每个检查点约 {each} GB x {count} 个 = {total} GB（{steps} 步中每 {every} 步保存，"
        "含优化器）",
        "save_total_limit: 2、调大 save_steps；不续训时 save_only_model: true",
    ),
    "S3-4": Text(
        "error",
        "compute_environment is {value}, which accelerate does not know (the note's MULTI_NODE is "
        "not one)",
        "LOCAL_MACHINE, also on several nodes: num_machines says how many",
        "compute_environment 是 {value}，accelerate 不认识（笔记里的 MULTI_NODE 并不存在）",
        "多机也用 LOCAL_MACHINE，由 num_machines 指定台数",
    ),
    "S3-4-total": Text(
        "error",
        "num_processes {processes} is the total over all machines, and not a multiple of "
        "num_machines "
        "{machines}",
        "num_processes: machines x devices of each",
        "num_processes {processes} 是所有机器的总数，却不是 num_machines {machines} 的倍数",
        "num_processes 填 机器数 x 每台卡数",
    ),
    "S3-4-precision": Text(
        "error",
        "accelerate has mixed_precision {theirs}, the TRL file {ours}",
        "make both the same",
        "accelerate 的 mixed_precision 是 {theirs}，TRL 文件是 {ours}",
        "两处改成一致",
    ),
    "S3-4-known": Text(
        "ok",
        "{processes} processes on {machines} machines, {kind}",
        "",
        "{machines} 台机器共 {processes} 个进程，{kind}",
        "",
    ),
}
