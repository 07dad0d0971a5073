"""verl's batches: mini and micro batches, data-parallel ranks, the rollout's ranks.

Covers: FSDP and Megatron, where the numbers are given. Does not cover: other engines; memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.verl.run import VerlRun
from mindspeed_rl_ext.doctor.rulebook import check, rule

ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
BATCH, MINI, GROUP = "data.train_batch_size", f"{ACTOR}.ppo_mini_batch_size", f"{ROLLOUT}.n"
MICRO, DYNAMIC = f"{ACTOR}.ppo_micro_batch_size_per_gpu", f"{ACTOR}.use_dynamic_bsz"
PARALLEL = ("tensor_model_parallel_size", "pipeline_model_parallel_size", "context_parallel_size")
ULYSSES = (
    f"{ACTOR}.ulysses_sequence_parallel_size",
    f"{ACTOR}.fsdp_config.ulysses_sequence_parallel_size",
)


class Sizes(NamedTuple):
    """Cards of a run, and how many of them hold one copy of the model, or one sequence."""

    gpus: int
    each: int

    @property
    def dp(self) -> int:
        """Data-parallel ranks."""
        return self.gpus // self.each


def sizes_of(run: VerlRun) -> Sizes | None:
    """The sizes; None where one of them is not known."""
    if run.is_other_engine:
        return None
    counts = [run.number("trainer.n_gpus_per_node"), run.number("trainer.nnodes")]
    if run.is_megatron:
        sizes = [run.number(f"{ACTOR}.megatron.{key}") for key in PARALLEL]
    else:
        given = [key for key in ULYSSES if run.has(key)]
        sizes = [run.number(key) for key in given or ULYSSES[:1]]
        sizes = sizes if None in sizes else [max(sizes)]
    if any(not isinstance(n, int) or n < 1 for n in (*counts, *sizes)):
        return None
    each = 1
    for size in sizes:
        each *= size
    return Sizes(counts[0] * counts[1], each)


VERL_CARDS_NOT_MULTIPLE = rule(
    "verl-cards-not-multiple",
    "error",
    on=VerlRun,
    en=(
        "{gpus} cards (trainer.n_gpus_per_node x nnodes) are not a multiple of the {each} of one "
        "model or sequence (TP x PP x CP, or Ulysses)",
        "change the cards or the parallel sizes",
    ),
    zh=(
        "{gpus} 张卡（trainer.n_gpus_per_node x nnodes）不是一份模型或序列所占 {each} 张"
        "（TP x PP x CP，或 Ulysses）的倍数",
        "调整卡数或并行切分",
    ),
)
VERL_BATCH_BELOW_MINI = rule(
    "verl-batch-below-mini-batch",
    "error",
    on=VerlRun,
    en=(
        "data.train_batch_size {batch} is below ppo_mini_batch_size {mini}",
        "ppo_mini_batch_size at most {batch}",
    ),
    zh=(
        "data.train_batch_size {batch} 小于 ppo_mini_batch_size {mini}",
        "ppo_mini_batch_size 不超过 {batch}",
    ),
)
VERL_BATCH_NOT_MULTIPLE = rule(
    "verl-batch-not-multiple",
    "error",
    on=VerlRun,
    en=(
        "data.train_batch_size {batch} x rollout.n {n} = {samples} is not a multiple of {least}, "
        "which verl asks of static batches",
        "make the product a multiple of {least}",
    ),
    zh=(
        "data.train_batch_size {batch} x rollout.n {n} = {samples} 不是 {least} 的倍数，"
        "verl 对静态批次要求整除",
        "让乘积成为 {least} 的倍数",
    ),
)
VERL_MINI_NOT_DIVISOR = rule(
    "verl-mini-batch-not-divisor",
    "warning",
    on=VerlRun,
    en=(
        "ppo_mini_batch_size {mini} does not divide data.train_batch_size {batch}: the V1 trainer "
        "fills the last update with empty rows",
        "choose a divisor of {batch}",
    ),
    zh=(
        "ppo_mini_batch_size {mini} 不能整除 data.train_batch_size {batch}：V1 trainer 会用空行"
        "补齐最后一次更新",
        "改成 {batch} 的约数",
    ),
)
VERL_MINI_NOT_MULTIPLE = rule(
    "verl-mini-batch-not-multiple-of-dp",
    "error",
    on=VerlRun,
    en=(
        "ppo_mini_batch_size {mini} x rollout.n {n} = {samples} is not a multiple of DP {dp} "
        "({gpus} cards / {each}): it stops at the first update",
        "make the product a multiple of {dp}",
    ),
    zh=(
        "ppo_mini_batch_size {mini} x rollout.n {n} = {samples} 不是 DP {dp}（{gpus} 卡 / {each}）"
        "的倍数：第一次更新时报错",
        "让乘积成为 {dp} 的倍数",
    ),
)
VERL_MICRO_NOT_DIVISOR = rule(
    "verl-micro-batch-not-divisor",
    "error",
    on=VerlRun,
    en=(
        "a rank updates on {rank} samples (ppo_mini_batch_size {mini} x {n} / DP {dp}), not a "
        "multiple of ppo_micro_batch_size_per_gpu {micro}: it stops at the first update",
        "a ppo_micro_batch_size_per_gpu that divides {rank}, or use_dynamic_bsz=True",
    ),
    zh=(
        "每个 rank 用 {rank} 条样本更新（ppo_mini_batch_size {mini} x {n} / DP {dp}），不是 "
        "ppo_micro_batch_size_per_gpu {micro} 的倍数：第一次更新时报错",
        "ppo_micro_batch_size_per_gpu 应整除 {rank}，或 use_dynamic_bsz=True",
    ),
)


@check(VerlRun)
def batches(run: VerlRun) -> Iterator[Finding]:
    """The batch in mini batches, those in ranks, those in micro batches."""
    sizes = sizes_of(run)
    if sizes is not None and sizes.gpus % sizes.each:
        yield VERL_CARDS_NOT_MULTIPLE.at(run.place("trainer.n_gpus_per_node"), **sizes._asdict())
        return
    batch, mini, n = (run.number(key) for key in (BATCH, MINI, GROUP))
    if not batch or not mini:
        return
    if batch < mini:
        yield VERL_BATCH_BELOW_MINI.at(run.place(MINI), batch=batch, mini=mini)
    elif batch % mini:
        yield VERL_MINI_NOT_DIVISOR.at(run.place(MINI), batch=batch, mini=mini)
    if sizes is None or not n:
        return
    least = sizes.dp if run.is_megatron else sizes.gpus
    if run.flag(DYNAMIC) is False and batch * n % least:
        known = {"batch": batch, "n": n, "samples": batch * n, "least": least}
        yield VERL_BATCH_NOT_MULTIPLE.at(run.place(BATCH), **known)
        return
    values = {"mini": mini, "n": n, "dp": sizes.dp}
    if mini * n % sizes.dp:
        known = {**values, "samples": mini * n, **sizes._asdict()}
        yield VERL_MINI_NOT_MULTIPLE.at(run.place(MINI), **known)
        return
    rank, micro = mini * n // sizes.dp, run.number(MICRO)
    if run.flag(DYNAMIC) is False and micro and rank % micro:
        yield VERL_MICRO_NOT_DIVISOR.at(run.place(MICRO), **values, rank=rank, micro=micro)


@rule(
    "verl-dynamic-batches-differ",
    "error",
    on=VerlRun,
    en=(
        "actor.use_dynamic_bsz is {actor}, rollout.log_prob_use_dynamic_bsz {rollout}: the workers "
        "stop when they start",
        "make both the same",
    ),
    zh=(
        "actor.use_dynamic_bsz 是 {actor}，rollout.log_prob_use_dynamic_bsz 是 {rollout}："
        "worker 启动时报错",
        "两处改成一致",
    ),
)
def dynamic_batches(run: VerlRun) -> Iterator[At]:
    """Training and log-probabilities pack alike."""
    key = f"{ROLLOUT}.log_prob_use_dynamic_bsz"
    actor, rollout = run.flag(DYNAMIC), run.flag(key)
    if actor is not None and rollout is not None and actor != rollout:
        yield at(run.place(key), actor=actor, rollout=rollout)


@rule(
    "verl-rollout-ranks-not-divisor",
    "error",
    on=VerlRun,
    en=(
        "{gpus} cards are not a multiple of the rollout's TP x DP x PP = {each}: the workers stop "
        "when they start",
        "choose sizes whose product divides {gpus}",
    ),
    zh=(
        "{gpus} 张卡不是推理 TP x DP x PP = {each} 的倍数：worker 启动时报错",
        "让乘积能整除 {gpus}",
    ),
)
def rollout_ranks(run: VerlRun) -> Iterator[At]:
    """The rollout's engines fill the cards."""
    keys = ("tensor_model_parallel_size", "data_parallel_size", "pipeline_model_parallel_size")
    sizes = [run.number(f"{ROLLOUT}.{key}") for key in keys]
    counts = [run.number("trainer.n_gpus_per_node"), run.number("trainer.nnodes")]
    if any(not isinstance(n, int) or n < 1 for n in (*sizes, *counts)):
        return
    gpus, each = counts[0] * counts[1], sizes[0] * sizes[1] * sizes[2]
    # A pool of its own for the rollout has its own cards.
    own = any(key.startswith("rollout.") or "resource_pool" in key for key in run.settings)
    if gpus % each and not own and run.entry.startswith("main_ppo"):
        place = run.place(f"{ROLLOUT}.tensor_model_parallel_size")
        yield at(place, gpus=gpus, each=each)
