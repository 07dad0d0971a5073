"""gpt-oss: packed experts whose gate and up alternate, as bf16 and as MXFP4; what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.formats.huggingface.reader import HuggingFaceReader
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
safetensors = pytest.importorskip("safetensors.torch")
if not hasattr(transformers, "GptOssConfig"):
    pytest.skip("this transformers has no gpt-oss", allow_module_level=True)

EXPERTS, HIDDEN, FFN, LAYERS = 4, 64, 96, 2
AT = "model.layers.{}.mlp.experts."


def make(folder: Path) -> dict:
    torch.manual_seed(5)
    config = transformers.GptOssConfig(
        vocab_size=61, hidden_size=HIDDEN, intermediate_size=FFN, num_hidden_layers=LAYERS,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16, num_local_experts=EXPERTS,
        num_experts_per_tok=2, max_position_embeddings=64, sliding_window=8,
    )  # fmt: skip
    model = transformers.GptOssForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2)
    model.to(torch.bfloat16).save_pretrained(folder)
    return safetensors.load_file(folder / "model.safetensors")


def make_published(folder: Path) -> dict:
    """The model with its experts in MXFP4, and what transformers' own function makes of them."""
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    tensors = make(folder)
    meant = dict(tensors)
    for layer in range(LAYERS):
        for name, rows, width in (("gate_up_proj", 2 * FFN, HIDDEN), ("down_proj", HIDDEN, FFN)):
            blocks = torch.randint(0, 256, (EXPERTS, rows, width // 32, 16), dtype=torch.uint8)
            scales = torch.randint(118, 126, (EXPERTS, rows, width // 32), dtype=torch.uint8)
            scales[0, 0, 0], scales[1, 1, 0] = 1, 250  # as small and as large as bfloat16 goes
            at = AT.format(layer) + name
            meant[at] = convert_moe_packed_tensors(blocks, scales, dtype=torch.bfloat16)
            assert meant[at].shape == tensors.pop(at).shape
            tensors |= {f"{at}_blocks": blocks, f"{at}_scales": scales}
    safetensors.save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {
        "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"],
        "quant_method": "mxfp4",
    }
    (folder / "config.json").write_text(json.dumps(config))
    return meant


def check_equal(folder: Path, meant: dict) -> None:
    found = safetensors.load_file(folder / "model.safetensors")
    assert set(found) == set(meant)
    for name, tensor in meant.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name].view(torch.int16), tensor.view(torch.int16)), name


LAYOUTS = {
    "TP1": {},
    "TP2-PP2-EP2": {
        "tensor_parallel_size": 2, "pipeline_parallel_size": 2, "expert_parallel_size": 2,
        "expert_tensor_parallel_size": 1,
    },
    "TP2-TE-grouped": {
        "tensor_parallel_size": 2, "expert_tensor_parallel_size": 1, "moe_grouped_gemm": True,
        "transformer_impl": "transformer_engine",
    },
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("made_by", [make, make_published])
def test_it_comes_back_as_the_form_that_transformers_saves(tmp_path, made_by, layout):
    meant = made_by(tmp_path / "hf")
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", verify=True,
                           **LAYOUTS[layout]))  # fmt: skip
    convert(ConvertOptions("mg", "torch_dist", tmp_path / "mg", tmp_path / "dist", verify=True))
    for name in ("mg", "dist"):
        back = tmp_path / f"{name}-back"
        convert(ConvertOptions("auto", "hf", tmp_path / name, back, verify=True))
        check_equal(back, meant)
        assert "quantization_config" not in json.loads((back / "config.json").read_text())


def test_shards_hold_what_megatron_bridge_names_so(tmp_path, kit):
    """Gate rows are each second column of the packed tensor, up rows the others."""
    meant = make(tmp_path / "hf")
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", expert_parallel_size=2))
    path = tmp_path / "mg/iter_0000001/mp_rank_00_001/model_optim_rng.pt"
    content = kit.torch_load(path)
    shard, at = content["model"], "decoder.layers.1."
    packed, bias = (meant[AT.format(1) + name] for name in ("gate_up_proj", "gate_up_proj_bias"))
    local = at + "mlp.experts.local_experts.1.linear_fc"  # of the second rank: expert 3
    assert torch.equal(shard[local + "1.weight"], torch.cat([packed[3].T[::2], packed[3].T[1::2]]))
    assert torch.equal(shard[local + "1.bias"], torch.cat([bias[3, ::2], bias[3, 1::2]]))
    assert torch.equal(shard[local + "2.weight"], meant[AT.format(1) + "down_proj"][3].T)
    assert torch.equal(shard[local + "2.bias"], meant[AT.format(1) + "down_proj_bias"][3])
    for ours, theirs in {
        "self_attention.core_attention.softmax_offset": "self_attn.sinks",
        "mlp.router.bias": "mlp.router.bias",
        "self_attention.linear_proj.bias": "self_attn.o_proj.bias",
    }.items():
        assert torch.equal(shard[at + ours], meant[f"model.layers.1.{theirs}"])
    args = content["args"]
    assert args.window_size == (7, 0)
    assert args.window_attn_skip_freq == [1, 0]
    assert (args.softmax_type, args.position_embedding_type) == ("learnable", "yarn")


