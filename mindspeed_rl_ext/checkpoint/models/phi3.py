"""Phi-3, Phi-3.5 and Phi-4 (dense): one tensor holds query, key and value, one gate and up."""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.checkpoint.dtypes import Array
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import Copy, Pairs, Shard, Split, part_of, rule
from mindspeed_rl_ext.checkpoint.mapping.spec import DENSE, Hf, ModelSpec, Row
from mindspeed_rl_ext.checkpoint.mapping.windows import all_layers
from mindspeed_rl_ext.checkpoint.models.dense import (
    DENSE_OPTIONS,
    DENSE_ROWS,
    HF,
    MCORE,
    replace_rows,
)
from mindspeed_rl_ext.checkpoint.tensors import Box, Shape, matrix_shape


def _fused_qkv_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    rest, groups, tp = shard.shape[1:], split.groups, split.tp
    local = groups // tp
    mine = slice(split.tp_rank * local, (split.tp_rank + 1) * local)
    kv = groups * split.head_dim
    query, key, value = hf[0][: -2 * kv], hf[0][-2 * kv : -kv], hf[0][-kv:]
    by_group = shard.reshape(local, -1, split.head_dim, *rest)
    yield 0, query.reshape(groups, -1, split.head_dim, *rest)[mine], by_group[:, :-2]
    yield 0, key.reshape(groups, split.head_dim, *rest)[mine], by_group[:, -2]
    yield 0, value.reshape(groups, split.head_dim, *rest)[mine], by_group[:, -1]


@rule(_fused_qkv_apart)
def fused_qkv(shapes: Sequence[Shape], split: Split) -> Shard:
    """As `qkv`, of one tensor: all query rows above all key rows above all value rows."""
    width = matrix_shape(shapes[0])[1]
    count = part_of(split.groups, split.tp)
    query, single = split.heads // split.groups * split.head_dim, split.head_dim
    starts = (0, split.heads * single, (split.heads + split.groups) * single)
    copies: list[Copy] = []
    at = 0
    for group in range(split.tp_rank * count, (split.tp_rank + 1) * count):
        for start, height in zip(starts, (query, single, single), strict=True):
            copies.append(Copy(0, Box(start + group * height, height, 0, width), row=at))
            at += height
    return Shard((at, *shapes[0][1:]), tuple(copies))


def _fused_gate_up_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    halves = hf[0].reshape(2, split.tp, -1, *shard.shape[1:])[:, split.tp_rank]
    yield 0, halves, shard.reshape(halves.shape)


@rule(_fused_gate_up_apart)
def fused_gate_up(shapes: Sequence[Shape], split: Split) -> Shard:
    """As `gate_up`, of one tensor: all gate rows above all up rows."""
    height, width = matrix_shape(shapes[0])
    part = part_of(height // 2, split.tp)
    copies = tuple(
        Copy(0, Box(half * (height // 2) + split.tp_rank * part, part, 0, width), row=half * part)
        for half in (0, 1)
    )
    return Shard((2 * part, *shapes[0][1:]), copies)


SPEC = ModelSpec(
    name="phi3",
    model_types=("phi3",),
    aliases=("phi3.5", "phi-3", "phi-3.5", "phi4", "phi-4"),
    options=DENSE_OPTIONS,
    defaults={"rms_norm_eps": 1e-5},
    windows=all_layers,
    rows=replace_rows(
        DENSE_ROWS,
        Row(
            MCORE + "self_attention.linear_qkv.weight",
            (Hf(HF + "self_attn.qkv_proj.weight", ("q+2*kv", "hidden")),),
            fused_qkv.__name__,
        ),
        Row(
            MCORE + "mlp.linear_fc1.weight",
            (Hf(HF + "mlp.gate_up_proj.weight", ("2*ffn", "hidden")),),
            fused_gate_up.__name__,
            mlp=DENSE,
        ),
    ),
)
