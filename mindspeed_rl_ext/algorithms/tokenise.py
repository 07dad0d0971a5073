"""Prompts and outputs as one batch of shifted tokens.

Covers: separate tokenising, padding on the right, then the shift by one position.
Does not cover: templates, truncation, packing. No special token is added: what the text does not
spell out (a BOS, the end of a turn) is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from mindspeed_rl_ext.core.errors import InputError


def tokenize_prompt_and_output(
    prompt_strs: Sequence[str], output_strs: Sequence[str], tokenizer: Any
) -> dict[str, torch.Tensor]:
    """Tokenises prompts and outputs apart, joins, pads, then shifts.

    Padding comes before the shift: shifting first would cut the last response token of the
    longest row only, and leave the mask one position off in all others (CS336, section 4.2).

    Args:
        prompt_strs: B prompts.
        output_strs: B outputs, one for each prompt.
        tokenizer: a transformers tokenizer (or one called like it).

    Returns:
        With L the longest prompt plus output, in tokens:
        `input_ids` int64 `[B, L - 1]`, the tokens without the last position;
        `labels` int64 `[B, L - 1]`, the tokens without the first position;
        `response_mask` bool `[B, L - 1]`, True where the label is a token of the output.

    Raises:
        InputError: different numbers of prompts and outputs, no rows, less than two tokens in
            the longest row, a tokenizer without padding and end tokens.
    """
    if len(prompt_strs) != len(output_strs) or not prompt_strs:
        raise InputError(
            "prompts and outputs do not pair",
            found=f"{len(prompt_strs)} prompts, {len(output_strs)} outputs",
            expected="the same number of each, at least one",
            remedy="repeat a prompt for each of its outputs",
        )
    prompts = _token_ids(prompt_strs, tokenizer)
    outputs = _token_ids(output_strs, tokenizer)
    longest = max(len(p) + len(o) for p, o in zip(prompts, outputs, strict=True))
    if longest < 2:
        raise InputError(
            "nothing to predict: no row has two tokens",
            found=f"{longest} tokens in the longest row",
            remedy="check that prompts and outputs are not empty",
        )
    tokens = torch.full((len(prompts), longest), _padding_id(tokenizer), dtype=torch.int64)
    in_response = torch.zeros((len(prompts), longest), dtype=torch.bool)
    for row, (prompt, output) in enumerate(zip(prompts, outputs, strict=True)):
        end = len(prompt) + len(output)
        tokens[row, :end] = torch.tensor(prompt + output, dtype=torch.int64)
        in_response[row, len(prompt) : end] = True
    return {
        "input_ids": tokens[:, :-1],
        "labels": tokens[:, 1:],
        "response_mask": in_response[:, 1:],
    }


def _token_ids(texts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    return [list(ids) for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]]


def _padding_id(tokenizer: Any) -> int:
    for token_id in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if token_id is not None:
            return int(token_id)
    raise InputError(
        "the tokenizer has no padding token",
        found="neither pad_token_id nor eos_token_id is set",
        remedy="set tokenizer.pad_token",
    )
