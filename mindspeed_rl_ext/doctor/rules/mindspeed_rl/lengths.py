"""Prompt, response, the engine's window and the model's positions; what a log would lack.

Covers: MindSpeed-RL. Does not cover: seq_length, which bounds the data set there, not a sample.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import Finding
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RolloutRun
from mindspeed_rl_ext.doctor.rulebook import check, rule

WINDOW_BELOW_SEQ_LENGTH = rule(
    "window-below-seq-length",
    "error",
    on=RolloutRun,
    en=(
        "max_model_len {window} is less than seq_length {seq}: the host refuses to start",
        "raise max_model_len, or lower seq_length",
    ),
    zh=(
        "max_model_len {window} 小于 seq_length {seq}：宿主拒绝启动",
        "调大 max_model_len 或调小 seq_length",
    ),
)
WINDOW_BELOW_PROMPT_AND_RESPONSE = rule(
    "window-below-prompt-and-response",
    "error",
    on=RolloutRun,
    en=(
        "max_prompt_length {prompt} + max_tokens {tokens} = {sum} is above "
        "max_model_len {window}: responses to long prompts are cut short silently",
        "max_prompt_length at most {room}, or max_model_len at least {sum}",
    ),
    zh=(
        "max_prompt_length {prompt} + max_tokens {tokens} = {sum}，超过 max_model_len "
        "{window}：长题目的回复会被悄悄截短",
        "max_prompt_length 不超过 {room}，或 max_model_len 至少 {sum}",
    ),
)
WINDOW_ABOVE_MODEL_POSITIONS = rule(
    "window-above-model-positions",
    "error",
    on=RolloutRun,
    en=(
        "max_model_len {length} is above max_position_embeddings {positions}: positions that "
        "the model never saw",
        "at most {positions}, or a model with a longer context",
    ),
    zh=(
        "max_model_len {length} 超过 max_position_embeddings {positions}：模型没见过这些位置",
        "不超过 {positions}，或换上下文更长的模型",
    ),
)
WINDOW_BELOW_ALL_TURNS = rule(
    "window-below-all-turns",
    "warning",
    on=RolloutRun,
    en=(
        "max_prompt_length {prompt} + max_total_response_length {total} = {sum} is "
        "above max_model_len {window}: late turns are cut",
        "max_model_len at least {sum}",
    ),
    zh=(
        "max_prompt_length {prompt} + max_total_response_length {total} = {sum}，超过 "
        "max_model_len {window}：后面的轮次会被截断",
        "max_model_len 至少 {sum}",
    ),
)


@check(RolloutRun)
def window(run: RolloutRun) -> Iterator[Finding]:
    """A prompt and its response fit the engine, and the engine's window fits the model."""
    prompt, tokens = run.rl.number("max_prompt_length"), run.sampling.number("max_tokens")
    length, sequence = run.generate.number("max_model_len"), run.actor.number("seq_length")
    if length is None:
        return
    if sequence and length < sequence:
        place = run.generate.place("max_model_len")
        yield WINDOW_BELOW_SEQ_LENGTH.at(place, window=length, seq=sequence)
    if prompt and tokens and prompt + tokens > length:
        values = {"prompt": prompt, "tokens": tokens, "sum": prompt + tokens}
        values |= {"window": length, "room": length - tokens}
        yield WINDOW_BELOW_PROMPT_AND_RESPONSE.at(run.rl.place("max_prompt_length"), **values)
    if run.rl.get("multi_turn_enable") and prompt:
        total = run.rl.number("max_total_response_length")
        if prompt + total > length:
            values = {"prompt": prompt, "total": total, "sum": prompt + total, "window": length}
            yield WINDOW_BELOW_ALL_TURNS.at(run.rl.place("max_total_response_length"), **values)
    positions = run.actor.number("max_position_embeddings")
    if positions and length > positions and not run.actor.get("rope_scaling_type"):
        place = run.generate.place("max_model_len")
        yield WINDOW_ABOVE_MODEL_POSITIONS.at(place, length=length, positions=positions)


ENTROPY_NOT_LOGGED = rule(
    "entropy-not-logged",
    "warning",
    on=RolloutRun,
    en=(
        "entropy_coeff is 0: from line 2.2 on the host then skips the entropy, "
        "actor/entropy is a constant 0 and a collapse cannot be seen",
        "entropy_coeff: 1.0e-4 has it computed, at next to no effect; or read 0 as `not logged`",
    ),
    zh=(
        "entropy_coeff 为 0：2.2 起宿主不再计算熵，actor/entropy 恒为 0，看不出熵坍缩",
        "entropy_coeff: 1.0e-4 就会计算，影响很小；否则请把 0 读作“未记录”",
    ),
)
THROUGHPUT_OF_LONGEST_BY_DEFAULT = rule(
    "throughput-of-longest-by-default",
    "warning",
    on=RolloutRun,
    en=(
        "log_max_throughput is not set, and true by default from line 2.1 on: tps are "
        "computed from the longest response, not from the mean",
        "log_max_throughput: false gives the tps of the formulas in the guide",
    ),
    zh=(
        "没有设置 log_max_throughput，2.1 起默认 true：tps 按最长回复而不是平均长度计算",
        "log_max_throughput: false 才是文档公式里的 tps",
    ),
)
THROUGHPUT_OF_LONGEST = rule(
    "throughput-of-longest",
    "note",
    on=RolloutRun,
    en=("log_max_throughput is true: tps are computed from the longest response",),
    zh=("log_max_throughput 为 true：tps 按最长回复计算",),
)


@check(RolloutRun)
def logged(run: RolloutRun) -> Iterator[Finding]:
    """Metrics that read 0, or mean something else, by the host's defaults."""
    if run.rl.number("entropy_coeff") == 0:
        yield ENTROPY_NOT_LOGGED.at(run.rl.place("entropy_coeff"))
    if not run.rl.has("log_max_throughput"):
        yield THROUGHPUT_OF_LONGEST_BY_DEFAULT.at(run.rl.place("log_max_throughput"))
    elif run.rl.get("log_max_throughput"):
        yield THROUGHPUT_OF_LONGEST.at(run.rl.place("log_max_throughput"))
