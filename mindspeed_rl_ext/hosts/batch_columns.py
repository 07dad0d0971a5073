"""The columns of a batch that a host does not hand to its verifiers: prompt and num_tokens.

Covers: remembering the batch while the host's scoring function runs, and reading columns from it.
Does not cover: the additional keys, which the host decodes itself.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

# What the scoring function of this context was called with; a context variable, because hosts
# may score from several threads.
_CALL: contextvars.ContextVar[Mapping[str, Any] | None] = contextvars.ContextVar(
    "mindspeed_rl_ext_batch", default=None
)


def remember_batch(module: ModuleType, attribute: str) -> None:
    """Wraps the host's scoring function so that `batch_column` can see its arguments."""
    original = getattr(module, attribute)
    if getattr(original, "_msrl_ext", False):
        return
    signature = inspect.signature(original)

    @functools.wraps(original)
    def remembered(*args: Any, **kwargs: Any) -> Any:
        token = _CALL.set(signature.bind(*args, **kwargs).arguments)
        try:
            return original(*args, **kwargs)
        finally:
            _CALL.reset(token)

    remembered._msrl_ext = True  # type: ignore[attr-defined]
    setattr(module, attribute, remembered)


def batch_column(name: str, count: int) -> list[Any] | None:
    """A column of the batch that is being scored, one value a response; None where it has none.

    Args:
        name: `prompt` (text, decoded as the host decodes) or `num_tokens`.
        count: number of responses.
    """
    call = _CALL.get()
    read = _READERS.get(name)
    return read(call, count) if call is not None and read is not None else None


def _num_tokens(call: Mapping[str, Any], count: int) -> list[int] | None:
    lengths = _get(call, "response_length")
    if lengths is None:
        return None
    flat = [int(length) for length in lengths.reshape(-1).tolist()]
    return flat if len(flat) == count else None


def _prompt(call: Mapping[str, Any], count: int) -> list[str] | None:
    prompts = _get(call, "prompts")
    if prompts is None or "tokenizer" not in call:
        return None
    rows = len(prompts)
    if not rows or count % rows:
        return None
    texts = call["tokenizer"].batch_decode(prompts, skip_special_tokens=True)
    # One row a prompt or one a response; the samples of a prompt stand together.
    return [text for text in texts for _ in range(count // rows)]


def _get(call: Mapping[str, Any], key: str) -> Any:
    batch = call.get("batch")
    try:
        return batch[key] if batch is not None else None
    except (KeyError, TypeError):
        return None


_READERS: dict[str, Callable[[Mapping[str, Any], int], list[Any] | None]] = {
    "num_tokens": _num_tokens,
    "prompt": _prompt,
}
