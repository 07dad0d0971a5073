"""Real megatron-core loads what we write, strictly and bit by bit, and we read what it saves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions

if find_spec("megatron") is None or find_spec("megatron.core") is None:
    pytest.skip("megatron-core is not installed", allow_module_level=True)
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
safetensors = pytest.importorskip("safetensors.torch")

SLOW = pytest.mark.slow
MOE = {
    "num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 48, "norm_topk_prob": True, "head_dim": 16,
}  # fmt: skip
SHARED = {
    "num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "norm_topk_prob": False,
    "moe_intermediate_size": 48, "shared_expert_intermediate_size": 80,
}  # fmt: skip
LATENT = {
    "kv_lora_rank": 24, "q_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8,
    "v_head_dim": 16, "num_key_value_heads": 8, "n_routed_experts": 4, "n_shared_experts": 2,
    "num_experts_per_tok": 2, "moe_intermediate_size": 48, "first_k_dense_replace": 1,
    "n_group": 1, "topk_group": 1, "norm_topk_prob": True, "routed_scaling_factor": 2.5,
    "num_nextn_predict_layers": 0,
}  # fmt: skip
GPT_OSS = {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 16, "sliding_window": 6}
LINEAR = {
    "head_dim": 16, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 16, "linear_value_head_dim": 12,
}  # fmt: skip
FUSED = {"transformer_impl": "transformer_engine"}
WHOLE = {"expert_tensor_parallel_size": 1}
PREDICTION = {**LATENT, "num_nextn_predict_layers": 1}
TIED = {"tie_word_embeddings": True}
GROUPED = {"expert_parallel_size": 2, "moe_grouped_gemm": True}
LEGACY = {**GROUPED, **WHOLE, **FUSED}  # how ranks are cut and named, which it does not have
SINGLETON = {"singleton_local_shards": True}

# name -> family, options of the model, (TP, PP), options of the conversion, options of the case
LOADED = {
    "qwen2-TP1": ("Qwen2", {}, (1, 1), {}, SLOW),
    "qwen2-TP2-PP2": ("Qwen2", {}, (2, 2), {}, ()),
    "qwen2-TP4-padded": ("Qwen2", {}, (4, 1), {"make_vocab_size_divisible_by": 8}, ()),
    "qwen2-tied-PP2": ("Qwen2", TIED, (1, 2), {}, SLOW),
    "qwen3moe-TP2-EP2": ("Qwen3Moe", MOE, (2, 1), GROUPED, ()),
    "qwen2moe-TP1": ("Qwen2Moe", SHARED, (1, 1), {"mcore_dialect": "0.12"}, SLOW),
    "deepseek3-PP2-EP2-core": (
        "DeepseekV3",
        LATENT,
        (1, 2),
        {"expert_parallel_size": 2, "mcore_dialect": "core"},
        SLOW,
    ),
    "deepseek3-prediction-core": (
        "DeepseekV3",
        PREDICTION,
        (1, 1),
        {"mtp_num_layers": 1, "mcore_dialect": "core"},
        (),
    ),
    "qwen3-TP2": ("Qwen3", {"head_dim": 16}, (2, 1), {}, SLOW),
    "qwen3_5-TP2-PP2": ("Qwen3_5", LINEAR, (2, 2), {**FUSED, "mcore_dialect": "core"}, ()),
    "gptoss-TP2-EP2": (
        "GptOss",
        GPT_OSS,
        (2, 1),
        {"expert_parallel_size": 2, **WHOLE, "mcore_dialect": "core"},
        (),
    ),
    "qwen3moe-PP2": ("Qwen3Moe", MOE, (1, 2), {}, SLOW),
}
SAVED = {
    "deepseek3-prediction": (
        "DeepseekV3", PREDICTION, (1, 1), {"mtp_num_layers": 1, "mcore_dialect": "core"}, {}, (),
    ),
    "qwen2-TP2-PP2-trained": ("Qwen2", {}, (2, 2), {}, {"optimizer": True}, ()),
    "qwen2-uneven-stages": ("Qwen2", {}, (1, 2), {"num_layer_list": (1, 3)}, {}, SLOW),
    "qwen3moe-one-by-one": ("Qwen3Moe", MOE, (2, 1), GROUPED, {"metadata": SINGLETON}, ()),
    "deepseek3-PP2-EP2": (
        "DeepseekV3", LATENT, (1, 2), {"expert_parallel_size": 2, "mcore_dialect": "0.12"}, {},
        SLOW,
    ),
    "qwen2-tied-PP2": ("Qwen2", TIED, (1, 2), {"make_vocab_size_divisible_by": 64}, {}, SLOW),
    "qwen3_5-TP2": ("Qwen3_5", LINEAR, (2, 1), {**FUSED, "mcore_dialect": "core"}, {}, ()),
    "gptoss-TP2-PP2": ("GptOss", GPT_OSS, (2, 2), {**WHOLE, "mcore_dialect": "core"}, {}, ()),
    "qwen2-one-by-one": ("Qwen2", {}, (2, 1), {}, {"metadata": SINGLETON}, SLOW),
    "qwen3moe-PP2": ("Qwen3Moe", MOE, (1, 2), {}, {}, SLOW),
    "qwen2moe-TP1": ("Qwen2Moe", SHARED, (1, 1), {"mcore_dialect": "0.12"}, {}, SLOW),
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
        **{"tie_word_embeddings": False, "num_key_value_heads": 4, **more},
    )
    model = getattr(transformers, f"{family}ForCausalLM")(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "norm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.to(torch.bfloat16).save_pretrained(folder)
    if more.get("num_nextn_predict_layers"):
        add_prediction_layer(folder / "model.safetensors", 4)


def add_prediction_layer(path: Path, number: int) -> None:
    """Transformers leaves these layers out; publishers store them behind the others."""
    tensors = safetensors.load_file(path)
    last, at = f"model.layers.{number - 1}.", f"model.layers.{number}."
    for name in [name for name in tensors if name.startswith(last)]:
        tensors[name.replace(last, at)] = torch.randn_like(tensors[name].float()).bfloat16()
    hidden = tensors["model.norm.weight"].shape[0]
    for name in ("enorm", "hnorm", "shared_head.norm"):
        tensors[f"{at}{name}.weight"] = torch.randn(hidden).bfloat16()
    tensors[f"{at}eh_proj.weight"] = torch.randn(hidden, 2 * hidden).bfloat16()
    tensors[f"{at}embed_tokens.weight"] = tensors["model.embed_tokens.weight"].clone()
    tensors[f"{at}shared_head.head.weight"] = tensors["lm_head.weight"].clone()
    safetensors.save_file(tensors, path, {"format": "pt"})


def run_convert(source: Path, to: str, destination: Path, **options) -> None:
    convert(
        ConvertOptions(
            load_model_type="auto",
            save_model_type=to,
            load_dir=source,
            save_dir=destination,
            **options,
        )
    )


def with_ranks(folder: Path, name: str, family: str, model: dict, cut: tuple, options: dict):
    """A model, and its legacy checkpoint of that layout, which the oracle compares with."""
    hf, mg = folder / "hf" / name, folder / "mg" / name
    make_model(hf, family, **model)
    tp, pp = cut
    sizes = {"tensor_parallel_size": tp, "pipeline_parallel_size": pp}
    run_convert(hf, "mg", mg, **sizes, **options)
    return {"name": name, "hf": str(hf), "mg": str(mg)}


def oracle(folder: Path, cases: list[dict]) -> dict[str, str]:
    (folder / "cases.json").write_text(json.dumps(cases))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("oracle_dist.py")),
         str(folder / "cases.json")],
        capture_output=True,
        text=True,
        timeout=600,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "CUDA_DEVICE_MAX_CONNECTIONS": "1",
            "TORCHDYNAMO_DISABLE": "1",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = {line.split()[0]: line for line in done.stdout.splitlines() if " same " in line}
    return {"stderr": done.stderr[-6000:], **found}


def chosen(request, table: dict) -> list[str]:
    here = (item for item in request.session.items if item.path == request.path)
    names = {
        i.callspec.params["case"]
        for i in here
        if "case" in getattr(getattr(i, "callspec", None), "params", {})
        and not i.get_closest_marker("skip")
    }
    return [name for name in table if name in names]


@pytest.fixture(scope="module")
def loaded(request, tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("loaded")
    cases = []
    for name in chosen(request, LOADED):
        family, model, (tp, pp), options, _ = LOADED[name]
        case = with_ranks(folder, name, family, model, (tp, pp), options)
        ours = folder / "ours" / name
        kept = {key: value for key, value in options.items() if key not in LEGACY}
        run_convert(Path(case["hf"]), "torch_dist", ours, tensor_parallel_size=tp, **kept)
        cases.append({**case, "do": "load", "dist": str(ours / "iter_0000001"), "vocab": None})
    return oracle(folder, cases)


@pytest.mark.parametrize(
    "case", [pytest.param(name, marks=row[-1] or ()) for name, row in LOADED.items()]
)
def test_core_loads_what_we_write_strictly_and_bit_by_bit(loaded, case):
    assert case in loaded, loaded["stderr"]
    assert int(loaded[case].split()[-1]) >= 30


@pytest.fixture(scope="module")
def saved(request, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("saved")
    cases = []
    for name in chosen(request, SAVED):
        family, model, cut, options, more, _ = SAVED[name]
        case = with_ranks(folder, name, family, model, cut, options)
        cases.append({**case, **more, "do": "save", "dist": str(folder / "dist" / name / "it")})
    return folder, oracle(folder, cases)


@pytest.mark.parametrize(
    "case", [pytest.param(name, marks=row[-1] or ()) for name, row in SAVED.items()]
)
def test_what_core_saves_comes_back_bit_by_bit(saved, case, tmp_path):
    folder, lines = saved
    assert case in lines, lines["stderr"]
    run_convert(
        folder / "dist" / case / "it", "hf", tmp_path, hf_cfg_dir=folder / "hf" / case, verify=True
    )
    expected = safetensors.load_file(folder / "hf" / case / "model.safetensors")
    found = safetensors.load_file(tmp_path / "model.safetensors")
    assert set(found) == set(expected)
    for name, value in expected.items():
        if name.endswith("e_score_correction_bias"):  # core keeps it in float32
            value = value.float()
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name].view(torch.int16), value.view(torch.int16)), name


def test_optimizer_and_run_state_are_left_out_and_counted(saved, caplog, tmp_path):
    folder, lines = saved
    case = "qwen2-TP2-PP2-trained"
    assert case in lines, lines["stderr"]
    with caplog.at_level("INFO"):
        hf = folder / "hf" / case
        run_convert(folder / "dist" / case / "it", "hf", tmp_path, hf_cfg_dir=hf)
    assert "1 of optimizer" in caplog.text
    assert "4 of run state" in caplog.text
