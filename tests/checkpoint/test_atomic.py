"""A destination is whole or untouched: interruptions, failures, full disks, second writers."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import zlib

import pytest

from mindspeed_rl_ext.checkpoint import convert as convert_module
from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError


def snapshot(folder) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("direction", ["mg", "hf"])
@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (OSError(errno.ENOSPC, "No space left on device"), 3)],
    ids=["interrupted", "disk-full"],
)
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_run_that_stops_midway_leaves_nothing(
    cli, hf_dir, tmp_path, monkeypatch, direction, error, code, after
):
    source = hf_dir
    if direction == "hf":
        source = tmp_path / "mg"
        convert(ConvertOptions("hf", "mg", hf_dir, source, 2, 2))
    writes = {"left": after}
    pwrite = os.pwrite

    def failing(handle, data, at):
        writes["left"] -= 1
        if writes["left"] < 0:
            raise error
        return pwrite(handle, data, at)

    monkeypatch.setattr(os, "pwrite", failing)
    words = ["--load-model-type", {"mg": "hf", "hf": "mg"}[direction]]
    words += ["--save-model-type", direction, "--load-dir", source]
    found, _, err = cli("convert", *words, "--save-dir", tmp_path / "new" / "out")
    assert found == code
    assert not (tmp_path / "new").exists()
    assert "Traceback" not in err


def test_a_failure_leaves_the_old_checkpoint_in_place(hf_dir, tmp_path, monkeypatch):
    options = ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", overwrite=True)
    convert(options)
    before = snapshot(tmp_path / "mg")

    def failing(*words):
        raise OSError(errno.EIO, "broken disk")

    monkeypatch.setattr(convert_module, "install", failing)
    with pytest.raises(OSError, match="broken disk"):
        convert(options)
    assert snapshot(tmp_path / "mg") == before


def test_the_tracker_is_written_last(hf_dir, tmp_path, monkeypatch):
    moved = []
    rename = os.rename
    monkeypatch.setattr(os, "rename", lambda a, b: (moved.append(b), rename(a, b)))
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    names = [os.path.basename(path) for path in moved]
    assert names == ["iter_0000001", "manifest.json", "latest_checkpointed_iteration.txt"]
    moved.clear()
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    assert os.path.basename(moved[-1]) == "config.json"


@pytest.mark.parametrize("direction", ["mg", "hf"])
@pytest.mark.parametrize("overwrite", [True, False])
def test_an_interruption_while_moving_into_place_is_undone(
    kit, hf_dir, tmp_path, monkeypatch, direction, overwrite
):
    """Every single move is interrupted once, before and after it happened."""
    kit.write_hf(tmp_path / "other", kit.tiny(seed=9))
    source, old = hf_dir, tmp_path / "other"
    if direction == "hf":
        for name, hf in (("mg1", hf_dir), ("mg2", tmp_path / "other")):
            convert(ConvertOptions("hf", "mg", hf, tmp_path / name))
        source, old = tmp_path / "mg1", tmp_path / "mg2"
    out = tmp_path / "out"
    formats = {"mg": ("hf", "mg"), "hf": ("mg", "hf")}[direction]
    if overwrite:
        convert(ConvertOptions(*formats, old, out, overwrite=True))
    before = snapshot(out) if overwrite else None
    rename = os.rename
    for stop in range(40):
        calls = {"left": stop}

        def stopping(a, b, calls=calls):
            calls["left"] -= 1
            if calls["left"] == -1:
                raise KeyboardInterrupt
            rename(a, b)
            if calls["left"] == 0:
                calls["left"] = -1
                raise KeyboardInterrupt

        monkeypatch.setattr(os, "rename", stopping)
        try:
            convert(ConvertOptions(*formats, source, out, overwrite=overwrite))
        except KeyboardInterrupt:
            assert (snapshot(out) if overwrite else out.exists()) == (before or False)
        else:
            break
        finally:
            monkeypatch.setattr(os, "rename", rename)
    assert stop > 2
    assert verify(source, out).ok


def test_an_existing_checkpoint_needs_overwrite(cli, kit, hf_dir, tmp_path):
    words = ["--load-model-type", "hf", "--save-model-type", "mg", "--save-dir", tmp_path / "mg"]
    assert cli("convert", *words, "--load-dir", hf_dir)[0] == 0
    before = snapshot(tmp_path / "mg")
    code, _, err = cli("convert", *words, "--load-dir", hf_dir)
    assert code == 2
    assert "--overwrite" in err
    assert snapshot(tmp_path / "mg") == before
    kit.write_hf(tmp_path / "other", kit.tiny(seed=5, layers=2))
    assert cli("convert", *words, "--load-dir", tmp_path / "other", "--overwrite")[0] == 0
    assert verify(tmp_path / "other", tmp_path / "mg").ok
    assert not verify(hf_dir, tmp_path / "mg").ok


def test_overwriting_a_model_leaves_no_old_shard(kit, hf_dir, tmp_path):
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    many = ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "b", max_shard_bytes=3000)
    convert(many)
    assert (tmp_path / "b/model.safetensors.index.json").exists()
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "b", overwrite=True))
    assert sorted(p.name for p in (tmp_path / "b").glob("model*")) == ["model.safetensors"]
    assert verify(hf_dir, tmp_path / "b").ok


def test_the_source_is_never_the_destination(hf_dir, tmp_path):
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    before = snapshot(hf_dir)
    for options in (
        ConvertOptions("hf", "mg", hf_dir, hf_dir / ".." / "hf", overwrite=True),
        ConvertOptions("mg", "hf", tmp_path / "mg", hf_dir, hf_cfg_dir=hf_dir, overwrite=True),
    ):
        with pytest.raises(InputError, match="read from"):
            convert(options)
    assert snapshot(hf_dir) == before


def test_two_writers_do_not_meet(hf_dir, tmp_path):
    (tmp_path / "mg/.msrl-ext-staging").mkdir(parents=True)
    handle = os.open(tmp_path / "mg/.msrl-ext-staging", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(InputError, match="another conversion"):
            convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    finally:
        os.close(handle)
    (tmp_path / "mg/.msrl-ext-staging").mkdir(exist_ok=True)
    (tmp_path / "mg/.msrl-ext-staging/left-by-a-killed-run").touch()
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    assert verify(hf_dir, tmp_path / "mg").ok
    assert not (tmp_path / "mg/.msrl-ext-staging").exists()


def test_too_little_disk_is_found_before_writing(cli, hf_dir, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    words = ["--load-model-type", "hf", "--save-model-type", "mg", "--load-dir", hf_dir]
    code, _, err = cli("convert", *words, "--save-dir", tmp_path / "mg")
    assert code == 3
    assert "not enough disk" in err
    assert not (tmp_path / "mg").exists()


def test_the_manifest_lists_every_tensor_with_its_crc(kit, hf_dir, tmp_path):
    pytest.importorskip("torch")
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 2))
    manifest = json.loads((tmp_path / "mg/manifest.json").read_text())
    assert manifest["layout"]["tp"] == 2
    assert manifest["source"] == str(hf_dir.resolve())
    assert set(manifest["sha256"]) == {"config.json", "tokenizer_config.json", "vocab.json"}
    found = {}
    for path in (tmp_path / "mg/iter_0000001").rglob("*.pt"):
        for name, tensor in kit.torch_load(path)["model"].items():
            crc = zlib.crc32(kit.as_numpy(tensor).tobytes())
            found[str(path.relative_to(tmp_path / "mg")), name] = (f"{crc:08x}", list(tensor.shape))
    listed = {(t["file"], t["name"]): (t["crc32"], t["shape"]) for t in manifest["tensors"]}
    assert listed == found


def test_an_interrupted_resumable_run_says_what_it_keeps(cli, hf_dir, tmp_path, monkeypatch):
    words = ["--load-model-type", "hf", "--save-model-type", "mg", "--load-dir", hf_dir]
    words += ["--save-dir", tmp_path / "out", "--target-pipeline-parallel-size", 2, "--resume"]
    pwrite, writes = os.pwrite, {"left": 2}

    def failing(handle, data, at):
        writes["left"] -= 1
        if writes["left"] < 0:
            raise KeyboardInterrupt
        return pwrite(handle, data, at)

    monkeypatch.setattr(os, "pwrite", failing)
    found, _, err = cli("convert", *words)
    assert found == 130
    kept = [path for path in (tmp_path / "out").iterdir() if path.is_dir()]
    assert len(kept) == 1
    assert f"finished files are kept in {kept[0]}" in err
    assert "nothing" not in err
    monkeypatch.undo()
    assert cli("convert", *words)[0] == 0
