"""What a run takes: cards by role, disk for its checkpoints; experts.

Covers: parameters from the model's sizes, 2 bytes each, 12 more with the optimizer.
Does not cover: memory of the cards, logs; a model whose sizes are not given.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Layers, Role
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RlRun, RolloutRun
from mindspeed_rl_ext.doctor.rulebook import check, rule

WEIGHT_BYTES = 2
OPTIMIZER_BYTES = 12
CARDS_OF_A_NODE = 16


CARDS_IN_TURNS = rule(
    "cards-in-turns",
    "note",
    on=RolloutRun,
    en=("cards: {npus}; training, rollout and reference take turns on them",),
    zh=("用卡：共 {npus} 张；训练、推理、参考模型轮流使用",),
)
CARDS_BY_ROLE = rule(
    "cards-by-role",
    "note",
    on=RolloutRun,
    en=("cards: {each}; {npus} in all",),
    zh=("用卡：{each}；共 {npus} 张",),
)


@check(RolloutRun)
def cards(run: RolloutRun) -> Iterator[Finding]:
    """Which role runs on how many cards."""
    npus = run.npus()
    if npus is None:
        return
    place = run.document.place("rl_config", "actor_resource", "num_npus")
    if run.rl.get("use_integrated_worker"):
        yield CARDS_IN_TURNS.at(place, npus=npus)
        return
    roles = ("actor", "reference", "reward", "critic")
    counts = {role: run.npus(f"{role}_resource") or 0 for role in roles}
    each = ", ".join(f"{role} {count}" for role, count in counts.items() if count)
    yield CARDS_BY_ROLE.at(place, each=each, npus=sum(counts.values()))


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


SAVE_DISK_USE = rule(
    "save-disk-use",
    "note",
    on=Role,
    en=(
        "disk: {count:checkpoint} of {each} GB each (weights {weights} GB, optimizer "
        "{optimizer} GB) = {total} GB under {save}",
    ),
    zh=(
        "磁盘：{count} 个检查点，每个 {each} GB（权重 {weights} GB，优化器 {optimizer} "
        "GB），共 {total} GB，位于 {save}",
    ),
)
SAVE_DISK_TOO_SMALL = rule(
    "save-disk-too-small",
    "warning",
    on=Role,
    en=(
        "{save} has {free} GB free, the run writes {total} GB ({count:checkpoint} of {each} GB)",
        "raise save_interval, set no_save_optim: true where no resume is needed, or "
        "use another disk",
    ),
    zh=(
        "{save} 剩余 {free} GB，训练要写 {total} GB（{count} 个检查点，每个 {each} GB）",
        "调大 save_interval；不需要续训时 no_save_optim: true；或换磁盘",
    ),
)


@check(Role)
def disk(actor: Role) -> Iterator[Finding]:
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
    yield SAVE_DISK_USE.at(actor.place("save_interval"), **values)
    folder = Path(str(save))
    if folder.is_absolute() and folder.is_dir():
        free = shutil.disk_usage(folder).free / 1e9
        if free < saves * (weights + optimizer):
            yield SAVE_DISK_TOO_SMALL.at(actor.place("save"), **values, free=round(free))


@rule(
    "experts-without-extend-ep",
    "error",
    on=RolloutRun,
    en=(
        "a mixture of experts without moe_tp_extend_ep: true, which MindSpeed-RL assumes: "
        "rollouts are garbage",
        "moe_tp_extend_ep: true, and convert with --moe-tp-extend-ep",
    ),
    zh=(
        "MoE 模型没有 moe_tp_extend_ep: true，而 MindSpeed-RL 默认如此：推理会乱码",
        "moe_tp_extend_ep: true，转换权重时加 --moe-tp-extend-ep",
    ),
)
def extended_experts(run: RolloutRun) -> Iterator[At]:
    """A mixture of experts is sharded the way that the host assumes."""
    if run.is_moe and not run.actor.get("moe_tp_extend_ep"):
        yield at(run.actor.place("moe_tp_extend_ep"))


@rule(
    "experts-across-super-nodes",
    "note",
    on=RlRun,
    en=(
        "expert parallel {ep} x TP {tp} needs {cards} cards: with mc2 on, expert parallel must "
        "not cross super-nodes",
    ),
    zh=("EP {ep} x TP {tp} 占 {cards} 张卡：开启 mc2 时 EP 不能跨超节点",),
)
def experts_of_one_node(run: RlRun) -> Iterator[At]:
    """The experts of a layer fit one node."""
    ep = run.actor.size("expert_model_parallel_size")
    tp = run.actor.size("tensor_model_parallel_size")
    if run.is_moe and ep * tp > CARDS_OF_A_NODE:
        yield at(run.actor.place("expert_model_parallel_size"), ep=ep, tp=tp, cards=ep * tp)
