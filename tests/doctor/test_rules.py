"""Each rule on configurations: a fault that it finds, and silence on the file without the fault."""

from __future__ import annotations

import pytest

from mindspeed_rl_ext.verifiers import verifier

GONE = object()


@verifier("doctor_test_level", needs=("answer", "level"))
def doctor_test_level(response: str, *, answer: str, level: str) -> float:
    return 0.0


# A rule, the shipped file, what is changed in it.
MATH, SEVEN, DAPO = "msrl/grpo_qwen25_math_7b", "msrl/grpo_qwen25_7b", "msrl/dapo_qwen25_32b"
OLD, ZERO = "rlxf/grpo_qwen25_math_7b", "rlxf/r1_zero_qwen25_7b_instruct"
ACTOR = "actor_rollout_ref/actor_rollout"
RESUME = {
    "actor_config/finetune": False,
    "actor_config/no_load_optim": False,
    "actor_config/no_load_rng": False,
    "actor_config/load": "./save/grpo-qwen25-7b",
    "rl_config/integrated_mode_config": {"ref_model_load_path": "./model_weights/qwen25-7b-tp2pp2"},
}
MOE = {"num_experts": 8, "moe_ffn_hidden_size": 64}
RL = [
    ("size-not-positive", SEVEN, {"megatron_training/global_batch_size": 0}),
    ("size-not-positive", SEVEN, {"actor_config/micro_batch_size": -1}),
    ("cards-not-multiple-of-parallel-sizes", SEVEN, {"rl_config/actor_resource/num_npus": 14}),
    ("batch-not-multiple-of-training-dp", SEVEN, {"megatron_training/global_batch_size": 34}),
    ("batch-not-multiple-of-training-dp", DAPO, {"rl_config/filter_groups_train_batch_size": 33}),
    ("micro-batch-not-divisor", SEVEN, {"actor_config/micro_batch_size": 3}),
    ("cards-not-multiple-of-rollout-tp", SEVEN, {"generate_config/infer_tensor_parallel_size": 3}),
    ("batch-not-multiple-of-rollout-dp", SEVEN, {"megatron_training/global_batch_size": 36}),
    ("rollout-pipeline-parallel", SEVEN, {"generate_config/infer_pipeline_parallel_size": 2}),
    ("dispatch-size-not-divisor", SEVEN, {"rl_config/adv_dispatch_size": 100}),
    ("dispatch-size-too-large", SEVEN, {"rl_config/actor_logprob_dispatch_size": 128}),
    ("window-below-seq-length", SEVEN, {"generate_config/max_model_len": 1024}),
    ("precision-not-bfloat16", SEVEN, {"generate_config/dtype": "float16"}),
    ("precision-not-bfloat16", SEVEN, {"megatron_training/bf16": False}),
    ("parallel-size-not-divisor", SEVEN, {"actor_config/tensor_model_parallel_size": 8}),
    ("parallel-size-not-divisor", SEVEN, {"actor_config/pipeline_model_parallel_size": 16}),
    ("layer-list-wrong-sum", SEVEN, {"actor_config/num_layer_list": "14,15"}),
    ("layer-list-wrong-sum", SEVEN, {"actor_config/num_layer_list": "10,9,9"}),
    ("integrated-worker-with-own-part", SEVEN, {"rl_config/reference_resource": {"num_npus": 8}}),
    ("integrated-worker-with-own-part", SEVEN, {"ref_config": {"load": "./x"}}),
    (
        "integrated-config-without-worker",
        SEVEN,
        {**RESUME, "rl_config/use_integrated_worker": False},
    ),
    ("remove-padding-incomplete", SEVEN, {"rl_config/use_remove_padding": True}),
    (
        "order-with-partial-rollout",
        SEVEN,
        {"rl_config/partial_rollout_max_split": 2, "rl_config/guarantee_order": True},
    ),
    ("multi-turn-incomplete", SEVEN, {"rl_config/multi_turn_enable": True}),
    (
        "window-below-all-turns",
        SEVEN,
        {"rl_config/multi_turn_enable": True, "rl_config/max_total_response_length": 4096},
    ),
    ("overlong-buffer-too-large", DAPO, {"rl_config/overlong_buffer": 2048}),
    ("overlong-tokens-differ", DAPO, {"rl_config/rollout_max_tokens": 1024}),
    ("clip-bounds-swapped", DAPO, {"rl_config/clip_ratio_low": 0.3}),
    ("filter-metric-not-a-verifier", DAPO, {"rl_config/filter_groups_metric": "dapoo"}),
    (
        "filter-metric-with-parameters",
        DAPO,
        {
            "rl_config/verifier_function": ["dapo(boxed=True)"],
            "rl_config/filter_groups_metric": "dapo(boxed=True)",
        },
    ),
    ("sampling-key-missing", SEVEN, {"generate_config/sampling_config/temperature": GONE}),
    ("window-below-prompt-and-response", SEVEN, {"rl_config/max_prompt_length": 2049}),
    ("window-above-model-positions", SEVEN, {"generate_config/max_model_len": 32769}),
    ("window-above-model-positions", MATH, {"generate_config/max_model_len": 4097}),
    ("entropy-not-logged", MATH, {"rl_config/entropy_coeff": 0.0}),
    ("entropy-not-logged", MATH, {"rl_config/entropy_coeff": GONE}),
    ("throughput-of-longest-by-default", SEVEN, {"rl_config/log_max_throughput": GONE}),
    ("throughput-of-longest", SEVEN, {"rl_config/log_max_throughput": True}),
    ("save-overwrites-load", SEVEN, {"actor_config/save": "model_weights/qwen25-7b-tp2pp2/"}),
    ("resume-incomplete", SEVEN, {"actor_config/no_load_optim": False}),
    ("resume-incomplete", SEVEN, {**RESUME, "rl_config/integrated_mode_config": None}),
    ("resume-incomplete", SEVEN, {**RESUME, "actor_config/finetune": True}),
    ("resume-incomplete", SEVEN, {**RESUME, "actor_config/no_load_rng": True}),
    ("finetune-off-without-resume", SEVEN, {"actor_config/finetune": False}),
    ("resume-complete", SEVEN, RESUME),
    (
        "resume-reference-is-trained",
        SEVEN,
        {**RESUME, "rl_config/integrated_mode_config/ref_model_load_path": "save/grpo-qwen25-7b"},
    ),
    ("resume-state-not-saved", SEVEN, {**RESUME, "actor_config/no_save_optim": True}),
    ("path-missing", SEVEN, {"actor_config/load": "/no/such/checkpoint"}),
    ("path-missing", SEVEN, {"megatron_training/data_path": "/no/such/prefix"}),
    ("experts-without-extend-ep", SEVEN, {"actor_config/num_experts": 8}),
    (
        "experts-across-super-nodes",
        SEVEN,
        {"actor_config/num_experts": 8, "actor_config/expert_model_parallel_size": 16},
    ),
    ("reward-unknown-verifier", SEVEN, {"rl_config/verifier_function": ["math_17"]}),
    ("reward-unreadable-verifier", SEVEN, {"rl_config/verifier_function": ["math_17k(limit=1)"]}),
    ("reward-unreadable-verifier", SEVEN, {"rl_config/verifier_function": ["math_17k("]}),
    ("reward-weights-differ-in-number", SEVEN, {"rl_config/verifier_weight": [1.0, 1.0]}),
    ("reward-no-verifier", SEVEN, {"rl_config/verifier_function": []}),
    ("reward-prompt-asks-otherwise", SEVEN, {"rl_config/verifier_function": ["simplerl"]}),
    (
        "reward-prompt-asks-otherwise",
        SEVEN,
        {"rl_config/verifier_function": ["math_verify_reward"]},
    ),
    ("reward-for-other-data", SEVEN, {"megatron_training/data_path": "./dataset/deepscaler/data"}),
    ("reward-tags-from-base-model", MATH, {"rl_config/verifier_function": ["r1_format"]}),
    (
        "zero-recipe-on-instruct-model",
        MATH,
        {"megatron_training/tokenizer_name_or_path": "./Qwen2.5-Math-7B-Instruct"},
    ),
    ("reward-no-labels", SEVEN, {"megatron_training/dataset_additional_keys": []}),
    ("reward-no-labels", SEVEN, {"megatron_training/dataset_additional_keys": GONE}),
    ("reward-column-not-loaded", SEVEN, {"rl_config/verifier_function": ["doctor_test_level"]}),
    ("multimodal-skips-our-verifiers", SEVEN, {"rl_config/is_multimodal": True}),
    (
        "multimodal-skips-verifiers",
        SEVEN,
        {"rl_config/is_multimodal": True, "rl_config/verifier_function": ["acc"]},
    ),
    ("reward-verifier-of-host", SEVEN, {"rl_config/verifier_function": ["math_17k_acc"]}),
    (
        "model-file-of-another-model",
        SEVEN,
        {"megatron_training/tokenizer_name_or_path": "./models/Qwen2.5-Math-7B"},
    ),
    ("model-file-of-another-model", MATH, {"actor_config/load": "./Qwen2.5-7B-tp2pp2"}),
]
RLXF = [
    ("rlxf-size-not-positive", ZERO, {f"{ACTOR}/num_gpus_for_infer": 0}),
    ("rlxf-training-cards-not-multiple", ZERO, {f"{ACTOR}/num_gpus_for_train": 9}),
    ("rlxf-rollout-cards-not-multiple", ZERO, {f"{ACTOR}/num_gpus_for_infer": 5}),
    ("rlxf-batch-not-multiple", OLD, {"training/global_batch_size": 18}),
    ("rlxf-prompts-dropped", ZERO, {"training/global_batch_size": 122}),
    ("rlxf-mini-batch-not-multiple", ZERO, {f"{ACTOR}/ppo_mini_batch_size": 40}),
    ("rlxf-pool-differs-from-cards", ZERO, {"resource_pool/actor_rollout": [8, 8]}),
    ("rlxf-pool-not-multiple", ZERO, {"resource_pool/ref": [3]}),
    ("rlxf-no-room-for-response", ZERO, {f"{ACTOR}/max_prompt_length": 4096}),
    ("rlxf-response-not-padded", ZERO, {f"{ACTOR}/max_prompt_length": 2047}),
    ("rlxf-rollout-tp-differs", ZERO, {f"{ACTOR}/inference_tensor_model_parallel_size": 1}),
    ("rlxf-has-labels", ZERO, {"training/has-labels": True}),
    ("rlxf-not-sampling", ZERO, {f"{ACTOR}/do_sample": False}),
    ("rlxf-not-sampling", ZERO, {f"{ACTOR}/do_sample": GONE}),
    ("rlxf-temperature-outside-note", ZERO, {f"{ACTOR}/temperature": 0.2}),
    ("rlxf-false-key-dropped", ZERO, {f"{ACTOR}/shuffle": False}),
    (
        "rlxf-roles-share-checkpoint",
        ZERO,
        {"actor_rollout_ref/ref/load": "model_weights/qwen25-7b-instruct-tp2pp4"},
    ),
    ("rlxf-roles-share-checkpoint", OLD, {"actor_rollout_ref/ref/pipeline_model_parallel_size": 2}),
    ("reward-no-labels", ZERO, {"training/dataset_additional_keys": GONE}),
    ("reward-unknown-verifier", ZERO, {"algorithm/verifier_function": ["r1_acc", "r1_formt"]}),
    ("save-overwrites-load", ZERO, {f"{ACTOR}/save": "./model_weights/qwen25-7b-instruct-tp2pp4"}),
    ("rlxf-sequence-above-model-positions", OLD, {"training/seq_length": 8192}),
    ("reward-tags-from-base-model", OLD, {"algorithm/verifier_function": ["format"]}),
]
DATA = [
    ("dataset-column-already-templated", "datasets/math_8k", {"map_keys/prompt": "input"}),
    (
        "dataset-handler-leaks-answer",
        "datasets/math_8k",
        {"handler_name": "AlpacaStyleInstructionHandler"},
    ),
    ("dataset-no-query", "datasets/math_8k", {"map_keys/query": GONE}),
    ("dataset-no-labels", "datasets/math_8k", {"dataset_additional_keys": []}),
    ("dataset-no-response", "datasets/math_8k", {"map_keys/response": ""}),
]


