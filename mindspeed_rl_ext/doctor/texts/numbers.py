"""Texts on sizes and lengths of MindSpeed-RL. Ids: R1-, R6-, R14-, S0-18, S1-8, S1-17, S3-9."""

from mindspeed_rl_ext.doctor.texts.text import Text

TEXTS = {
    "R1-positive": Text(
        "error", "{key} is {value}", "a number above 0", "{key} 是 {value}", "改为大于 0 的数"
    ),
    "R1-key-refused": Text(
        "error",
        "{key} is no key of the MindSpeed-RL that is importable here ({host}): it refuses to start",
        "remove the key for this version; {nearest}",
        "{key} 不是这里可导入的 MindSpeed-RL（{host}）的键：它会拒绝启动",
        "在这个版本上去掉该键；{nearest}",
    ),
    "R1-key-ignored": Text(
        "warning",
        "{key} is no key of the MindSpeed-RL that is importable here ({host}): it warns and leaves "
        "it out",
        "remove the key for this version; {nearest}",
        "{key} 不是这里可导入的 MindSpeed-RL（{host}）的键：它只警告并忽略",
        "在这个版本上去掉该键；{nearest}",
    ),
    "R1-npus": Text(
        "error",
        "{npus} NPUs are not a multiple of TP x PP x CP = {tp} x {pp} x {cp} = {product}",
        "change num_npus, or the parallel sizes",
        "{npus} 张卡不是 TP x PP x CP = {tp} x {pp} x {cp} = {product} 的倍数",
        "调整 num_npus 或并行切分",
    ),
    "R1-dp": Text(
        "error",
        "global_batch_size {gbs} is not a multiple of DP {dp} ({npus} NPUs / {product})",
        "choose a multiple of {dp}",
        "global_batch_size {gbs} 不是 DP {dp}（{npus} 卡 / {product}）的倍数",
        "改成 {dp} 的倍数",
    ),
    "R1-micro": Text(
        "error",
        "a DP rank trains {each} samples (global_batch_size {gbs} / DP {dp} x {n} each), not a "
        "multiple of micro_batch_size {mbs}",
        "choose a micro_batch_size that divides {each}",
        "每个 DP 训练 {each} 条样本（global_batch_size {gbs} / DP {dp} x 每题 {n} 条），"
        "不是 micro_batch_size {mbs} 的倍数",
        "micro_batch_size 应整除 {each}",
    ),
    "R1-infer-npus": Text(
        "error",
        "{npus} NPUs are not a multiple of infer_tensor_parallel_size {tp}",
        "choose a size that divides {npus}",
        "{npus} 张卡不是 infer_tensor_parallel_size {tp} 的倍数",
        "改成能整除 {npus} 的值",
    ),
    "R1-infer-dp": Text(
        "error",
        "global_batch_size {gbs} is not a multiple of the rollout's DP {dp} ({npus} NPUs / "
        "TP {tp})",
        "choose a multiple of {dp}, or a larger infer_tensor_parallel_size",
        "global_batch_size {gbs} 不是推理 DP {dp}（{npus} 卡 / TP {tp}）的倍数",
        "改成 {dp} 的倍数，或调大 infer_tensor_parallel_size",
    ),
    "R1-infer-pp": Text(
        "error",
        "infer_pipeline_parallel_size is {pp}; the host supports 1 only",
        "set it to 1",
        "infer_pipeline_parallel_size 是 {pp}；宿主只支持 1",
        "改为 1",
    ),
    "R1-dispatch": Text(
        "error",
        "{key} {size} does not divide the {total} samples of a step",
        "choose a divisor of {total} that is at most {bound}",
        "{key} {size} 不能整除一步的 {total} 条样本",
        "改成 {total} 的约数，且不超过 {bound}",
    ),
    "R1-dispatch-large": Text(
        "error",
        "{key} {size} is more than the {bound} samples that one DP rank has",
        "choose a divisor of {total} that is at most {bound}",
        "{key} {size} 大于一个 DP 拥有的 {bound} 条样本",
        "改成 {total} 的约数，且不超过 {bound}",
    ),
    "R1-window": Text(
        "error",
        "max_model_len {window} is less than seq_length {seq}: the host refuses to start",
        "raise max_model_len, or lower seq_length",
        "max_model_len {window} 小于 seq_length {seq}：宿主拒绝启动",
        "调大 max_model_len 或调小 seq_length",
    ),
    "R1-dtype": Text(
        "error",
        "bf16 is {bf16} and dtype {dtype}: the host trains and rolls out in bfloat16 only",
        'bf16: true and dtype: "bfloat16"',
        "bf16 是 {bf16}，dtype 是 {dtype}：宿主只支持 bfloat16",
        'bf16: true，dtype: "bfloat16"',
    ),
    "R1-heads": Text(
        "error",
        "{what} {count} is not a multiple of {size_name} {size}",
        "choose a size that divides {count}",
        "{what} {count} 不是 {size_name} {size} 的倍数",
        "改成能整除 {count} 的值",
    ),
    "R1-layer-list": Text(
        "error",
        "num_layer_list adds up to {sum} over {stages} stages; the model has {layers} "
        "layers, PP is "
        "{pp}",
        "one number for each of {pp} stages, {layers} in all",
        "num_layer_list 共 {stages} 段、合计 {sum} 层；模型 {layers} 层，PP 为 {pp}",
        "写 {pp} 个数，合计 {layers}",
    ),
    "R1-holds": Text(
        "ok",
        "sizes go together: TP {tp} PP {pp} CP {cp}, training DP {dp}, rollout TP {itp} DP {idp}, "
        "{samples} samples a step ({gbs} prompts x {n})",
        "",
        "切分自洽：TP {tp} PP {pp} CP {cp}，训练 DP {dp}，推理 TP {itp} DP {idp}，"
        "每步 {samples} 条样本（{gbs} 题 x {n}）",
        "",
    ),
    "R1-integrated": Text(
        "error",
        "{part} is set while use_integrated_worker is on: the host refuses it",
        "remove {part}, or set use_integrated_worker: false",
        "use_integrated_worker 打开时不能设 {part}：宿主会拒绝",
        "去掉 {part}，或 use_integrated_worker: false",
    ),
    "R1-separate": Text(
        "error",
        "integrated_mode_config is set while use_integrated_worker is off: the host refuses it",
        "remove integrated_mode_config, or set use_integrated_worker: true",
        "use_integrated_worker 关闭时不能设 integrated_mode_config：宿主会拒绝",
        "去掉 integrated_mode_config，或 use_integrated_worker: true",
    ),
    "R1-padding": Text(
        "warning",
        "use_remove_padding without {needed}: MindSpeed-RL 2.3 and later refuse it",
        "set {needed} there (2.2 wants reset_attention_mask: false)",
        "use_remove_padding 而没有 {needed}：MindSpeed-RL 2.3 及以后会拒绝",
        "在这些版本上设置 {needed}（2.2 要求 reset_attention_mask: false）",
    ),
    "R1-order": Text(
        "error",
        "guarantee_order with partial_rollout_max_split {split}: the host refuses both together",
        "guarantee_order: false",
        "partial_rollout_max_split 为 {split} 时不能 guarantee_order",
        "guarantee_order: false",
    ),
    "R1-turns": Text(
        "error",
        "multi_turn_enable needs {needed}",
        "set {needed}",
        "multi_turn_enable 需要 {needed}",
        "设置 {needed}",
    ),
    "R1-overlong": Text(
        "error",
        "overlong_buffer {buffer} is not less than max_tokens {tokens}",
        "choose a smaller overlong_buffer",
        "overlong_buffer {buffer} 不小于 max_tokens {tokens}",
        "调小 overlong_buffer",
    ),
    "R1-rollout-tokens": Text(
        "error",
        "rollout_max_tokens {rollout} differs from sampling_config.max_tokens {tokens}",
        "write the same number in both",
        "rollout_max_tokens {rollout} 与 sampling_config.max_tokens {tokens} 不同",
        "两处写同一个数",
    ),
    "R1-clip": Text(
        "error",
        "clip_ratio_low {low} is above clip_ratio_high {high}",
        "exchange them: DAPO has 0.2 and 0.28",
        "clip_ratio_low {low} 大于 clip_ratio_high {high}",
        "对调：DAPO 为 0.2 与 0.28",
    ),
    "R1-filter": Text(
        "error",
        "filter_groups_metric {metric} is not one of the verifiers {names}",
        "name one of verifier_function, as it stands there{nearest}",
        "filter_groups_metric {metric} 不在 verifier_function {names} 之中",
        "照抄 verifier_function 里的一个名字{nearest}",
    ),
    "R1-filter-parameters": Text(
        "error",
        "filter_groups_metric {metric} has parameters; the metric that the host looks for is named "
        "{bare}",
        "filter by a verifier without parameters, or leave them at their defaults",
        "filter_groups_metric {metric} 带参数；宿主要找的指标名是 {bare}",
        "用不带参数的 verifier 来过滤，或让参数取默认值",
    ),
    "R1-sampling": Text(
        "error",
        "sampling_config has no {key}: what is written replaces the host's table, and {key} "
        "is read",
        "add {key} (reinforcement learning samples at temperature 1.0)",
        "sampling_config 没有 {key}：写了这张表就会整个替换宿主默认值，而 {key} 是要读的",
        "补上 {key}（强化学习采样温度用 1.0）",
    ),
    "R6-window": Text(
        "error",
        "max_prompt_length {prompt} + max_tokens {tokens} = {sum} is above max_model_len {window}: "
        "responses to long prompts are cut short without a word",
        "max_prompt_length at most {room}, or max_model_len at least {sum}",
        "max_prompt_length {prompt} + max_tokens {tokens} = {sum}，超过 max_model_len {window}："
        "长题目的回答会被悄悄截短",
        "max_prompt_length 不超过 {room}，或 max_model_len 至少 {sum}",
    ),
    "R6-positions": Text(
        "error",
        "{what} {length} is above max_position_embeddings {positions}: positions that the model "
        "never saw",
        "at most {positions}, or a model with a longer context",
        "{what} {length} 超过 max_position_embeddings {positions}：模型没见过这些位置",
        "不超过 {positions}，或换上下文更长的模型",
    ),
    "R6-turns": Text(
        "warning",
        "max_prompt_length {prompt} + max_total_response_length {total} = {sum} is above "
        "max_model_len {window}: late turns are cut",
        "max_model_len at least {sum}",
        "max_prompt_length {prompt} + max_total_response_length {total} = {sum}，超过 "
        "max_model_len {window}：后面的轮次会被截断",
        "max_model_len 至少 {sum}",
    ),
    "R14-entropy": Text(
        "warning",
        "entropy_coeff is 0: from line 2.2 on the host then skips the entropy, actor/entropy is a "
        "constant 0 and a collapse cannot be seen",
        "entropy_coeff: 1.0e-4 has it computed, at next to no effect; or read 0 as `not logged`",
        "entropy_coeff 为 0：2.2 起宿主不再计算熵，actor/entropy 恒为 0，看不出熵坍缩",
        "entropy_coeff: 1.0e-4 就会计算，影响很小；否则请把 0 读作“未记录”",
    ),
    "R14-throughput": Text(
        "warning",
        "log_max_throughput is not set, and true by default from line 2.1 on: tps are "
        "computed from "
        "the longest response, not from the mean",
        "log_max_throughput: false gives the tps of the formulas in the guide",
        "没有设置 log_max_throughput，2.1 起默认 true：tps 按最长回答而不是平均长度计算",
        "log_max_throughput: false 才是文档公式里的 tps",
    ),
    "R14-throughput-on": Text(
        "note",
        "log_max_throughput is true: tps are computed from the longest response",
        "",
        "log_max_throughput 为 true：tps 按最长回答计算",
        "",
    ),
    "S0-18": Text("note", "cards: {cards}", "", "用卡：{cards_zh}", ""),
    "S3-9": Text(
        "note",
        "disk: {count} checkpoints of {each} GB each (weights {weights} GB, optimizer {optimizer} "
        "GB) = {total} GB under {save}",
        "",
        "磁盘：{count} 个检查点，每个 {each} GB（权重 {weights} GB，优化器 {optimizer} GB），"
        "共 {total} GB，位于 {save}",
        "",
    ),
    "S3-9-full": Text(
        "warning",
        "{save} has {free} GB free, the run writes {total} GB ({count} checkpoints of {each} GB)",
        "raise save_interval, set no_save_optim: true where no resume is needed, or use "
        "another disk",
        "{save} 剩余 {free} GB，训练要写 {total} GB（{count} 个检查点，每个 {each} GB）",
        "调大 save_interval；不需要续训时 no_save_optim: true；或换磁盘",
    ),
    "S1-8": Text(
        "error",
        "a mixture of experts without moe_tp_extend_ep: true, which MindSpeed-RL assumes: rollouts "
        "are garbage",
        "moe_tp_extend_ep: true, and convert with --moe-tp-extend-ep",
        "MoE 模型没有 moe_tp_extend_ep: true，而 MindSpeed-RL 默认如此：推理会乱码",
        "moe_tp_extend_ep: true，转换权重时加 --moe-tp-extend-ep",
    ),
    "S1-17": Text(
        "note",
        "expert parallel {ep} x TP {tp} needs {cards} cards: with mc2 on, expert parallel must not "
        "cross super-nodes",
        "",
        "EP {ep} x TP {tp} 占 {cards} 张卡：开启 mc2 时 EP 不能跨超节点",
        "",
    ),
}