def test_each_code_and_scale_is_the_number_of_the_published_format(tmp_path):
    """By definition: a sign, two bits of exponent, one of mantissa; times 2^(scale - 127)."""
    import numpy as np

    from mindspeed_rl_ext.checkpoint.dtypes import by_name
    from mindspeed_rl_ext.checkpoint.formats.huggingface.mxfp4 import Mxfp4View
    from mindspeed_rl_ext.checkpoint.tensors import TensorView

    def number(code: int) -> float:
        sign, exponent, mantissa = code >> 3, code >> 1 & 3, code & 1
        size = mantissa * 0.5 if exponent == 0 else (1 + mantissa / 2) * 2.0 ** (exponent - 1)
        return -size if sign else size

    codes, scales = np.arange(16, dtype="u1"), np.arange(1, 250, dtype="u1")
    pairs = np.repeat((codes[::2] | codes[1::2] << 4)[None, None], len(scales), 0)
    byte = by_name("uint8")
    view = Mxfp4View(TensorView(byte, pairs), TensorView(byte, scales[:, None]), "x")
    found = view.box(slice(None), slice(None), by_name("float32"))
    expected = [[number(int(c)) * 2.0 ** (int(s) - 127) for c in codes] for s in scales]
    assert np.array_equal(found, np.array(expected, "<f4"))
    part = view.box(slice(4, 9), slice(3, 14, 2), by_name("float32"))
    assert np.array_equal(part, found[4:9, 3:14:2])


def test_an_mxfp4_model_verifies_against_what_was_made_of_it(tmp_path):
    make_published(tmp_path / "hf")
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg"))
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    assert verify(tmp_path / "hf", tmp_path / "mg").ok
    assert verify(tmp_path / "mg", tmp_path / "hf").ok
    tensors = safetensors.load_file(tmp_path / "hf/model.safetensors")
    tensors[AT.format(1) + "down_proj_blocks"][2, 5, 1, 7] ^= 1
    safetensors.save_file(tensors, tmp_path / "hf/model.safetensors", {"format": "pt"})
    report = verify(tmp_path / "hf", tmp_path / "mg")
    assert not report.ok
    assert "model.layers.1.mlp.experts.2.down_proj.weight" in report.problems[0]


def test_the_tensors_of_an_mxfp4_model_take_the_bytes_that_lie_in_its_file(tmp_path):
    make_published(tmp_path)
    stored = safetensors.load_file(tmp_path / "model.safetensors").values()
    infos = HuggingFaceReader(tmp_path).tensors()
    assert sum(info.nbytes for info in infos) == sum(tensor.nbytes for tensor in stored)


REFUSED = {
    "host": ({"target": "mindspeed-llm-26.1"}, "FSDP2", "--target megatron-core-0.16"),
    "dialect": ({"mcore_dialect": "0.8"}, "FSDP2", "--target megatron-core-0.16"),
    "buffers": ({"moe_grouped_gemm": True}, "biases", "--transformer-impl transformer_engine"),
    "TP of experts": (
        {"tensor_parallel_size": 2}, "biases of experts", "--expert-tensor-parallel-size 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_layouts_that_megatron_has_not_are_refused_with_the_reason(tmp_path, case):
    flags, reason, remedy = REFUSED[case]
    make(tmp_path / "hf")
    with pytest.raises(InputError, match="gpt_oss is not converted with") as caught:
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", **flags))
    assert reason in str(caught.value)
    assert remedy in str(caught.value)
    assert not (tmp_path / "mg").exists()


def test_a_missing_or_foreign_packed_tensor_is_named(tmp_path):
    tensors = make(tmp_path / "hf")
    gone = AT.format(1) + "down_proj"
    kept = {name: tensor for name, tensor in tensors.items() if name != gone}
    safetensors.save_file(kept, tmp_path / "hf/model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="lacks 1 tensors") as caught:
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg"))
    assert gone in str(caught.value)
    blocks = torch.zeros(EXPERTS, HIDDEN, 3, 16, dtype=torch.uint8)
    more = {f"{gone}_blocks": blocks, f"{gone}_scales": blocks[:, :, :2, 0].clone()}
    safetensors.save_file({**kept, **more}, tmp_path / "hf/model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="scales do not fit"):
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg"))
