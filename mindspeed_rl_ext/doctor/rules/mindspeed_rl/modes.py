"""Modes: what MindSpeed-RL's switches ask for, and DAPO's numbers.

Covers: integrated worker, padding, order, turns, precision, overlong, clip, filter, sampling.
Does not cover: multimodal switches; `rewards` says what happens to verifiers there.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_keys import UNREAD
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RlRun, RolloutRun
from mindspeed_rl_ext.doctor.rulebook import check, rule


@rule(
    "key-without-reader",
    "warning",
    on=RlRun,
    en=(
        "{key} is read by no line of MindSpeed-RL: 2.0, whose own YAML has it, warns and leaves it "
        "out, later lines refuse to start",
        "write {now}, or remove it",
    ),
    zh=(
        "{key} 没有任何 MindSpeed-RL 版本读取：自带此键的 2.0 只警告并忽略，以后的版本拒绝启动",
        "改写为 {now}，或去掉",
    ),
)
def unread_keys(run: RlRun) -> Iterator[At]:
    """Every key is read by some line."""
    for part, names in UNREAD.items():
        for key in run.document.table(part):
            if str(key).replace("-", "_") in names:
                now = names[str(key).replace("-", "_")]
                yield at(run.document.place(part, str(key)), key=key, now=now)


@rule(
    "precision-not-bfloat16",
    "error",
    on=RolloutRun,
    en=(
        "bf16 is {bf16} and dtype {dtype}: the host trains and rolls out in bfloat16 only",
        'bf16: true and dtype: "bfloat16"',
    ),
    zh=("bf16 是 {bf16}，dtype 是 {dtype}：宿主只支持 bfloat16", 'bf16: true，dtype: "bfloat16"'),
)
def precision(run: RolloutRun) -> Iterator[At]:
    """bfloat16 on both sides."""
    bf16, dtype = run.actor.get("bf16"), run.generate.get("dtype")
    if bf16 is False or dtype not in (None, "bfloat16"):
        place = run.actor.place("bf16") if bf16 is False else run.generate.place("dtype")
        yield at(place, bf16=str(bf16).lower(), dtype=dtype)


INTEGRATED_CONFIG_WITHOUT_WORKER = rule(
    "integrated-config-without-worker",
    "error",
    on=RolloutRun,
    en=(
        "integrated_mode_config is set while use_integrated_worker is off: the host refuses it",
        "remove integrated_mode_config, or set use_integrated_worker: true",
    ),
    zh=(
        "use_integrated_worker 关闭时不能设 integrated_mode_config：宿主会拒绝",
        "去掉 integrated_mode_config，或 use_integrated_worker: true",
    ),
)
INTEGRATED_WORKER_WITH_OWN_PART = rule(
    "integrated-worker-with-own-part",
    "error",
    on=RolloutRun,
    en=(
        "{part} is set while use_integrated_worker is on: the host refuses it",
        "remove {part}, or set use_integrated_worker: false",
    ),
    zh=(
        "use_integrated_worker 打开时不能设 {part}：宿主会拒绝",
        "去掉 {part}，或 use_integrated_worker: false",
    ),
)


@check(RolloutRun)
def integrated_worker(run: RolloutRun) -> Iterator[Finding]:
    """One worker for all roles takes its sizes and cards from the actor."""
    if run.rl.get("use_integrated_worker"):
        for part in ("ref_config", "reward_config"):
            if run.document.table(part):
                yield INTEGRATED_WORKER_WITH_OWN_PART.at(run.document.place(part), part=part)
        for key in ("reference_resource", "reward_resource"):
            if run.rl.get(key) is not None:
                yield INTEGRATED_WORKER_WITH_OWN_PART.at(run.rl.place(key), part=key)
    elif run.rl.get("integrated_mode_config") is not None:
        yield INTEGRATED_CONFIG_WITHOUT_WORKER.at(run.rl.place("integrated_mode_config"))


@rule(
    "remove-padding-incomplete",
    "warning",
    on=RolloutRun,
    en=(
        "use_remove_padding without {needed}: MindSpeed-RL 2.3 and later refuse it",
        "set {needed} there (2.2 wants reset_attention_mask: false)",
    ),
    zh=(
        "use_remove_padding 而没有 {needed}：MindSpeed-RL 2.3 及以后会拒绝",
        "在这些版本上设置 {needed}（2.2 要求 reset_attention_mask: false）",
    ),
)
def padding(run: RolloutRun) -> Iterator[At]:
    """What use_remove_padding asks for."""
    if not run.rl.get("use_remove_padding"):
        return
    place = run.rl.place("use_remove_padding")
    if not run.actor.get("reset_attention_mask"):
        yield at(place, needed="reset_attention_mask: true")
    staged = run.actor.size("pipeline_model_parallel_size") > 1
    if staged and not run.actor.get("no_pad_to_seq_lengths"):
        yield at(place, needed="no_pad_to_seq_lengths: true")


ORDER_WITH_PARTIAL_ROLLOUT = rule(
    "order-with-partial-rollout",
    "error",
    on=RolloutRun,
    en=(
        "guarantee_order with partial_rollout_max_split {split}: the host refuses both together",
        "guarantee_order: false",
    ),
    zh=("partial_rollout_max_split 为 {split} 时不能 guarantee_order", "guarantee_order: false"),
)
MULTI_TURN_INCOMPLETE = rule(
    "multi-turn-incomplete",
    "error",
    on=RolloutRun,
    en=("multi_turn_enable needs {needed}", "set {needed}"),
    zh=("multi_turn_enable 需要 {needed}", "设置 {needed}"),
)


@check(RolloutRun)
def turns_and_order(run: RolloutRun) -> Iterator[Finding]:
    """Multi-turn rollouts and partial ones."""
    split = run.rl.size("partial_rollout_max_split")
    if split > 1 and run.rl.get("guarantee_order"):
        yield ORDER_WITH_PARTIAL_ROLLOUT.at(run.rl.place("guarantee_order"), split=split)
    if not run.rl.get("multi_turn_enable"):
        return
    place, tokens = run.rl.place("multi_turn_enable"), run.sampling.number("max_tokens")
    if not run.rl.get("async_engine"):
        yield MULTI_TURN_INCOMPLETE.at(place, needed="async_engine: true")
    if tokens and run.rl.number("max_total_response_length") < tokens:
        needed = f"max_total_response_length of at least {tokens} (max_tokens)"
        yield MULTI_TURN_INCOMPLETE.at(place, needed=needed)


CLIP_BOUNDS_SWAPPED = rule(
    "clip-bounds-swapped",
    "error",
    on=RolloutRun,
    en=(
        "clip_ratio_low {low} is above clip_ratio_high {high}",
        "exchange them: DAPO has 0.2 and 0.28",
    ),
    zh=("clip_ratio_low {low} 大于 clip_ratio_high {high}", "对调：DAPO 为 0.2 与 0.28"),
)
OVERLONG_BUFFER_TOO_LARGE = rule(
    "overlong-buffer-too-large",
    "error",
    on=RolloutRun,
    en=(
        "overlong_buffer {buffer} is not less than max_tokens {tokens}",
        "choose a smaller overlong_buffer",
    ),
    zh=("overlong_buffer {buffer} 不小于 max_tokens {tokens}", "调小 overlong_buffer"),
)
OVERLONG_TOKENS_DIFFER = rule(
    "overlong-tokens-differ",
    "error",
    on=RolloutRun,
    en=(
        "rollout_max_tokens {rollout} differs from sampling_config.max_tokens {tokens}",
        "write the same number in both",
    ),
    zh=(
        "rollout_max_tokens {rollout} 与 sampling_config.max_tokens {tokens} 不同",
        "两处写同一个数",
    ),
)


@check(RolloutRun)
def dapo(run: RolloutRun) -> Iterator[Finding]:
    """DAPO's overlong penalty, clip-higher and dynamic sampling."""
    rl, tokens = run.rl, run.sampling.number("max_tokens")
    if rl.get("overlong_buffer_enable") and tokens:
        buffer, rollout = rl.number("overlong_buffer"), rl.number("rollout_max_tokens")
        if buffer >= tokens:
            values = {"buffer": buffer, "tokens": tokens}
            yield OVERLONG_BUFFER_TOO_LARGE.at(rl.place("overlong_buffer"), **values)
        if rollout != tokens:
            values = {"rollout": rollout, "tokens": tokens}
            yield OVERLONG_TOKENS_DIFFER.at(rl.place("rollout_max_tokens"), **values)
    low, high = rl.number("clip_ratio_low"), rl.number("clip_ratio_high")
    if rl.get("clip_higher_enable") and low is not None and high is not None and low > high:
        yield CLIP_BOUNDS_SWAPPED.at(rl.place("clip_ratio_low"), low=low, high=high)
    if rl.get("filter_groups_enable"):
        yield from _filter_metric(run)


