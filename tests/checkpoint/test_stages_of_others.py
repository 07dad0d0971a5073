"""Stages that Megatron's own args set: read by layers, as Megatron core itself places them."""

from __future__ import annotations

from argparse import Namespace

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.mapping.uneven_stages import chunk_layers, layers_of_text
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch", reason="torch saves the checkpoints")
LAYERS = 8
# Args, stages, layers of each chunk in the order of the model.
STAGES = {
    "first": ({"decoder_first_pipeline_num_layers": 2}, 3, (2, 3, 3)),
    "last": ({"decoder_last_pipeline_num_layers": 2}, 4, (2, 2, 2, 2)),
    "both": (
        {"decoder_first_pipeline_num_layers": 1, "decoder_last_pipeline_num_layers": 3},
        4, (1, 2, 2, 3),
    ),
    "first, virtual stages": (
        {"decoder_first_pipeline_num_layers": 2, "virtual_pipeline_model_parallel_size": 2},
        2, (1, 3, 1, 3),
    ),
    "number of virtual stages": ({"num_virtual_stages_per_pipeline_rank": 2}, 2, (2, 2, 2, 2)),
    "embedding counts": ({"account_for_embedding_in_pipeline_split": True}, 3, (2, 3, 3)),
    "both ends count": (
        {"account_for_embedding_in_pipeline_split": True,
         "account_for_loss_in_pipeline_split": True}, 2, (4, 4),
    ),
    "layout": ({"pipeline_model_parallel_layout": "Et*3|tt|(t)*3L"}, 3, (3, 2, 3)),
    "layout, virtual stages": (
        {"pipeline_model_parallel_layout": "Et|(tt|)*3,t|L"}, 3, (1, 2, 2, 2, 1, 0),
    ),
    "layout in lists": (
        {"pipeline_model_parallel_layout": [["embedding"], ["decoder"] * 8 + ["loss"]]}, 2, (0, 8),
    ),
    "12 virtual stages": (
        {"pipeline_model_parallel_layout": "E|" + "t|" * 8 + "|" * 14 + "L"}, 2,
        (0, *([1] * 8), *([0] * 15)),
    ),
}  # fmt: skip


def write(whole, changes: dict, pp: int, layers: tuple[int, ...], folder) -> None:
    """Spreads the tensors of one rank over chunks, by hand."""
    virtual = len(layers) // pp
    ranks = [{f"model{v}" if virtual > 1 else "model": {} for v in range(virtual)} for _ in layers]
    starts = [sum(layers[:number]) for number in range(len(layers))]
    for name, tensor in whole["model"].items():
        number, local = (len(layers) - 1 if name.startswith(("decoder.final", "output")) else 0), ""
        if name.startswith("decoder.layers."):
            layer = int(name.split(".")[2])
            number = max(n for n, start in enumerate(starts) if start <= layer and layers[n])
            local = f"decoder.layers.{layer - starts[number]}."
            name = local + name.split(".", 3)[3]
        key = f"model{number // pp}" if virtual > 1 else "model"
        ranks[number % pp][key][name] = tensor
    unset = {"num_layer_list": None, "num_layers_per_virtual_pipeline_stage": None}
    args = {**vars(whole["args"]), "pipeline_model_parallel_size": pp, **unset, **changes}
    for rank in range(pp):
        path = folder / f"iter_0000001/mp_rank_00_{rank:03d}/model_optim_rng.pt"
        path.parent.mkdir(parents=True)
        rest = {"args": Namespace(**args), "iteration": 1, "checkpoint_version": 3.0}
        torch.save({**rest, **ranks[rank]}, path)
    (folder / "latest_checkpointed_iteration.txt").write_text("1")


@pytest.fixture(scope="module")
def made(kit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    kit.write_hf(folder / "hf", kit.tiny(layers=LAYERS))
    convert(ConvertOptions("hf", "mg", folder / "hf", folder / "mg"))
    whole = kit.torch_load(folder / "mg/iter_0000001/mp_rank_00/model_optim_rng.pt")
    return folder / "hf", whole


@pytest.mark.parametrize("case", STAGES)
def test_the_model_is_read_from_stages_that_args_set(made, tmp_path, case):
    hf, whole = made
    changes, pp, layers = STAGES[case]
    write(whole, changes, pp, layers, tmp_path / "mg")
    options = ConvertOptions("auto", "hf", tmp_path / "mg", tmp_path / "back", hf_cfg_dir=hf)
    convert(options)
    assert verify(hf, tmp_path / "back").ok


def test_the_layout_is_read_from_the_object_that_megatron_keeps(made, tmp_path):
    core = pytest.importorskip("megatron.core.transformer.pipeline_parallel_layer_layout")
    hf, whole = made
    changes, pp, layers = STAGES["layout, virtual stages"]
    text = changes["pipeline_model_parallel_layout"]
    kept = {"pipeline_model_parallel_layout": core.PipelineParallelLayerLayout(text, pp)}
    write(whole, kept, pp, layers, tmp_path / "mg")
    convert(ConvertOptions("auto", "hf", tmp_path / "mg", tmp_path / "back", hf_cfg_dir=hf))
    assert verify(hf, tmp_path / "back").ok


@pytest.mark.parametrize(
    ("text", "pp"),
    [("Et*3|(tt|)*2,t|L", 5), ("Ettt|(tt|)*29,m|L", 32), ("Et|(tt|)*3,t|L", 3), ("E|t*3|tL", 3)],
)
def test_texts_mean_what_megatron_core_takes_them_for(text, pp):
    core = pytest.importorskip("megatron.core.transformer.pipeline_parallel_layer_layout")
    made = core.PipelineParallelLayerLayout(text, pp)
    virtual = made.virtual_pipeline_model_parallel_size
    expected = tuple(
        made.layout[p][v].count(core.LayerType.decoder) for v in range(virtual) for p in range(pp)
    )
    if "m|" in text:
        with pytest.raises(InputError, match="prediction layers before the last stage"):
            layers_of_text(text)
        return
    assert layers_of_text(text) == expected


@pytest.mark.parametrize(
    "text",
    ["Et|x|L", "t|tL", "Et|t", "E" + "(t)*9999" * 9 + "L", "E(t*9|)*9999L", 7, "Et|((t)*2|L"],
)
def test_what_is_no_layout_is_refused(text):
    with pytest.raises(InputError, match="pipeline_model_parallel_layout"):
        chunk_layers({"pipeline_model_parallel_layout": text}, 2, 1)


def test_stages_that_do_not_fit_the_model_are_refused(made, tmp_path):
    hf, whole = made
    write(whole, {"pipeline_model_parallel_layout": "Ett|ttL"}, 2, (4, 4), tmp_path / "mg")
    options = ConvertOptions("auto", "hf", tmp_path / "mg", tmp_path / "back", hf_cfg_dir=hf)
    with pytest.raises(InputError, match="do not fit the model") as caught:
        convert(options)
    assert "2 chunks with 4 layers" in str(caught.value)
