"""What a run takes: cards by role (S0-18), disk for its checkpoints (S3-9); experts (S1-8, S1-17).

Covers: parameters from the model's sizes, 2 bytes each, 12 more with the optimizer.
Does not cover: memory of the cards, logs; a model whose sizes are not given.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.layers import Layers
from mindspeed_rl_ext.doctor.run_rl import RlRun

WEIGHT_BYTES = 2
OPTIMIZER_BYTES = 12
CARDS_OF_A_NODE = 16


def cards(run: RlRun) -> Iterator[Finding]:
    """Who runs on how many cards."""
    npus = run.npus()
    if npus is None:
        return
    place = run.document.place("rl_config", "actor_resource", "num_npus")
    if run.rl.get("use_integrated_worker"):
        said = f"{npus} in all; training, rollout and reference take turns on them"
        said_zh = f"共 {npus} 张；训练、推理、参考模型轮流使用"
    else:
        roles = {
            role: run.npus(f"{role}_resource")
            for role in ("actor", "reference", "reward", "critic")
        }
        given = {role: count for role, count in roles.items() if count}
        each = ", ".join(f"{role} {count}" for role, count in given.items())
        said = f"{each}; {sum(given.values())} in all"
        said_zh = f"{each}；共 {sum(given.values())} 张"
    yield Finding("S0-18", place, {"cards": said, "cards_zh": said_zh})


def parameters(model: Layers) -> float | None:
    """How many parameters a model has; None where its sizes are not given."""
    keys = (
        "num_layers",
        "hidden_size",
        "ffn_hidden_size",
        "num_attention_heads",
        "padded_vocab_size",
    )
    sizes = [model.number(key) for key in keys]
    if any(size is None for size in sizes) or model.get("multi_latent_attention"):
        return None
    layers, hidden, ffn, heads, vocab = sizes
    head = model.number("kv_channels") or hidden / heads
    groups = model.number("num_query_groups") if model.get("group_query_attention") else heads
    attention = hidden * head * (2 * heads + 2 * (groups or heads))
    experts = model.number("num_experts")
    width = experts * (model.number("moe_ffn_hidden_size") or ffn) if experts else ffn
    tables = 2 if model.get("untie_embeddings_and_output_weights") else 1
    return float(layers * (attention + 3 * hidden * width) + tables * vocab * hidden)


def disk(actor: Layers) -> Iterator[Finding]:
    """How much the checkpoints of a run take."""
    count = parameters(actor)
    steps, every = actor.number("train_iters"), actor.number("save_interval")
    save = actor.get("save")
    if count is None or not steps or not every or not save:
        return
    weights = count * WEIGHT_BYTES / 1e9
    optimizer = 0.0 if actor.get("no_save_optim") else count * OPTIMIZER_BYTES / 1e9
    saves = max(1, int(steps // every))
    values = {
        "count": saves,
        "each": round(weights + optimizer),
        "weights": round(weights),
        "optimizer": round(optimizer),
        "total": round(saves * (weights + optimizer)),
        "save": save,
    }
    yield Finding("S3-9", actor.place("save_interval"), values)
    folder = Path(str(save))
    if folder.is_absolute() and folder.is_dir():
        free = shutil.disk_usage(folder).free / 1e9
        if free < saves * (weights + optimizer):
            yield Finding("S3-9-full", actor.place("save"), {**values, "free": round(free)})


def experts(run: RlRun) -> Iterator[Finding]:
    """A mixture of experts is cut the way that the host assumes."""
    if not run.is_moe:
        return
    if run.is_rollout and not run.actor.get("moe_tp_extend_ep"):
        yield Finding("S1-8", run.actor.place("moe_tp_extend_ep"))
    ep, tp = (
        run.actor.size("expert_model_parallel_size"),
        run.actor.size("tensor_model_parallel_size"),
    )
    if ep * tp > CARDS_OF_A_NODE:
        values = {"ep": ep, "tp": tp, "cards": ep * tp}
        yield Finding("S1-17", run.actor.place("expert_model_parallel_size"), values)
