"""A checkpoint with an adapter merged into it says so, and is verified with the adapter."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import CheckFailedError, InputError

TP2PP2 = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}
RANK, ALPHA = 4, 8  # as conftest makes adapters


@pytest.fixture
def merged(adapters, kit, tmp_path, model):
    """A model, an adapter of PEFT, and both merged on TP2 PP2."""
    hf, lora, mg = tmp_path / "hf", tmp_path / "lora", tmp_path / "mg"
    adapters.peft(kit, lora, model[1])
    convert(ConvertOptions("hf", "mg", hf, mg, lora_load=lora, **TP2PP2))
    return hf, lora, mg


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def test_the_manifest_names_the_adapter(merged):
    _, lora, mg = merged
    found = manifest(mg)["adapter"]
    assert found["path"] == str(lora)
    assert (found["r"], found["alpha"], found["rounding"]) == (RANK, ALPHA, "once")
    assert found["weights"] == 4 * 3
    assert int(found["crc32"], 16)


def test_a_plain_conversion_names_none(tmp_path, merged):
    convert(ConvertOptions("hf", "mg", merged[0], tmp_path / "plain"))
    assert "adapter" not in manifest(tmp_path / "plain")


def test_the_sum_of_an_adapter_does_not_depend_on_its_format_or_layout(
    adapters, kit, tmp_path, model
):
    torch = pytest.importorskip("torch")
    hf, base, lora = tmp_path / "hf", tmp_path / "base", tmp_path / "lora"
    convert(ConvertOptions("hf", "mg", hf, base, **TP2PP2))
    adapters.host(torch, kit, base, lora)
    peft = tmp_path / "peft"
    convert(ConvertOptions("mg", "hf", lora, peft, hf_cfg_dir=hf, save_lora_to_hf=True))
    sums = set()
    for number, adapter in enumerate((lora, lora / "iter_0000001", peft)):
        out = tmp_path / f"out{number}"
        convert(ConvertOptions("hf", "mg", hf, out, lora_load=adapter))
        sums.add(manifest(out)["adapter"]["crc32"])
    assert len(sums) == 1


def test_verify_proves_a_merged_checkpoint_with_its_adapter(cli, merged):
    hf, lora, mg = merged
    code, out, _ = cli("verify", hf, mg, "--lora-load", lora)
    assert (code, "the same model" in out) == (0, True)


def test_verify_without_the_adapter_says_how(cli, merged):
    hf, lora, mg = merged
    code, out, _ = cli("verify", hf, mg)
    assert code == 1
    assert f"--lora-load {lora} --lora-r {RANK} --lora-alpha {ALPHA}" in out
    code, out, _ = cli("verify", hf, mg, "--json")
    assert str(lora) in json.loads(out)["hint"]


def test_verify_says_so_between_checkpoints_that_are_cut_alike(cli, tmp_path, merged):
    hf, lora, mg = merged
    convert(ConvertOptions("hf", "mg", hf, tmp_path / "plain", **TP2PP2))
    code, out, _ = cli("verify", tmp_path / "plain", mg)
    assert (code, "an adapter was merged" in out) == (1, True)
    code, _, _ = cli("verify", tmp_path / "plain", mg, "--lora-load", lora)
    assert code == 0


def test_verify_finds_another_adapter_and_a_changed_value(adapters, cli, kit, tmp_path, merged):
    hf, lora, mg = merged
    adapters.peft(kit, tmp_path / "other", dict(kit.tiny(dtype="F32", bias=False).tensors()),
                  modules=("q_proj",))  # fmt: skip
    code, out, _ = cli("verify", hf, mg, "--lora-load", tmp_path / "other")
    assert code == 1
    assert "differs from" in out
    assert str(lora) in out
    path = next((mg / "iter_0000001").rglob("*.pt"))
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(blob)
    code, _, _ = cli("verify", hf, mg, "--lora-load", lora)
    assert code == 1


def test_verify_takes_the_hosts_rounding(cli, tmp_path, merged):
    hf, lora, _ = merged
    out, more = tmp_path / "out", {"lora_rounding": "host", "params_dtype": "bf16"}
    convert(ConvertOptions("hf", "mg", hf, out, lora_load=lora, verify=True, **more))
    words = ["verify", hf, out, "--lora-load", lora]
    assert cli(*words, "--lora-rounding", "host")[0] == 0
    code, shown, _ = cli("verify", hf, out)
    assert (code, "--lora-rounding host" in shown) == (1, True)


def test_an_exported_adapter_is_verified_with_the_hosts(adapters, cli, kit, tmp_path, model):
    torch = pytest.importorskip("torch")
    hf, base, lora, peft = (tmp_path / name for name in ("hf", "base", "lora", "peft"))
    convert(ConvertOptions("hf", "mg", hf, base, **TP2PP2))
    adapters.host(torch, kit, base, lora)
    convert(ConvertOptions("mg", "hf", lora, peft, hf_cfg_dir=hf, save_lora_to_hf=True))
    assert cli("verify", lora, peft)[0] == 0
    path = peft / "adapter_model.safetensors"
    blob = bytearray(path.read_bytes())
    blob[-1] ^= 1
    path.write_bytes(blob)
    code, out, _ = cli("verify", lora, peft)
    assert (code, "lora_" in out) == (1, True)
    config = peft / "adapter_config.json"
    config.write_text(config.read_text().replace('"lora_alpha": 8', '"lora_alpha": 9'))
    code, _, err = cli("verify", lora, peft)
    assert (code, "--lora-alpha 9 is not what" in err) == (2, True)


def test_a_stopped_merge_goes_on_only_with_the_same_adapter(
    adapters, kit, tmp_path, merged, monkeypatch
):
    hf, lora, _ = merged
    other, out = tmp_path / "other", tmp_path / "out"
    adapters.peft(kit, other, kit.tiny(dtype="F32", bias=False).tensors(), use_rslora=True)
    stopped = {"lora_load": lora, **TP2PP2}
    with monkeypatch.context() as patch:
        patch.setattr("mindspeed_rl_ext.checkpoint.convert.write_manifest", _stop)
        with pytest.raises(KeyboardInterrupt):
            convert(ConvertOptions("hf", "mg", hf, out, resume=True, **stopped))
    with pytest.raises(InputError, match="another source or other options"):
        convert(ConvertOptions("hf", "mg", hf, out, resume=True, **{**stopped, "lora_load": other}))
    with pytest.raises(InputError, match="another source or other options"):
        convert(ConvertOptions("hf", "mg", hf, out, resume=True, **TP2PP2))
    convert(ConvertOptions("hf", "mg", hf, out, resume=True, verify=True, **stopped))


def _stop(*args, **kwargs):
    raise KeyboardInterrupt


def test_a_damaged_merge_is_found_before_it_is_in_place(tmp_path, merged, monkeypatch):
    from mindspeed_rl_ext.checkpoint.adapters.factors import Factors

    hf, lora, _ = merged
    right, asked = Factors.product, []

    def wrong(self, box):
        asked.append(box)
        return right(self, box) + np.float32(len(asked) < 3)

    monkeypatch.setattr(Factors, "product", wrong)
    with pytest.raises(CheckFailedError):
        convert(ConvertOptions("hf", "mg", hf, tmp_path / "out", lora_load=lora, verify=True))
    assert not (tmp_path / "out" / "latest_checkpointed_iteration.txt").exists()


def test_a_directory_without_an_adapter_is_named_with_its_flag(cli, tmp_path, merged):
    hf, _, _ = merged
    words = ["convert", "--load-dir", hf, "--save-model-type", "hf", "--save-dir", tmp_path / "x"]
    for more, flag in (
        (["--lora-load", hf, "--save-lora-to-hf"], "--lora-load"),
        (["--save-lora-to-hf"], "--load-dir"),
    ):
        code, _, err = cli(*words, *more)
        assert code == 2
        assert "no adapter in" in err
        assert f"check {flag}" in err
    code, _, err = cli("convert", "--load-dir", hf, "--lora-load", tmp_path / "nowhere",
                       "--save-model-type", "mg", "--save-dir", tmp_path / "x")  # fmt: skip
    assert (code, "check --lora-load" in err, "no such directory" in err) == (2, True, True)


def test_an_adapter_alone_is_described_as_one_and_converted_as_no_model(cli, tmp_path, merged):
    _, lora, _ = merged
    code, out, _ = cli("inspect", lora)
    assert (code, f"--load-dir BASE --lora-load {lora}" in out) == (0, True)
    code, _, err = cli("convert", "--load-dir", lora, "--save-model-type", "mg", "--save-dir",
                       tmp_path / "x")  # fmt: skip
    assert (code, "is an adapter of PEFT, and no model" in err) == (2, True)
