"""verl's lengths: prompt, response, the engine's window, the model's positions, packed tokens.

Covers: numbers that the overrides give, config.json, the names of Qwen2.5-Math models.
Does not cover: lengths of the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.verl.run import VerlRun
from mindspeed_rl_ext.doctor.rulebook import check, rule
from mindspeed_rl_ext.doctor.rules.verl.batches import ACTOR, DYNAMIC, ROLLOUT, sizes_of

MODEL = "actor_rollout_ref.model.path"
WINDOW, TOKENS = f"{ROLLOUT}.max_model_len", f"{ACTOR}.ppo_max_token_len_per_gpu"
# Their config.json says 4096; their tokenizer's much more.
_SHORT = (re.compile(r"Qwen2\.?5[-_]Math[-_](1\.5|7|72)B", re.I), 4096)

VERL_WINDOW_TOO_SMALL = rule(
    "verl-window-below-prompt-and-response",
    "error",
    on=VerlRun,
    en=(
        "max_prompt_length {prompt} + max_response_length {response} = {total} is above "
        "max_model_len {window}: responses to long prompts are cut short silently",
        "max_model_len at least {total}, or shorter lengths",
    ),
    zh=(
        "max_prompt_length {prompt} + max_response_length {response} = {total}，超过 max_model_len "
        "{window}：长题目的回复会被悄悄截短",
        "max_model_len 至少 {total}，或调小长度",
    ),
)
VERL_POSITIONS = rule(
    "verl-length-above-model-positions",
    "error",
    on=VerlRun,
    en=(
        "{length} tokens are above the model's {positions} positions: the engine refuses the "
        "window, or cuts responses short silently",
        "prompt and response of at most {positions} tokens, or a model with a longer context",
    ),
    zh=(
        "{length} 个 token 超过模型的 {positions} 个位置：推理引擎会拒绝，或悄悄截短回复",
        "提示加回复不超过 {positions} 个 token，或换上下文更长的模型",
    ),
)


@check(VerlRun)
def window(run: VerlRun) -> Iterator[Finding]:
    """A prompt and its response fit the engine and the model."""
    prompt, response = (
        run.number("data.max_prompt_length"),
        run.number("data.max_response_length"),
    )
    window = run.number(WINDOW)
    if prompt is None or response is None:
        return
    total = prompt + response
    if window is not None and window < total:
        values = {"prompt": prompt, "response": response, "total": total, "window": window}
        yield VERL_WINDOW_TOO_SMALL.at(run.place(WINDOW), **values)
    positions = positions_of(run)
    length = window if window is not None else total
    given = run.has("data.max_response_length") or window is not None
    if positions is not None and given and length > positions and not run.is_open(WINDOW):
        key = WINDOW if window is not None else "data.max_response_length"
        yield VERL_POSITIONS.at(run.place(key), length=length, positions=positions)


def positions_of(run: VerlRun) -> int | None:
    """The model's positions, by its config.json or its name; None where they are not known."""
    known = run.config.get("max_position_embeddings")
    if isinstance(known, int):
        return known
    pattern, positions = _SHORT
    return positions if pattern.search(run.text(MODEL)) else None


@rule(
    "verl-packed-tokens-too-few",
    "error",
    on=VerlRun,
    en=(
        "ppo_max_token_len_per_gpu {tokens} x {each} is below max_prompt_length + "
        "max_response_length = {total}: it stops at the first long row",
        "ppo_max_token_len_per_gpu at least {least}",
    ),
    zh=(
        "ppo_max_token_len_per_gpu {tokens} x {each} 小于 max_prompt_length + max_response_length "
        "= {total}：遇到第一条长样本就报错",
        "ppo_max_token_len_per_gpu 至少 {least}",
    ),
)
def packed_tokens(run: VerlRun) -> Iterator[At]:
    """The longest row fits a packed micro batch."""
    sizes, tokens = sizes_of(run), run.number(TOKENS)
    prompt = run.number("data.max_prompt_length")
    response = run.number("data.max_response_length")
    if run.flag(DYNAMIC) is not True or None in (sizes, tokens, prompt, response):
        return
    assert sizes is not None
    if run.is_megatron:
        sizes = sizes._replace(each=run.number(f"{ACTOR}.megatron.context_parallel_size") or 1)
    total = prompt + response
    if tokens * sizes.each < total:
        values = {"tokens": tokens, "each": sizes.each, "total": total}
        yield at(run.place(TOKENS), **values, least=-(-total // sizes.each))


@rule(
    "verl-long-prompts-kept",
    "warning",
    on=VerlRun,
    en=(
        "data.filter_overlong_prompts is off: prompts of more than {limit} tokens lose their "
        "beginning, with the system prompt",
        "data.filter_overlong_prompts=True",
    ),
    zh=(
        "data.filter_overlong_prompts 关闭：超过 {limit} 个 token 的提示会丢掉开头，连同 system",
        "data.filter_overlong_prompts=True",
    ),
)
def long_prompts(run: VerlRun) -> Iterator[At]:
    """Prompts that are too long are left out, not cut."""
    if run.flag("data.filter_overlong_prompts") is False:
        limit = run.get("data.max_prompt_length")
        place = run.place("data.filter_overlong_prompts")
        yield at(place, limit="max_prompt_length" if limit is None else limit)
