"""A run that is killed leaves no checkpoint or a whole one, and --resume ends as an unharmed run.

A child process kills itself with SIGKILL at a chosen operation (a write, a rename, a flush), so
that the moments are spread over the whole run, the moving into place included.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.formats import open_checkpoint
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.staging import STAGING_NAME


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def loads(folder: Path) -> bool:
    try:
        open_checkpoint(folder)
    except InputError:
        return False
    return folder.joinpath("config.json").is_file() or bool(list(folder.glob("latest*")))


DIRECTIONS = {
    "hf-mg": ("hf", "mg", {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}),
    "mg-hf": ("mg", "hf", {"max_shard_bytes": 6000}),
    "mg-mg": ("mg", "mg", {"pipeline_parallel_size": 4}),
    "hf-torch_dist": ("hf", "torch_dist", {"max_shard_bytes": 6000}),
    "torch_dist-hf": ("torch_dist", "hf", {"max_shard_bytes": 6000}),
}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_kill_at_any_moment_is_survived(in_child, kit, hf_dir, tmp_path, direction, overwrite):
    load, save, flags = DIRECTIONS[direction]
    source = hf_dir
    if load != "hf":
        convert(ConvertOptions("hf", load, hf_dir, tmp_path / load, 2, 1))
        source = tmp_path / load
    out, reference = tmp_path / "out", tmp_path / "reference"

    def options(folder: Path, **more) -> ConvertOptions:
        return ConvertOptions(load, save, source, folder, overwrite=overwrite, **flags, **more)

    convert(options(reference))
    expected = snapshot(reference)
    status, total = in_child(lambda: convert(options(tmp_path / "whole")), 0)
    assert status == 0
    assert snapshot(tmp_path / "whole") == expected
    old = snapshot(out)
    if overwrite:
        kit.write_hf(tmp_path / "older", kit.tiny(seed=7))
        older = tmp_path / "older"
        if load != "hf":
            older = tmp_path / "older-sharded"
            convert(ConvertOptions("hf", load, tmp_path / "older", older, 2, 1))
        convert(ConvertOptions(load, save, older, out, **flags))
        old = snapshot(out)
    kills = 0
    # The last moments, the moving into place, one by one; the others spread.
    moments = sorted({*range(1, total, max(1, total // 5)), *range(total - 7, total + 1)})
    for moment in moments:
        status, _ = in_child(lambda: convert(options(out, resume=True)), moment)
        kills += status == signal.SIGKILL
        now = {k: v for k, v in snapshot(out).items() if not k.startswith(STAGING_NAME)}
        assert not loads(out) or now in (old, expected)
    convert(options(out, resume=True, verify=True))
    assert snapshot(out) == expected
    assert kills >= 3


def test_a_resumed_run_keeps_the_files_that_were_whole(in_child, hf_dir, tmp_path, monkeypatch):
    options = ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 2, resume=True)
    _, total = in_child(
        lambda: convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "a", 2, 2)), 0
    )
    in_child(lambda: convert(options), total * 2 // 3)
    journal = (tmp_path / "mg" / STAGING_NAME / ".journal.jsonl").read_text().splitlines()
    done = [json.loads(line)["file"] for line in journal[1:]]
    assert done
    inodes = {name: (tmp_path / "mg" / STAGING_NAME / name).stat().st_ino for name in done}
    convert(options)
    for name, inode in inodes.items():
        assert (tmp_path / "mg" / name).stat().st_ino == inode


def test_a_stopped_run_without_resume_is_cleared_away(in_child, hf_dir, tmp_path):
    options = ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 2)
    in_child(lambda: convert(options), 12)
    assert (tmp_path / "mg" / STAGING_NAME).is_dir()
    convert(options)
    assert verify(hf_dir, tmp_path / "mg").ok
    assert not (tmp_path / "mg" / STAGING_NAME).exists()


def test_resume_refuses_another_plan(in_child, kit, hf_dir, tmp_path):
    in_child(lambda: convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 2)), 30)
    for change in ({"tensor_parallel_size": 1}, {"params_dtype": "fp32"}, {"sha256": True}):
        options = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2, **change}
        with pytest.raises(InputError, match="another source or other options"):
            convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", resume=True, **options))
    kit.write_hf(hf_dir, kit.tiny(seed=3))
    with pytest.raises(InputError, match="another source or other options"):
        convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 2, resume=True))


def test_resume_does_not_replace_another_checkpoint(kit, hf_dir, tmp_path):
    kit.write_hf(tmp_path / "other", kit.tiny(seed=3))
    convert(ConvertOptions("hf", "mg", tmp_path / "other", tmp_path / "mg", 2, 2))
    before = snapshot(tmp_path / "mg")
    with pytest.raises(InputError, match="holds a checkpoint already"):
        convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 2, resume=True))
    assert {k: v for k, v in snapshot(tmp_path / "mg").items() if STAGING_NAME not in k} == before


@pytest.mark.parametrize("workers", [2, 8])
def test_workers_write_the_same_bytes(hf_dir, tmp_path, workers):
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "one", 2, 2, sha256=True))
    options = ConvertOptions("hf", "mg", hf_dir, tmp_path / "many", 2, 2, sha256=True)
    convert(ConvertOptions(**{**vars(options), "workers": workers}))
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "many")


def test_a_thread_that_fails_leaves_nothing(hf_dir, tmp_path, monkeypatch, cli):
    pwrite = os.pwrite
    words = ["--load-model-type", "hf", "--save-model-type", "mg", "--load-dir", hf_dir]
    words += ["--target-tensor-parallel-size", 2, "--workers", 2, "--save-dir", tmp_path / "mg"]

    def full(handle, data, at):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    code, _, err = cli("convert", *words)
    assert code == 3
    assert "No space left" in err
    assert not (tmp_path / "mg").exists()
    monkeypatch.setattr(os, "pwrite", pwrite)
    assert cli("convert", *words, "--verify")[0] == 0


def test_a_full_disk_with_resume_keeps_what_was_done(hf_dir, tmp_path, monkeypatch):
    options = ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 2, resume=True)
    pwrite, writes = os.pwrite, {"left": 5}

    def filling(handle, data, at):
        writes["left"] -= 1
        if writes["left"] < 0:
            raise OSError(28, "No space left on device")
        return pwrite(handle, data, at)

    monkeypatch.setattr(os, "pwrite", filling)
    with pytest.raises(OSError, match="No space left"):
        convert(options)
    assert not loads(tmp_path / "mg")
    monkeypatch.setattr(os, "pwrite", pwrite)
    convert(options)
    assert verify(hf_dir, tmp_path / "mg").ok
