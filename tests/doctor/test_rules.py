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
    ("R1-positive", SEVEN, {"megatron_training/global_batch_size": 0}),
    ("R1-positive", SEVEN, {"actor_config/micro_batch_size": -1}),
    ("R1-npus", SEVEN, {"rl_config/actor_resource/num_npus": 14}),
    ("R1-dp", SEVEN, {"megatron_training/global_batch_size": 34}),
    ("R1-dp", DAPO, {"rl_config/filter_groups_train_batch_size": 33}),
    ("R1-micro", SEVEN, {"actor_config/micro_batch_size": 3}),
    ("R1-infer-npus", SEVEN, {"generate_config/infer_tensor_parallel_size": 3}),
    ("R1-infer-dp", SEVEN, {"megatron_training/global_batch_size": 36}),
    ("R1-infer-pp", SEVEN, {"generate_config/infer_pipeline_parallel_size": 2}),
    ("R1-dispatch", SEVEN, {"rl_config/adv_dispatch_size": 100}),
    ("R1-dispatch-large", SEVEN, {"rl_config/actor_logprob_dispatch_size": 128}),
    ("R1-window", SEVEN, {"generate_config/max_model_len": 1024}),
    ("R1-dtype", SEVEN, {"generate_config/dtype": "float16"}),
    ("R1-dtype", SEVEN, {"megatron_training/bf16": False}),
    ("R1-heads", SEVEN, {"actor_config/tensor_model_parallel_size": 8}),
    ("R1-heads", SEVEN, {"actor_config/pipeline_model_parallel_size": 16}),
    ("R1-layer-list", SEVEN, {"actor_config/num_layer_list": "14,15"}),
    ("R1-layer-list", SEVEN, {"actor_config/num_layer_list": "10,9,9"}),
    ("R1-integrated", SEVEN, {"rl_config/reference_resource": {"num_npus": 8}}),
    ("R1-integrated", SEVEN, {"ref_config": {"load": "./x"}}),
    ("R1-separate", SEVEN, {**RESUME, "rl_config/use_integrated_worker": False}),
    ("R1-padding", SEVEN, {"rl_config/use_remove_padding": True}),
    (
        "R1-order",
        SEVEN,
        {"rl_config/partial_rollout_max_split": 2, "rl_config/guarantee_order": True},
    ),
    ("R1-turns", SEVEN, {"rl_config/multi_turn_enable": True}),
    (
        "R6-turns",
        SEVEN,
        {"rl_config/multi_turn_enable": True, "rl_config/max_total_response_length": 4096},
    ),
    ("R1-overlong", DAPO, {"rl_config/overlong_buffer": 2048}),
    ("R1-rollout-tokens", DAPO, {"rl_config/rollout_max_tokens": 1024}),
    ("R1-clip", DAPO, {"rl_config/clip_ratio_low": 0.3}),
    ("R1-filter", DAPO, {"rl_config/filter_groups_metric": "dapoo"}),
    (
        "R1-filter-parameters",
        DAPO,
        {
            "rl_config/verifier_function": ["dapo(boxed=True)"],
            "rl_config/filter_groups_metric": "dapo(boxed=True)",
        },
    ),
    ("R1-sampling", SEVEN, {"generate_config/sampling_config/temperature": GONE}),
    ("R6-window", SEVEN, {"rl_config/max_prompt_length": 2049}),
    ("R6-positions", SEVEN, {"generate_config/max_model_len": 32769}),
    ("R6-positions", MATH, {"generate_config/max_model_len": 4097}),
    ("R14-entropy", MATH, {"rl_config/entropy_coeff": 0.0}),
    ("R14-entropy", MATH, {"rl_config/entropy_coeff": GONE}),
    ("R14-throughput", SEVEN, {"rl_config/log_max_throughput": GONE}),
    ("R14-throughput-on", SEVEN, {"rl_config/log_max_throughput": True}),
    ("R10-same", SEVEN, {"actor_config/save": "model_weights/qwen25-7b-tp2pp2/"}),
    ("R10-partial", SEVEN, {"actor_config/no_load_optim": False}),
    ("R10-partial", SEVEN, {**RESUME, "rl_config/integrated_mode_config": None}),
    ("R10-partial", SEVEN, {**RESUME, "actor_config/finetune": True}),
    ("R10-partial", SEVEN, {**RESUME, "actor_config/no_load_rng": True}),
    ("R10-neither", SEVEN, {"actor_config/finetune": False}),
    ("R10-resume", SEVEN, RESUME),
    (
        "R10-reference",
        SEVEN,
        {**RESUME, "rl_config/integrated_mode_config/ref_model_load_path": "save/grpo-qwen25-7b"},
    ),
    ("R10-no-state", SEVEN, {**RESUME, "actor_config/no_save_optim": True}),
    ("R12-path", SEVEN, {"actor_config/load": "/no/such/checkpoint"}),
    ("R12-path", SEVEN, {"megatron_training/data_path": "/no/such/prefix"}),
    ("S1-8", SEVEN, {"actor_config/num_experts": 8}),
    (
        "S1-17",
        SEVEN,
        {"actor_config/num_experts": 8, "actor_config/expert_model_parallel_size": 16},
    ),
    ("R9-unknown", SEVEN, {"rl_config/verifier_function": ["math_17"]}),
    ("R9-spec", SEVEN, {"rl_config/verifier_function": ["math_17k(limit=1)"]}),
    ("R9-spec", SEVEN, {"rl_config/verifier_function": ["math_17k("]}),
    ("R9-weights", SEVEN, {"rl_config/verifier_weight": [1.0, 1.0]}),
    ("R9-none", SEVEN, {"rl_config/verifier_function": []}),
    ("R9-reads", SEVEN, {"rl_config/verifier_function": ["simplerl"]}),
    ("R9-reads", SEVEN, {"rl_config/verifier_function": ["math_verify_reward"]}),
    ("R9-other-data", SEVEN, {"megatron_training/data_path": "./dataset/deepscaler/data"}),
    ("S4-2", MATH, {"rl_config/verifier_function": ["r1_format"]}),
    ("S0-5", MATH, {"megatron_training/tokenizer_name_or_path": "./Qwen2.5-Math-7B-Instruct"}),
    ("R15", SEVEN, {"megatron_training/dataset_additional_keys": []}),
    ("R15", SEVEN, {"megatron_training/dataset_additional_keys": GONE}),
    ("R15-key", SEVEN, {"rl_config/verifier_function": ["doctor_test_level"]}),
    ("R9-multimodal-ours", SEVEN, {"rl_config/is_multimodal": True}),
    (
        "R9-multimodal",
        SEVEN,
        {"rl_config/is_multimodal": True, "rl_config/verifier_function": ["acc"]},
    ),
    ("V-replace", SEVEN, {"rl_config/verifier_function": ["math_17k_acc"]}),
    ("I1", SEVEN, {"megatron_training/tokenizer_name_or_path": "./models/Qwen2.5-Math-7B"}),
    ("I1", MATH, {"actor_config/load": "./Qwen2.5-7B-tp2pp2"}),
]
RLXF = [
    ("R1-positive", ZERO, {f"{ACTOR}/num_gpus_for_infer": 0}),
    ("R2-train", ZERO, {f"{ACTOR}/num_gpus_for_train": 9}),
    ("R2-infer", ZERO, {f"{ACTOR}/num_gpus_for_infer": 5}),
    ("R2-batch", OLD, {"training/global_batch_size": 18}),
    ("R3-prompts", ZERO, {"training/global_batch_size": 122}),
    ("R3-mini", ZERO, {f"{ACTOR}/ppo_mini_batch_size": 40}),
    ("R4-pool", ZERO, {"resource_pool/actor_rollout": [8, 8]}),
    ("R4-role", ZERO, {"resource_pool/ref": [3]}),
    ("R5-response", ZERO, {f"{ACTOR}/max_prompt_length": 4096}),
    ("R5-pad", ZERO, {f"{ACTOR}/max_prompt_length": 2047}),
    ("S4-9", ZERO, {f"{ACTOR}/inference_tensor_model_parallel_size": 1}),
    ("S4-13", ZERO, {"training/has-labels": True}),
    ("S4-7", ZERO, {f"{ACTOR}/do_sample": False}),
    ("S4-7", ZERO, {f"{ACTOR}/do_sample": GONE}),
    ("S4-7-temperature", ZERO, {f"{ACTOR}/temperature": 0.2}),
    ("F-dropped", ZERO, {f"{ACTOR}/shuffle": False}),
    ("I10", ZERO, {"actor_rollout_ref/ref/load": "model_weights/qwen25-7b-instruct-tp2pp4"}),
    ("I10", OLD, {"actor_rollout_ref/ref/pipeline_model_parallel_size": 2}),
    ("R15", ZERO, {"training/dataset_additional_keys": GONE}),
    ("R9-unknown", ZERO, {"algorithm/verifier_function": ["r1_acc", "r1_formt"]}),
    ("R10-same", ZERO, {f"{ACTOR}/save": "./model_weights/qwen25-7b-instruct-tp2pp4"}),
    ("R6-positions", OLD, {"training/seq_length": 8192}),
    ("S4-2", OLD, {"algorithm/verifier_function": ["format"]}),
]
DATA = [
    ("S0-14", "datasets/math_8k", {"map_keys/prompt": "input"}),
    ("S0-16", "datasets/math_8k", {"handler_name": "AlpacaStyleInstructionHandler"}),
    ("D-query", "datasets/math_8k", {"map_keys/query": GONE}),
    ("D-labels", "datasets/math_8k", {"dataset_additional_keys": []}),
    ("D-response", "datasets/math_8k", {"map_keys/response": ""}),
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
            cause, remedy = finding.said(language)
            assert "{" not in cause.replace("\\boxed{}", ""), cause
            assert remedy or finding.level in ("note", "ok")


def test_a_dataset_yaml_without_a_fault_is_said_to_be(findings, configs):
    assert {f.id for f in findings(configs / "datasets/math_8k.yaml")} == {"D-fine"}


def test_a_model_without_sizes_is_not_compared(spoil, findings, tmp_path, gone):
    (tmp_path / "config.json").write_text("{}")
    dpo = {"rl_config": GONE, "generate_config": GONE, "actor_config": GONE, "defaults": []}
    run = spoil(SEVEN, spoiled({**dpo, "megatron_training/model": GONE}, gone))
    assert "R7-no-sizes" in {f.id for f in findings(run, model=tmp_path)}


@pytest.mark.parametrize("name", [SEVEN, MATH, DAPO, OLD, ZERO])
def test_what_always_is_told(name, spoil, findings):
    told = {f.id for f in findings(spoil(name, {}))}
    common = {"S0-18", "S3-9", "V-ours"}
    assert told >= common | ({"R1-holds"} if name.startswith("msrl") else {"R2-holds", "R5-length"})


def test_a_mixture_of_experts_cut_as_the_host_assumes_is_silent(spoil, findings):
    changes = {"actor_config/num_experts": 8, "actor_config/moe_tp_extend_ep": True}
    assert "S1-8" not in {f.id for f in findings(spoil(SEVEN, changes))}


def test_a_full_disk_is_told(spoil, findings, tmp_path):
    save = {"actor_config/save": str(tmp_path), "megatron_training/train_iters": 10**9}
    assert "S3-9-full" in {f.id for f in findings(spoil(SEVEN, save))}


def test_a_box_prompt_does_not_pay_a_verifier_of_tags(spoil, findings, configs):
    data = configs / "datasets" / "math_8k.yaml"
    assert "S0-19" not in {f.id for f in findings(configs / f"{MATH}.yaml", data)}
    run = spoil(MATH, {"rl_config/verifier_function": ["strict_tags"]})
    assert "S0-19" in {f.id for f in findings(run, data)}


def test_the_host_s_format_is_no_match_for_a_box_prompt(spoil, findings):
    """The note's own finding: acc and format with Qwen's box prompt."""
    changes = {
        "rl_config/verifier_function": ["acc", "format"],
        "rl_config/verifier_weight": [1, 1],
    }
    found = findings(spoil(MATH, changes), spoil("datasets/math_8k", {}))
    assert [f.id for f in found].count("S0-19") == 1


@pytest.mark.parametrize("run", [MATH, OLD])
def test_files_that_do_not_belong_together_are_told(run, spoil, findings, configs):
    path, data = configs / f"{run}.yaml", configs / "datasets" / "math_8k.yaml"
    other = spoil("datasets/math_8k", {"output_prefix": "./dataset/elsewhere"})
    assert "D-apart" not in {f.id for f in findings(path, data)}
    assert "D-apart" not in {f.id for f in findings(other)}
    [told] = [f for f in findings(path, other) if f.id == "D-apart"]
    assert told.at.name == str(other)
    assert path.name in told.cause


@pytest.mark.parametrize("spelled", ["dataset/math_8k/data", "./dataset//math_8k/data"])
def test_one_prefix_may_be_spelled_in_two_ways(spelled, spoil, findings):
    run = spoil(MATH, {"rl_config/verifier_function": ["strict_tags"]})
    found = {f.id for f in findings(run, spoil("datasets/math_8k", {"output_prefix": spelled}))}
    assert "S0-19" in found
    assert "D-apart" not in found


def test_data_that_fit_one_of_two_runs_belong_to_it(findings, configs):
    runs = [configs / f"{name}.yaml" for name in (SEVEN, MATH)]
    found = findings(*runs, configs / "datasets" / "math_8k.yaml")
    assert "D-apart" not in {f.id for f in found}


def test_the_file_that_data_are_made_of_says_which_they_are(spoil, findings, configs):
    """The prefix tells nothing: only the dataset YAML names the rows."""
    prefix = "./dataset/mine/data"
    run = spoil(SEVEN, {"megatron_training/data_path": prefix})
    fits = spoil("datasets/math_17k", {"output_prefix": prefix})
    assert "R9-other-data" not in {f.id for f in findings(run, fits)}
    other = {"output_prefix": prefix, "prompt_type": "qwen", "input": "./gsm8k/train.jsonl"}
    [told] = [f for f in findings(run, spoil("datasets/gsm8k", other)) if f.id == "R9-other-data"]
    assert told.values["data"] == "GSM8K"
    misnamed = {"input": "./gsm8k/train.jsonl"}
    found = findings(configs / f"{SEVEN}.yaml", spoil("datasets/math_17k", misnamed))
    assert "R9-other-data" in {f.id for f in found}


def test_data_and_run_that_differ_are_told(spoil, findings, configs):
    run = configs / f"{MATH}.yaml"
    data = configs / "datasets" / "math_8k.yaml"
    assert "D-pair" not in {f.id for f in findings(run, data)}
    assert "D-pair" in {
        f.id for f in findings(run, spoil("datasets/math_8k", {"max_prompt_length": 512}))
    }


def test_the_first_rows_of_a_file_are_looked_at(spoil, findings, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "1+1", "gt": "2", "input": "<|im_start|>user\\n1+1"}\n')
    missing = spoil("datasets/math_8k", {"input": str(rows)})
    [told] = [f for f in findings(missing) if f.id == "I5"]
    assert told.at.key == "map_keys.response"
    assert "gt" in told.remedy
    templated = {"input": str(rows), "map_keys/prompt": "input", "map_keys/response": "gt"}
    assert {f.id for f in findings(spoil("datasets/math_8k", templated))} == {"S0-14"}


def test_what_only_hydra_can_fill_in_is_left_alone(spoil, findings):
    opened = {
        "rl_config/verifier_function": "${names}",
        "megatron_training/dataset_additional_keys": "${keys}",
        "megatron_training/global_batch_size": "${size}",
    }
    found = {f.id for f in findings(spoil(SEVEN, opened)) if f.level == "error"}
    assert not found
