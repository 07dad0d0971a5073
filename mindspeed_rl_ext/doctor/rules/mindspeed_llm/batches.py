"""Cards, data-parallel sizes and batches of rlxf configurations of MindSpeed-LLM.

Covers: the formulas as the host applies them, not as the notes write them; sizes above 0.
Does not cover: rewards, which both hosts share.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Role, sizes_not_positive
from mindspeed_rl_ext.doctor.readers.mindspeed.rlxf_run import RlxfRun
from mindspeed_rl_ext.doctor.rulebook import check, rule

TP, PP = "tensor_model_parallel_size", "pipeline_model_parallel_size"


def _parallel(role: Role) -> tuple[int, int]:
    return role.size(TP), role.size(PP)


RLXF_TRAINING_CARDS_NOT_MULTIPLE = rule(
    "rlxf-training-cards-not-multiple",
    "error",
    on=RlxfRun,
    en=(
        "num_gpus_for_train {cards} is not a multiple of TP x PP = {tp} x {pp} = {product}",
        "choose a multiple of {product}",
    ),
    zh=(
        "num_gpus_for_train {cards} 不是 TP x PP = {tp} x {pp} = {product} 的倍数",
        "改成 {product} 的倍数",
    ),
)
RLXF_ROLLOUT_CARDS_NOT_MULTIPLE = rule(
    "rlxf-rollout-cards-not-multiple",
    "error",
    on=RlxfRun,
    en=(
        "num_gpus_for_infer {cards} is not a multiple of TP {tp}",
        "choose a multiple of {tp}; the rollout has no pipeline stages",
    ),
    zh=("num_gpus_for_infer {cards} 不是 TP {tp} 的倍数", "改成 {tp} 的倍数；推理侧没有流水并行"),
)
RLXF_BATCH_SIZES_CONSISTENT = rule(
    "rlxf-batch-sizes-consistent",
    "ok",
    on=RlxfRun,
    en=(
        "sizes go together: training DP {dp} = {train} / (TP {tp} x PP {pp}), rollout "
        "DP {idp} = {infer} / TP {tp}; the note's (train + infer) / (TP x PP) = {note} "
        "is not what the host divides by",
    ),
    zh=(
        "切分自洽：训练 DP {dp} = {train} / (TP {tp} x PP {pp})，推理 DP {idp} = "
        "{infer} / TP {tp}；笔记里的 (train + infer) / (TP x PP) = {note} "
        "并不是宿主真正的算法",
    ),
)


@check(RlxfRun)
def batches(run: RlxfRun) -> Iterator[Finding]:
    """Training and rollout each have a DP of their own, and both divide the batch."""
    actor = run.actor
    (tp, pp), gbs = _parallel(actor), actor.number("global_batch_size")
    train, infer = actor.number("num_gpus_for_train"), actor.number("num_gpus_for_infer")
    if not train or not infer or not gbs:
        return
    values = {"tp": tp, "pp": pp, "product": tp * pp, "cards": train}
    if train % (tp * pp):
        yield RLXF_TRAINING_CARDS_NOT_MULTIPLE.at(actor.place("num_gpus_for_train"), **values)
        return
    if infer % tp:
        yield RLXF_ROLLOUT_CARDS_NOT_MULTIPLE.at(
            actor.place("num_gpus_for_infer"), cards=infer, tp=tp
        )
        return
    dp, idp = train // (tp * pp), infer // tp
    found = [*_divided(actor, dp, idp)]
    yield from found
    if not found:
        note = f"{(train + infer) / (tp * pp):g}"
        sizes = {"dp": dp, "idp": idp, "train": train, "infer": infer, "note": note}
        yield RLXF_BATCH_SIZES_CONSISTENT.at(actor.place("num_gpus_for_train"), **values, **sizes)


RLXF_PROMPTS_DROPPED = rule(
    "rlxf-prompts-dropped",
    "error",
    on=RlxfRun,
    en=(
        "{key} {gbs} is not a multiple of rollout DP {dp} x num_samples_per_step "
        "{each} = {product}: {lost} of {gbs} prompts are left out of each step without "
        "a word",
        "choose a multiple of {product}",
    ),
    zh=(
        "{key} {gbs} 不是推理 DP {dp} x num_samples_per_step {each} = {product} "
        "的倍数：每步 {gbs} 题中有 {lost} 题被悄悄丢弃",
        "改成 {product} 的倍数",
    ),
)
RLXF_MINI_BATCH_NOT_MULTIPLE = rule(
    "rlxf-mini-batch-not-multiple",
    "warning",
    on=RlxfRun,
    en=(
        "{key} {gbs} is not a multiple of rollout DP {dp} x num_samples_per_step {each} = "
        "{product}, which the R1-Zero note asks for",
        "choose a multiple of {product}",
    ),
    zh=(
        "{key} {gbs} 不是推理 DP {dp} x num_samples_per_step {each} = {product} 的倍数，"
        "R1-Zero 笔记要求整除",
        "改成 {product} 的倍数",
    ),
)
RLXF_BATCH_NOT_MULTIPLE = rule(
    "rlxf-batch-not-multiple",
    "error",
    on=RlxfRun,
    en=(
        "{key} {gbs} is not a multiple of training DP {dp} x micro_batch_size {mbs} = {product}",
        "choose a multiple of {product}",
    ),
    zh=(
        "{key} {gbs} 不是训练 DP {dp} x micro_batch_size {mbs} = {product} 的倍数",
        "改成 {product} 的倍数",
    ),
)


def _divided(actor: Role, dp: int, idp: int) -> Iterator[Finding]:
    mbs, each = actor.size("micro_batch_size"), actor.size("num_samples_per_step")
    for key in ("global_batch_size", "ppo_mini_batch_size"):
        size = actor.number(key)
        if not size:
            continue
        if key == "global_batch_size" and size % (dp * mbs):
            values = {"key": key, "gbs": size, "dp": dp, "mbs": mbs, "product": dp * mbs}
            yield RLXF_BATCH_NOT_MULTIPLE.at(actor.place(key), **values)
        lost = size % (idp * each)
        if lost:
            values = {"key": key, "gbs": size, "dp": idp, "each": each, "product": idp * each}
            if key == "global_batch_size":
                yield RLXF_PROMPTS_DROPPED.at(actor.place(key), **values, lost=lost)
            else:
                yield RLXF_MINI_BATCH_NOT_MULTIPLE.at(actor.place(key), **values)


RLXF_POOL_DIFFERS_FROM_CARDS = rule(
    "rlxf-pool-differs-from-cards",
    "error",
    on=RlxfRun,
    en=(
        "resource_pool.actor_rollout {pool} adds up to {sum}, num_gpus_for_train "
        "{train} + num_gpus_for_infer {infer} = {cards}",
        "make both the same",
    ),
    zh=(
        "resource_pool.actor_rollout {pool} 合计 {sum}，而 num_gpus_for_train {train} "
        "+ num_gpus_for_infer {infer} = {cards}",
        "两者改成一致",
    ),
)
RLXF_POOL_NOT_MULTIPLE = rule(
    "rlxf-pool-not-multiple",
    "error",
    on=RlxfRun,
    en=(
        "resource_pool.{role} {pool} adds up to {sum}, not a multiple of TP x PP = {product}",
        "choose a multiple of {product}",
    ),
    zh=(
        "resource_pool.{role} {pool} 合计 {sum}，不是 TP x PP = {product} 的倍数",
        "改成 {product} 的倍数",
    ),
)


@check(RlxfRun)
def pools(run: RlxfRun) -> Iterator[Finding]:
    """The cards of the pools are those of the roles."""
    actor, pool = run.actor, run.pool("actor_rollout")
    train, infer = actor.number("num_gpus_for_train"), actor.number("num_gpus_for_infer")
    if pool is not None and train and infer and sum(pool) != train + infer:
        values = {"pool": pool, "sum": sum(pool), "train": train, "infer": infer}
        place = run.document.place("resource_pool", "actor_rollout")
        yield RLXF_POOL_DIFFERS_FROM_CARDS.at(place, **values, cards=train + infer)
    for role in ("ref", "critic", "reward"):
        cards = run.pool(role)
        if role not in run.roles or not cards:
            continue
        tp, pp = _parallel(run.roles[role])
        if sum(cards) % (tp * pp):
            values = {"role": role, "pool": cards, "sum": sum(cards), "product": tp * pp}
            yield RLXF_POOL_NOT_MULTIPLE.at(run.document.place("resource_pool", role), **values)


@rule(
    "rlxf-cards-by-role",
    "note",
    on=RlxfRun,
    en=("cards: {each}; {total} in all",),
    zh=("用卡：{each}；共 {total} 张",),
)
def cards(run: RlxfRun) -> Iterator[At]:
    """Which role runs on how many cards."""
    actor = run.actor
    counts = {
        "train": actor.number("num_gpus_for_train"),
        "infer": actor.number("num_gpus_for_infer"),
        **{role: sum(run.pool(role) or []) for role in ("ref", "critic", "reward")},
    }
    given = {role: count for role, count in counts.items() if count}
    each = ", ".join(f"{role} {count}" for role, count in given.items())
    yield at(run.document.place("resource_pool"), each=each, total=sum(given.values()))


@rule(
    "rlxf-size-not-positive",
    "error",
    on=RlxfRun,
    en=("{key} is {value}", "a number above 0"),
    zh=("{key} 是 {value}", "改为大于 0 的数"),
)
def sizes(run: RlxfRun) -> Iterator[At]:
    """Sizes are above 0; the other rules take them for granted."""
    for place, key, value in sizes_not_positive(run.actor):
        yield at(place, key=key, value=value)
