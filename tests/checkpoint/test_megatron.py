"""Our shards, loaded strictly into real megatron-core, give the logits of transformers (fp32)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions

if find_spec("megatron") is None or find_spec("megatron.core") is None:
    pytest.skip("megatron-core is not installed", allow_module_level=True)
transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")

SLOW = pytest.mark.slow
# name -> family, options of the model, options of the conversion, marks
MOE = {"num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2}
QWEN3_MOE = {**MOE, "moe_intermediate_size": 48, "norm_topk_prob": True, "head_dim": 16}
QWEN2_MOE = {
    **MOE, "moe_intermediate_size": 48, "shared_expert_intermediate_size": 80,
    "norm_topk_prob": False,
}  # fmt: skip
LATENT = {
    "kv_lora_rank": 24, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16,
    "num_key_value_heads": 8, "n_routed_experts": 4, "n_shared_experts": 2,
    "num_experts_per_tok": 2, "moe_intermediate_size": 48, "first_k_dense_replace": 1,
    "n_group": 1, "topk_group": 1,
}  # fmt: skip
LITE = {
    **LATENT, "q_lora_rank": None, "norm_topk_prob": False, "topk_method": "greedy",
    "routed_scaling_factor": 1.0,
}  # fmt: skip
V3 = {
    **LATENT, "q_lora_rank": 32, "norm_topk_prob": True, "routed_scaling_factor": 2.5,
    "num_nextn_predict_layers": 0,
}  # fmt: skip
GPT_OSS = {
    **MOE, "head_dim": 16, "sliding_window": 6,
    "rope_parameters": {
        "rope_type": "yarn", "rope_theta": 150000.0, "factor": 32.0, "beta_fast": 32.0,
        "beta_slow": 1.0, "truncate": False, "original_max_position_embeddings": 4096,
    },
}  # fmt: skip
LINEAR = {
    "head_dim": 16, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 16, "linear_value_head_dim": 12,
    "rope_parameters": {
        "rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 0.25,
    },
}  # fmt: skip
LINEAR_MOE = {
    **LINEAR, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48,
    "shared_expert_intermediate_size": 80,
}  # fmt: skip
NEWER = {"mcore_dialect": "0.12"}
EP2 = {"expert_parallel_size": 2}
FUSED = {"transformer_impl": "transformer_engine"}
WHOLE = {"expert_tensor_parallel_size": 1}
CORE = {"target": "megatron-core-0.16"}


def scaled(kind: str, **more) -> dict:
    rope = {"rope_type": kind, "rope_theta": 1e4, "original_max_position_embeddings": 8192, **more}
    return {"rope_parameters": rope}


YARN = scaled("yarn", factor=40.0, original_max_position_embeddings=16)
R1 = scaled(
    "yarn", factor=40.0, original_max_position_embeddings=16, mscale=0.7, mscale_all_dim=1.0,
)  # fmt: skip
LLAMA31 = scaled("llama3", factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0)
WINDOWS = {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 2}
CASES = {
    "qwen2-TP2-PP2-padded": ("Qwen2", {}, (2, 2), {"make_vocab_size_divisible_by": 32}, ()),
    "qwen3-tied-TP1-PP2-VPP2": (
        "Qwen3", {"tie_word_embeddings": True, "head_dim": 16}, (1, 2),
        {"num_layers_per_virtual_pipeline_stage": 1}, (),
    ),
    "mixtral-TP1-EP2-local": ("Mixtral", MOE, (1, 1), EP2, ()),
    "qwen3moe-TP2-EP2-grouped": (
        "Qwen3Moe", QWEN3_MOE, (2, 1), {**EP2, "moe_grouped_gemm": True}, (),
    ),
    "gptoss-TP2-EP2": ("GptOss", GPT_OSS, (2, 1), {**EP2, **WHOLE}, ()),
    "qwen3_5-TP2-PP2": ("Qwen3_5", LINEAR, (2, 2), FUSED, ()),
    "qwen3_5-PP1": ("Qwen3_5", LINEAR, (1, 1), FUSED, SLOW),
    "qwen3_5_moe-TP2-EP2": ("Qwen3_5Moe", LINEAR_MOE, (2, 1), {**EP2, **FUSED}, SLOW),
    "gptoss-TP2-PP2": ("GptOss", GPT_OSS, (2, 2), WHOLE, SLOW),
    "gptoss-PP2-EP2": ("GptOss", GPT_OSS, (1, 2), EP2, SLOW),
    "deepseek3-yarn-TP2": ("DeepseekV3", {**V3, **R1, "n_group": 2}, (2, 1), CORE, ()),
    "llama-scaled-TP2": ("Llama", LLAMA31, (2, 1), CORE, ()),
    "qwen2-yarn-TP2": ("Qwen2", YARN, (2, 1), CORE, SLOW),
    "qwen2-linear-TP2": ("Qwen2", scaled("linear", factor=4.0), (2, 1), {}, SLOW),
    "qwen2-windows-PP2": ("Qwen2", WINDOWS, (1, 2), {}, SLOW),
    "mistral-window-TP2": ("Mistral", {"sliding_window": 5}, (2, 1), {}, SLOW),
    "qwen2-TP1-PP1": ("Qwen2", {}, (1, 1), {}, ()),
    "qwen2-TP2-PP2-VPP2": (
        "Qwen2", {}, (2, 2), {"num_layers_per_virtual_pipeline_stage": 1}, SLOW,
    ),
    "qwen2-tied-TP1-PP1-padded": (
        "Qwen2", {"tie_word_embeddings": True}, (1, 1), {"make_vocab_size_divisible_by": 64}, SLOW,
    ),
    "qwen2-tied-TP2-PP2": ("Qwen2", {"tie_word_embeddings": True}, (2, 2), {}, ()),
    "llama-TP1-PP1": ("Llama", {}, (1, 1), {}, SLOW),
    "llama-TP2-PP2": ("Llama", {}, (2, 2), {}, SLOW),
    "llama-TP2-PP2-VPP2": (
        "Llama", {}, (2, 2), {"num_layers_per_virtual_pipeline_stage": 1}, SLOW,
    ),
    "qwen3-TP1-PP1": ("Qwen3", {"head_dim": 16}, (1, 1), {}, SLOW),
    "qwen3-TP2-PP2": ("Qwen3", {"head_dim": 16}, (2, 2), {}, SLOW),
    "mistral-TP2-PP2": ("Mistral", {"sliding_window": None}, (2, 2), {}, SLOW),
    "phi3-TP2-PP2": ("Phi3", {"pad_token_id": 0}, (2, 2), {}, SLOW),
    "qwen2-noop-PP2": ("Qwen2", {}, (1, 2), {"noop_layers": (1, 5)}, SLOW),
    "qwen2-list-PP2": ("Qwen2", {}, (2, 2), {"num_layer_list": (1, 3)}, SLOW),
    "mixtral-TP2-PP2-local": ("Mixtral", MOE, (2, 2), {}, SLOW),
    "mixtral-TP2-EP2-grouped": ("Mixtral", MOE, (2, 1), {**EP2, "moe_grouped_gemm": True}, SLOW),
    "qwen3moe-TP2-PP2-local": ("Qwen3Moe", QWEN3_MOE, (2, 2), {}, SLOW),
    "qwen3moe-PP2-EP2-local": ("Qwen3Moe", QWEN3_MOE, (1, 2), EP2, SLOW),
    "qwen2moe-TP1-local": ("Qwen2Moe", QWEN2_MOE, (1, 1), NEWER, SLOW),
    "qwen2moe-TP2-EP2-local": ("Qwen2Moe", QWEN2_MOE, (2, 1), {**EP2, **NEWER}, SLOW),
    "deepseek2-lite-TP1-local": ("DeepseekV2", LITE, (1, 1), NEWER, SLOW),
    "deepseek3-core-TP2-PP2-EP2": (
        "DeepseekV3", V3, (2, 2), {**EP2, "target": "megatron-core-0.16"}, SLOW,
    ),
    "deepseek3-core-TE-TP2-EP2": (
        "DeepseekV3", V3, (2, 1),
        {**EP2, "target": "megatron-core-0.16", "transformer_impl": "transformer_engine"}, (),
    ),
    "deepseek2-lite-core-TP2": (
        "DeepseekV2", LITE, (2, 1), {"target": "megatron-core-0.12"}, SLOW,
    ),
    "deepseek3-TP1-PP2-EP2-local": ("DeepseekV3", V3, (1, 2), {**EP2, **NEWER}, SLOW),
}  # fmt: skip


def make_model(folder: Path, family: str, **more) -> None:
    torch.manual_seed(3)
    made = getattr(transformers, f"{family}Config")
    config = getattr(transformers, f"{family}TextConfig", made)(
        vocab_size=101,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=4,
        num_attention_heads=8,
        max_position_embeddings=64,
        rms_norm_eps=1e-6,
        initializer_range=0.06,
        **{
            "tie_word_embeddings": False,
            "num_key_value_heads": 4,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
            **more,
        },
    )
    model = getattr(transformers, f"{family}ForCausalLM")(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("bias", "sinks")) or "norm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def lines(request, tmp_path_factory) -> dict[str, str]:
    """What the oracle printed, by case; one process tree for all that were chosen."""
    folder = tmp_path_factory.mktemp("oracle")
    words: list[str] = []
    here = (item for item in request.session.items if item.path == request.path)
    for name in [item.callspec.params["case"] for item in here if not skipped(item)]:
        family, model, (tp, pp), options, _ = CASES[name]
        hf, mg = folder / "hf" / name, folder / "mg" / name
        make_model(hf, family, **model)
        convert(ConvertOptions("hf", "mg", hf, mg, tp, pp, **options))
        ranks = len(list(mg.rglob("*.pt")))
        words += [str(hf), str(mg), str(ranks)]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("oracle_megatron.py"), *words],
        capture_output=True,
        text=True,
        timeout=600,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "CUDA_DEVICE_MAX_CONNECTIONS": "1",
            "TORCHDYNAMO_DISABLE": "1",
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = {line.split()[0]: line for line in done.stdout.splitlines() if "max_abs_diff" in line}
    return {"stderr": done.stderr[-6000:], **found}


def skipped(item: pytest.Item) -> bool:
    return item.get_closest_marker("skip") is not None


@pytest.mark.parametrize("case", [pytest.param(name, marks=CASES[name][-1]) for name in CASES])
def test_logits_are_those_of_transformers(lines, case, record_property):
    assert case in lines, lines["stderr"]
    found = re.search(r"max_abs_diff=(\S+) argmax=(\S+) max=(\S+)", lines[case])
    assert found, lines
    difference, agreement, spread = map(float, found.groups())
    record_property("max_abs_diff", difference)
    assert spread > 0.3, "logits too small to tell anything"
    assert agreement == 1.0
    assert difference <= (4e-6 if "qwen3_5" in case else 2e-6), lines[case]  # sums over all tokens
