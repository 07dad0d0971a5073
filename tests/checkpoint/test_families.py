"""A family's table: checked when it is loaded, found wherever it stands, its rules invertible."""

from __future__ import annotations

import json
from dataclasses import replace
from math import prod

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint import models as models_package
from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.mapping.check_spec import check_spec
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import RULES, Split
from mindspeed_rl_ext.checkpoint.mapping.spec import MM_SPLIT, MOE, Hf, Row
from mindspeed_rl_ext.checkpoint.models import choose_model, find_model, models
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.tensors import matrix_shape
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError

GOOD = Row("decoder.layers.{layer}.x", (Hf("model.layers.{layer}.x", ("hidden",)),), "replicate")
WRONG = {
    "rule": ({"rule": "replicat"}, "unknown rule 'replicat'"),
    "grouped rule": ({"grouped": "w", "grouped_rule": "no"}, "unknown rule 'no'"),
    "half grouped": ({"grouped": "w"}, "grouped_rule=''"),
    "option": ({"option": "qk_bias"}, "option 'qk_bias', which the family does not declare"),
    "absent option": ({"without": "qk_bias"}, "option 'qk_bias'"),
    "place": ({"place": "layers"}, "unknown place 'layers'"),
    "kind of layer": ({"mlp": "sparse"}, "unknown kind of layer 'sparse'"),
    "experts of a dense family": ({"mlp": MOE}, "a row of layers with experts"),
    "dimension": ({"hf": (Hf("model.layers.{layer}.x", ("hidde",)),)}, "unknown dimension 'hidde'"),
    "size not read": ({"hf": (Hf("model.layers.{layer}.x", ("2*moe_ffn",)),)}, "'moe_ffn'"),
    "no dimensions": ({"hf": (Hf("model.layers.{layer}.x", ()),)}, "has no dimensions"),
    "placeholder": ({"hf": (Hf("model.layers.{lyer}.x", ("hidden",)),)}, "has {lyer}"),
    "no placeholder": ({"hf": (Hf("model.layers.0.x", ("hidden",)),)}, "has no placeholder"),
    "mcore placeholder": ({"mcore": "decoder.layers.{l}.x"}, "has {l}"),
    "no tensors": ({"hf": ()}, "no HuggingFace tensor"),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_row_is_refused_with_family_and_row(fault):
    change, named = WRONG[fault]
    spec = replace(find_model("llama"), rows=(GOOD, replace(GOOD, **change)))
    with pytest.raises(InputError) as caught:
        check_spec(spec)
    assert "the table of llama" in str(caught.value)
    assert change.get("mcore", GOOD.mcore) in str(caught.value)
    assert named in str(caught.value)


def test_two_rows_of_one_tensor_are_refused():
    with pytest.raises(InputError, match=r"two rows of decoder\.layers\.\{layer\}\.x"):
        check_spec(replace(find_model("llama"), rows=(GOOD, GOOD)))


@pytest.mark.parametrize("tp", [1, 2])
@pytest.mark.parametrize("name", sorted({models().get(name).name for name in models()}))
def test_boxes_and_inverse_of_every_rule_meet_in_the_same_values(name, tp):
    """The rank's tensor put together by boxes is taken apart by reshaping: nothing differs."""
    spec, rng = find_model(name), np.random.default_rng(5)
    sizes = {
        "hidden": 6, "heads": 8, "head_dim": 3, "ffn": 10, "vocab": 12, "experts": 4, "q": 24,
        "kv": 12, "shared_ffn": 14,
    }  # fmt: skip
    sizes |= {key: 4 for key in (*spec.config_keys, *spec.optional_keys) if key not in sizes}

    def value(dim: str) -> int:
        parts = ([f for f in part.split("*")] for part in dim.split("+"))
        return sum(prod(int(f) if f.isdigit() else sizes[f] for f in part) for part in parts)

    rows = [(row, rule) for row in spec.rows for rule in (row.rule, row.grouped_rule) if rule]
    for row, rule in rows:
        shapes = [tuple(value(dim) for dim in hf.dims) for hf in row.hf]
        shapes *= 2 if rule == row.grouped_rule else 1
        whole = [rng.integers(0, 2**15, shape, dtype="<u2") for shape in shapes]
        met = [np.zeros(shape, int) for shape in shapes]
        for rank in range(tp):
            split = Split(
                tp, rank, 8, 4, head_dim=3, padded_vocab=16, head_parts=(4, 4, 4), delta=(16, 16)
            )
            made = RULES.get(rule).boxes(shapes, split)
            matrix = made.matrix or matrix_shape(made.shape)
            shard = np.full(matrix, -1)
            for copy in made.copies:
                box = whole[copy.source].reshape(matrix_shape(shapes[copy.source]))
                box = box[copy.box.row : copy.box.row + copy.box.rows]
                box = box[:, copy.box.col : copy.box.col + copy.box.cols]
                box = box.T if copy.transposed else box
                at = shard[copy.row : copy.row + box.shape[0], copy.col : copy.col + box.shape[1]]
                assert (at == -1).all(), f"{row.mcore}: boxes overlap"
                at[...] = box
            assert (shard >= 0).all(), f"{row.mcore}: boxes leave holes"
            inverse = RULES.get(rule).take_apart
            for _, of_whole, of_shard in inverse(shard.reshape(made.shape), whole, split):
                assert of_whole.shape == of_shard.shape
                assert np.array_equal(of_whole, of_shard), row.mcore
            counted = inverse(shard.reshape(made.shape), met, split)
            for _, of_whole, _ in counted:
                of_whole += 1
        replicated = {"replicate": tp, "stack": tp, "less_one": tp}.get(rule, 1)
        expected = {0, 1} if row.layout == MM_SPLIT else {replicated}
        assert all(set(count.ravel().tolist()) == expected for count in met), row.mcore


OUTSIDE = '''
"""A family from outside: Llama with a norm of its own in front of the output layer."""

from mindspeed_rl_ext.checkpoint.mapping.rules.basic import Copy, Shard, rule
from mindspeed_rl_ext.checkpoint.mapping.spec import FINAL_NORM, Hf, ModelSpec, Row
from mindspeed_rl_ext.checkpoint.models.dense import DENSE_OPTIONS, DENSE_ROWS
from mindspeed_rl_ext.checkpoint.tensors import Box


def _reversed_apart(shard, hf, split):
    yield 0, hf[0][::-1], shard


@rule(_reversed_apart)
def outside_reversed(shapes, split):
    """The rows in reverse."""
    count, = shapes[0]
    boxes = (Copy(0, Box(n, 1, 0, 1), row=count - 1 - n) for n in range(count))
    return Shard(shapes[0], tuple(boxes))


SPEC = ModelSpec(
    name="outside",
    model_types=("outside",),
    aliases=("outside-7b",),
    rows=(*DENSE_ROWS, Row("decoder.more.weight", (Hf("model.more.weight", ("3*width",)),),
          "outside_reversed", FINAL_NORM)),
    options=DENSE_OPTIONS,
    config_keys={"width": "more_width"},
)
'''


def test_a_family_in_a_folder_of_its_own_is_found_everywhere(cli, kit, tmp_path, monkeypatch):
    (tmp_path / "families").mkdir()
    (tmp_path / "families/outside_family.py").write_text(OUTSIDE)
    here = str(tmp_path / "families")
    monkeypatch.setattr(models_package, "__path__", [*models_package.__path__, here])
    assert choose_model("auto", {"model_type": "outside"}).name == "outside"
    assert find_model("outside-7b").name == "outside"
    tensors = kit.write_hf(tmp_path / "hf", kit.tiny(bias=False))
    tensors["model.more.weight"] = np.arange(12, dtype="<u2")
    kit.write_safetensors(tmp_path / "hf/model.safetensors", tensors)
    kit.edit_config(tmp_path / "hf", model_type="outside", more_width=4)
    words = ["--load-dir", tmp_path / "hf", "--save-dir", tmp_path / "mg"]
    code, _, err = cli("convert", *words, "--save-model-type", "mg", "--verify")
    assert code == 0, err
    listed = json.loads(cli("inspect", tmp_path / "mg", "--json")[1])["tensors"]
    assert "decoder.more.weight" in {row["name"] for row in listed}
    assert cli("verify", tmp_path / "hf", tmp_path / "mg")[0] == 0
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", verify=True))
    assert verify(tmp_path / "hf", tmp_path / "back").ok
