"""Torch's own reader finds what the format says, in tensors that numpy alone expects."""

from __future__ import annotations

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions

torch = pytest.importorskip("torch")
dcp = pytest.importorskip("torch.distributed.checkpoint")


def expected_tensors(model, tensors, padded: int) -> dict[str, np.ndarray]:
    """Layers stacked; gate above up; groups of query heads, key, value; norms under fused names."""

    def stacked(pattern: str) -> np.ndarray:
        return np.stack([tensors[f"model.layers.{n}.{pattern}"] for n in range(model.layers)])

    def grouped(kind: str) -> np.ndarray:
        q, k, v = (stacked(f"self_attn.{x}_proj.{kind}") for x in "qkv")
        layers, rest = model.layers, q.shape[2:]
        parts = [x.reshape(layers, model.groups, -1, *rest) for x in (q, k, v)]
        return np.concatenate(parts, axis=2).reshape(layers, -1, *rest)

    def pad(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([rows, np.repeat(rows[-1:], padded - len(rows), axis=0)])

    at = "decoder.layers."
    return {
        "embedding.word_embeddings.weight": pad(tensors["model.embed_tokens.weight"]),
        at + "self_attention.linear_qkv.layer_norm_weight": stacked("input_layernorm.weight"),
        at + "self_attention.linear_qkv.weight": grouped("weight"),
        at + "self_attention.linear_qkv.bias": grouped("bias"),
        at + "self_attention.linear_proj.weight": stacked("self_attn.o_proj.weight"),
        at + "mlp.linear_fc1.layer_norm_weight": stacked("post_attention_layernorm.weight"),
        at + "mlp.linear_fc1.weight": np.concatenate(
            [stacked("mlp.gate_proj.weight"), stacked("mlp.up_proj.weight")], axis=1
        ),
        at + "mlp.linear_fc2.weight": stacked("mlp.down_proj.weight"),
        "decoder.final_layernorm.weight": tensors["model.norm.weight"],
        "output_layer.weight": pad(tensors["lm_head.weight"]),
    }


@pytest.mark.parametrize("tp", [1, 2])
def test_torch_reads_the_tensors_that_the_format_describes(kit, tmp_path, tp):
    model = kit.tiny()
    tensors = kit.write_hf(tmp_path / "hf", model)
    convert(
        ConvertOptions(
            load_model_type="hf", save_model_type="torch_dist",
            load_dir=tmp_path / "hf", save_dir=tmp_path / "dist",
            tensor_parallel_size=tp, max_shard_bytes=4000,
        )
    )  # fmt: skip
    folder = tmp_path / "dist" / "iter_0000001"
    assert len(list(folder.glob("*.distcp"))) > 3
    metadata = dcp.FileSystemReader(folder).read_metadata()
    shapes = {
        name: row for name, row in metadata.state_dict_metadata.items() if hasattr(row, "size")
    }
    found = {
        name: torch.zeros(tuple(row.size), dtype=torch.bfloat16) for name, row in shapes.items()
    }
    dcp.load(found, storage_reader=dcp.FileSystemReader(folder), no_dist=True)
    expected = expected_tensors(model, tensors, padded=37 if tp == 1 else 38)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert np.array_equal(kit.as_numpy(found[name]), value), name


def test_extra_states_are_what_core_keeps_for_layers_without_fp8(kit, tmp_path):
    kit.write_hf(tmp_path / "hf", kit.tiny(layers=2))
    convert(
        ConvertOptions(
            load_model_type="hf", save_model_type="torch_dist",
            load_dir=tmp_path / "hf", save_dir=tmp_path / "dist",
        )
    )  # fmt: skip
    folder = tmp_path / "dist" / "iter_0000001"
    metadata = dcp.FileSystemReader(folder).read_metadata()
    names = {n for n, row in metadata.state_dict_metadata.items() if not hasattr(row, "size")}
    layers = (
        "self_attention.linear_qkv", "self_attention.linear_proj", "mlp.linear_fc1",
        "mlp.linear_fc2",
    )  # fmt: skip
    assert names == {
        f"decoder.layers.{layer}._extra_state/shard_{n}_2" for layer in layers for n in (0, 1)
    }
    index = next(key for key in metadata.storage_data if key.fqn in names)
    place = metadata.storage_data[index]
    data = (folder / place.relative_path).read_bytes()[place.offset :][: place.length]
    (tmp_path / "state.pt").write_bytes(data)
    assert kit.torch_load(tmp_path / "state.pt") == [None]
