"""Sampling on a CPU without the rows that have ended.

Covers: a mixin before TRL's GRPOTrainer. A token costs a CPU the same whether its row has ended or
not, so sampling stops when half of the rows have, and goes on with the others. Responses have the
same distribution; other random numbers draw them.
Does not cover: accelerators, whose step costs the same for few rows; anything but plain sampling,
which is left to transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any

from mindspeed_rl_ext.integrations.trl_probe import overrides_trl

# A batch with fewer unfinished rows is sampled to its end.
_MIN_ROWS = 32
# What a part of a response would be sampled differently with, and its value that changes nothing.
_NEUTRAL: Mapping[str, Any] = {
    "min_length": 0,
    "min_new_tokens": 0,
    "num_beams": 1,
    "num_return_sequences": 1,
    "return_dict_in_generate": False,
    "stop_strings": None,
    "forced_eos_token_id": None,
}


class CompactedSampling:
    """Goes before TRL's GRPOTrainer among the bases of a class."""

    # Given by transformers.
    accelerator: Any
    model: Any

    @overrides_trl()
    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        with _compacting(self.accelerator.unwrap_model(self.model)):
            return super()._generate(*args, **kwargs)  # type: ignore[misc]


@contextmanager
def _compacting(model: Any) -> Iterator[None]:
    """Inside, `model.generate` drops rows that have ended, where the model is on a CPU."""
    if next(model.parameters()).device.type != "cpu":
        yield
        return
    model.generate = compacted(model.generate)
    try:
        yield
    finally:
        del model.generate


def compacted(generate: Callable[..., Any]) -> Callable[..., Any]:
    """A model's `generate`, going on without the rows that have ended.

    Args:
        generate: of a transformers model.

    Returns:
        A function of `input_ids` and `attention_mask`, both `[rows, prompt]` and padded on the
        left, and `generation_config`, that gives ids `[rows, prompt + at most max_new_tokens]`.
    """

    def sample(**given: Any) -> Any:
        return _sampled(generate, **given) if _is_plain(given) else generate(**given)

    return sample


def _is_plain(given: Mapping[str, Any]) -> bool:
    if given.keys() != {"input_ids", "attention_mask", "generation_config"}:
        return False
    config = given["generation_config"]
    settings = ((getattr(config, name, None), value) for name, value in _NEUTRAL.items())
    known = config.max_new_tokens and config.eos_token_id is not None
    neutral = all(setting in (None, value) for setting, value in settings)
    return bool(known and neutral and config.pad_token_id is not None)


def _sampled(
    generate: Callable[..., Any], input_ids: Any, attention_mask: Any, generation_config: Any
) -> Any:
    """Passes of `generate`, each with the rows that the one before left unfinished."""
    import torch

    config = copy(generation_config)
    ends = torch.tensor(config.eos_token_id).view(-1)
    rows, prompt = input_ids.shape
    result = input_ids.new_full((rows, prompt + config.max_new_tokens), config.pad_token_id)
    result[:, :prompt] = input_ids
    left, ids, mask = torch.arange(rows), input_ids, attention_mask
    while len(left) and ids.shape[1] < result.shape[1]:
        config.max_new_tokens = result.shape[1] - ids.shape[1]
        before = ids.shape[1]
        ids = generate(
            input_ids=ids, attention_mask=mask, generation_config=config,
            stopping_criteria=_half_ended(ends, len(left)),
        )  # fmt: skip
        result[left, before : ids.shape[1]] = ids[:, before:]
        unfinished = ~torch.isin(ids[:, before:], ends).any(dim=1)
        left, ids, mask = left[unfinished], ids[unfinished], mask[unfinished]
        mask = torch.cat([mask, mask.new_ones(len(left), ids.shape[1] - before)], dim=1)
    return result[:, : ids.shape[1]]


def _half_ended(ends: Any, rows: int) -> Any:
    """Stops all rows when half of them have ended; None for few rows."""
    import torch
    from transformers import StoppingCriteriaList

    if rows < _MIN_ROWS:
        return None
    ended = torch.zeros(rows, dtype=torch.bool)

    def half_ended(input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        ended.logical_or_(torch.isin(input_ids[:, -1], ends))
        return torch.full_like(ended, int(ended.sum()) * 2 >= rows)

    return StoppingCriteriaList([half_ended])
