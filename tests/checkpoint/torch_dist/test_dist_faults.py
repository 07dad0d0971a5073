"""Damaged, half-written and hostile torch_dist checkpoints are refused by what is wrong."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.formats import open_checkpoint, recognise
from mindspeed_rl_ext.checkpoint.formats.dcp.layout import metadata_bytes
from mindspeed_rl_ext.checkpoint.formats.dcp.metadata import (
    Chunk,
    Item,
    Metadata,
    TensorEntry,
    read_metadata,
)
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import CheckFailedError, InputError

QKV = "decoder.layers.self_attention.linear_qkv.weight"


def to_hf(source: Path, destination: Path, **options) -> None:
    convert(
        ConvertOptions(
            load_model_type="torch_dist", save_model_type="hf", load_dir=source,
            save_dir=destination, **options,
        )
    )  # fmt: skip


@pytest.fixture
def dist(kit, tmp_path) -> Path:
    kit.write_hf(tmp_path / "hf", kit.tiny())
    convert(
        ConvertOptions(
            load_model_type="hf", save_model_type="torch_dist", load_dir=tmp_path / "hf",
            save_dir=tmp_path / "dist", tensor_parallel_size=2, max_shard_bytes=8000,
        )
    )  # fmt: skip
    return tmp_path / "dist"


@pytest.fixture
def iteration(dist) -> Path:
    return dist / "iter_0000001"


def refused(dist: Path, tmp_path: Path) -> str:
    with pytest.raises(InputError) as caught:
        to_hf(dist, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    return str(caught.value)


def change(iteration: Path, edit) -> None:
    """Writes .metadata anew, the tensors edited."""
    metadata = read_metadata(iteration)
    tensors = dict(metadata.tensors)
    edit(tensors)
    (iteration / ".metadata").write_bytes(metadata_bytes(Metadata(tensors, metadata.objects)))


def test_an_undamaged_one_comes_back(dist, tmp_path):
    to_hf(dist, tmp_path / "out", verify=True)
    assert (tmp_path / "out" / "config.json").is_file()


def test_metadata_written_anew_is_the_same(iteration):
    before = (iteration / ".metadata").read_bytes()
    change(iteration, lambda tensors: None)
    assert (iteration / ".metadata").read_bytes() == before


def test_a_truncated_file(dist, iteration, tmp_path):
    file = iteration / "__0_1.distcp"
    os.truncate(file, file.stat().st_size - 1)
    assert f"truncated file {file}" in refused(dist, tmp_path)


def test_a_missing_file(dist, iteration, tmp_path):
    (iteration / "__0_0.distcp").unlink()
    assert "missing file" in refused(dist, tmp_path)


@pytest.mark.parametrize("name", [".metadata", "common.pt", "metadata.json"])
def test_a_half_written_directory_says_what_is_missing(dist, iteration, tmp_path, name):
    (iteration / name).unlink()
    message = refused(dist, tmp_path)
    assert name in message
    assert "remedy" in message


def test_one_without_metadata_json_is_still_recognised(iteration, dist):
    (iteration / "metadata.json").unlink()
    with pytest.raises(InputError, match=r"no metadata\.json"):
        open_checkpoint(dist)


@pytest.mark.parametrize(
    ("tracker", "message"),
    [
        (None, "has no latest_"),
        ("", "is broken"),
        ("1\0", "is broken"),
        ("7", "names iter_0000007"),
        ("²", "is broken"),
    ],
)
def test_iterations_whose_tracker_is_lost_are_named(dist, iteration, tracker, message):
    (dist / "latest_checkpointed_iteration.txt").unlink()
    if tracker is not None:
        (dist / "latest_checkpointed_iteration.txt").write_text(tracker)
    with pytest.raises(InputError, match=message):
        open_checkpoint(dist)
    assert open_checkpoint(iteration).parts


def test_a_hidden_file_that_a_copy_left_out_is_explained(dist, iteration, tmp_path):
    shutil.copytree(iteration, tmp_path / "copied", ignore=lambda *_: [".metadata"])
    assert "begins with a dot" in refused(tmp_path / "copied", tmp_path)


def test_a_missing_chunk(dist, iteration, tmp_path):
    def edit(tensors):
        entry = tensors[QKV]
        tensors[QKV] = TensorEntry(entry.dtype, entry.shape, entry.chunks[:3] + entry.chunks[4:])

    change(iteration, edit)
    message = refused(dist, tmp_path)
    assert f"chunks of {QKV}[1] are missing" in message
    assert "256 of 512 values" in message


def test_overlapping_chunks(dist, iteration, tmp_path):
    def edit(tensors):
        entry = tensors[QKV]
        one, two, *rest = entry.chunks
        moved = Chunk(QKV, (0, two.offset[1] - 1, 0), two.shape, two.item)
        tensors[QKV] = TensorEntry(entry.dtype, entry.shape, (one, moved, *rest))

    change(iteration, edit)
    assert f"chunks of {QKV}[0] overlap" in refused(dist, tmp_path)


def test_two_chunks_of_the_same_bytes(dist, iteration, tmp_path):
    def edit(tensors):
        entry = tensors[QKV]
        one, two, *rest = entry.chunks
        twice = Chunk(QKV, two.offset, two.shape, one.item)
        tensors[QKV] = TensorEntry(entry.dtype, entry.shape, (one, twice, *rest))

    change(iteration, edit)
    assert "share bytes" in refused(dist, tmp_path)


def test_a_chunk_beyond_its_tensor(dist, iteration, tmp_path):
    def edit(tensors):
        entry = tensors[QKV]
        one, *rest = entry.chunks
        beyond = Chunk(QKV, (4, 0, 0), one.shape, one.item)
        tensors[QKV] = TensorEntry(entry.dtype, entry.shape, (beyond, *rest))

    change(iteration, edit)
    assert "a box inside (4, 32, 16)" in refused(dist, tmp_path)


def test_another_place_outside_the_directory(dist, iteration, tmp_path):
    def edit(tensors):
        entry = tensors[QKV]
        one, *rest = entry.chunks
        item = Item("../__0_0.distcp", one.item.offset, one.item.length)
        tensors[QKV] = TensorEntry(
            entry.dtype, entry.shape, (Chunk(QKV, one.offset, one.shape, item), *rest)
        )

    change(iteration, edit)
    assert "a file of this directory" in refused(dist, tmp_path)


def test_metadata_of_another_run(kit, dist, iteration, tmp_path):
    kit.write_hf(tmp_path / "other", kit.tiny(layers=6))
    convert(
        ConvertOptions(
            load_model_type="hf", save_model_type="torch_dist", load_dir=tmp_path / "other",
            save_dir=tmp_path / "dist6", max_shard_bytes=8000,
        )
    )  # fmt: skip
    shutil.copy(tmp_path / "dist6" / "iter_0000001" / ".metadata", iteration / ".metadata")
    refused(dist, tmp_path)


def test_an_unknown_tensor_is_not_dropped_silently(dist, iteration, tmp_path):
    def edit(tensors):
        tensors["decoder.layers.mlp.adapter.weight"] = tensors.pop("decoder.final_layernorm.weight")
        tensors["decoder.final_layernorm.weight"] = TensorEntry(
            tensors[QKV].dtype, (16,), tensors["decoder.layers.mlp.adapter.weight"].chunks
        )

    change(iteration, edit)
    refused(dist, tmp_path)


def test_a_flipped_bit_is_found(dist, iteration, tmp_path):
    metadata = read_metadata(iteration)
    item = metadata.tensors[QKV].chunks[0].item
    with (iteration / item.file).open("r+b") as file:
        file.seek(item.offset + item.length // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    assert "was changed after it was written" in refused(dist, tmp_path)


class Planted:
    def __reduce__(self):
        return os.system, ("touch planted",)


@pytest.mark.parametrize("name", [".metadata", "common.pt", "__0_1.distcp"])
def test_a_planted_pickle_never_runs(dist, iteration, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    payload = pickle.dumps(Planted())
    start = 0
    if name.endswith(".distcp"):
        item = read_metadata(iteration).tensors[QKV].chunks[0].item
        name, start = item.file, item.offset
    path = iteration / name
    data = path.read_bytes()
    if name == ".metadata":
        path.write_bytes(payload)
    else:  # over the start of the archive's pickle, which ends where the payload does
        at = data.index(b"\x80\x02", start)
        path.write_bytes(data[:at] + payload + data[at + len(payload) :])
    with pytest.raises((InputError, CheckFailedError)):
        to_hf(dist, tmp_path / "out", verify=True)
    assert not (tmp_path / "planted").exists()


def test_the_zarr_backend_is_refused_by_name(dist, iteration, tmp_path):
    path = iteration / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "sharded_backend": "zarr"}))
    assert "backend zarr" in refused(dist, tmp_path)


def test_a_directory_of_another_part_of_a_verl_checkpoint(dist, iteration, tmp_path):
    change(iteration, lambda tensors: [tensors.pop(name) for name in list(tensors)])
    assert "model/dist_ckpt" in refused(dist, tmp_path)


@pytest.mark.parametrize("below", ["dist_ckpt", "model/dist_ckpt", "actor/model/dist_ckpt"])
def test_what_verl_makes_is_found_from_the_step_down(kit, dist, iteration, tmp_path, below):
    step = tmp_path / "global_step_5"
    shutil.copytree(iteration, step / below)
    shutil.copytree(tmp_path / "hf", (step / below).parent / "huggingface")
    (step / "ckpt_contents.json").write_text("{}")
    assert recognise(step).name == "torch_dist"
    to_hf(step, tmp_path / "out", verify=True)
    assert (tmp_path / "out" / "tokenizer_config.json").is_file()


def test_args_that_contradict_config_json(kit, dist, tmp_path):
    kit.edit_config(tmp_path / "hf", tie_word_embeddings=True)
    with pytest.raises(InputError, match="contradict"):
        to_hf(dist, tmp_path / "out", hf_cfg_dir=tmp_path / "hf")


def test_noop_layers_are_refused(kit, tmp_path):
    kit.write_hf(tmp_path / "hf", kit.tiny())
    with pytest.raises(InputError, match="noop layers"):
        convert(
            ConvertOptions(
                load_model_type="hf", save_model_type="torch_dist", load_dir=tmp_path / "hf",
                save_dir=tmp_path / "dist", noop_layers=(1,), pipeline_parallel_size=5,
            )
        )  # fmt: skip


@pytest.mark.parametrize("line", ["2.2", "2.3", "26.0"])
def test_hosts_that_force_rank_files_are_refused(kit, tmp_path, line):
    kit.write_hf(tmp_path / "hf", kit.tiny())
    with pytest.raises(InputError, match="does not load torch_dist") as refused:
        convert(
            ConvertOptions(
                load_model_type="hf", save_model_type="torch_dist", load_dir=tmp_path / "hf",
                save_dir=tmp_path / "dist", target=f"mindspeed-llm-{line}",
            )
        )  # fmt: skip
    assert "--save-model-type mg" in str(refused.value)


def test_diff_compares_tensors_that_are_cut_differently(kit, tmp_path, cli):
    kit.write_hf(tmp_path / "hf", kit.tiny(vocab=36, dtype="F32"))
    kit.write_hf(tmp_path / "changed", kit.tiny(vocab=36, dtype="F32"))
    tensors = kit.tiny(vocab=36, dtype="F32").tensors()
    tensors["model.layers.2.mlp.up_proj.weight"][5, 3] += 2
    kit.write_safetensors(tmp_path / "changed" / "model.safetensors", tensors)
    for name, tp in (("hf", 1), ("changed", 2)):
        convert(
            ConvertOptions(
                load_model_type="hf", save_model_type="torch_dist", load_dir=tmp_path / name,
                save_dir=tmp_path / f"{name}-dist", tensor_parallel_size=tp,
            )
        )  # fmt: skip
    code, out, _ = cli("diff", tmp_path / "hf-dist", tmp_path / "changed-dist", "--json")
    rows = json.loads(out)
    assert code == 1
    assert [row["name"] for row in rows] == ["decoder.layers.mlp.linear_fc1.weight"]
    assert rows[0]["differing"] == 1
    assert rows[0]["max_abs_diff"] == pytest.approx(2)
    assert cli("verify", tmp_path / "hf-dist", tmp_path / "changed-dist")[0] == 1
    assert cli("diff", tmp_path / "hf-dist", tmp_path / "hf-dist")[0] == 0


def test_inspect_names_the_chunks_and_the_format(kit, dist, cli):
    code, out, _ = cli("inspect", dist, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["kind"] == "torch_dist"
    row = next(row for row in found["tensors"] if row["name"] == f"{QKV}[3,16,0]")
    assert row["of"] == QKV
    assert row["offset"] == [3, 16, 0]
    assert row["shape"] == [1, 16, 16]
    assert found["args"]["tensor_model_parallel_size"] == 2


class TestNamesOfLatentAttention:
    """DeepSeek's names differ between hosts and Megatron core; torch_dist is written by newer."""

    @pytest.fixture
    def latent(self, kit, tmp_path) -> Path:
        import numpy as np

        config = {
            "model_type": "deepseek_v2", "num_hidden_layers": 2, "hidden_size": 16,
            "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 24,
            "vocab_size": 36, "q_lora_rank": None, "kv_lora_rank": 8, "qk_nope_head_dim": 4,
            "qk_rope_head_dim": 4, "v_head_dim": 4, "n_routed_experts": 2, "n_shared_experts": 1,
            "moe_intermediate_size": 8, "num_experts_per_tok": 1, "first_k_dense_replace": 1,
            "moe_layer_freq": 1, "tie_word_embeddings": False, "rms_norm_eps": 1e-6,
        }  # fmt: skip
        from mindspeed_rl_ext.checkpoint.mapping.model import read_model

        folder = tmp_path / "latent"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        rng = np.random.default_rng(0)
        tensors = {
            name: rng.standard_normal(shape).astype("<f4")
            for name, shape in read_model(folder).shapes().items()
        }
        kit.write_safetensors(folder / "model.safetensors", tensors)
        return folder

    def names(self, source: Path, destination: Path, **options) -> set[str]:
        convert(
            ConvertOptions(
                load_model_type="hf", save_model_type="torch_dist", load_dir=source,
                save_dir=destination, verify=True, **options,
            )
        )  # fmt: skip
        return set(read_metadata(destination / "iter_0000001").tensors)

    def test_the_default_is_the_newer_hosts(self, latent, tmp_path, caplog):
        names = self.names(latent, tmp_path / "default")
        assert "decoder.layers.1.self_attention.linear_kv_up_proj.weight" in names
        assert "decoder.layers.1.self_attention.linear_qkv.layer_norm_weight" in names
        assert "written for MindSpeed-LLM 2.2 and newer" in caplog.text

    def test_megatron_core_has_its_own(self, latent, tmp_path):
        names = self.names(latent, tmp_path / "core", target="megatron-core-0.16")
        assert "decoder.layers.1.self_attention.linear_kv_down_proj.weight" in names
        assert "decoder.layers.1.input_layernorm.weight" in names
        assert "decoder.layers.1.mlp.experts.experts.linear_fc1.weight" in names

    @pytest.mark.parametrize("options", [{"mcore_dialect": "0.8"}, {"target": "mindspeed-llm-2.1"}])
    def test_hosts_that_do_not_load_it_are_refused(self, latent, tmp_path, options):
        with pytest.raises(InputError, match="format of newer hosts"):
            self.names(latent, tmp_path / "old", **options)
