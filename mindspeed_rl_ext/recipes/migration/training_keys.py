"""The rows of `megatron_training` and of the roles: weights, batches, optimizer, Megatron.

Covers: what the hosts' own files and ours name. Does not cover: the sizes of a model, which verl
reads from config.json.
"""

from __future__ import annotations

from mindspeed_rl_ext.recipes.migration import algorithm, batches, engines
from mindspeed_rl_ext.recipes.migration.rows import (
    ACTOR,
    CRITIC,
    MEGATRON,
    MODEL,
    TRAINING,
    TRANSFORMER,
    joint,
    none,
    same,
)

OPTIM = f"{ACTOR}.optim"

ROWS = (
    # Data and batches.
    joint(
        TRAINING, "data_path", ("data.train_files", "data.val_files"), batches.data_files,
        "packed files become Parquet: msrl-ext preprocess --format verl, the same output_prefix",
        "打包文件换成 Parquet：msrl-ext preprocess --format verl，output_prefix 不变",
    ),
    joint(
        TRAINING, "global_batch_size", ("data.train_batch_size", "data.gen_batch_size"),
        batches.train_batch,
        "prompts per step, the same unit; with filter_groups it is what is generated at a time",
        "每步的 prompt 数，单位相同；有 filter_groups 时是每次生成的数量",
    ),
    joint(
        TRAINING, "no_shuffle", ("data.shuffle",), batches.shuffled,
        "the opposite word", "含义相反",
    ),
    same(
        TRAINING, "seed", "data.seed", "of the order of the rows", "数据顺序的随机种子",
    ),
    same(
        TRAINING, "train_iters", "trainer.total_training_steps", "steps in all", "总步数",
    ),
    none(
        TRAINING, "dataset_additional_keys",
        "the reference travels as reward_model.ground_truth, all other columns as extra_info",
        "参考答案放在 reward_model.ground_truth，其余列放在 extra_info",
    ),
    none(
        TRAINING, "seq_length variable_seq_lengths variable_seq_length no_pad_to_seq_lengths "
        "pad_to_multiple_of reset_attention_mask reset_position_ids",
        "verl packs sequences without padding; data.max_prompt_length bounds prompts",
        "verl 去掉填充再拼接；prompt 长度由 data.max_prompt_length 限制",
    ),
    none(
        TRAINING, "split eval_interval eval_iters num_workers dataloader_type "
        "is_instruction_dataset is_pairwise_dataset full_shuffle_instruction_dataset",
        "verl reads two files, one to train on and one to validate with (--split makes them), and "
        "shuffles once per epoch",
        "verl 读两个文件，一个训练一个验证（由 --split 生成），每个 epoch 打乱一次",
    ),
    # Weights.
    same(
        TRAINING, "tokenizer_name_or_path", f"{MODEL}.path",
        "verl reads weights, tokenizer and chat template from this HuggingFace directory",
        "verl 从这个 HuggingFace 目录读权重、分词器和对话模板",
    ),
    none(
        TRAINING, "load no_load_optim no_load_rng load_checkpoint_loosely pretrained_checkpoint",
        "verl starts from the HuggingFace directory. Trained weights: msrl-ext convert --load-dir "
        "LOAD --save-dir HF_DIR --save-model-type hf, then model.path",
        "verl 从 HuggingFace 目录开始。已训练的权重先用 msrl-ext convert --load-dir LOAD "
        "--save-dir HF_DIR --save-model-type hf 转换，再写入 model.path",
    ),
    joint(
        TRAINING, "finetune", ("trainer.resume_mode",), engines.resume_mode,
        "true is disable: from step 0; false is auto: from the newest checkpoint in save",
        "true 对应 disable，从第 0 步开始；false 对应 auto，从 save 里最新的检查点继续",
    ),
    same(TRAINING, "save", "trainer.default_local_dir", "checkpoints", "检查点目录"),
    same(
        TRAINING, "save_interval", "trainer.save_freq",
        "steps between checkpoints; verl's default saves nothing", "保存间隔；verl 默认不保存",
    ),
    joint(
        TRAINING, "no_save_optim no_save_rng", (f"{ACTOR}.checkpoint.save_contents",),
        engines.saved_contents, "what a checkpoint holds: model, optimizer, extra (random state)",
        "检查点的内容：model、optimizer、extra（随机状态）",
    ),
    none(
        TRAINING, "model stage tokenizer_type tokenizer_not_use_fast tokenizer_padding_side "
        "use_mcore_models spec transformer_impl prompt_type prompt_type_path",
        "verl builds Megatron-core layers from the model's config.json; the estimator says which "
        "algorithm it is",
        "verl 根据模型的 config.json 构造 Megatron-core 层；算法由 estimator 决定",
    ),
    none(
        TRAINING, "bf16 distributed_backend no_shared_storage ai_framework",
        "verl's default: bfloat16, HCCL on an NPU, every node reads the HuggingFace directory",
        "verl 默认：bfloat16，NPU 上用 HCCL，每个节点读 HuggingFace 目录",
    ),
    # Optimizer.
    joint(
        TRAINING, "micro_batch_size", (f"{ACTOR}.ppo_micro_batch_size_per_gpu",),
        batches.micro_batches,
        "samples per forward pass, the same unit", "每次前向的样本数，单位相同", always=True,
    ),
    same(TRAINING, "lr", f"{OPTIM}.lr", "learning rate", "学习率"),
    same(
        TRAINING, "lr_decay_style", f"{OPTIM}.lr_decay_style", "of Megatron's optimizer",
        "Megatron 优化器的衰减方式", default="linear",
    ),
    same(TRAINING, "min_lr", f"{OPTIM}.min_lr", "where the decay ends", "衰减的终点"),
    same(
        TRAINING, "lr_warmup_fraction", f"{OPTIM}.lr_warmup_steps_ratio",
        "share of all steps", "占总步数的比例",
    ),
    same(TRAINING, "weight_decay", f"{OPTIM}.weight_decay", "of AdamW", "AdamW 的权重衰减"),
    same(TRAINING, "clip_grad", f"{OPTIM}.clip_grad", "largest norm of the gradient", "梯度裁剪"),
    joint(
        TRAINING, "adam_beta1 adam_beta2", (f"{OPTIM}.betas",), algorithm.betas,
        "both in one list", "合成一个列表",
    ),
    joint(
        TRAINING, "swap_optimizer", (f"{MEGATRON}.optimizer_offload",), engines.swap,
        "the optimizer in the memory of the host", "优化器放在主机内存",
    ),
    # Megatron.
    same(
        TRAINING, "tensor_model_parallel_size", f"{MEGATRON}.tensor_model_parallel_size",
        "TP; the reference follows", "TP；参考模型跟随",
    ),
    same(
        TRAINING, "pipeline_model_parallel_size", f"{MEGATRON}.pipeline_model_parallel_size",
        "PP; the reference follows", "PP；参考模型跟随",
    ),
    same(
        TRAINING, "context_parallel_size", f"{MEGATRON}.context_parallel_size",
        "CP; the reference follows", "CP；参考模型跟随",
    ),
    joint(
        TRAINING, "expert_model_parallel_size moe_tp_extend_ep",
        (f"{MEGATRON}.expert_model_parallel_size", f"{MEGATRON}.expert_tensor_parallel_size"),
        engines.experts, "EP; moe_tp_extend_ep means EP x TP with an expert TP of 1",
        "EP；moe_tp_extend_ep 即 EP x TP 且专家 TP 为 1",
    ),
    joint(
        TRAINING, "num_layers_per_virtual_pipeline_stage",
        (f"{MEGATRON}.virtual_pipeline_model_parallel_size",), engines.virtual_stages,
        "verl counts stages: layers / (PP x layers per stage)",
        "verl 写的是段数：层数 / (PP x 每段层数)",
    ),
    joint(
        TRAINING, "num_layer_list",
        (f"{TRANSFORMER}.num_layers_in_first_pipeline_stage",
         f"{TRANSFORMER}.num_layers_in_last_pipeline_stage"), engines.uneven_stages,
        "Megatron-core names the first and the last stage; those between must be equal",
        "Megatron-core 只写首段和末段的层数，中间各段必须相等",
    ),
    none(
        TRAINING, "noop_layers num_layers",
        "verl's layers are those of config.json: no empty ones", "层数取自 config.json，没有空层",
    ),
    same(
        TRAINING, "sequence_parallel", f"{MEGATRON}.sequence_parallel",
        "activations are split over TP ranks as well", "激活也按 TP 切分",
    ),
    same(
        TRAINING, "use_distributed_optimizer", f"{MEGATRON}.use_distributed_optimizer",
        "optimizer states split over DP ranks", "优化器状态按 DP 切分",
    ),
    *(
        same(TRAINING, key, f"{TRANSFORMER}.{key}", "read by MindSpeed", "由 MindSpeed 读取")
        for key in ("use_flash_attn", "use_fused_rmsnorm", "use_fused_swiglu",
                    "use_fused_rotary_pos_emb")
    ),
    *(
        same(
            TRAINING, key, f"{TRANSFORMER}.{key}",
            "a field of TransformerConfig", "TransformerConfig 的字段",
        )
        for key in ("recompute_granularity", "recompute_method", "recompute_num_layers",
                    "attention_dropout", "hidden_dropout", "attention_softmax_in_fp32")
    ),
    joint(
        TRAINING, "no_masked_softmax_fusion no_gradient_accumulation_fusion",
        (f"{TRANSFORMER}.masked_softmax_fusion", f"{TRANSFORMER}.gradient_accumulation_fusion"),
        engines.fusions, "the opposite words", "含义相反",
    ),
    none(
        TRAINING, "init_method_std", "no weight is made at random: all come from model.path",
        "没有随机初始化的权重，都来自 model.path",
    ),
    joint(
        TRAINING, "lora_r lora_alpha lora_target_modules",
        (f"{MODEL}.lora.rank", f"{MODEL}.lora.alpha", f"{MODEL}.lora.target_modules"), engines.lora,
        "Megatron-core names of modules, as before", "模块名仍是 Megatron-core 的",
    ),
    none(
        TRAINING, "lora_fusion lora_ckpt_filter reuse_fp32_param use_ascend_coc coc_parallel_num "
        "coc_fused_kernel coc_mode moe_alltoall_overlap_comm gemm_gradient_accumulation_fusion "
        "use_deter_comp npu_deterministic shape_order initial_loss_scale swap_attention "
        "context_parallel_algo cp_attention_mask_type attention_mask_type",
        "an optimisation of MindSpeed-RL that verl does not name; where MindSpeed reads the flag, "
        f"++{TRANSFORMER}.KEY sets it",
        "MindSpeed-RL 的优化项，verl 没有对应；若 MindSpeed 读取该参数，用 "
        f"++{TRANSFORMER}.KEY 设置",
    ),
    # The critic of PPO.
    joint(
        CRITIC, "model load micro_batch_size lr weight_decay clip_grad adam_beta1 adam_beta2 "
        "tensor_model_parallel_size pipeline_model_parallel_size",
        ("critic.model.path", "critic.ppo_micro_batch_size_per_gpu", "critic.optim.lr",
         "critic.optim.weight_decay", "critic.optim.clip_grad", "critic.optim.betas",
         "critic.megatron.tensor_model_parallel_size",
         "critic.megatron.pipeline_model_parallel_size"), algorithm.critic,
        "the critic starts from the policy's HuggingFace directory",
        "critic 从策略的 HuggingFace 目录开始",
    ),
    none(
        CRITIC, "finetune save no_load_optim no_load_rng lr_decay_style min_lr lr_warmup_fraction",
        "as for the policy: one resume_mode, one directory", "与策略相同：共用 resume_mode 和目录",
    ),
)  # fmt: skip