# Read once for all cases: the same files every time.
CLEAN: dict[str, set[str]] = {}


def spoiled(changes, gone):
    return {key: gone if value is GONE else value for key, value in changes.items()}


@pytest.fixture
def clean(findings, configs):
    """The ids on an unspoiled file."""

    def ids(name):
        if name not in CLEAN:
            CLEAN[name] = {f.id for f in findings(configs / f"{name}.yaml")}
        return CLEAN[name]

    return ids


@pytest.mark.parametrize(("rule", "name", "changes"), [*RL, *RLXF, *DATA])
def test_a_fault_is_found_and_the_clean_file_is_silent(
    rule, name, changes, spoil, findings, gone, clean
):
    assert rule not in clean(name)
    found = [f for f in findings(spoil(name, spoiled(changes, gone))) if f.id == rule]
    assert found, rule
    assert all(f.at.name.endswith(".yaml") for f in found)
    for finding in found:
        for language in ("en", "zh"):
            cause, remedy = finding.words(language)
            assert "{" not in cause.replace("\\boxed{}", ""), cause
            assert remedy or finding.level in ("note", "ok")


def test_a_dataset_yaml_without_a_fault_is_said_to_be(findings, configs):
    assert {f.id for f in findings(configs / "datasets/math_8k.yaml")} == {"dataset-fits"}


