"""The commands as users type them, with the flags of both generations of hosts."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import CheckFailedError

OLDER_HOST = (
    "--use-mcore-models --model-type GPT --load-model-type hf --save-model-type mg "
    "--target-tensor-parallel-size 2 --target-pipeline-parallel-size 2 --add-qkv-bias "
    "--tokenizer-model unused.json --model-type-hf llama2 --params-dtype bf16 "
    "--target-expert-parallel-size 1"
)
OLDEST_HOST = "--model-type GPT --loader hf --saver mg --model-type-hf qwen25"
NEWER_HOST = (
    "--load-model-type hf --save-model-type mg --model-type-hf qwen25 "
    "--target-tensor-parallel-size 1 --target-pipeline-parallel-size 4"
)


@pytest.mark.parametrize("flags", [OLDER_HOST, OLDEST_HOST, NEWER_HOST])
def test_the_flags_of_the_hosts_work(cli, hf_dir, tmp_path, flags):
    code, out, err = cli(
        "convert", *flags.split(), "--load-dir", hf_dir, "--save-dir", tmp_path / "mg", "--verify"
    )
    assert code == 0, err
    assert "verified" in out
    assert cli("verify", hf_dir, tmp_path / "mg")[0] == 0


def test_a_flag_without_effect_says_so(cli, hf_dir, tmp_path, caplog):
    caplog.set_level("INFO")
    cli("convert", *OLDER_HOST.split(), "--load-dir", hf_dir, "--save-dir", tmp_path / "mg")
    assert "without effect here: --use-mcore-models, --model-type, --tokenizer-model" in caplog.text
    caplog.clear()
    words = "--load-model-type mg --save-model-type hf --target-tensor-parallel-size 1"
    back = ["--load-dir", tmp_path / "mg", "--save-dir", tmp_path / "back"]
    cli("convert", *words.split(), "--target-pipeline-parallel-size", 3, *back)
    assert "without effect here: --target-pipeline-parallel-size" in caplog.text


def test_a_dry_run_prints_the_plan_and_writes_nothing(cli, hf_dir, tmp_path):
    words = ["--load-model-type", "hf", "--save-model-type", "mg", "--load-dir", hf_dir]
    words += ["--save-dir", tmp_path / "mg", "--target-tensor-parallel-size", 2, "--dry-run"]
    code, out, _ = cli("convert", *words)
    assert code == 0
    assert "decoder.layers.3.self_attention.linear_qkv.weight" in out
    assert "nothing was written" in out
    data = json.loads(cli("convert", *words, "--json")[1])
    assert not (tmp_path / "mg").exists()
    assert len(data["files"]) == 2
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2))
    written = json.loads((tmp_path / "mg/manifest.json").read_text())["tensors"]
    planned = [
        (name, t["name"], t["shape"], t["dtype"])
        for name, file in data["files"].items()
        for t in file["tensors"]
    ]
    found = [(t["file"], t["name"], t["shape"], t["dtype"]) for t in written]
    assert sorted(found) == sorted(planned)
    sizes = [np.prod(shape) * 2 for _, _, shape, _ in planned]
    assert data["bytes"] == sum(sizes)
    assert 36e6 < data["memory_bytes"] < 100e6


def damage(path, tensor: bytes) -> None:
    data = bytearray(path.read_bytes())
    at = data.index(tensor)
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("num_attention_heads", 2, "heads 4 and 2"),
        ("rope_theta", 7.0, "rope_theta"),
        ("rms_norm_eps", 0.5, "rms_norm_eps"),
    ],
)
def test_equal_tensors_of_another_config_are_another_model(cli, kit, tmp_path, key, value, shown):
    for name in ("one", "two"):
        kit.write_hf(tmp_path / name, kit.tiny())
    assert cli("verify", tmp_path / "one", tmp_path / "two")[0] == 0
    path = tmp_path / "two" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    code, out, _ = cli("verify", tmp_path / "one", tmp_path / "two")
    assert code == 1
    assert f"config.json: {shown}" in out


def test_verify_names_a_single_flipped_bit(cli, kit, tmp_path):
    tensors = kit.write_hf(tmp_path / "hf", kit.tiny())
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 2, 2))
    path = tmp_path / "mg/iter_0000001/mp_rank_01_001/model_optim_rng.pt"
    damage(path, tensors["model.layers.3.self_attn.k_proj.weight"][4:].tobytes())
    code, out, _ = cli("verify", tmp_path / "hf", tmp_path / "mg")
    assert code == 1
    assert (
        "mp_rank_01_001/model/decoder.layers.1.self_attention.linear_qkv.weight "
        "differs from model.layers.3.self_attn.k_proj.weight" in out
    )
    data = json.loads(cli("verify", tmp_path / "hf", tmp_path / "mg", "--json")[1])
    assert data["ok"] is False
    assert len(data["problems"]) == 2
    assert "was changed after it was written: another CRC-32" in data["problems"][0]


def test_verify_compares_every_copy_of_a_replicated_tensor(cli, kit, tmp_path):
    tensors = kit.write_hf(tmp_path / "hf", kit.tiny(tied=True))
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 2, 2))
    path = tmp_path / "mg/iter_0000001/mp_rank_01_001/model_optim_rng.pt"
    damage(path, tensors["model.norm.weight"].tobytes())
    damage(path, tensors["model.embed_tokens.weight"][19:].tobytes())
    code, out, _ = cli("verify", tmp_path / "hf", tmp_path / "mg")
    assert code == 1
    assert "decoder.final_layernorm.weight differs" in out
    assert "output_layer.weight differs from model.embed_tokens.weight" in out


def test_verify_of_another_model_fails(cli, kit, hf_dir, tmp_path):
    kit.write_hf(tmp_path / "other", kit.tiny(layers=2))
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    code, out, _ = cli("verify", tmp_path / "other", tmp_path / "mg")
    assert code == 1
    assert "num_hidden_layers" in out or "num_layers" in out
    code, out, _ = cli("verify", tmp_path / "other", hf_dir)
    assert code == 1
    assert "model.layers.3.mlp.up_proj.weight is extra" in out


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("old", [False, True])
def test_what_fails_its_verification_is_never_put_in_place(
    kit, hf_dir, tmp_path, monkeypatch, old, resume
):
    from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.writer import MegatronWriter

    def files() -> dict[str, bytes]:
        found = (tmp_path / "mg").rglob("*")
        return {str(p): p.read_bytes() for p in found if p.is_file()}

    if old:
        kit.write_hf(tmp_path / "older", kit.tiny(seed=4))
        convert(ConvertOptions("hf", "mg", tmp_path / "older", tmp_path / "mg"))
    before = files()
    finish = MegatronWriter.finish

    def damaging(self, staged, target, written):
        path = next(staged.rglob("*.pt"))
        damage(path, kit.tiny().tensors()["model.norm.weight"].tobytes())
        return finish(self, staged, target, written)

    options = {"verify": True, "overwrite": old, "resume": resume}
    monkeypatch.setattr(MegatronWriter, "finish", damaging)
    with pytest.raises(CheckFailedError, match="not the same model"):
        convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", **options))
    assert files() == before
    monkeypatch.undo()
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", **options))
    assert verify(hf_dir, tmp_path / "mg").ok


def test_inspect_and_diff_describe_checkpoints(cli, kit, hf_dir, tmp_path):
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 2))
    code, out, _ = cli("inspect", tmp_path / "mg")
    assert code == 0
    assert "tp=2, pp=2" in out
    data = json.loads(cli("inspect", tmp_path / "mg", "--json")[1])
    assert data["args"]["num_query_groups"] == 2
    assert data["args"]["params_dtype"] == "torch.bfloat16"
    assert cli("diff", hf_dir, hf_dir)[0] == 0
    tensors = kit.write_hf(tmp_path / "twin", kit.tiny(dtype="F32"))
    kit.write_hf(tmp_path / "twin2", kit.tiny(dtype="F32"))
    tensors["model.norm.weight"] = tensors["model.norm.weight"] + np.float32(0.5)
    kit.write_safetensors(tmp_path / "twin2/model.safetensors", tensors)
    rows = json.loads(cli("diff", tmp_path / "twin", tmp_path / "twin2", "--json")[1])
    assert [row["name"] for row in rows] == ["model.norm.weight"]
    assert rows[0]["differing"] == 16
    assert rows[0]["max_abs_diff"] == pytest.approx(0.5, rel=1e-5)
    code, _, err = cli("diff", hf_dir, tmp_path / "mg")
    assert code == 2
    assert "msrl-ext verify" in err


def test_converting_both_ways_imports_no_torch(hf_dir, tmp_path):
    script = f"""
