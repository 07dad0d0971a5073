"""From format to format and back: the bytes are those of the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify

MG = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}


def run(source: Path, to: str, destination: Path, **options) -> Path:
    convert(
        ConvertOptions(
            load_model_type="auto", save_model_type=to, load_dir=source, save_dir=destination,
            verify=True, **options,
        )
    )  # fmt: skip
    return destination


def weights(folder: Path) -> dict[str, bytes]:
    names = ("*.pt", "*.distcp", ".metadata", "*.safetensors")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for pattern in names
        for path in folder.rglob(pattern)
    }


@pytest.mark.parametrize("tied", [False, True])
def test_ranks_to_chunks_and_back(kit, tmp_path, tied):
    kit.write_hf(tmp_path / "hf", kit.tiny(vocab=36, tied=tied))
    mg = run(tmp_path / "hf", "mg", tmp_path / "mg", **MG)
    whole = run(mg, "torch_dist", tmp_path / "whole")
    cut = run(whole, "torch_dist", tmp_path / "cut", **MG)
    assert weights(run(cut, "mg", tmp_path / "back", **MG)) == weights(mg)
    hf = run(cut, "hf", tmp_path / "hf-back")
    assert weights(hf) == weights(run(mg, "hf", tmp_path / "hf-direct"))
    assert verify(tmp_path / "hf", hf).ok


def test_chunks_are_the_same_whatever_they_were_made_from(kit, tmp_path):
    kit.write_hf(tmp_path / "hf", kit.tiny(vocab=36))
    direct = run(tmp_path / "hf", "torch_dist", tmp_path / "direct", **MG)
    mg = run(tmp_path / "hf", "mg", tmp_path / "mg", tensor_parallel_size=1)
    assert weights(run(mg, "torch_dist", tmp_path / "from-mg", **MG)) == weights(direct)
    whole = run(tmp_path / "hf", "torch_dist", tmp_path / "whole")
    assert weights(run(whole, "torch_dist", tmp_path / "from-whole", **MG)) == weights(direct)


def test_a_number_format_can_be_changed_on_the_way(kit, tmp_path):
    kit.write_hf(tmp_path / "hf", kit.tiny(dtype="F32"))
    run(tmp_path / "hf", "torch_dist", tmp_path / "dist", params_dtype="bf16")
    torch = pytest.importorskip("torch")
    args = kit.torch_load(tmp_path / "dist" / "iter_0000001" / "common.pt")["args"]
    assert args.params_dtype is torch.bfloat16
    assert args.ckpt_format == "torch_dist"
    assert verify(tmp_path / "hf", tmp_path / "dist").ok