def test_a_model_without_sizes_is_not_compared(spoil, findings, tmp_path, gone):
    (tmp_path / "config.json").write_text("{}")
    dpo = {"rl_config": GONE, "generate_config": GONE, "actor_config": GONE, "defaults": []}
    run = spoil(SEVEN, spoiled({**dpo, "megatron_training/model": GONE}, gone))
    assert "model-without-sizes" in {f.id for f in findings(run, model=tmp_path)}


@pytest.mark.parametrize("name", [SEVEN, MATH, DAPO, OLD, ZERO])
def test_what_always_is_told(name, spoil, findings):
    told = {f.id for f in findings(spoil(name, {}))}
    rl = {"cards-in-turns", "batch-sizes-consistent"}
    rlxf = {"rlxf-cards-by-role", "rlxf-batch-sizes-consistent", "rlxf-response-length"}
    common = {"save-disk-use", "reward-verifiers-of-ours"}
    assert told >= common | (rl if name.startswith("msrl") else rlxf)


def test_a_mixture_of_experts_cut_as_the_host_assumes_is_silent(spoil, findings):
    changes = {"actor_config/num_experts": 8, "actor_config/moe_tp_extend_ep": True}
    assert "experts-without-extend-ep" not in {f.id for f in findings(spoil(SEVEN, changes))}


