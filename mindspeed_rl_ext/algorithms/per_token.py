"""Log-probs of labels and entropies from logits, forward and backward in chunks of positions.

Covers: one pass over the logits for both, fp32 arithmetic for half-precision logits without an fp32
copy of them, a backward that holds nothing but the logits and their gradient.
Does not cover: second derivatives.

    log p_k = z_k - logsumexp(z)        d log p_k / dz = onehot(k) - p
    H = -sum(p * log p)                 dH / dz = -p * (log p + H)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

# Small enough to stay in a core's cache, so that passes after the first are cheap.
CHUNK_ELEMENTS = 1 << 19
_LEAST_CHUNKS = 32


class PerToken(torch.autograd.Function):  # type: ignore[misc]
    """Apply to logits `[N, vocab]`, labels int64 `[N]` or None, and whether to give entropies.

    Returns log-probs `[N]` (None without labels) and entropies `[N]` (None where not wanted), in
    fp32, or fp64 for fp64 logits.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, labels: torch.Tensor | None, entropy: bool
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Both quantities, chunk by chunk."""
        chosen = _results(logits) if labels is not None else None
        entropies = _results(logits) if entropy else None
        for part in chunks(logits):
            log_probs = _log_softmax(logits[part])
            if chosen is not None and labels is not None:
                chosen[part] = log_probs.gather(-1, labels[part].unsqueeze(-1)).squeeze(-1)
            if entropies is not None:
                entropies[part] = _entropy(log_probs)
        if ctx is not None:
            ctx.save_for_backward(logits, labels, entropies)
        return chosen, entropies

    @staticmethod
    def backward(
        ctx: Any, grad_chosen: torch.Tensor | None, grad_entropy: torch.Tensor | None
    ) -> tuple[torch.Tensor | None, None, None]:
        """The gradient of the logits, in their dtype."""
        logits, labels, entropies = ctx.saved_tensors
        grad = torch.empty_like(logits)
        for part in chunks(logits):
            log_probs = _log_softmax(logits[part])
            probabilities = log_probs.exp()
            if entropies is not None and grad_entropy is not None:
                # 0 * -inf: a token without probability has no gradient.
                log_probs = log_probs.clamp_min(torch.finfo(log_probs.dtype).min)
                slope = log_probs.add_(entropies[part].unsqueeze(-1))
                slope.mul_(grad_entropy[part].unsqueeze(-1))
            else:
                slope = log_probs.zero_()
            if labels is not None and grad_chosen is not None:
                column = grad_chosen[part].unsqueeze(-1)
                into = probabilities.mul_(slope.add_(column)).neg_()
                into.scatter_add_(-1, labels[part].unsqueeze(-1), column)
            else:
                into = probabilities.mul_(slope).neg_()
            grad[part] = into
        return grad, None, None


def chunks(rows: torch.Tensor) -> Iterator[slice]:
    """Slices of rows of at most `CHUNK_ELEMENTS` elements, at least one row.

    Of large logits a slice is a small part, so that its temporaries are few beside them.
    """
    size = CHUNK_ELEMENTS // max(1, rows.shape[-1])
    if rows.numel() > 2 * CHUNK_ELEMENTS:
        size = min(size, rows.shape[0] // _LEAST_CHUNKS)
    size = max(1, size)
    for at in range(0, rows.shape[0], size):
        yield slice(at, min(at + size, rows.shape[0]))


def _results(logits: torch.Tensor) -> torch.Tensor:
    dtype = torch.float64 if logits.dtype is torch.float64 else torch.float32
    return torch.empty(logits.shape[0], dtype=dtype, device=logits.device)


def _log_softmax(logits: torch.Tensor) -> torch.Tensor:
    if logits.dtype is torch.float64:
        return torch.log_softmax(logits, dim=-1)
    return torch.log_softmax(logits, dim=-1, dtype=torch.float32)


def _entropy(log_probs: torch.Tensor) -> torch.Tensor:
    """Entropies of rows of log-probs; the caller needs the rows no more."""
    product = log_probs.exp().mul_(log_probs)
    entropy = product.sum(dim=-1).neg_()
    if not bool(torch.isnan(entropy).any()):
        return entropy
    # 0 * -inf: a token without probability adds nothing. Rows of NaN logits stay NaN.
    product[torch.isneginf(log_probs)] = 0.0
    return product.sum(dim=-1).neg_()
