"""The rows of `generate_config` and its `sampling_config`: the rollout by vLLM.

Covers: what the hosts' own files and ours name. Does not cover: pictures and video.
"""

from __future__ import annotations

from mindspeed_rl_ext.recipes.migration import batches, engines
from mindspeed_rl_ext.recipes.migration.rows import (
    GENERATE,
    MEGATRON,
    MODEL,
    ROLLOUT,
    SAMPLING,
    joint,
    none,
    same,
)

ROWS = (
    same(
        GENERATE, "trust_remote_code", f"{MODEL}.trust_remote_code",
        "code of the model directory", "是否运行模型目录里的代码",
    ),
    joint(
        GENERATE, "offload_train_param offload_train_optimizer",
        (f"{MEGATRON}.param_offload", f"{MEGATRON}.optimizer_offload"), engines.offload,
        "room on the cards during the rollout", "推理时腾出显存",
    ),
    none(
        GENERATE, "offload_train_grad",
        "gradients go with the weights: verl 0.9.1 has no key of their own",
        "梯度随权重一起卸载：verl 0.9.1 没有单独的键",
    ),
    same(
        GENERATE, "infer_tensor_parallel_size", f"{ROLLOUT}.tensor_model_parallel_size",
        "TP of the rollout", "推理 TP", default=8,
    ),
    joint(
        GENERATE, "infer_pipeline_parallel_size", (f"{ROLLOUT}.pipeline_model_parallel_size",),
        engines.rollout_pipeline, "PP of the rollout", "推理 PP",
    ),
    joint(
        GENERATE, "infer_expert_parallel_size enable_expert_parallel",
        (f"{ROLLOUT}.expert_parallel_size",), engines.rollout_experts,
        "EP of the rollout", "推理 EP",
    ),
    same(
        GENERATE, "data_parallel_size", f"{ROLLOUT}.data_parallel_size",
        "DP within one engine", "单个引擎内的 DP",
    ),
    *(
        same(GENERATE, key, f"{ROLLOUT}.{key}", en, zh, default=default)
        for key, en, zh, default in (
            ("max_num_seqs", "responses at a time on one engine", "单个引擎同时生成的条数", None),
            ("max_model_len", "prompt and response together", "prompt 与回复的总长", 2048),
            ("max_num_batched_tokens", "tokens at a time on one engine",
             "单个引擎同时处理的 token 数", None),
            ("dtype", "of the weights in the rollout", "推理权重的类型", None),
            ("gpu_memory_utilization", "share of a card that vLLM may take",
             "vLLM 可用的显存比例", None),
            ("enforce_eager", "no graphs", "不用图模式", True),
            ("enable_prefix_caching", "shared beginnings are computed once", "前缀缓存", None),
        )
    ),
    none(
        GENERATE, "num_scheduler_steps torchair_graph ascend_scheduler_config_enabled "
        "expert_map_path eplb_token_collects eplb_token_save_path gen_micro_batch_size",
        "an option of vLLM Ascend; where it knows it: "
        "+actor_rollout_ref.rollout.engine_kwargs.vllm.KEY",
        "vLLM Ascend 的选项：若它支持，用 +actor_rollout_ref.rollout.engine_kwargs.vllm.KEY",
    ),
    none(
        GENERATE, "tokenizer_name_or_path limit_mm_image_per_prompt limit_mm_video_per_prompt",
        "the rollout has the policy's tokenizer; pictures and video are not translated",
        "推理使用策略的分词器；不迁移图像和视频的配置",
    ),
    # Sampling.
    joint(
        SAMPLING, "max_tokens", ("data.max_response_length",), batches.response_length,
        "longest response, in tokens", "最长回复，按 token 计", always=True,
    ),
    *(
        same(SAMPLING, key, f"{ROLLOUT}.{key}", en, zh)
        for key, en, zh in (
            ("temperature", "as in training", "采样温度"),
            ("top_p", "1.0: no nucleus", "1.0 表示不截断"),
            ("top_k", "-1: no cut", "-1 表示不截断"),
        )
    ),
    joint(
        SAMPLING, "seed", (f"{ROLLOUT}.seed",), engines.sampling_seed,
        "of the rollout; since verl 0.9", "推理的随机种子；verl 0.9 起", since=(0, 9),
    ),
    none(
        SAMPLING, "min_p", "verl has no min_p: 0 is what it does; another value is not kept",
        "verl 没有 min_p：相当于 0，其他值无法保留",
    ),
    none(
        SAMPLING, "logprobs detokenize",
        "verl asks vLLM for what it needs", "verl 自己决定向 vLLM 要什么",
    ),
)  # fmt: skip
