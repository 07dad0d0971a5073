"""Log-probabilities of labels and the entropy of next-token distributions.

Covers: both in at least fp32 whatever the model's dtype. Where no gradient is wanted the work goes
in chunks of positions, so that beside the model's logits only a few hundredths of them are held.
Does not cover: temperature, masks (every position is computed), fused linear cross-entropy.
With a gradient autograd keeps about two more tensors of the logits' size when the entropy is
asked for; wrap the call in `torch.no_grad()` where it is only logged.
"""

from __future__ import annotations

from typing import Any

import torch

from mindspeed_rl_ext.algorithms.shapes import require_same_shape
from mindspeed_rl_ext.errors import InputError

# A chunk's temporaries are some four times its size: 64 chunks keep them at a few hundredths.
_CHUNKS = 64
_SMALLEST_CHUNK_ELEMENTS = 1 << 20


def compute_entropy(logits: torch.Tensor) -> torch.Tensor:
    """The entropy of each next-token distribution, in nats: H = logsumexp(z) - sum(p * z).

    Args:
        logits: `[..., vocab]`; -inf marks tokens that cannot be sampled.

    Returns:
        `[...]`, from 0 (certain) to log(vocab) (uniform).

    Example:
        >>> round(compute_entropy(torch.zeros(1, 1, 8)).item(), 4)  # log(8)
        2.0794
    """
    return _over_chunks(_entropy, logits)


def get_response_log_probs(
    model: Any, input_ids: torch.Tensor, labels: torch.Tensor, return_token_entropy: bool = False
) -> dict[str, torch.Tensor]:
    """log p(label | tokens before it) at every position: z[label] - logsumexp(z).

    Args:
        model: a causal language model; called as `model(input_ids).logits`.
        input_ids: int64 `[B, L]`.
        labels: int64 `[B, L]`, already shifted (see `tokenize_prompt_and_output`).
        return_token_entropy: also return the entropy of each distribution.

    Returns:
        `log_probs` `[B, L]` in nats, at most 0; `token_entropy` `[B, L]` where asked for. Both
        carry a gradient unless it is switched off.

    Raises:
        InputError: shapes differ, or a label is outside the vocabulary.
    """
    require_same_shape(input_ids=input_ids, labels=labels)
    logits: torch.Tensor = model(input_ids).logits
    _require_labels_in_vocabulary(labels, logits.shape[-1])
    outputs = {"log_probs": _over_chunks(_label_log_probs, logits, labels)}
    if return_token_entropy:
        outputs["token_entropy"] = compute_entropy(logits)
    return outputs


def _label_log_probs(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    logits = _at_least_fp32(logits)
    chosen = logits.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return chosen - torch.logsumexp(logits, dim=-1)


def _entropy(logits: torch.Tensor) -> torch.Tensor:
    logits = _at_least_fp32(logits)
    # 0 * -inf is NaN, 0 * the smallest number is 0: a token without probability adds nothing.
    finite = logits.clamp_min(torch.finfo(logits.dtype).min)
    probabilities = torch.softmax(finite, dim=-1)
    return torch.logsumexp(finite, dim=-1) - (probabilities * finite).sum(dim=-1)


def _over_chunks(function: Any, logits: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
    """Applies `function` to positions, in chunks where autograd does not record."""
    if torch.is_grad_enabled() and logits.requires_grad:
        result: torch.Tensor = function(logits, *others)
        return result
    shape, vocab = logits.shape[:-1], logits.shape[-1]
    rows = logits.reshape(-1, vocab)
    flat_others = [other.reshape(-1) for other in others]
    size = max(1, rows.shape[0] // _CHUNKS, _SMALLEST_CHUNK_ELEMENTS // max(1, vocab))
    parts = [
        function(rows[at : at + size], *(other[at : at + size] for other in flat_others))
        for at in range(0, rows.shape[0], size)
    ]
    return torch.cat(parts).reshape(shape) if parts else _at_least_fp32(logits.new_zeros(shape))


def _at_least_fp32(logits: torch.Tensor) -> torch.Tensor:
    return logits if logits.dtype is torch.float64 else logits.float()


def _require_labels_in_vocabulary(labels: torch.Tensor, vocab: int) -> None:
    if labels.numel() == 0:
        return
    lowest, highest = (int(bound) for bound in torch.aminmax(labels))
    if lowest < 0 or highest >= vocab:
        raise InputError(
            "a label is outside the vocabulary",
            found=f"labels from {lowest} to {highest}, {vocab} logits",
            expected=f"0 to {vocab - 1}",
            remedy="padding stays a token here and is masked by response_mask, not by -100",
        )
