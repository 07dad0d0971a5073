"""The rows of `rl_config`: the algorithm, rewards, batches, cards.

Covers: what the hosts' own files and ours name. Does not cover: pictures and video.
"""

from __future__ import annotations

from mindspeed_rl_ext.recipes.migration import algorithm, batches, engines
from mindspeed_rl_ext.recipes.migration.rewards import reward_pairs
from mindspeed_rl_ext.recipes.migration.rows import (
    ACTOR,
    MEGATRON,
    MODEL,
    REF,
    REWARD_KWARGS,
    RL,
    ROLLOUT,
    VARIABLES,
    joint,
    none,
    same,
)

FILTER = "algorithm.filter_groups"
TURNS = f"{ROLLOUT}.multi_turn"

ROWS = (
    joint(
        RL, "adv_estimator", ("algorithm.adv_estimator",), algorithm.estimator,
        "group_norm is grpo, gae stays; verl's default gae would build a critic",
        "group_norm 对应 grpo，gae 不变；verl 默认 gae，会多建一个 critic", always=True,
    ),
    same(RL, "gamma", "algorithm.gamma", "discount", "折扣"),
    same(RL, "lam", "algorithm.lam", "of GAE", "GAE 的 lambda"),
    joint(
        RL, "init_kl_coef kl_penalty kl_ctrl_type kl_horizon kl_target use_kl_in_reward",
        (f"{ACTOR}.use_kl_loss", f"{ACTOR}.kl_loss_coef", f"{ACTOR}.kl_loss_type",
         "algorithm.use_kl_in_reward", "algorithm.kl_penalty", "algorithm.kl_ctrl.kl_coef",
         "algorithm.kl_ctrl.type", "algorithm.kl_ctrl.horizon", "algorithm.kl_ctrl.target_kl"),
        algorithm.kl,
        "GRPO has the KL in the loss, PPO in the reward where it is asked for, DAPO has none; a "
        "weight of 0 is no KL",
        "GRPO 的 KL 在损失里，PPO 按配置放在奖励里，DAPO 没有 KL；系数为 0 即不用 KL", always=True,
    ),
    joint(
        RL, "clip_ratio clip_higher_enable clip_ratio_low clip_ratio_high",
        (f"{ACTOR}.clip_ratio", f"{ACTOR}.clip_ratio_low", f"{ACTOR}.clip_ratio_high"),
        algorithm.clip,
        "verl reads the lower and the upper bound always", "verl 总是读取上下两个界", always=True,
    ),
    joint(
        RL, "token_level_loss", (f"{ACTOR}.loss_agg_mode",), algorithm.loss_mode,
        "true is token-mean, false seq-mean-token-mean; GRPO and PPO are token-mean",
        "true 对应 token-mean，false 对应 seq-mean-token-mean；GRPO、PPO 是 token-mean",
        always=True,
    ),
    same(RL, "entropy_coeff", f"{ACTOR}.entropy_coeff", "weight of the entropy", "熵系数"),
    joint(
        RL, "mini_batch_size", (f"{ACTOR}.ppo_mini_batch_size",), batches.mini_batch,
        "prompts per update, the same unit", "每次更新的 prompt 数，单位相同", always=True,
    ),
    same(RL, "epochs", f"{ACTOR}.ppo_epochs", "passes over each batch", "每批数据的更新轮数"),
    joint(
        RL, "shuffle_mini_batch shuffle_minibatch", (f"{ACTOR}.shuffle",), batches.shuffled_updates,
        "mini batches in a random order", "mini batch 是否打乱",
    ),
    same(
        RL, "n_samples_per_prompt", f"{ROLLOUT}.n", "the group", "每个 prompt 的回复数", default=1
    ),
    same(
        RL, "max_prompt_length", "data.max_prompt_length",
        "in tokens; longer prompts are left out (filter_overlong_prompts)",
        "按 token 计；更长的 prompt 会被去掉（filter_overlong_prompts）", default=512,
    ),
    joint(
        RL, "actor_forward_micro_batch_size ref_forward_micro_batch_size",
        (f"{ROLLOUT}.log_prob_micro_batch_size_per_gpu",
         f"{REF}.log_prob_micro_batch_size_per_gpu"), batches.log_prob_batches,
        "samples per forward pass, the same unit", "每次前向的样本数，单位相同", always=True,
    ),
    joint(
        RL, "use_dynamic_bsz max_packing_token_size update_max_packing_token_size "
        "actor_max_packing_token_size ref_max_packing_token_size",
        (f"{ACTOR}.use_dynamic_bsz", f"{ACTOR}.ppo_max_token_len_per_gpu",
         f"{ROLLOUT}.log_prob_max_token_len_per_gpu", f"{REF}.log_prob_max_token_len_per_gpu"),
        batches.packed_tokens,
        "tokens per forward pass; raised to a prompt and a response, below which verl stops",
        "每次前向的 token 数；至少为一条 prompt 加回复的长度，否则 verl 报错",
    ),
    joint(
        RL, "use_remove_padding",
        (f"{MODEL}.use_remove_padding", f"{MEGATRON}.use_remove_padding"), engines.remove_padding,
        "no padding between sequences", "序列之间不填充",
    ),
    # Rewards.
    joint(
        RL, "rule_reward verifier_function verifier_weight verifier_timeout overlong_buffer_enable "
        "overlong_buffer rollout_max_tokens overlong_buffer_penalty_factor",
        ("reward.reward_manager.name", f"{REWARD_KWARGS}.verifiers", f"{REWARD_KWARGS}.weights",
         f"{REWARD_KWARGS}.timeout_s"), reward_pairs,
        "our reward manager; names of ours stay, the host's get ours for them; the overlong buffer "
        "is the verifier overlong",
        "使用我们的 reward manager；我们的名字不变，宿主的名字换成对应的；overlong buffer "
        "换成打分器 overlong", always=True,
    ),
    same(RL, "verifier_parallel", "reward.num_workers", "processes that score", "打分进程数"),
    joint(
        RL, "filter_groups_enable filter_groups_metric filter_groups_train_batch_size",
        (f"{FILTER}.enable", f"{FILTER}.metric", "data.train_batch_size"), batches.filter_groups,
        "the metric is a key of the reward: acc, or NAME_score; main_ppo reads it since 0.9",
        "指标是奖励里的键：acc 或 NAME_score；main_ppo 从 0.9 起读取", since=(0, 9),
    ),
    none(
        RL, "filter_groups_max_batches",
        "verl 0.9 draws until the batch is full (filter_groups.max_num_gen_batches is not read)",
        "verl 0.9 会一直采样到凑满（不读 filter_groups.max_num_gen_batches）",
    ),
    # Cards.
    joint(
        RL, "actor_resource", ("trainer.nnodes", "trainer.n_gpus_per_node"), batches.cards,
        "num_npus is machines x cards of each", "num_npus 等于机器数 x 每台卡数", always=True,
    ),
    none(
        RL, "use_integrated_worker reference_resource reward_resource critic_resource "
        "integrated_mode_config",
        "in verl all roles take turns on the same cards, and the reference starts from model.path",
        "verl 中各角色轮流使用同一批卡，参考模型从 model.path 开始",
    ),
    joint(
        RL, "hccl_buffersize", (f"{VARIABLES}.HCCL_BUFFSIZE",), engines.hccl_buffer,
        "a variable of Ray's processes, in MB", "Ray 进程的环境变量，单位 MB",
    ),
    none(
        RL, "runtime_env_path",
        "verl sets the runtime_env of Ray itself; ray_kwargs.ray_init.runtime_env adds to it",
        "verl 自己设置 Ray 的 runtime_env；用 ray_kwargs.ray_init.runtime_env 补充",
    ),
    none(
        RL, "num_cpus_for_local_task num_cpus_for_placement_group",
        "verl chooses the cores of its workers itself; ray_kwargs.ray_init.num_cpus bounds them",
        "verl 自己决定每个 worker 的 CPU 核数；总数由 ray_kwargs.ray_init.num_cpus 限制",
    ),
    none(
        RL, "blocking guarantee_order async_engine zmq_communication data_strategy "
        "transfer_queue_data_shard_num transfer_queue_data_shard_port_base td_status_log "
        "partial_rollout_max_split require_max_age_all_finished actor_rollout_dispatch_size "
        "actor_logprob_dispatch_size ref_dispatch_size reward_dispatch_size adv_dispatch_size "
        "actor_update_dispatch_size kl_dispatch_size critic_update_dispatch_size "
        "critic_value_dispatch_size dynamic_sampling_dispatch_size num_samples_per_step",
        "how MindSpeed-RL passes batches between its workers; verl's trainer does it itself",
        "MindSpeed-RL 在 worker 之间传数据的方式；verl 的 trainer 自行处理",
    ),
    none(
        RL, "log_max_throughput",
        "msrl-ext report computes throughput from verl's logs",
        "msrl-ext report 从 verl 的日志计算吞吐",
    ),
    none(
        RL, "use_dp_batch_balance advantage_whiten dynamic_max_batch_size "
        "ref_dynamic_max_batch_size actor_dynamic_max_batch_size update_dynamic_max_batch_size "
        "share_backbone tp_split_expert enable_sharding_validate beta",
        "verl has no such switch; it balances tokens over cards by default (trainer.balance_batch)",
        "verl 没有这个开关；它默认均衡各卡的 token 数（trainer.balance_batch）",
    ),
    same(RL, "cliprange_value", "critic.cliprange_value", "of the critic", "critic 的裁剪范围"),
    # Logs.
    joint(
        RL, "use_tensorboard use_wandb use_swanlab", ("trainer.logger",), algorithm.loggers,
        "a list; console always", "写成列表；总有 console", always=True,
    ),
    joint(
        RL, "wandb_project wandb_exp_name swanlab_project swanlab_exp_name",
        ("trainer.project_name", "trainer.experiment_name"), algorithm.names,
        "of the logger; the file's name where none is given", "日志里的名称；没有时用文件名",
        always=True,
    ),
    none(
        RL, "wandb_save_dir swanlab_mode swanlab_save_dir",
        "variables of the logger itself, such as SWANLAB_MODE and WANDB_DIR",
        "由日志工具自己的环境变量设置，例如 SWANLAB_MODE、WANDB_DIR",
    ),
    # Tools.
    joint(
        RL, "multi_turn_enable tool_config_path tool_parser_format max_tool_calls "
        "max_parallel_calls max_tool_response_length tool_response_truncate_side "
        "max_total_response_length",
        (f"{TURNS}.enable", f"{TURNS}.tool_config_path", f"{TURNS}.format",
         f"{TURNS}.max_assistant_turns", f"{TURNS}.max_parallel_calls",
         f"{TURNS}.max_tool_response_length", f"{TURNS}.tool_response_truncate_side"),
        algorithm.turns,
        "max_assistant_turns is max_tool_calls + 1; the tools are classes of verl",
        "max_assistant_turns 等于 max_tool_calls + 1；工具要换成 verl 的类",
    ),
    none(
        RL, "is_multimodal reuse_image_embeds colocate_actor_and_vit vit_resource "
        "vit_forward_micro_batch_size actor_image_embeds_dispatch_size",
        "pictures and video are not translated", "不迁移图像和视频的配置",
    ),
)  # fmt: skip