def test_a_full_disk_is_told(spoil, findings, tmp_path):
    save = {"actor_config/save": str(tmp_path), "megatron_training/train_iters": 10**9}
    assert "save-disk-too-small" in {f.id for f in findings(spoil(SEVEN, save))}


def test_a_box_prompt_does_not_pay_a_verifier_of_tags(spoil, findings, configs):
    data = configs / "datasets" / "math_8k.yaml"
    assert "reward-tags-prompt-asks-box" not in {
        f.id for f in findings(configs / f"{MATH}.yaml", data)
    }
    run = spoil(MATH, {"rl_config/verifier_function": ["strict_tags"]})
    assert "reward-tags-prompt-asks-box" in {f.id for f in findings(run, data)}


def test_the_host_s_format_is_no_match_for_a_box_prompt(spoil, findings):
    """The note's own finding: acc and format with Qwen's box prompt."""
    changes = {
        "rl_config/verifier_function": ["acc", "format"],
        "rl_config/verifier_weight": [1, 1],
    }
    found = findings(spoil(MATH, changes), spoil("datasets/math_8k", {}))
    assert [f.id for f in found].count("reward-tags-prompt-asks-box") == 1


@pytest.mark.parametrize("run", [MATH, OLD])
def test_files_that_do_not_belong_together_are_told(run, spoil, findings, configs):
    path, data = configs / f"{run}.yaml", configs / "datasets" / "math_8k.yaml"
    other = spoil("datasets/math_8k", {"output_prefix": "./dataset/elsewhere"})
    assert "dataset-of-another-run" not in {f.id for f in findings(path, data)}
    assert "dataset-of-another-run" not in {f.id for f in findings(other)}
    [told] = [f for f in findings(path, other) if f.id == "dataset-of-another-run"]
    assert told.at.name == str(other)
    assert path.name in told.cause


