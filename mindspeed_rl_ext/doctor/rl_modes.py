"""R1, modes: what MindSpeed-RL's switches ask for, and DAPO's numbers.

Covers: integrated worker, padding, order, turns, precision, overlong, clip, filter, sampling.
Does not cover: multimodal switches; `rewards` says what happens to verifiers there.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.run_rl import RlRun


def precision(run: RlRun) -> Iterator[Finding]:
    """bfloat16 on both sides."""
    bf16, dtype = run.actor.get("bf16"), run.generate.get("dtype")
    if bf16 is False or dtype not in (None, "bfloat16"):
        place = run.actor.place("bf16") if bf16 is False else run.generate.place("dtype")
        yield Finding("R1-dtype", place, {"bf16": str(bf16).lower(), "dtype": dtype})


def integrated_worker(run: RlRun) -> Iterator[Finding]:
    """One worker for all roles takes its sizes and cards from the actor."""
    if run.rl.get("use_integrated_worker"):
        for part in ("ref_config", "reward_config"):
            if run.document.table(part):
                yield Finding("R1-integrated", run.document.place(part), {"part": part})
        for key in ("reference_resource", "reward_resource"):
            if run.rl.get(key) is not None:
                yield Finding("R1-integrated", run.rl.place(key), {"part": key})
    elif run.rl.get("integrated_mode_config") is not None:
        yield Finding("R1-separate", run.rl.place("integrated_mode_config"))


def padding(run: RlRun) -> Iterator[Finding]:
    """What use_remove_padding asks for."""
    if not run.rl.get("use_remove_padding"):
        return
    place = run.rl.place("use_remove_padding")
    if not run.actor.get("reset_attention_mask"):
        yield Finding("R1-padding", place, {"needed": "reset_attention_mask: true"})
    staged = run.actor.size("pipeline_model_parallel_size") > 1
    if staged and not run.actor.get("no_pad_to_seq_lengths"):
        yield Finding("R1-padding", place, {"needed": "no_pad_to_seq_lengths: true"})


def turns_and_order(run: RlRun) -> Iterator[Finding]:
    """Multi-turn rollouts and partial ones."""
    split = run.rl.size("partial_rollout_max_split")
    if split > 1 and run.rl.get("guarantee_order"):
        yield Finding("R1-order", run.rl.place("guarantee_order"), {"split": split})
    if not run.rl.get("multi_turn_enable"):
        return
    place, tokens = run.rl.place("multi_turn_enable"), run.sampling.number("max_tokens")
    if not run.rl.get("async_engine"):
        yield Finding("R1-turns", place, {"needed": "async_engine: true"})
    if tokens and run.rl.number("max_total_response_length") < tokens:
        needed = f"max_total_response_length of at least {tokens} (max_tokens)"
        yield Finding("R1-turns", place, {"needed": needed})


def dapo(run: RlRun) -> Iterator[Finding]:
    """DAPO's overlong penalty, clip-higher and dynamic sampling."""
    rl, tokens = run.rl, run.sampling.number("max_tokens")
    if rl.get("overlong_buffer_enable") and tokens:
        buffer, rollout = rl.number("overlong_buffer"), rl.number("rollout_max_tokens")
        if buffer >= tokens:
            values = {"buffer": buffer, "tokens": tokens}
            yield Finding("R1-overlong", rl.place("overlong_buffer"), values)
        if rollout != tokens:
            values = {"rollout": rollout, "tokens": tokens}
            yield Finding("R1-rollout-tokens", rl.place("rollout_max_tokens"), values)
    low, high = rl.number("clip_ratio_low"), rl.number("clip_ratio_high")
    if rl.get("clip_higher_enable") and low is not None and high is not None and low > high:
        yield Finding("R1-clip", rl.place("clip_ratio_low"), {"low": low, "high": high})
    if rl.get("filter_groups_enable"):
        yield from _filter_metric(run)


def _filter_metric(run: RlRun) -> Iterator[Finding]:
    metric, names = str(run.rl.get("filter_groups_metric")), run.rl.names("verifier_function")
    place = run.rl.place("filter_groups_metric")
    if metric not in names:
        values = {"metric": metric, "names": names, "nearest": f"; {nearest(metric, names)}"}
        yield Finding("R1-filter", place, values)
    elif "(" in metric:
        bare = f"{metric.split('(')[0]}_rewards/mean"
        yield Finding("R1-filter-parameters", place, {"metric": metric, "bare": bare})


def sampling(run: RlRun) -> Iterator[Finding]:
    """A sampling_config that is given replaces the host's whole table."""
    table = run.document.table("generate_config", "sampling_config")
    for key in ("max_tokens", "temperature") if table else ():
        if key not in table:
            place = run.document.place("generate_config", "sampling_config")
            yield Finding("R1-sampling", place, {"key": key})
