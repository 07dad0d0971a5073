"""Every model in every layout: names, shapes and values against an expectation of its own.

The expectation is in `grid_expectation.py`, which uses nothing of the converter.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify

pytest.importorskip("torch", reason="torch reads the shards as an oracle")

# Tests are no package, so that a module beside them is loaded by its path.
_spec = importlib.util.spec_from_file_location(
    "grid_expectation", Path(__file__).with_name("grid_expectation.py")
)
grid = sys.modules["grid_expectation"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(grid)
Cut, Model, Expectation = grid.Cut, grid.Model, grid.Expectation
MODELS, DENSE_CUTS, MOE_CUTS, LAYERS = grid.MODELS, grid.DENSE_CUTS, grid.MOE_CUTS, grid.LAYERS

CUTS = {**grid.DENSE_CUTS, **MOE_CUTS, **grid.LATENT_CUTS, **grid.PREDICTION_CUTS}


def cuts_of(model: Model) -> list[str]:
    if model.mtp:
        return list(grid.PREDICTION_CUTS)
    found = [*DENSE_CUTS, *(MOE_CUTS if model.config else ())]
    found += grid.LATENT_CUTS if model.mla == "full" else ()
    found += ["core"] if model.mla == "lite" else ()
    return [name for name in found if not (model.mla and CUTS[name].te)]


CASES = [(model, cut) for model in MODELS for cut in cuts_of(MODELS[model])]


def check_mg(kit, mg: Path, model: Model, hf: dict[str, np.ndarray], cut: Cut) -> None:
    root = mg / "iter_0000001"
    ranks = [(t, p, e) for t, e in cut.ranks() for p in range(cut.pp)]
    assert {path.name for path in root.iterdir()} == {cut.folder(*rank) for rank in ranks}
    for t, p, e in ranks:
        content = kit.torch_load(root / cut.folder(t, p, e) / "model_optim_rng.pt")
        chunks = cut.held(p)
        assert {key for key in content if key.startswith("model")} == {key for key, _ in chunks}
        for number, (key, layers) in enumerate(chunks):
            last = p == (0 if cut.dualpipe else cut.pp - 1) and number == len(chunks) - 1
            expected = Expectation(model, hf, cut, t, e).chunk(layers, p + number == 0, last)
            found = {name: kit.as_numpy(tensor) for name, tensor in content[key].items()}
            assert set(found) == set(expected)
            for name, array in expected.items():
                assert found[name].shape == array.shape, name
                assert found[name].tobytes() == array.tobytes(), (name, t, p, e)


def check_hf(folder: Path, hf: dict[str, np.ndarray]) -> None:
    import torch
    from safetensors.torch import load_file

    found = load_file(folder / "model.safetensors")
    assert set(found) == set(hf)
    for name, array in hf.items():
        assert tuple(found[name].shape) == array.shape
        assert found[name].view(torch.uint8).numpy().tobytes() == array.tobytes(), name


def write_model(kit, folder: Path, model: Model) -> dict[str, np.ndarray]:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(grid.config_of(model)))
    hf = grid.tensors_of(model)
    kit.write_safetensors(folder / "model.safetensors", hf)
    return hf


@pytest.mark.parametrize(("model", "cut"), CASES, ids=lambda value: value)
def test_every_model_in_every_layout(kit, tmp_path, model, cut):
    model, cut = MODELS[model], CUTS[cut]
    hf = write_model(kit, tmp_path / "hf", model)
    more = {"mtp_num_layers": model.mtp} if model.mtp else {}
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", **cut.options(), **more))
    check_mg(kit, tmp_path / "mg", model, hf, cut)
    assert verify(tmp_path / "hf", tmp_path / "mg").problems == ()
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    check_hf(tmp_path / "back", hf)


@st.composite
def cuts(draw, model: Model):
    pp = draw(st.sampled_from([1, 2, 4]))
    how = draw(st.sampled_from(["plain", "virtual", "list", "noop"])) if pp > 1 else "plain"
    cut = Cut(draw(st.sampled_from([1, 2, 4])), pp, divisible_by=draw(st.sampled_from([1, 5])))
    if how == "virtual" and pp == 2:
        cut = replace(cut, per_virtual=1)
    if how == "list":
        cut = replace(cut, layer_list={2: (3, 1), 4: (1, 1, 1, 1)}[pp])
    if how == "noop":
        slots = draw(st.sets(st.integers(0, 3 + pp), min_size=pp, max_size=pp))
        cut = replace(cut, noop=tuple(sorted(slots)))
    cut = replace(cut, te=not model.mla and draw(st.booleans()))
    if len(model.dense) < LAYERS:
        cut = replace(cut, ep=draw(st.sampled_from([1, 2])), grouped=draw(st.booleans()))
        cut = replace(cut, extend=cut.grouped and draw(st.booleans()))
        cut = replace(cut, dialect=draw(st.sampled_from(["0.8", "0.12", "core"])))
        cut = replace(cut, whole=not cut.extend and draw(st.booleans()))
        cut = replace(cut, mm_split=model.mla == "full" and draw(st.booleans()))
    if model.mtp:
        cut = replace(cut, dialect=draw(st.sampled_from(["0.12", "core"])))
    if how == "plain" and pp == 2:
        cut = replace(cut, dualpipe=draw(st.booleans()))
    return cut


@settings(
    max_examples=32, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)  # fmt: skip
@given(data=st.data())
def test_any_layout_becomes_any_other(kit, data):
    """hf -> mg -> mg -> hf; each step against the expectation, and verified."""
    model = MODELS[data.draw(st.sampled_from(sorted(MODELS)))]
    first, second = data.draw(cuts(model)), data.draw(cuts(model))
    with tempfile.TemporaryDirectory() as folder:
        hf_dir, one, two, back = (Path(folder, name) for name in ("hf", "one", "two", "back"))
        hf = write_model(kit, hf_dir, model)
        more = {"mtp_num_layers": model.mtp} if model.mtp else {}
        convert(ConvertOptions("hf", "mg", hf_dir, one, **first.options(), **more))
        check_mg(kit, one, model, hf, first)
        convert(ConvertOptions("mg", "mg", one, two, **second.options(), verify=True))
        check_mg(kit, two, model, hf, second)
        convert(ConvertOptions("mg", "hf", two, back))
        check_hf(back, hf)
