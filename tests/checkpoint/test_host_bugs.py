"""The eight ways in which the hosts' converters are silently wrong: right here, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch")

RANK = "iter_0000001/mp_rank_{}/model_optim_rng.pt"


def load(kit, mg: Path, rank: str = "00"):
    return kit.torch_load(mg / RANK.format(rank))


def test_1_transformer_engine_names_of_a_dense_model_are_of_one_dialect(kit, hf_dir, tmp_path):
    """A host writes qkv's fused norm name, but the local name of the norm before the MLP."""
    options = ConvertOptions(
        "hf", "mg", hf_dir, tmp_path / "mg", transformer_impl="transformer_engine"
    )
    convert(options)
    names = set(load(kit, tmp_path / "mg")["model"])
    norms = {name for name in names if "norm" in name and name.startswith("decoder.layers.0.")}
    assert norms == {
        "decoder.layers.0.self_attention.linear_qkv.layer_norm_weight",
        "decoder.layers.0.mlp.linear_fc1.layer_norm_weight",
    }


def test_2_more_ranks_than_groups_are_refused(kit, tmp_path):
    """A host cuts inside a group, which no Megatron can load."""
    kit.write_hf(tmp_path / "hf", kit.tiny(heads=8, groups=4, ffn=32, vocab=40))
    with pytest.raises(InputError, match="num_query_groups 4 does not divide into 8"):
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 8))


def test_3_the_vocabulary_is_padded_to_equal_shards(kit, tmp_path):
    """A host writes 501 and 500 rows."""
    kit.write_hf(tmp_path / "hf", kit.tiny(vocab=1001))
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 2))
    for rank in ("00", "01"):
        content = load(kit, tmp_path / "mg", rank)
        assert content["args"].padded_vocab_size == 1002
        for name in ("embedding.word_embeddings.weight", "output_layer.weight"):
            assert content["model"][name].shape[0] == 501


def test_4_padding_is_cut_off_on_the_way_back(kit, tmp_path):
    """A host writes 1002 rows beside a config.json that says 1001."""
    from safetensors import safe_open

    kit.write_hf(tmp_path / "hf", kit.tiny(vocab=1001))
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 2))
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    with safe_open(tmp_path / "back/model.safetensors", "pt") as file:
        for name in ("model.embed_tokens.weight", "lm_head.weight"):
            assert file.get_slice(name).get_shape()[0] == 1001


def test_5_virtual_stages_that_would_drop_layers_are_refused(kit, hf_dir, tmp_path):
    """A host drops the last layer and exits with 0."""
    for pp, per_stage in ((1, 3), (2, 3), (2, 4)):
        with pytest.raises(InputError, match="do not form virtual stages"):
            convert(
                ConvertOptions(
                    "hf", "mg", hf_dir, tmp_path / "mg", 1, pp,
                    num_layers_per_virtual_pipeline_stage=per_stage,
                )
            )  # fmt: skip


def test_6_extended_expert_parallelism_needs_grouped_experts(kit, tmp_path):
    """A host gives one rank the gates and the other the ups."""
    folder = tmp_path / "hf"
    model = kit.tiny(layers=1, bias=False)
    tensors = kit.write_hf(folder, model)
    at = "model.layers.0."
    mlp = {name: tensors.pop(name) for name in list(tensors) if ".mlp." in name}
    tensors[at + "block_sparse_moe.gate.weight"] = np.zeros((4, model.hidden), "<u2")
    for expert in range(4):
        for name, old in (("w1", "gate_proj"), ("w3", "up_proj"), ("w2", "down_proj")):
            array = mlp[f"{at}mlp.{old}.weight"] ^ np.uint16(expert)
            tensors[f"{at}block_sparse_moe.experts.{expert}.{name}.weight"] = array
    kit.write_safetensors(folder / "model.safetensors", tensors)
    kit.edit_config(folder, model_type="mixtral", num_local_experts=4)
    flags = {"tensor_parallel_size": 2, "expert_parallel_size": 2, "moe_tp_extend_ep": True}
    with pytest.raises(InputError, match="without --moe-grouped-gemm"):
        convert(ConvertOptions("hf", "mg", folder, tmp_path / "mg", **flags))
    options = ConvertOptions("hf", "mg", folder, tmp_path / "mg", moe_grouped_gemm=True, **flags)
    convert(options)
    # Rank (e, t) is bucket 2 e + t, which owns that one expert whole.
    buffer = load(kit, tmp_path / "mg", "01_001")["model"]["decoder.layers.0.mlp.experts.weight1"]
    gate, up = (tensors[f"{at}block_sparse_moe.experts.3.{name}.weight"] for name in ("w1", "w3"))
    assert kit.as_numpy(buffer).tobytes() == np.concatenate([gate, up]).T.tobytes()


def test_7_a_trained_checkpoint_is_read_by_megatrons_names(kit, hf_dir, tmp_path):
    """A host reads the groups from a name that training does not write, and fails or mis-splits."""
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2))
    hf_names = ("num_key_value_heads", "intermediate_size", "num_hidden_layers", "rms_norm_eps")
    for path in (tmp_path / "mg").rglob("*.pt"):
        content = kit.torch_load(path)
        for name in hf_names:
            delattr(content["args"], name)
        torch.save(content, path)
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    assert verify(hf_dir, tmp_path / "back").ok


def test_8_args_carry_the_true_rotary_base_under_both_names(kit, hf_dir, tmp_path):
    """A host's Qwen2.5 says rotary_base 10000, which Megatron then forces on the model."""
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    args = load(kit, tmp_path / "mg")["args"]
    assert args.rotary_base == 1000000
    assert args.rope_theta == 1000000.0
    assert args.num_query_groups == args.num_key_value_heads == 2
    assert args.group_query_attention is True
