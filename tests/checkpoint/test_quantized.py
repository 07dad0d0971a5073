"""Block FP8 becomes what its formula makes of it; other quantised models are refused."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.formats import open_checkpoint
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.tensors import whole
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch", reason="torch makes and reads the FP8 values")
safetensors = pytest.importorskip("safetensors.torch")
_spec = importlib.util.spec_from_file_location(
    "grid_expectation", Path(__file__).with_name("grid_expectation.py")
)
grid = sys.modules.setdefault("grid_expectation", importlib.util.module_from_spec(_spec))
if not hasattr(grid, "MODELS"):
    _spec.loader.exec_module(grid)

BLOCK = (5, 3)  # of no power of two, so that blocks end in the middle of ranks and windows


def dequantized(codes, scales, block: tuple[int, int], dtype=torch.bfloat16):
    """The published formula, written for whole matrices."""
    rows = scales.repeat_interleave(block[0], 0)[: codes.shape[0]]
    spread = rows.repeat_interleave(block[1], 1)[:, : codes.shape[1]]
    return (codes.to(torch.float32) * spread).to(dtype)


def write_fp8(folder: Path, model, block: tuple[int, int] = BLOCK) -> dict:
    """A model whose matrices but embedding, router and norms are block FP8; what it stands for."""
    torch.manual_seed(2)
    folder.mkdir()
    said = {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": list(block)}
    config = {**grid.config_of(model), "quantization_config": said}
    (folder / "config.json").write_text(json.dumps(config))
    stored, meant = {}, {}
    for name, array in grid.tensors_of(model).items():
        plain = array.ndim == 1 or "embed" in name or "head" in name or "mlp.gate." in name
        if array.dtype != np.uint16:
            stored[name] = meant[name] = torch.from_numpy(array.copy())
        elif plain or "eh_proj" in name:
            stored[name] = meant[name] = torch.randn(array.shape).to(torch.bfloat16)
        else:
            codes = torch.randint(0, 256, array.shape, dtype=torch.uint8)
            codes[(codes & 127) == 127] = 0
            codes = codes.view(torch.float8_e4m3fn)
            size = [-(-n // b) for n, b in zip(array.shape, block, strict=True)]
            scales = torch.rand(size) * 3e-3 + 1e-4
            stored[name], stored[f"{name}_scale_inv"] = codes, scales
            meant[name] = dequantized(codes, scales, block)
    for name in [name for name in stored if "embed_tokens" in name or "shared_head.head" in name]:
        original = "model.embed_tokens.weight" if "embed" in name else "lm_head.weight"
        stored[name] = meant[name] = stored[original].clone()
    safetensors.save_file(stored, folder / "model.safetensors", {"format": "pt"})
    return meant


def check_hf(folder: Path, meant: dict) -> None:
    found = safetensors.load_file(folder / "model.safetensors")
    assert set(found) == set(meant)
    for name, tensor in meant.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name].view(torch.uint8), tensor.view(torch.uint8)), name


@pytest.mark.parametrize("block", [BLOCK, (128, 128), (1, 7)])
@pytest.mark.parametrize("grouped", [False, True])
def test_a_shrunken_r1_as_published_goes_there_and_back(tmp_path, block, grouped):
    """FP8 blocks, prediction layer, TP, PP, EP: bit-equal to the formula, verified both ways."""
    meant = write_fp8(tmp_path / "hf", grid.MODELS["deepseek3-mtp"], block)
    options = {
        "tensor_parallel_size": 2, "pipeline_parallel_size": 2, "expert_parallel_size": 2,
        "moe_grouped_gemm": grouped, "target": "mindspeed-llm-26.1", "mtp_num_layers": 2,
    }  # fmt: skip
    mg, back = tmp_path / "mg", tmp_path / "back"
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", mg, verify=True, **options))
    convert(ConvertOptions("mg", "hf", mg, back, verify=True))
    check_hf(back, meant)
    config = json.loads((back / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["num_nextn_predict_layers"] == 2


# config.json of DeepSeek-R1 as it is published, without what is smaller here.
R1 = {
    "architectures": ["DeepseekV3ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
    "aux_loss_alpha": 0.001, "bos_token_id": 0, "eos_token_id": 1, "ep_size": 1,
    "hidden_act": "silu", "initializer_range": 0.02, "max_position_embeddings": 163840,
    "moe_layer_freq": 1, "n_group": 8, "norm_topk_prob": True, "num_experts_per_tok": 8,
    "num_nextn_predict_layers": 1, "pretraining_tp": 1, "rms_norm_eps": 1e-06,
    "rope_scaling": {
        "beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 4096, "type": "yarn",
    },
    "rope_theta": 10000, "routed_scaling_factor": 2.5, "scoring_func": "sigmoid",
    "seq_aux": True, "topk_group": 4, "topk_method": "noaux_tc", "torch_dtype": "bfloat16",
    "use_cache": True,
}  # fmt: skip


def test_a_shrunken_r1_goes_through_every_format(tmp_path):
    """Its own config.json with fewer layers and experts: hf -> mg -> torch_dist -> hf."""
    v3 = grid.MODELS["deepseek3-mtp"]
    meant = write_fp8(tmp_path / "hf", replace(v3, config={**v3.config, **R1}, mtp=1))
    to_mg = {
        "tensor_parallel_size": 2, "pipeline_parallel_size": 2, "expert_parallel_size": 4,
        "moe_grouped_gemm": True, "expert_tensor_parallel_size": 1, "mtp_num_layers": 1,
    }  # fmt: skip
    hf, mg, dist, back = (tmp_path / name for name in ("hf", "mg", "dist", "back"))
    target = {"target": "mindspeed-llm-26.1", "verify": True}
    convert(ConvertOptions("hf", "mg", hf, mg, **target, **to_mg))
    convert(ConvertOptions("auto", "torch_dist", mg, dist, 2, **target))
    convert(ConvertOptions("auto", "hf", dist, back, verify=True))
    check_hf(back, meant)
    assert verify(hf, mg).ok
    assert verify(hf, dist).ok
    assert verify(mg, back).ok
    written = json.loads((back / "config.json").read_text())
    assert "quantization_config" not in written
    assert {key: written[key] for key in R1} == R1


def test_float32_keeps_the_product_unrounded(tmp_path):
    write_fp8(tmp_path / "hf", grid.MODELS["deepseek3"])
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", params_dtype="fp32"))
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    stored = safetensors.load_file(tmp_path / "hf/model.safetensors")
    found = safetensors.load_file(tmp_path / "back/model.safetensors")
    name = "model.layers.2.mlp.experts.3.up_proj.weight"
    expected = dequantized(stored[name], stored[f"{name}_scale_inv"], BLOCK, torch.float32)
    assert torch.equal(found[name], expected)


def test_every_code_and_rounding_is_the_formulas(tmp_path):
    """All 256 codes with scales over the whole range, ties and overflow included."""
    codes = torch.arange(256, dtype=torch.uint8).repeat(64).reshape(64, 256)
    codes = codes.view(torch.float8_e4m3fn)
    exponents = torch.randint(-130, 120, (64, 2), generator=torch.Generator().manual_seed(0))
    scales = torch.rand(64, 2) * 2.0 ** exponents.float()
    scales[0] = 1.0
    tensors = {"a.weight": codes, "a.weight_scale_inv": scales}
    safetensors.save_file(tensors, tmp_path / "model.safetensors")
    said = {"quantization_config": {"weight_block_size": [1, 128]}}
    (tmp_path / "config.json").write_text(json.dumps(said))
    from mindspeed_rl_ext.checkpoint.dtypes import by_name

    view = open_checkpoint(tmp_path).view(whole("a.weight"))
    for kind, name in ((torch.bfloat16, "bfloat16"), (torch.float16, "float16")):
        expected = dequantized(codes, scales, (1, 128), kind)
        found = view.box(slice(0, 64), slice(0, 256), by_name(name))
        bits = expected.view(torch.int16).numpy().view("<u2")
        same = (found.view("<u2") == bits) | np.isnan(expected.float().numpy())
        assert same.all(), name
        assert np.isnan(expected.float().numpy()).sum() == 2 * 64


def test_scales_of_another_shape_are_refused(tmp_path):
    write_fp8(tmp_path / "hf", grid.MODELS["deepseek3"])
    config = json.loads((tmp_path / "hf/config.json").read_text())
    config["quantization_config"]["weight_block_size"] = [128, 128]
    (tmp_path / "hf/config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="its scales do not fit"):
        convert(
            ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", target="mindspeed-llm-2.3")
        )


def quantized(kit, folder: Path, change, config: dict | None = None) -> Path:
    kit.write_hf(folder, kit.tiny())
    tensors = {
        name: torch.from_numpy(array.view("<i2").copy()).view(torch.bfloat16)
        for name, array in kit.tiny().tensors().items()
    }
    change(tensors)
    safetensors.save_file(tensors, folder / "model.safetensors")
    if config:
        kit.edit_config(folder, quantization_config=config)
    return folder


NAME = "model.layers.1.mlp.up_proj.weight"
OTHERS = {
    "awq": (
        lambda t: t.update({NAME[:-6] + "qweight": torch.zeros(2, 2, dtype=torch.int32)}),
        {"quant_method": "awq", "bits": 4}, "AWQ or GPTQ",
    ),
    "gptq by config": (lambda t: None, {"quant_method": "gptq", "bits": 4}, "gptq, 4 bits"),
    "per-tensor fp8": (
        lambda t: t.update({NAME: t[NAME].to(torch.float8_e4m3fn),
                            NAME + "_scale": torch.ones(1)}),
        {"quant_method": "fp8"}, "per-tensor",
    ),
    "fp8 without scales": (
        lambda t: t.update({NAME: t[NAME].to(torch.float8_e4m3fn)}), None, "float8_e4m3fn",
    ),
    "int8": (lambda t: t.update({NAME: t[NAME].to(torch.int8)}), None, "int8"),
    "float64": (lambda t: t.update({NAME: t[NAME].to(torch.float64)}), None, "float64"),
    "bitsandbytes": (
        lambda t: t.update({NAME[:-6] + "SCB": torch.ones(1)}),
        {"quant_method": "bitsandbytes", "load_in_8bit": True}, "bitsandbytes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_other_quantised_models_are_refused_by_name(kit, tmp_path, case):
    change, config, named = OTHERS[case]
    hf = quantized(kit, tmp_path / "hf", change, config)
    with pytest.raises(InputError) as caught:
        convert(ConvertOptions("hf", "mg", hf, tmp_path / "mg"))
    assert named in str(caught.value)
    assert not (tmp_path / "mg").exists()


def test_keep_writes_other_formats_as_they_are(kit, tmp_path):
    hf = quantized(kit, tmp_path / "hf", lambda t: t.update({NAME: t[NAME].to(torch.float64)}))
    with pytest.raises(InputError, match="different number formats"):
        convert(ConvertOptions("hf", "mg", hf, tmp_path / "mg", quantization="keep"))
    both = (NAME, NAME.replace("up", "gate"))
    hf = quantized(
        kit, tmp_path / "hf2", lambda t: t.update({n: t[n].to(torch.float64) for n in both})
    )
    convert(ConvertOptions("hf", "mg", hf, tmp_path / "mg", quantization="keep", verify=True))