import sys
from mindspeed_rl_ext.cli._dispatch import main
a, b, c = {str(hf_dir)!r}, {str(tmp_path / "mg")!r}, {str(tmp_path / "back")!r}
words = ["convert", "--load-model-type", "hf", "--save-model-type", "mg", "--verify"]
assert main(words + ["--load-dir", a, "--save-dir", b, "--target-tensor-parallel-size", "2"]) == 0
words = ["convert", "--load-model-type", "mg", "--save-model-type", "hf", "--verify"]
assert main(words + ["--load-dir", b, "--save-dir", c]) == 0
heavy = {{"torch", "transformers", "safetensors", "megatron", "ray"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_script_does_what_the_command_does(repo_root, hf_dir, tmp_path):
    words = ["--load-model-type", "hf", "--save-model-type", "mg", "--load-dir", hf_dir]
    words += ["--save-dir", tmp_path / "mg"]
    done = subprocess.run(
        [sys.executable, repo_root / "checkpoint_tools/convert_ckpt.py", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(repo_root), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mg/latest_checkpointed_iteration.txt").read_text() == "1"


@pytest.mark.parametrize("kind", ["hf", "mg", "torch_dist"])
def test_inspect_and_doctor_say_a_command_that_converts_it(cli, hf_dir, tmp_path, kind):
    source = hf_dir
    if kind != "hf":
        source = tmp_path / "a source"  # with a space, which a shell would split
        convert(ConvertOptions("hf", kind, hf_dir, source))
    code, out, _ = cli("inspect", source, "--json")
    command = json.loads(out)["convert"]
    assert code == 0
    assert cli("inspect", source)[1].endswith(f"to convert it: {command}\n")
    program, *words = shlex.split(command.replace("OUT", str(tmp_path / "out")))
    assert program == "msrl-ext"
    assert cli(*words)[0] == 0
    assert cli("verify", source, tmp_path / "out")[0] == 0
    code, out, err = cli("doctor", "--checkpoint", source)
    assert (code, f"format {kind}" in out, command in out) == (0, True, True), out + err


@pytest.mark.parametrize("kind", ["hf", "mg", "torch_dist"])
def test_doctor_finds_a_file_that_was_cut_short(cli, hf_dir, tmp_path, kind):
    source = hf_dir
    if kind != "hf":
        source = tmp_path / kind
        convert(ConvertOptions("hf", kind, hf_dir, source))
    path = max(source.rglob("*"), key=lambda path: path.stat().st_size)
    os.truncate(path, path.stat().st_size - 100)
    code, out, _ = cli("doctor", "--checkpoint", source)
    assert code == 1
    assert "checkpoint-unreadable" in out
    assert path.name in out
