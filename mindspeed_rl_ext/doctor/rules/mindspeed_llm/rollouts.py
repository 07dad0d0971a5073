"""Lengths and sampling of rlxf configurations of MindSpeed-LLM.

Covers: what seq_length leaves for a response, padding, positions, temperature, the rollout's TP.
Does not cover: memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import Finding
from mindspeed_rl_ext.doctor.readers.mindspeed.rlxf_run import RlxfRun
from mindspeed_rl_ext.doctor.rulebook import check, rule

TP = "tensor_model_parallel_size"
TEMPERATURES = (0.8, 1.2)


RLXF_NO_ROOM_FOR_RESPONSE = rule(
    "rlxf-no-room-for-response",
    "error",
    on=RlxfRun,
    en=(
        "seq_length {seq} - max_prompt_length {prompt} = {tokens} leaves no room for a response",
        "raise seq_length, or lower max_prompt_length",
    ),
    zh=(
        "seq_length {seq} - max_prompt_length {prompt} = {tokens}，没有留给回复的长度",
        "调大 seq_length 或调小 max_prompt_length",
    ),
)
RLXF_SEQUENCE_ABOVE_MODEL_POSITIONS = rule(
    "rlxf-sequence-above-model-positions",
    "error",
    on=RlxfRun,
    en=(
        "seq_length {length} is above max_position_embeddings {positions}: positions that "
        "the model never saw",
        "at most {positions}, or a model with a longer context",
    ),
    zh=(
        "seq_length {length} 超过 max_position_embeddings {positions}：模型没见过这些位置",
        "不超过 {positions}，或换上下文更长的模型",
    ),
)
RLXF_RESPONSE_NOT_PADDED = rule(
    "rlxf-response-not-padded",
    "error",
    on=RlxfRun,
    en=(
        "the response length {tokens} (seq_length {seq} - max_prompt_length {prompt}) "
        "is not a multiple of pad_to_multiple_of {pad}: the host stops at the first "
        "rollout",
        "change max_prompt_length, or pad_to_multiple_of",
    ),
    zh=(
        "回复长度 {tokens}（seq_length {seq} - max_prompt_length {prompt}）不是 "
        "pad_to_multiple_of {pad} 的倍数：宿主在第一次推理时中止",
        "调整 max_prompt_length 或 pad_to_multiple_of",
    ),
)
RLXF_RESPONSE_LENGTH = rule(
    "rlxf-response-length",
    "note",
    on=RlxfRun,
    en=("responses have at most {tokens:token}: seq_length {seq} - max_prompt_length {prompt}",),
    zh=("回复最长 {tokens} 个 token：seq_length {seq} - max_prompt_length {prompt}",),
)


@check(RlxfRun)
def response_length(run: RlxfRun) -> Iterator[Finding]:
    """What seq_length leaves for a response."""
    actor = run.actor
    sequence, prompt = actor.number("seq_length"), actor.number("max_prompt_length")
    if not sequence or not prompt:
        return
    tokens, pad = sequence - prompt, actor.size("pad_to_multiple_of")
    values = {"seq": sequence, "prompt": prompt, "tokens": tokens, "pad": pad}
    place = actor.place("max_prompt_length")
    if tokens <= 0:
        yield RLXF_NO_ROOM_FOR_RESPONSE.at(place, **values)
    elif tokens % pad:
        yield RLXF_RESPONSE_NOT_PADDED.at(place, **values)
    else:
        yield RLXF_RESPONSE_LENGTH.at(place, **values)
    positions = actor.number("max_position_embeddings")
    if positions and sequence > positions:
        place = actor.place("seq_length")
        yield RLXF_SEQUENCE_ABOVE_MODEL_POSITIONS.at(place, length=sequence, positions=positions)


RLXF_NOT_SAMPLING = rule(
    "rlxf-not-sampling",
    "error",
    on=RlxfRun,
    en=(
        "do_sample is not on: every one of the {n} samples of a prompt is the same, "
        "all advantages are 0",
        "do_sample: true",
    ),
    zh=("没有打开 do_sample：同一题的 {n} 条回复完全相同，优势全为 0", "do_sample: true"),
)
RLXF_TEMPERATURE_OUTSIDE_NOTE = rule(
    "rlxf-temperature-outside-note",
    "warning",
    on=RlxfRun,
    en=(
        "temperature {temperature} is outside 0.8 to 1.2, which the R1-Zero note recommends",
        "temperature: 1.0",
    ),
    zh=("temperature {temperature} 不在 R1-Zero 笔记建议的 0.8~1.2 之内", "temperature: 1.0"),
)
RLXF_ROLLOUT_TP_DIFFERS = rule(
    "rlxf-rollout-tp-differs",
    "error",
    on=RlxfRun,
    en=("the rollout's TP {infer} differs from the training's TP {train}", "make both the same"),
    zh=("推理 TP {infer} 与训练 TP {train} 不同", "两者改成一致"),
)


@check(RlxfRun)
def sampling(run: RlxfRun) -> Iterator[Finding]:
    """Samples differ, at a temperature that explores, on the training's TP."""
    actor = run.actor
    count = actor.size("n_samples_per_prompt")
    grouped = run.algorithm.get("adv_estimator") == "group_norm" or count > 1
    if grouped and not actor.get("do_sample"):
        yield RLXF_NOT_SAMPLING.at(actor.place("do_sample"), n=count)
    temperature = actor.number("temperature")
    if temperature is not None and not TEMPERATURES[0] <= temperature <= TEMPERATURES[1]:
        yield RLXF_TEMPERATURE_OUTSIDE_NOTE.at(actor.place("temperature"), temperature=temperature)
    infer = actor.number("inference_tensor_model_parallel_size")
    if infer and infer != actor.size(TP):
        place = actor.place("inference_tensor_model_parallel_size")
        yield RLXF_ROLLOUT_TP_DIFFERS.at(place, infer=infer, train=actor.size(TP))
