"""Configurations with one fault, made from the shipped ones."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from mindspeed_rl_ext.core.rules import Finding
from mindspeed_rl_ext.doctor.examination import subjects
from mindspeed_rl_ext.doctor.opened import open_files
from mindspeed_rl_ext.doctor.options import DoctorOptions
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.rulebook import load_rules
from mindspeed_rl_ext.preprocess.packing.staging import staging
from mindspeed_rl_ext.preprocess.packing.writer import PackedWriter
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer
from mindspeed_rl_ext.verifiers import verifier

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
ROOT = Path(__file__).resolve().parents[2]
GONE = object()


@verifier("doctor_test_level", needs=("answer", "level"))
def doctor_test_level(response: str, *, answer: str, level: str) -> float:
    """Needs a column that no data has."""
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
FAULTS_RL = [
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
    ("window-below-seq-length", SEVEN, {"megatron_training/seq_length": 32768}),
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
        {
            "rl_config/multi_turn_enable": True,
            "rl_config/async_engine": True,
            "rl_config/max_total_response_length": 4096,
        },
    ),
    ("overlong-buffer-too-large", DAPO, {"rl_config/overlong_buffer": 2048}),
    ("overlong-tokens-differ", DAPO, {"rl_config/rollout_max_tokens": 1024}),
    ("clip-bounds-swapped", DAPO, {"rl_config/clip_ratio_low": 0.3}),
    ("filter-metric-not-a-verifier", DAPO, {"rl_config/filter_groups_metric": "dapoo"}),
    (
        "filter-metric-with-parameters",
        DAPO,
        {
            "rl_config/verifier_function": ["dapo(boxed=False)"],
            "rl_config/filter_groups_metric": "dapo(boxed=False)",
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
        {
            "actor_config/num_experts": 8,
            "actor_config/moe_tp_extend_ep": True,
            "actor_config/expert_model_parallel_size": 16,
        },
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
        {"rl_config/is_multimodal": True, "rl_config/verifier_function": ["step"]},
    ),
    ("reward-verifier-of-host", SEVEN, {"rl_config/verifier_function": ["math_17k_acc"]}),
    (
        "model-file-of-another-model",
        SEVEN,
        {"megatron_training/tokenizer_name_or_path": "./models/Qwen2.5-Math-7B"},
    ),
    ("model-file-of-another-model", MATH, {"actor_config/load": "./Qwen2.5-7B-tp2pp2"}),
]
FAULTS_RL += [
    ("group-of-one", SEVEN, {"rl_config/n_samples_per_prompt": 1}),
    ("temperature-zero", SEVEN, {"generate_config/sampling_config/temperature": 0.0}),
    ("adv-estimator-unknown", SEVEN, {"rl_config/adv_estimator": "grpo"}),
    ("kl-penalty-unknown", SEVEN, {"rl_config/kl_penalty": "k3"}),
    ("value-out-of-bounds", SEVEN, {"generate_config/gpu_memory_utilization": 1.4}),
    ("value-out-of-bounds", SEVEN, {"rl_config/clip_ratio": 2}),
    ("value-out-of-bounds", SEVEN, {"rl_config/init_kl_coef": -0.001}),
    ("learning-rate-high", SEVEN, {"actor_config/lr": 1.0e-3}),
    ("mini-batch-not-divisor", SEVEN, {"rl_config/mini_batch_size": 48}),
    ("mini-batch-not-divisor", SEVEN, {"rl_config/mini_batch_size": 100}),
    ("reward-nothing-pays", SEVEN, {"rl_config/rule_reward": False}),
    ("key-without-reader", SEVEN, {"rl_config/shuffle_minibatch": False}),
]
FAULTS_RLXF = [
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
FAULTS_RLXF += [
    ("group-of-one", ZERO, {f"{ACTOR}/n_samples_per_prompt": 1}),
    ("temperature-zero", ZERO, {f"{ACTOR}/temperature": 0}),
    ("adv-estimator-unknown", ZERO, {"algorithm/adv_estimator": "grpo"}),
    ("kl-penalty-unknown", ZERO, {"algorithm/kl_penalty": "low_var_kl"}),
    ("value-out-of-bounds", ZERO, {f"{ACTOR}/clip_ratio": 2}),
    ("value-out-of-bounds", ZERO, {"algorithm/kl_ctrl/kl_coef": -0.05}),
    ("learning-rate-high", ZERO, {f"{ACTOR}/lr": 1.0e-3}),
    ("reward-nothing-pays", ZERO, {"reward/verifier": False}),
]
FAULTS_DATA = [
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
FAULTS = [*FAULTS_RL, *FAULTS_RLXF, *FAULTS_DATA]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fault" in metafunc.fixturenames:
        ids = [f"{rule}-{Path(name).stem}" for rule, name, _ in FAULTS]
        metafunc.parametrize("fault", FAULTS, ids=ids)


@pytest.fixture(scope="session")
def faults() -> list[tuple[str, str, dict[str, Any]]]:
    """Rule, shipped file, and the changes that make the fault."""
    return FAULTS


def changed(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A table with values at dotted keys replaced; GONE takes a key away."""
    result = copy.deepcopy(dict(table))
    for dotted, value in changes.items():
        *outer, last = dotted.split("/")
        here = result
        for key in outer:
            here = here.setdefault(key, {})
        if value is GONE:
            del here[last]
        else:
            here[last] = copy.deepcopy(value)
    return result


