"""Chunks of stacked tensors, however they are cut, hold each value of the model once."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindspeed_rl_ext.checkpoint.formats.torch_dist.names import (
    Naming,
    extra_states,
    left_out,
    name_slot,
    stored_names,
)
from mindspeed_rl_ext.checkpoint.mapping.chunks import (
    Placed,
    StoredBox,
    by_source,
    join_boxes,
    parts_of,
)
from mindspeed_rl_ext.checkpoint.mapping.expected import Slot
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import RULES, Split
from mindspeed_rl_ext.checkpoint.tensors import whole
from mindspeed_rl_ext.core.errors import InputError

# rule -> shapes of the HuggingFace tensors, and the tensor that they make, by numpy alone
SPLIT = Split(tp=1, tp_rank=0, heads=4, groups=2, head_dim=2, padded_vocab=7)


def grouped(q, k, v):
    parts = [x.reshape(2, -1, *x.shape[1:]) for x in (q, k, v)]
    return np.concatenate(parts, axis=1).reshape(-1, *q.shape[1:])


MADE = {
    "replicate": ([(5,)], lambda a: a),
    "columns": ([(4, 6)], lambda a: a),
    "gate_up": ([(3, 4), (3, 4)], lambda a, b: np.concatenate([a, b])),
    "qkv": ([(8, 3), (4, 3), (4, 3)], grouped),
    "vocab_rows": ([(5, 2)], lambda a: np.concatenate([a, a[-1:], a[-1:]])),
}


def cuts(draw, size: int) -> list[tuple[int, int]]:
    inner = draw(st.sets(st.integers(1, size - 1), max_size=3)) if size > 1 else set()
    edges = [0, *sorted(inner), size]
    return [(first, last - first) for first, last in pairwise(edges)]


@st.composite
def stacked(draw):
    """A tensor of layers (and experts), its slots, and boxes that cut it."""
    rule = draw(st.sampled_from(sorted(MADE)))
    lead = draw(st.sampled_from([(), (3,), (2, 2)]))
    shapes, make = MADE[rule]
    rng = np.random.default_rng(0)
    model, placed = {}, []
    shard = RULES.get(rule).boxes(shapes, SPLIT)
    tensor = np.zeros((*lead, *shard.shape))
    for index in product(*map(range, lead)):
        names = tuple(f"{index}/{n}" for n in range(len(shapes)))
        values = [rng.standard_normal(shape) for shape in shapes]
        model |= dict(zip(names, values, strict=True))
        tensor[index] = make(*values)
        slot = Slot(f"slot{index}", shard.shape, rule, names, shard.copies, shard.matrix, SPLIT)
        placed.append(Placed("tensor", index, slot))
    boxes = []
    for box in product(*(cuts(draw, size) for size in tensor.shape)):
        offset, shape = tuple(at for at, _ in box), tuple(n for _, n in box)
        boxes.append(StoredBox(whole(str(offset)), "tensor", offset, shape, tensor.shape))
    return model, placed, tensor, draw(st.permutations(boxes))


@given(stacked())
@settings(max_examples=150, deadline=None)
def test_every_value_of_the_model_is_in_the_chunks_once(case):
    model, placed, tensor, boxes = case
    found = {name: np.full(value.shape, np.nan) for name, value in model.items()}
    table = {box.ref.name: box for box in boxes}
    for part in parts_of(join_boxes(placed, boxes)):
        for slot in part.slots:
            box = table[slot.name]
            where = tuple(slice(a, a + n) for a, n in zip(box.offset, box.shape, strict=True))
            chunk = tensor[where].reshape(slot.matrix)
            for copy in slot.copies:
                rows, cols = copy.box.rows, copy.box.cols
                values = chunk[copy.row : copy.row + rows, copy.col : copy.col + cols]
                target = found[slot.hf[copy.source]]
                target = target.reshape(target.shape[0], -1)
                there = target[copy.box.row :, copy.box.col :][:rows, :cols]
                if copy.padding:  # repeats a row of the model
                    of_model = model[slot.hf[copy.source]].reshape(target.shape)
                    there = of_model[copy.box.row :, copy.box.col :][:rows, :cols]
                    assert np.array_equal(values, there)
                    continue
                assert np.isnan(there).all()
                there[...] = values
    for name, value in model.items():
        assert np.array_equal(found[name], value), name


@given(stacked(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_box_too_few_or_moved_is_refused(case, random):
    _, placed, _, boxes = case
    gone = random.choice(boxes)
    with pytest.raises(InputError, match="are missing"):
        join_boxes(placed, [box for box in boxes if box is not gone])


def test_gate_and_up_are_told_apart():
    shard = RULES.get("gate_up").boxes([(3, 4), (3, 4)], SPLIT)
    slot = Slot("fc1", shard.shape, "gate_up", ("gate", "up"), shard.copies)
    (gate, _), (up, area) = by_source(slot)
    assert gate.hf == ("gate",)
    assert up.hf == ("up",)
    assert area.row == 3
    assert up.shape == (3, 4)


LAYER = "decoder.layers.3."
EXPERT = LAYER + "mlp.experts.local_experts.5.linear_fc1.weight"


def test_experts_are_stacked_behind_layers_or_named_one_by_one():
    assert list(stored_names(EXPERT)) == [
        ("decoder.layers.mlp.experts.experts.linear_fc1.weight", (3, 5)),
        ("decoder.layers.mlp.experts.experts.5.linear_fc1.weight", (3,)),
        ("decoder.layers.3.mlp.experts.experts.linear_fc1.weight", (5,)),
        ("decoder.layers.3.mlp.experts.experts.5.linear_fc1.weight", ()),
    ]


def named(name: str, *, impl: str = "local", moe: bool = False, one_by_one: bool = False) -> str:
    names = {name, LAYER + "self_attention.linear_qkv.weight"}
    names |= {LAYER + "mlp.router.weight"} if moe else set()
    naming = Naming(one_by_one, impl, frozenset(names))
    (found,) = name_slot(Slot(name, (4,), "replicate", ("a",), ()), naming)
    return found.tensor


@pytest.mark.parametrize(
    ("impl", "moe", "end"),
    [
        ("local", False, "mlp.linear_fc1.layer_norm_weight"),
        ("local", True, "mlp.linear_fc1.layer_norm_weight"),
        ("transformer_engine", False, "mlp.linear_fc1.layer_norm_weight"),
        ("transformer_engine", True, "pre_mlp_layernorm.weight"),
    ],
)
def test_norms_are_named_as_core_names_them(impl, moe, end):
    norm = LAYER + "pre_mlp_layernorm.weight"
    assert named(norm, impl=impl, moe=moe) == f"decoder.layers.{end}"
    assert named(norm, impl=impl, moe=moe, one_by_one=True) == LAYER + end


def test_extra_states_are_those_of_layers_with_weights_that_core_calls_linear():
    slot = Slot("x", (4, 4), "replicate", ("a",), ())
    placed = [
        (Placed("decoder.layers.self_attention.linear_proj.weight", (3,), slot), (4,)),
        (Placed("decoder.layers.self_attention.linear_qkv.bias", (3,), slot), (4,)),
        (Placed("decoder.layers.mlp.experts.experts.linear_fc1.weight", (3, 1), slot), (4, 2)),
        (Placed("decoder.layers.self_attention.q_layernorm.weight", (3,), slot), (4,)),
        (Placed("mtp.layers.0.eh_proj.weight", (), slot), ()),
        (Placed("output_layer.weight", (), slot), ()),
    ]
    local = list(extra_states(placed, "local"))
    assert local == [
        "decoder.layers.self_attention.linear_proj._extra_state/shard_3_4",
        "decoder.layers.mlp.experts.experts.linear_fc1._extra_state/shard_3.1_4.2",
        "mtp.layers.0.eh_proj._extra_state/shard_0_1",
    ]
    more = set(extra_states(placed, "transformer_engine")) - set(local)
    assert more == {
        "decoder.layers.self_attention.core_attention._extra_state/shard_3_4",
        "decoder.layers.self_attention.q_layernorm._extra_state/shard_3_4",
    }


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("optimizer.state.exp_avg.decoder.final_layernorm.weight", "optimizer"),
        ("chained_0.optimizer.distributed.dp_group_idx_0.gbuf_idx_0.bucket_idx_0", "optimizer"),
        ("rng_state/shard_0.0_1.2", "run state"),
        ("decoder.layers.mlp.linear_fc1._extra_state/shard_0_4", "_extra_state"),
        ("decoder.final_layernorm.weight", ""),
        ("output_layer.weight", ""),
    ],
)
def test_what_is_no_weight_is_left_out_by_its_name(name, what):
    assert left_out(name) == what
