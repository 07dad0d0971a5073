"""Texts on MindSpeed-LLM's rlxf configurations. Ids: R2-, R3-, R4-, R5-, S4-, I-."""

from mindspeed_rl_ext.doctor.texts.text import Text

TEXTS = {
    "R2-train": Text(
        "error",
        "num_gpus_for_train {cards} is not a multiple of TP x PP = {tp} x {pp} = {product}",
        "choose a multiple of {product}",
        "num_gpus_for_train {cards} 不是 TP x PP = {tp} x {pp} = {product} 的倍数",
        "改成 {product} 的倍数",
    ),
    "R2-infer": Text(
        "error",
        "num_gpus_for_infer {cards} is not a multiple of TP {tp}",
        "choose a multiple of {tp}; the rollout has no pipeline stages",
        "num_gpus_for_infer {cards} 不是 TP {tp} 的倍数",
        "改成 {tp} 的倍数；推理侧没有流水并行",
    ),
    "R2-batch": Text(
        "error",
        "{key} {gbs} is not a multiple of training DP {dp} x micro_batch_size {mbs} = {product}",
        "choose a multiple of {product}",
        "{key} {gbs} 不是训练 DP {dp} x micro_batch_size {mbs} = {product} 的倍数",
        "改成 {product} 的倍数",
    ),
    "R2-holds": Text(
        "ok",
        "sizes go together: training DP {dp} = {train} / (TP {tp} x PP {pp}), rollout DP {idp} = "
        "{infer} / TP {tp}; the note's (train + infer) / (TP x PP) = {note} is not what the host "
        "divides by",
        "",
        "切分自洽：训练 DP {dp} = {train} / (TP {tp} x PP {pp})，推理 DP {idp} = {infer} / "
        "TP {tp}；"
        "笔记里的 (train + infer) / (TP x PP) = {note} 并不是宿主真正的算法",
        "",
    ),
    "R3-prompts": Text(
        "error",
        "{key} {gbs} is not a multiple of rollout DP {dp} x num_samples_per_step {each} = "
        "{product}: "
        "{lost} of {gbs} prompts are left out of each step without a word",
        "choose a multiple of {product}",
        "{key} {gbs} 不是推理 DP {dp} x num_samples_per_step {each} = {product} 的倍数："
        "每步 {gbs} 题中有 {lost} 题被悄悄丢弃",
        "改成 {product} 的倍数",
    ),
    "R3-mini": Text(
        "note",
        "{key} {gbs} is not a multiple of rollout DP {dp} x num_samples_per_step {each} = "
        "{product}, "
        "which the R1-Zero note asks for",
        "",
        "{key} {gbs} 不是推理 DP {dp} x num_samples_per_step {each} = {product} 的倍数，"
        "R1-Zero 笔记要求整除",
        "",
    ),
    "R4-pool": Text(
        "error",
        "resource_pool.actor_rollout {pool} adds up to {sum}, num_gpus_for_train {train} + "
        "num_gpus_for_infer {infer} = {cards}",
        "make both the same",
        "resource_pool.actor_rollout {pool} 合计 {sum}，而 num_gpus_for_train {train} + "
        "num_gpus_for_infer {infer} = {cards}",
        "两者改成一致",
    ),
    "R4-role": Text(
        "error",
        "resource_pool.{role} {pool} adds up to {sum}, not a multiple of TP x PP = {product}",
        "choose a multiple of {product}",
        "resource_pool.{role} {pool} 合计 {sum}，不是 TP x PP = {product} 的倍数",
        "改成 {product} 的倍数",
    ),
    "R5-response": Text(
        "error",
        "seq_length {seq} - max_prompt_length {prompt} = {tokens} leaves no room for a response",
        "raise seq_length, or lower max_prompt_length",
        "seq_length {seq} - max_prompt_length {prompt} = {tokens}，没有留给回答的长度",
        "调大 seq_length 或调小 max_prompt_length",
    ),
    "R5-pad": Text(
        "error",
        "the response length {tokens} (seq_length {seq} - max_prompt_length {prompt}) is not a "
        "multiple of pad_to_multiple_of {pad}: the host stops at the first rollout",
        "change max_prompt_length, or pad_to_multiple_of",
        "回答长度 {tokens}（seq_length {seq} - max_prompt_length {prompt}）不是 pad_to_multiple_of "
        "{pad} 的倍数：宿主在第一次推理时中止",
        "调整 max_prompt_length 或 pad_to_multiple_of",
    ),
    "R5-length": Text(
        "note",
        "responses have at most {tokens} tokens: seq_length {seq} - max_prompt_length {prompt}",
        "",
        "回答最长 {tokens} 个 token：seq_length {seq} - max_prompt_length {prompt}",
        "",
    ),
    "S4-9": Text(
        "error",
        "the rollout's TP {infer} differs from the training's TP {train}",
        "make both the same",
        "推理 TP {infer} 与训练 TP {train} 不同",
        "两者改成一致",
    ),
    "S4-13": Text(
        "error",
        "has-labels is no key of this host: nothing reads it",
        "dataset_additional_keys: labels",
        "宿主没有 has-labels 这个键，不起作用",
        "dataset_additional_keys: labels",
    ),
    "S4-7": Text(
        "error",
        "do_sample is not on: every one of the {n} samples of a prompt is the same, all advantages "
        "are 0",
        "do_sample: true",
        "没有打开 do_sample：同一题的 {n} 条回答完全相同，优势全为 0",
        "do_sample: true",
    ),
    "S4-7-temperature": Text(
        "warning",
        "temperature {temperature} is outside 0.8 to 1.2, which the R1-Zero note recommends",
        "temperature: 1.0",
        "temperature {temperature} 不在 R1-Zero 笔记建议的 0.8~1.2 之内",
        "temperature: 1.0",
    ),
    "F-dropped": Text(
        "note",
        "{key} is no flag of the host; as it is false, it is left out",
        "",
        "{key} 不是宿主的开关；因为是 false，会被丢弃",
        "",
    ),
    "I10": Text(
        "error",
        "roles that are cut differently load one checkpoint, {load}: {cuts}",
        "convert once for each cut, and give each role its own directory",
        "切分不同的角色加载同一个检查点 {load}：{cuts}",
        "每种切分各转换一次，每个角色用自己的目录",
    ),
}
