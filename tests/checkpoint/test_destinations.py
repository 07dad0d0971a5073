"""Where a conversion may write: never over what it reads, and only where the disk is enough."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError, MachineError
from mindspeed_rl_ext.core.files.staging import STAGING_NAME


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def mg(hf_dir, tmp_path) -> Path:
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2))
    return tmp_path / "mg"


def link(name: Path, to: Path) -> Path:
    name.symlink_to(to, target_is_directory=True)
    return name


# What is read, and what is written, that are one.
OVERLAPS = {
    "iteration and its checkpoint": lambda mg, hf, tmp: (mg / "iter_0000001", mg),
    "checkpoint and its iteration": lambda mg, hf, tmp: (mg, mg / "iter_0000001"),
    "itself": lambda mg, hf, tmp: (mg, mg),
    "a link to itself": lambda mg, hf, tmp: (mg, link(tmp / "link", mg)),
    "a link to its iteration": lambda mg, hf, tmp: (link(tmp / "link", mg / "iter_0000001"), mg),
    "dots": lambda mg, hf, tmp: (mg, mg / ".." / "mg"),
    "an iteration that is a link": lambda mg, hf, tmp: (mg, iteration_as_link(mg, tmp / "other")),
}


def iteration_as_link(mg: Path, other: Path) -> Path:
    """Another checkpoint whose iteration is a link to the source's."""
    other.mkdir()
    link(other / "iter_0000001", mg / "iter_0000001")
    (other / "latest_checkpointed_iteration.txt").write_text("1")
    return other


@pytest.mark.parametrize("case", OVERLAPS)
@pytest.mark.parametrize("resume", [False, True])
def test_a_checkpoint_is_never_written_over_itself(hf_dir, mg, tmp_path, case, resume):
    source, out = OVERLAPS[case](mg, hf_dir, tmp_path)
    before = snapshot(mg)
    options = ConvertOptions(
        "mg", "mg", source, out, hf_cfg_dir=hf_dir, overwrite=True, resume=resume
    )
    with pytest.raises(InputError, match="read from"):
        convert(options)
    assert snapshot(mg) == before


def test_the_original_model_is_not_replaced_by_what_came_back(hf_dir, mg):
    before = snapshot(hf_dir)
    with pytest.raises(InputError, match="read from"):
        convert(ConvertOptions("mg", "hf", mg, hf_dir, overwrite=True))
    assert snapshot(hf_dir) == before


def test_a_directory_below_the_source_is_allowed_as_the_hosts_write_it(hf_dir, mg):
    convert(ConvertOptions("mg", "hf", mg, mg / "mg2hf", verify=True))
    convert(ConvertOptions("hf", "mg", hf_dir, hf_dir / "mcore", verify=True))
    assert verify(hf_dir, mg / "mg2hf").ok


def test_files_of_another_kind_are_not_replaced_without_overwrite(hf_dir, mg, tmp_path):
    (hf_dir / "NOTES.md").write_text("the model's")
    (tmp_path / "back").mkdir()
    (tmp_path / "back/NOTES.md").write_text("mine")
    with pytest.raises(InputError, match="holds files of the names"):
        convert(ConvertOptions("mg", "hf", mg, tmp_path / "back"))
    assert snapshot(tmp_path / "back") == {"NOTES.md": b"mine"}
    convert(ConvertOptions("mg", "hf", mg, tmp_path / "back", overwrite=True))
    assert (tmp_path / "back/NOTES.md").read_text() == "the model's"


def with_free_disk(monkeypatch, folder: Path, free: int) -> None:
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free))


def test_a_dry_run_on_a_small_disk_shows_the_plan_and_warns(cli, hf_dir, tmp_path, monkeypatch):
    with_free_disk(monkeypatch, tmp_path, 1000)
    words = ["--save-model-type", "mg", "--load-dir", hf_dir, "--save-dir", tmp_path / "mg"]
    code, out, _ = cli("convert", *words, "--dry-run")
    assert code == 0
    assert "decoder.final_layernorm.weight" in out
    assert "too small for this" in out
    data = json.loads(cli("convert", *words, "--dry-run", "--json")[1])
    assert data["needed_bytes"] > data["free_disk_bytes"] == 1000
    assert cli("convert", *words)[0] == 3


def test_a_finished_run_needs_no_disk(hf_dir, tmp_path, monkeypatch):
    options = ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, resume=True)
    convert(options)
    with_free_disk(monkeypatch, tmp_path, 10)
    convert(options)
    with pytest.raises(MachineError, match="not enough disk"):
        convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "other", 2, resume=True))


def test_a_run_that_goes_on_needs_the_disk_of_the_rest(kit, tmp_path, monkeypatch):
    kit.write_hf(tmp_path / "hf", kit.tiny(hidden=128, ffn=512, vocab=400))
    options = ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 2, 2, resume=True)
    pwrite, writes = os.pwrite, {"left": 12}

    def failing(handle, data, at):
        writes["left"] -= 1
        if writes["left"] < 0:
            raise OSError(5, "broken")
        return pwrite(handle, data, at)

    monkeypatch.setattr(os, "pwrite", failing)
    with pytest.raises(OSError, match="broken"):
        convert(options)
    monkeypatch.undo()
    staged = sum(
        path.stat().st_blocks * 512
        for path in (tmp_path / "mg" / STAGING_NAME).rglob("*")
        if path.is_file()
    )
    whole = 2 * sum(
        array.size for array in kit.tiny(hidden=128, ffn=512, vocab=400).tensors().values()
    )
    assert staged > whole // 4
    with_free_disk(monkeypatch, tmp_path, whole - staged // 2)
    convert(options)
    assert verify(tmp_path / "hf", tmp_path / "mg").ok
