"""verl's algorithm: names, groups, KL, validation, dynamic sampling, saving.

Covers: what verl's own check passes, and what fails after a rollout or has no effect.
Does not cover: whether a value is a good one.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.verl.known import (
    ESTIMATORS,
    KL_TYPES,
    LOSS_MODES,
    METRICS,
    OF_GROUPS,
)
from mindspeed_rl_ext.doctor.readers.verl.run import VerlRun
from mindspeed_rl_ext.doctor.rulebook import check, rule

ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
ESTIMATOR, GROUP = "algorithm.adv_estimator", f"{ROLLOUT}.n"
IN_LOSS, IN_REWARD = f"{ACTOR}.use_kl_loss", "algorithm.use_kl_in_reward"
VALIDATION, FILTER = f"{ROLLOUT}.val_kwargs", "algorithm.filter_groups"

VERL_ESTIMATOR_UNKNOWN = rule(
    "verl-adv-estimator-unknown",
    "error",
    on=VerlRun,
    en=(
        "adv_estimator {value} is not one of verl's: its check passes, and it stops after the "
        "first rollout",
        "{nearest}",
    ),
    zh=("adv_estimator {value} 不是 verl 的：能通过检查，第一次采样之后才报错", "{nearest}"),
)
VERL_LOSS_MODE_UNKNOWN = rule(
    "verl-loss-mode-unknown",
    "error",
    on=VerlRun,
    en=("loss_mode {value} is not one of verl's: it stops at the first update", "{nearest}"),
    zh=("loss_mode {value} 不是 verl 的：第一次更新时才报错", "{nearest}"),
)
VERL_KL_TYPE_UNKNOWN = rule(
    "verl-kl-type-unknown",
    "error",
    on=VerlRun,
    en=("kl_loss_type {value} is not one of verl's: it stops at the first update", "{nearest}"),
    zh=("kl_loss_type {value} 不是 verl 的：第一次更新时才报错", "{nearest}"),
)


@check(VerlRun)
def names(run: VerlRun) -> Iterator[Finding]:
    """Estimator, loss and KL are verl's."""
    known = (
        (VERL_ESTIMATOR_UNKNOWN, ESTIMATOR, ESTIMATORS),
        (VERL_LOSS_MODE_UNKNOWN, f"{ACTOR}.policy_loss.loss_mode", LOSS_MODES),
        (VERL_KL_TYPE_UNKNOWN, f"{ACTOR}.kl_loss_type", KL_TYPES),
    )
    for unknown, key, values in known:
        value = run.text(key)
        # A + behind the name is its straight-through form.
        if value and value.removesuffix("+") not in values:
            yield unknown.at(run.place(key), value=value, nearest=nearest(value, values))


@rule(
    "verl-gae-by-default",
    "warning",
    on=VerlRun,
    en=(
        "adv_estimator is not given, and gae by default: a critic is built, in the memory of a "
        "second model",
        "algorithm.adv_estimator=grpo, or configure the critic",
    ),
    zh=(
        "没有写 adv_estimator，默认 gae：会多建一个 critic，占用第二个模型的显存",
        "algorithm.adv_estimator=grpo，或配置 critic",
    ),
)
def estimator_is_chosen(run: VerlRun) -> Iterator[At]:
    """A critic is wanted where one is built."""
    critic = any(key.startswith("critic.") for key in run.settings)
    if not run.has(ESTIMATOR) and not critic and run.complete:
        yield at(run.place(ESTIMATOR))


@rule(
    "verl-group-of-one",
    "error",
    on=VerlRun,
    en=(
        "adv_estimator {estimator} with rollout.n 1: a response is compared with itself, the "
        "advantage is its score, silently",
        "actor_rollout_ref.rollout.n=8, or at least 2",
    ),
    zh=(
        "adv_estimator 为 {estimator} 而 rollout.n 为 1：回复只和自己比较，优势就是得分，且不报错",
        "actor_rollout_ref.rollout.n=8，至少为 2",
    ),
)
def group(run: VerlRun) -> Iterator[At]:
    """A response is compared with others of its prompt."""
    # Distillation learns from a teacher, not from rewards.
    distilled = any(key.startswith("distillation.") for key in run.settings)
    if run.text(ESTIMATOR) in OF_GROUPS and run.number(GROUP) == 1 and not distilled:
        yield at(run.place(GROUP), estimator=run.text(ESTIMATOR))