@pytest.mark.parametrize("spelled", ["dataset/math_8k/data", "./dataset//math_8k/data"])
def test_one_prefix_may_be_spelled_in_two_ways(spelled, spoil, findings):
    run = spoil(MATH, {"rl_config/verifier_function": ["strict_tags"]})
    found = {f.id for f in findings(run, spoil("datasets/math_8k", {"output_prefix": spelled}))}
    assert "reward-tags-prompt-asks-box" in found
    assert "dataset-of-another-run" not in found


def test_data_that_fit_one_of_two_runs_belong_to_it(findings, configs):
    runs = [configs / f"{name}.yaml" for name in (SEVEN, MATH)]
    found = findings(*runs, configs / "datasets" / "math_8k.yaml")
    assert "dataset-of-another-run" not in {f.id for f in found}


def test_the_file_that_data_are_made_of_says_which_they_are(spoil, findings, configs):
    """The prefix tells nothing: only the dataset YAML names the rows."""
    prefix = "./dataset/mine/data"
    run = spoil(SEVEN, {"megatron_training/data_path": prefix})
    fits = spoil("datasets/math_17k", {"output_prefix": prefix})
    assert "reward-for-other-data" not in {f.id for f in findings(run, fits)}
    other = {"output_prefix": prefix, "prompt_type": "qwen", "input": "./gsm8k/train.jsonl"}
    [told] = [
        f for f in findings(run, spoil("datasets/gsm8k", other)) if f.id == "reward-for-other-data"
    ]
    assert told.values["data"] == "GSM8K"
    misnamed = {"input": "./gsm8k/train.jsonl"}
    found = findings(configs / f"{SEVEN}.yaml", spoil("datasets/math_17k", misnamed))
    assert "reward-for-other-data" in {f.id for f in found}


def test_data_and_run_that_differ_are_told(spoil, findings, configs):
    run = configs / f"{MATH}.yaml"
    data = configs / "datasets" / "math_8k.yaml"
    assert "dataset-differs-from-run" not in {f.id for f in findings(run, data)}
    assert "dataset-differs-from-run" in {
        f.id for f in findings(run, spoil("datasets/math_8k", {"max_prompt_length": 512}))
    }


def test_the_first_rows_of_a_file_are_looked_at(spoil, findings, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "1+1", "gt": "2", "input": "<|im_start|>user\\n1+1"}\n')
    missing = spoil("datasets/math_8k", {"input": str(rows)})
    [told] = [f for f in findings(missing) if f.id == "dataset-unknown-column"]
    assert told.at.key == "map_keys.response"
    assert "gt" in told.remedy
    templated = {"input": str(rows), "map_keys/prompt": "input", "map_keys/response": "gt"}
    assert {f.id for f in findings(spoil("datasets/math_8k", templated))} == {
        "dataset-column-already-templated"
    }


def test_what_only_hydra_can_fill_in_is_left_alone(spoil, findings):
    opened = {
        "rl_config/verifier_function": "${names}",
        "megatron_training/dataset_additional_keys": "${keys}",
        "megatron_training/global_batch_size": "${size}",
    }
    found = {f.id for f in findings(spoil(SEVEN, opened)) if f.level == "error"}
    assert not found
