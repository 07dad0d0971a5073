"""A rank's file that does not belong there is refused; a manifest left by training is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError


@pytest.fixture
def mg_dir(kit, hf_dir: Path, tmp_path: Path) -> Path:
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 2))
    kit.write_hf(tmp_path / "other", kit.tiny(seed=5))
    convert(ConvertOptions("hf", "mg", tmp_path / "other", tmp_path / "other-mg", 2, 2))
    return tmp_path / "mg"


def rank(folder: Path, name: str) -> Path:
    return folder / "iter_0000001" / f"mp_rank_{name}" / "model_optim_rng.pt"


def back(mg: Path, hf_dir: Path) -> ConvertOptions:
    return ConvertOptions("mg", "hf", mg, mg.parent / "back", hf_cfg_dir=hf_dir)


@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_rank_copied_over_another_is_refused(mg_dir, hf_dir, with_manifest):
    shutil.copy(rank(mg_dir, "00_000"), rank(mg_dir, "01_000"))
    if not with_manifest:
        (mg_dir / "manifest.json").unlink()
    with pytest.raises(InputError, match="mp_rank_01_000 holds the weights of mp_rank_00_000"):
        convert(back(mg_dir, hf_dir))
    assert not (mg_dir.parent / "back").exists()


def test_a_rank_of_another_model_is_refused(mg_dir, hf_dir):
    shutil.copy(rank(mg_dir.parent / "other-mg", "01_000"), rank(mg_dir, "01_000"))
    with pytest.raises(InputError, match=r"mp_rank_01_000 differ.*linear") as error:
        convert(back(mg_dir, hf_dir))
    assert "remove manifest.json" in error.value.remedy


def test_swapped_ranks_are_refused(mg_dir, hf_dir):
    first, second = rank(mg_dir, "00_001"), rank(mg_dir, "01_001")
    first.rename(mg_dir / "aside")
    second.rename(first)
    (mg_dir / "aside").rename(second)
    with pytest.raises(InputError, match="mp_rank_00_001 holds the weights of mp_rank_01_001"):
        convert(back(mg_dir, hf_dir))


def test_a_manifest_of_an_older_iteration_is_left_alone(mg_dir, hf_dir, tmp_path, caplog):
    other = mg_dir.parent / "other-mg"
    (other / "iter_0000001").rename(mg_dir / "iter_0000500")
    (mg_dir / "latest_checkpointed_iteration.txt").write_text("500")
    convert(back(mg_dir, hf_dir))
    assert verify(tmp_path / "other", tmp_path / "back").ok
    assert "manifest" not in caplog.text


def test_ranks_that_were_all_written_anew_are_converted_with_a_warning(
    mg_dir, hf_dir, tmp_path, caplog
):
    shutil.rmtree(mg_dir / "iter_0000001")
    (mg_dir.parent / "other-mg" / "iter_0000001").rename(mg_dir / "iter_0000001")
    convert(back(mg_dir, hf_dir))
    assert verify(tmp_path / "other", tmp_path / "back").ok
    assert "manifest.json does not describe the ranks of iter_0000001" in caplog.text


def test_a_broken_manifest_is_named(mg_dir, hf_dir):
    (mg_dir / "manifest.json").write_text('{"kind": "mg", "tensors": [{}]}')
    with pytest.raises(InputError, match=r"manifest\.json is broken"):
        convert(back(mg_dir, hf_dir))


def test_ranks_of_the_same_experts_may_be_equal(kit, tmp_path, hf_dir):
    """A stage without layers has no tensors at all on any rank; nothing is wrong with it."""
    kit.write_hf(tmp_path / "two", kit.tiny(layers=2))
    options = ConvertOptions("hf", "mg", tmp_path / "two", tmp_path / "mg", 2, 3, noop_layers=(1,))
    convert(options)
    convert(back(tmp_path / "mg", tmp_path / "two"))
    assert verify(tmp_path / "two", tmp_path / "back").ok
