"""Log-probabilities of labels and the entropy of next-token distributions.

Covers: both in at least fp32 whatever the model's dtype, in chunks of positions (`per_token`):
beside the model's logits, and their gradient where one is wanted, little is held.
Does not cover: temperature, masks (every position is computed), fused linear cross-entropy.
"""

from __future__ import annotations

from typing import Any

import torch

from mindspeed_rl_ext.algorithms.per_token import PerToken
from mindspeed_rl_ext.algorithms.shapes import require_same_shape
from mindspeed_rl_ext.core.errors import InputError


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
    found: torch.Tensor = _per_token(logits, None, True)[1]
    return found


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
    chosen, entropy = _per_token(logits, labels, return_token_entropy)
    outputs = {"log_probs": chosen}
    return outputs | {"token_entropy": entropy} if return_token_entropy else outputs


def _per_token(logits: torch.Tensor, labels: torch.Tensor | None, entropy: bool) -> tuple[Any, Any]:
    shape = logits.shape[:-1]
    rows = logits.reshape(-1, logits.shape[-1])
    flat = None if labels is None else labels.reshape(-1)
    if torch.is_grad_enabled() and logits.requires_grad:
        found = PerToken.apply(rows, flat, entropy)
    else:
        found = PerToken.forward(None, rows, flat, entropy)
    chosen, entropies = (None if one is None else one.reshape(shape) for one in found)
    return chosen, entropies


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
