"""FSDP and DCP checkpoints that torch saved come back as the model, bit by bit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.formats import recognise
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")
transformers = pytest.importorskip("transformers")

# name -> how, ranks, prefix, number format
CASES = {
    "uneven": ("fsdp", 3, "", torch.float32),
    "hybrid": ("hybrid", 4, "", torch.bfloat16),
    "turned": ("turned", 4, "", torch.float32),
    "middle": ("middle", 2, "", torch.float32),
    "fsdp1": ("fsdp1", 3, "", torch.float32),
    "plain": ("plain", 2, "", torch.float32),
    "compiled": ("fsdp", 2, "_orig_mod.", torch.float32),
    "dcp": ("dcp", 2, "", torch.float32),
    "flat-dcp": ("flat-dcp", 3, "", torch.float32),
    "gpt_oss": ("fsdp", 3, "", torch.bfloat16),
    "gpt_oss-cut": ("dcp-columns", 3, "", torch.bfloat16),
}


GPT_OSS = {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 4}


def write_model(folder: Path, dtype, family: str = "Qwen2", **more) -> dict:
    """A model whose every row differs; its directory is that of config.json too."""
    config = getattr(transformers, f"{family}Config")(
        vocab_size=37, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=False, **more,
    )  # fmt: skip
    torch.manual_seed(0)
    model = getattr(transformers, f"{family}ForCausalLM")(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    model.to(dtype).save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text("{}")
    return safetensors.load_file(folder / "model.safetensors")


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sharded")
    cases = []
    for name, (how, ranks, prefix, dtype) in CASES.items():
        of = ("GptOss", GPT_OSS) if name.startswith("gpt_oss") else ("Qwen2", {})
        write_model(folder / "hf" / name, dtype, of[0], **of[1])
        tensors = str(folder / "hf" / name / "model.safetensors")
        out = str(folder / name)
        cases.append({"how": how, "ranks": ranks, "prefix": prefix, "tensors": tensors, "out": out})
    (folder / "cases.json").write_text(json.dumps(cases))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("save_sharded.py")),
         str(folder / "cases.json")],
        capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def to_hf(source: Path, destination: Path, **options):
    return convert(
        ConvertOptions(
            load_model_type="auto", save_model_type="hf", load_dir=source, save_dir=destination,
            **options,
        )
    )  # fmt: skip


def check(expected: dict, folder: Path) -> None:
    found = safetensors.load_file(folder / "model.safetensors")
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype, name
        assert torch.equal(found[name], value), name


@pytest.mark.parametrize("case", CASES)
def test_a_sharded_checkpoint_comes_back_bit_by_bit(saved, tmp_path, case):
    hf = saved / "hf" / case
    report = to_hf(saved / case, tmp_path, hf_cfg_dir=hf, verify=True)
    check(safetensors.load_file(hf / "model.safetensors"), tmp_path)
    assert report.drifted == ()


def test_float32_is_kept_unless_another_format_is_asked_for(saved, tmp_path):
    hf = saved / "hf" / "uneven"
    to_hf(saved / "uneven", tmp_path, hf_cfg_dir=hf, params_dtype="bf16", verify=True)
    expected = safetensors.load_file(hf / "model.safetensors")
    check({name: value.bfloat16() for name, value in expected.items()}, tmp_path)


def test_what_verl_lays_beside_is_the_model_s_directory(saved, tmp_path):
    actor = tmp_path / "global_step_7" / "actor"
    shutil.copytree(saved / "uneven", actor)
    shutil.copytree(saved / "hf" / "uneven", actor / "huggingface")
    (actor / "huggingface" / "model.safetensors").unlink()
    (actor / "optim_world_size_3_rank_0.pt").write_bytes(b"no torch file")
    assert recognise(tmp_path / "global_step_7").name == "fsdp"
    to_hf(tmp_path / "global_step_7", tmp_path / "out")
    check(safetensors.load_file(saved / "hf" / "uneven" / "model.safetensors"), tmp_path / "out")
    assert (tmp_path / "out" / "tokenizer_config.json").is_file()


def test_fsdp_goes_to_megatron_without_a_stop_at_huggingface(saved, tmp_path):
    hf = saved / "hf" / "uneven"
    for kind in ("mg", "torch_dist"):
        options = ConvertOptions(
            load_model_type="fsdp", save_model_type=kind, load_dir=saved / "uneven",
            save_dir=tmp_path / kind, hf_cfg_dir=hf, tensor_parallel_size=2, verify=True,
        )  # fmt: skip
        convert(options)
        assert verify(hf, tmp_path / kind).ok


def test_copies_that_differ_are_named_and_verify_finds_them(saved, tmp_path):
    shutil.copytree(saved / "hybrid", tmp_path / "changed")
    path = tmp_path / "changed" / "model_world_size_4_rank_3.pt"
    state = torch.load(path, weights_only=False)
    with torch.no_grad():
        state["model.norm.weight"]._local_tensor[0] += 1
    torch.save(state, path)
    hf = saved / "hf" / "hybrid"
    report = to_hf(tmp_path / "changed", tmp_path / "out", hf_cfg_dir=hf)
    assert report.drifted == ("model.norm.weight",)
    assert not verify(tmp_path / "changed", tmp_path / "out", hf_cfg_dir=hf).ok


def test_the_optimizer_of_a_dcp_checkpoint_is_left_out_and_counted(saved, tmp_path, caplog):
    with caplog.at_level("INFO"):
        to_hf(saved / "dcp", tmp_path, hf_cfg_dir=saved / "hf" / "dcp")
    assert "54 of optimizer" in caplog.text


class TestRefused:
    @pytest.fixture
    def copied(self, saved, tmp_path) -> Path:
        shutil.copytree(saved / "uneven", tmp_path / "copied")
        shutil.copytree(saved / "hf" / "uneven", tmp_path / "copied" / "huggingface")
        return tmp_path / "copied"

    def refused(self, folder: Path, tmp_path: Path) -> str:
        with pytest.raises(InputError) as caught:
            to_hf(folder, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return str(caught.value)

    def change(self, folder: Path, rank: int, edit) -> None:
        path = folder / f"model_world_size_3_rank_{rank}.pt"
        state = torch.load(path, weights_only=False)
        edit(state)
        torch.save(state, path)

    def test_a_missing_rank(self, copied, tmp_path):
        (copied / "model_world_size_3_rank_1.pt").unlink()
        message = self.refused(copied, tmp_path)
        assert "lacks the files of 1 of 3 ranks" in message
        assert "missing ranks 1" in message

    def test_files_of_two_world_sizes(self, copied, tmp_path):
        path = copied / "model_world_size_3_rank_0.pt"
        shutil.copy(path, copied / "model_world_size_8_rank_0.pt")
        assert "world sizes 3, 8" in self.refused(copied, tmp_path)

    def test_a_file_of_another_world_size_under_a_wrong_name(self, saved, copied, tmp_path):
        source = saved / "compiled" / "model_world_size_2_rank_0.pt"
        state = torch.load(source, weights_only=False)
        renamed = {name.removeprefix("_orig_mod."): value for name, value in state.items()}
        torch.save(renamed, copied / "model_world_size_3_rank_0.pt")
        assert "do not fill" in self.refused(copied, tmp_path)

    def test_files_of_two_ranks_that_were_swapped(self, saved, copied, tmp_path):
        """All parts of an even model have one shape: only the mesh tells the ranks."""
        one, two = (copied / f"model_world_size_3_rank_{rank}.pt" for rank in (0, 1))
        one.rename(tmp_path / "kept")
        two.rename(one)
        (tmp_path / "kept").rename(two)
        message = self.refused(copied, tmp_path)
        assert "not in the order of its mesh" in message
        assert "the parts [1, 0, 2]" in message

    def test_a_truncated_file(self, copied, tmp_path):
        path = copied / "model_world_size_3_rank_2.pt"
        os.truncate(path, path.stat().st_size // 2)
        assert "truncated" in self.refused(copied, tmp_path)

    def test_a_tensor_that_one_rank_lacks(self, copied, tmp_path):
        self.change(copied, 1, lambda state: state.pop("model.norm.weight"))
        assert "model.norm.weight" in self.refused(copied, tmp_path)

    def test_a_model_with_adapters_is_refused_with_the_remedy(self, copied, tmp_path):
        def edit(state):
            for name in list(state):
                state[f"base_model.model.{name}"] = state.pop(name)
            state["base_model.model.model.norm.lora_A.default.weight"] = torch.ones(1, 16)

        for rank in range(3):
            self.change(copied, rank, edit)
        assert "merge them in PEFT" in self.refused(copied, tmp_path)

    def test_another_kind_of_model(self, copied, tmp_path):
        def edit(state):
            for name in list(state):
                state[f"encoder.{name.removeprefix('model.')}"] = state.pop(name)

        for rank in range(3):
            self.change(copied, rank, edit)
        assert "does not hold the model once" in self.refused(copied, tmp_path)

    def test_a_value_head_is_not_dropped_silently(self, copied, tmp_path):
        def edit(state):
            state["v_head.summary.weight"] = torch.ones(1, 16)

        for rank in range(3):
            self.change(copied, rank, edit)
        message = self.refused(copied, tmp_path)
        assert "v_head.summary.weight" in message

    def test_a_planted_pickle_never_runs(self, copied, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

        class Planted:
            def __reduce__(self):
                return os.system, ("touch planted",)

        path = copied / "model_world_size_3_rank_1.pt"
        state = dict(torch.load(path, weights_only=False))
        state["model.norm.weight"] = Planted()
        torch.save(state, path)
        assert "no tensor" in self.refused(copied, tmp_path)
        assert not (tmp_path / "planted").exists()


def test_a_torch_dist_checkpoint_without_its_marks_is_explained(kit, tmp_path):
    kit.write_hf(tmp_path / "hf", kit.tiny())
    convert(
        ConvertOptions(
            load_model_type="hf", save_model_type="torch_dist", load_dir=tmp_path / "hf",
            save_dir=tmp_path / "dist",
        )
    )  # fmt: skip
    folder = tmp_path / "dist" / "iter_0000001"
    for name in ("common.pt", "metadata.json"):
        (folder / name).unlink()
    with pytest.raises(InputError, match=r"copy common.pt and metadata.json"):
        to_hf(folder, tmp_path / "out", hf_cfg_dir=tmp_path / "hf")


def test_a_dcp_checkpoint_without_its_metadata_says_so(saved, tmp_path):
    shutil.copytree(saved / "dcp", tmp_path / "copied", ignore=lambda *_: [".metadata"])
    with pytest.raises(InputError, match=r"no \.metadata in"):
        to_hf(tmp_path / "copied", tmp_path / "out", hf_cfg_dir=saved / "hf" / "dcp")


def test_experts_that_transformers_keeps_in_one_tensor_are_told_apart(tmp_path):
    config = transformers.Qwen3MoeConfig(
        vocab_size=37, hidden_size=16, intermediate_size=24, moe_intermediate_size=8,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=4,
        num_experts=4, num_experts_per_tok=2, tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.Qwen3MoeForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    model.save_pretrained(tmp_path / "hf")
    expected = safetensors.load_file(tmp_path / "hf" / "model.safetensors")
    state = model.state_dict()
    if not any(name.endswith("experts.gate_up_proj") for name in state):
        pytest.skip("this transformers keeps experts one by one")
    (tmp_path / "fsdp").mkdir()
    torch.save(state, tmp_path / "fsdp" / "model_world_size_1_rank_0.pt")
    to_hf(tmp_path / "fsdp", tmp_path / "out", hf_cfg_dir=tmp_path / "hf", verify=True)
    check(expected, tmp_path / "out")


def test_the_output_layer_of_a_tied_model_must_be_the_embedding(tmp_path):
    config = transformers.Qwen2Config(
        vocab_size=37, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
        num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    model = transformers.Qwen2ForCausalLM(config)
    model.save_pretrained(tmp_path / "hf")
    (tmp_path / "fsdp").mkdir()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    torch.save(state, tmp_path / "fsdp" / "model_world_size_1_rank_0.pt")
    report = to_hf(tmp_path / "fsdp", tmp_path / "out", hf_cfg_dir=tmp_path / "hf", verify=True)
    assert report.drifted == ()
    state["lm_head.weight"] += 1
    torch.save(state, tmp_path / "fsdp" / "model_world_size_1_rank_0.pt")
    for checked in (False, True):
        with pytest.raises(InputError, match=r"lm_head\.weight is another tensor"):
            to_hf(tmp_path / "fsdp", tmp_path / "out2", hf_cfg_dir=tmp_path / "hf", verify=checked)
        assert not (tmp_path / "out2").exists()
    # Trainers save the model below a name.
    pytest.importorskip("torch.distributed.checkpoint").save(
        {"model": state}, checkpoint_id=tmp_path / "dcp"
    )
    with pytest.raises(InputError, match=r"lm_head\.weight is another tensor"):
        to_hf(tmp_path / "dcp", tmp_path / "out2", hf_cfg_dir=tmp_path / "hf")


@pytest.mark.parametrize("case", ["uneven", "dcp"])
def test_inspect_and_doctor_say_a_command_that_converts_it(saved, tmp_path, cli, case):
    code, out, _ = cli("inspect", saved / case, "--json")
    command = json.loads(out)["convert"]
    assert code == 0
    words = command.replace("OUT", str(tmp_path / "out")).replace("MODEL", str(saved / "hf" / case))
    assert cli(*words.split()[1:])[0] == 0
    check(safetensors.load_file(saved / "hf" / case / "model.safetensors"), tmp_path / "out")
    code, out, err = cli("doctor", "--checkpoint", saved / case)
    assert (code, command in out) == (0, True), out + err


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_dcp_in_safetensors_is_named_with_what_to_do(saved, tmp_path):
    tensors = safetensors.load_file(saved / "hf" / "dcp" / "model.safetensors")
    dcp = pytest.importorskip("torch.distributed.checkpoint")
    writers = pytest.importorskip("torch.distributed.checkpoint.filesystem")
    if not hasattr(writers, "SerializationFormat"):
        pytest.skip("this torch has no such format")
    kind = writers.SerializationFormat.SAFETENSORS
    writer = dcp.FileSystemWriter(tmp_path / "dcp", serialization_format=kind)
    dcp.save(tensors, storage_writer=writer, no_dist=True)
    with pytest.raises(InputError, match="serialization_format=SAFETENSORS"):
        to_hf(tmp_path / "dcp", tmp_path / "out", hf_cfg_dir=saved / "hf" / "dcp")
    for rank in (1, 2):
        name = f"shard-0000{rank}-model-00001-of-00001.safetensors"
        safetensors.save_file({f"a{rank}": torch.ones(1)}, tmp_path / "dcp" / name)
    with pytest.raises(InputError, match="enable_consolidation=True"):
        convert(ConvertOptions("hf", "mg", tmp_path / "dcp", tmp_path / "out"))