VERL_KL_TWICE = rule(
    "verl-kl-twice",
    "warning",
    on=VerlRun,
    en=(
        "use_kl_loss and use_kl_in_reward are both on: the KL counts twice",
        "turn one of them off",
    ),
    zh=("use_kl_loss 与 use_kl_in_reward 都打开：KL 计了两次", "关掉其中一个"),
)
VERL_KL_WITHOUT_EFFECT = rule(
    "verl-kl-without-effect",
    "warning",
    on=VerlRun,
    en=(
        "{key} is set, but use_kl_loss and use_kl_in_reward are both off: it has no effect",
        "turn one of them on, or remove {key}",
    ),
    zh=(
        "设置了 {key}，但 use_kl_loss 与 use_kl_in_reward 都关闭：不起作用",
        "打开其中一个，或去掉 {key}",
    ),
)


@check(VerlRun)
def kl(run: VerlRun) -> Iterator[Finding]:
    """The KL counts once, where its weight is set."""
    in_loss, in_reward = run.flag(IN_LOSS), run.flag(IN_REWARD)
    if in_loss and in_reward:
        yield VERL_KL_TWICE.at(run.place(IN_REWARD))
    key = "algorithm.kl_ctrl.kl_coef"
    if in_loss is False and in_reward is False and run.has(key) and run.number(key):
        yield VERL_KL_WITHOUT_EFFECT.at(run.place(key), key=key)


@rule(
    "verl-validation-repeats",
    "warning",
    on=VerlRun,
    en=(
        "validation: n {n}, do_sample {sample}, temperature {temperature}: the answers of a "
        "prompt are all the same, mean@N means nothing",
        "val_kwargs.do_sample=True with val_kwargs.temperature above 0, or val_kwargs.n=1",
    ),
    zh=(
        "验证：n {n}、do_sample {sample}、temperature {temperature}：同一题的答案都一样，"
        "mean@N 没有意义",
        "val_kwargs.do_sample=True 且 val_kwargs.temperature 大于 0，或 val_kwargs.n=1",
    ),
)
def validation(run: VerlRun) -> Iterator[At]:
    """Several answers in validation differ."""
    n, sample = run.number(f"{VALIDATION}.n"), run.flag(f"{VALIDATION}.do_sample")
    temperature = run.number(f"{VALIDATION}.temperature")
    if None in (n, sample, temperature):
        return
    if (sample and temperature == 0) or (n > 1 and not sample):
        key = f"{VALIDATION}.{'temperature' if sample else 'n'}"
        yield at(run.place(key), n=n, sample=sample, temperature=temperature)


VERL_FILTER_METRIC = rule(
    "verl-filter-metric-unknown",
    "error",
    on=VerlRun,
    en=(
        "filter_groups.enable with metric {metric}, which not every row has: it stops when the "
        "first groups are filtered",
        FILTER + ".metric=acc, or seq_reward",
    ),
    zh=(
        "filter_groups.enable 而 metric 是 {metric}，不是每行都有：第一次过滤时报错",
        FILTER + ".metric=acc，或 seq_reward",
    ),
)
VERL_FILTER_BATCHES = rule(
    "verl-filter-batches-ignored",
    "warning",
    on=VerlRun,
    en=(
        "filter_groups.max_num_gen_batches {value} is ignored by the V1 trainer of verl 0.9",
        FILTER + ".max_inflight_gen_batches",
    ),
    zh=(
        "verl 0.9 的 V1 trainer 不理会 filter_groups.max_num_gen_batches {value}",
        FILTER + ".max_inflight_gen_batches",
    ),
)


@check(VerlRun)
def filtered_groups(run: VerlRun) -> Iterator[Finding]:
    """Dynamic sampling filters by what every row has."""
    if not run.flag(f"{FILTER}.enable"):
        return
    key = f"{FILTER}.metric"
    if run.get(key) not in METRICS and not run.is_open(key):
        yield VERL_FILTER_METRIC.at(run.place(key), metric=run.get(key))
    most = run.number(f"{FILTER}.max_num_gen_batches")
    v1 = run.version >= (0, 9) and run.flag("trainer.use_v1") is not False
    if most and most > 0 and v1:
        place = run.place(f"{FILTER}.max_num_gen_batches")
        yield VERL_FILTER_BATCHES.at(place, value=most)


@rule(
    "verl-nothing-saved",
    "warning",
    on=VerlRun,
    en=("trainer.save_freq is {value}: no checkpoint is ever written", "trainer.save_freq=20"),
    zh=("trainer.save_freq 是 {value}：不会保存任何检查点", "trainer.save_freq=20"),
)
def saving(run: VerlRun) -> Iterator[At]:
    """What is trained is saved."""
    value = run.number("trainer.save_freq")
    if value is not None and value <= 0:
        yield at(run.place("trainer.save_freq"), value=value)