@pytest.fixture
def gone() -> object:
    return GONE


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """A copy of the shipped configs that a test may spoil."""
    folder = tmp_path / "configs"
    shutil.copytree(ROOT / "configs", folder)
    return folder


Spoil = Callable[..., Path]


@pytest.fixture
def spoil(configs: Path) -> Spoil:
    """Writes a changed copy of a shipped file beside it; keys are separated by `/`."""

    def write(name: str, changes: Mapping[str, Any]) -> Path:
        path = configs / f"{name}.yaml"
        table = yaml.load(path.read_text(encoding="utf-8"), LOADER)
        spoiled = path.with_stem(f"{path.stem}_spoiled")
        spoiled.write_text(yaml.dump(changed(table, changes), Dumper=DUMPER, sort_keys=False))
        return spoiled

    return write


@pytest.fixture
def findings() -> Callable[..., list[Finding]]:
    """The findings of the rules on files; the machine is bare unless it is given."""
    book = load_rules()

    def examine(*paths: Path, around: Environment | None = None, **other: Any) -> list[Finding]:
        options = DoctorOptions(config=tuple(str(path) for path in paths), **other)
        found = subjects(options, open_files(options), around or Environment((3, 11, 7), {}))
        return [finding for subject in found for finding in book.examine(subject)]

    return examine


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizers = pytest.importorskip("tokenizers", reason="extra [data] is not installed")
    folder = tmp_path_factory.mktemp("model")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["How many?"], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture(scope="session")
def chat_model(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a chat template."""
    pytest.importorskip("transformers", reason="extra [data] is not installed")
    folder = tmp_path_factory.mktemp("chat") / "model"
    shutil.copytree(model, folder)
    path = folder / "tokenizer_config.json"
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    path.write_text(json.dumps({**json.loads(path.read_text()), "chat_template": template}))
    return folder


Pack = Callable[[Sequence[Mapping[str, Any]]], Path]


@pytest.fixture
def pack(model: Path, tmp_path: Path) -> Pack:
    """Packs rows whose values are texts or ids; a missing attention_mask is all ones."""
    tokenizer = load_tokenizer(model)

    def write(rows: Sequence[Mapping[str, Any]]) -> Path:
        prefix = tmp_path / "data"
        encoded = []
        for row in rows:
            ids = {k: tokenizer.encode(v) if isinstance(v, str) else v for k, v in row.items()}
            encoded.append({"attention_mask": [1] * len(ids["input_ids"]), **ids})
        with staging(prefix, overwrite=True) as folder:
            writer = PackedWriter(folder, prefix.name, tuple(encoded[0]))
            for row in encoded:
                writer.add(row)
            writer.finish()
        return prefix

    return write
