"""Keys that a YAML of MindSpeed-RL may have, part by part, with the type of each value.

Covers: the lines 2.0 to master together: a key that only some lines know is not refused.
Does not cover: which line knows which key; the host itself says so when it starts.
"""

from __future__ import annotations

Kinds = dict[str, str]


def _table(**kinds: str) -> Kinds:
    return {key: kind for kind, keys in kinds.items() for key in keys.split()}


MEGATRON = _table(
    flag="""
        accumulate_allreduce_grads_in_fp32 add_qkv_bias attention_bias
        attention_softmax_in_fp32 bf16 coc_fused_kernel disable_bias_linear do_sample
        enable_high_availability finetune full_shuffle_instruction_dataset
        gemm_gradient_accumulation_fusion group_query_attention is_instruction_dataset
        is_pairwise_dataset load_checkpoint_loosely log_throughput lora_ckpt_filter
        lora_fusion moe_alltoall_overlap_comm moe_grouped_gemm moe_permutation_async_comm
        moe_router_enable_expert_bias moe_tp_extend_ep multi_head_latent_attention
        multi_latent_attention no_bias_dropout_fusion no_check_for_nan_in_loss_and_grad
        no_gradient_accumulation_fusion no_load_optim no_load_rng no_masked_softmax_fusion
        no_pad_to_seq_lengths no_save_optim no_save_rng no_shared_storage no_shuffle
        norm_topk_prob npu_deterministic overlap_grad_reduce overlap_param_gather qk_layernorm
        recompute_activation_function reset_attention_mask reset_position_ids reuse_fp32_param
        seq_aux sequence_parallel skip_train swap_attention swap_optimizer swiglu
        tokenizer_not_use_fast untie_embeddings_and_output_weights use_ascend_coc
        use_cp_send_recv_overlap use_deter_comp use_distributed_optimizer use_flash_attn
        use_fused_moe_token_permute_and_unpermute use_fused_ring_attention_update
        use_fused_rmsnorm use_fused_rotary_pos_emb use_fused_swiglu use_kv_cache
        use_mcore_models use_rotary_position_embeddings use_tp_pp_dp_mapping
        variable_seq_length variable_seq_lengths
    """,
    text="""
        ai_framework algorithm attention_mask_type context_parallel_algo
        cp_attention_mask_type data_path dataloader_type distributed_backend dpo_loss_type
        load lr_decay_style mm_model model moe_router_load_balancing_type
        moe_router_score_function moe_token_dispatcher_type normalization optimizer
        position_embedding_type pretrained_checkpoint prompt_type prompt_type_path
        recompute_granularity recompute_method ref_model rope_scaling_type save shape_order
        stage tokenizer_name_or_path tokenizer_padding_side tokenizer_type transformer_impl
    """,
    anything="""
        lora_target_modules moe_layer_freq noop_layers num_layer_list spec split
    """,
    whole="""
        beta_fast beta_slow coc_mode coc_parallel_num context_parallel_size ddp_bucket_size
        eval_interval eval_iters expert_model_parallel_size ffn_hidden_size
        first_k_dense_replace global_batch_size hidden_size kv_channels kv_lora_rank
        log_interval lora_alpha lora_r make_vocab_size_divisible_by max_position_embeddings
        micro_batch_size moe_ffn_hidden_size moe_intermediate_size moe_router_group_topk
        moe_router_num_groups moe_router_topk n_group n_shared_experts num_attention_heads
        num_experts num_layers num_layers_per_virtual_pipeline_stage num_query_groups
        num_workers original_max_position_embeddings pad_to_multiple_of padded_vocab_size
        pipeline_model_parallel_size q_lora_rank qk_head_dim qk_nope_head_dim
        qk_pos_emb_head_dim qk_rope_head_dim recompute_num_layers refer_model_iter
        rope_scaling_beta_fast rope_scaling_beta_slow
        rope_scaling_original_max_position_embeddings save_interval seed seq_length
        tensor_model_parallel_size topk_group train_iters v_head_dim vocab_extra_ids
    """,
    number="""
        adam_beta1 adam_beta2 attention_dropout clip_grad hidden_dropout high_freq_factor
        init_method_std initial_loss_scale low_freq_factor lr lr_warmup_fraction min_lr
        moe_aux_loss_coeff moe_router_topk_scaling_factor norm_epsilon rope_scaling_factor
        rope_scaling_mscale rope_scaling_mscale_all_dim rotary_base routed_scaling_factor
        weight_decay
    """,
    names="""
        dataset_additional_keys
    """,
)
RL = _table(
    text="""
        adv_estimator data_strategy filter_groups_metric kl_ctrl_type kl_penalty
        runtime_env_path swanlab_exp_name swanlab_mode swanlab_project swanlab_save_dir
        tool_config_path tool_parser_format tool_response_truncate_side wandb_exp_name
        wandb_project wandb_save_dir
    """,
    flag="""
        advantage_whiten async_engine blocking clip_higher_enable colocate_actor_and_vit
        enable_sharding_validate filter_groups_enable guarantee_order is_multimodal
        log_max_throughput multi_turn_enable overlong_buffer_enable
        require_max_age_all_finished reuse_image_embeds rule_reward share_backbone
        shuffle_mini_batch td_status_log token_level_loss tp_split_expert use_dp_batch_balance
        use_dynamic_bsz use_integrated_worker use_kl_in_reward use_remove_padding use_swanlab
        use_tensorboard use_wandb zmq_communication
    """,
    number="""
        beta clip_ratio clip_ratio_high clip_ratio_low cliprange_value entropy_coeff gamma
        init_kl_coef kl_horizon kl_target lam num_cpus_for_local_task
        num_cpus_for_placement_group overlong_buffer_penalty_factor verifier_timeout
    """,
    whole="""
        actor_dynamic_max_batch_size actor_forward_micro_batch_size
        actor_image_embeds_dispatch_size actor_logprob_dispatch_size
        actor_max_packing_token_size actor_rollout_dispatch_size actor_update_dispatch_size
        adv_dispatch_size critic_update_dispatch_size critic_value_dispatch_size
        dynamic_max_batch_size dynamic_sampling_dispatch_size epochs filter_groups_max_batches
        filter_groups_train_batch_size hccl_buffersize kl_dispatch_size max_packing_token_size
        max_parallel_calls max_prompt_length max_tool_calls max_tool_response_length
        max_total_response_length mini_batch_size n_samples_per_prompt num_samples_per_step
        overlong_buffer partial_rollout_max_split ref_dispatch_size ref_dynamic_max_batch_size
        ref_forward_micro_batch_size ref_max_packing_token_size reward_dispatch_size
        rollout_max_tokens transfer_queue_data_shard_num transfer_queue_data_shard_port_base
        update_dynamic_max_batch_size update_max_packing_token_size verifier_parallel
        vit_forward_micro_batch_size
    """,
    names="""
        verifier_function
    """,
    numbers="""
        verifier_weight
    """,
    table="""
        actor_resource critic_resource integrated_mode_config reference_resource
        reward_resource vit_resource
    """,
)
GENERATE = _table(
    text="""
        dtype eplb_token_save_path expert_map_path tokenizer_name_or_path
    """,
    flag="""
        ascend_scheduler_config_enabled enable_expert_parallel enable_prefix_caching
        enforce_eager eplb_token_collects offload_train_grad offload_train_optimizer
        offload_train_param torchair_graph trust_remote_code
    """,
    whole="""
        data_parallel_size infer_expert_parallel_size infer_pipeline_parallel_size
        infer_tensor_parallel_size limit_mm_image_per_prompt limit_mm_video_per_prompt
        max_model_len max_num_batched_tokens max_num_seqs num_scheduler_steps
    """,
    number="""
        gpu_memory_utilization
    """,
    table="""
        sampling_config
    """,
)
SAMPLING = _table(
    whole="logprobs max_tokens top_k seed",
    number="top_p min_p temperature",
    flag="detokenize",
)
RESOURCE = _table(whole="num_npus", number="num_cpus")

# Keys that a line's own YAML has and none of its classes: its loader warns and leaves them out.
UNREAD: dict[str, dict[str, str]] = {"rl_config": {"shuffle_minibatch": "shuffle_mini_batch"}}
# Part of the file to its keys; parts that are not named here are refused.
PARTS: dict[str, Kinds] = {
    "megatron_training": MEGATRON,
    "actor_config": MEGATRON,
    "ref_config": MEGATRON,
    "reward_config": MEGATRON,
    "critic_config": MEGATRON,
    "vit_config": MEGATRON,
    "rl_config": RL,
    "generate_config": GENERATE,
}
# Parts whose keys are left alone.
OPEN_PARTS = ("defaults", "model", "profiler_config", "msprobe_config", "hydra")
INNER: dict[tuple[str, str], Kinds] = {
    ("rl_config", "actor_resource"): RESOURCE,
    ("rl_config", "reference_resource"): RESOURCE,
    ("rl_config", "reward_resource"): RESOURCE,
    ("rl_config", "critic_resource"): RESOURCE,
    ("rl_config", "integrated_mode_config"): _table(text="ref_model_load_path"),
    ("generate_config", "sampling_config"): SAMPLING,
}