FILTER_METRIC_NOT_A_VERIFIER = rule(
    "filter-metric-not-a-verifier",
    "error",
    on=RolloutRun,
    en=(
        "filter_groups_metric {metric} is not one of the verifiers {names}",
        "name one of verifier_function, as it stands there{nearest}",
    ),
    zh=(
        "filter_groups_metric {metric} 不在 verifier_function {names} 之中",
        "照抄 verifier_function 里的一个名字{nearest}",
    ),
)
FILTER_METRIC_WITH_PARAMETERS = rule(
    "filter-metric-with-parameters",
    "error",
    on=RolloutRun,
    en=(
        "filter_groups_metric {metric} has parameters; the metric that the host looks "
        "for is named {bare}",
        "filter by a verifier without parameters, or leave them at their defaults",
    ),
    zh=(
        "filter_groups_metric {metric} 带参数；宿主要找的指标名是 {bare}",
        "用不带参数的打分器来过滤，或让参数取默认值",
    ),
)


def _filter_metric(run: RolloutRun) -> Iterator[Finding]:
    metric, names = str(run.rl.get("filter_groups_metric")), run.rl.names("verifier_function")
    place = run.rl.place("filter_groups_metric")
    if not names:
        return  # a finding of its own
    if metric not in names:
        values = {"metric": metric, "names": names, "nearest": f"; {nearest(metric, names)}"}
        yield FILTER_METRIC_NOT_A_VERIFIER.at(place, **values)
    elif "(" in metric:
        bare = f"{metric.split('(')[0]}_rewards/mean"
        yield FILTER_METRIC_WITH_PARAMETERS.at(place, metric=metric, bare=bare)


@rule(
    "sampling-key-missing",
    "error",
    on=RolloutRun,
    en=(
        "sampling_config has no {key}: what is written replaces the host's table, and "
        "{key} is read",
        "add {key} (reinforcement learning samples at temperature 1.0)",
    ),
    zh=(
        "sampling_config 没有 {key}：写了这张表就会整个替换宿主默认值，而 {key} 是要读的",
        "补上 {key}（强化学习采样温度用 1.0）",
    ),
)
def sampling(run: RolloutRun) -> Iterator[At]:
    """A sampling_config that is given replaces the host's whole table."""
    table = run.document.table("generate_config", "sampling_config")
    for key in ("max_tokens", "temperature") if table else ():
        if key not in table:
            place = run.document.place("generate_config", "sampling_config")
            yield at(place, key=key)
