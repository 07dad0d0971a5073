"""What the shapes of arguments must be, checked before any arithmetic.

Covers: equal shapes, one value a row, 0/1 masks. Broadcasting by accident is how a loss becomes
silently wrong: `[B]` against `[B, L]` works whenever B equals L.
Does not cover: values beyond masks; the functions themselves check those.
"""

from __future__ import annotations

import torch

from mindspeed_rl_ext.core.errors import InputError


def require_same_shape(**tensors: torch.Tensor) -> None:
    """Raises InputError unless all tensors, given by argument name, have one shape."""
    if len({tuple(tensor.shape) for tensor in tensors.values()}) > 1:
        raise InputError(
            f"{', '.join(tensors)} do not fit together",
            found=_listed(tensors),
            expected="one shape for all",
            remedy="check which of them was not shifted, padded or repeated like the others",
        )


def require_column(name: str, column: torch.Tensor, like: torch.Tensor) -> None:
    """Raises InputError unless `column` is `[B, 1]` for a `like` of `[B, L]`."""
    if like.dim() != 2 or tuple(column.shape) != (like.shape[0], 1):
        raise InputError(
            f"{name} does not fit the log-probs",
            found=_listed({name: column, "policy_log_probs": like}),
            expected=f"{name} [batch, 1] for policy_log_probs [batch, length]",
            remedy=f"{name}.unsqueeze(-1) makes a column of one value per response",
        )


def as_bool(name: str, mask: torch.Tensor) -> torch.Tensor:
    """The mask as bool; raises InputError where a value is neither 0 nor 1."""
    if mask.dtype is torch.bool:
        return mask
    if not bool(((mask == 0) | (mask == 1)).all()):
        raise InputError(
            f"{name} holds values other than 0 and 1",
            found=f"dtype {mask.dtype}, from {mask.min().item()} to {mask.max().item()}",
            expected="a bool mask, or one of 0 and 1",
            remedy="weights belong into the tensor, not into the mask",
        )
    return mask.bool()


def require_tokens(mask: torch.Tensor) -> None:
    """Raises InputError where a row of a bool response_mask has no token."""
    empty = (~mask.any(dim=-1)).nonzero().flatten().tolist()
    if empty:
        raise InputError(
            "a response has no tokens",
            found=f"response_mask is False in all of row {', '.join(map(str, empty[:5]))}",
            expected="at least one response token in every row",
            remedy="drop the row, or count the end token as part of the response",
        )


def _listed(tensors: dict[str, torch.Tensor]) -> str:
    return ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in tensors.items())
