"""The columns of a batch that a host does not hand to its verifiers: prompt, num_tokens.

Covers: remembering the batch while the host's scoring function runs, and reading columns from it;
additional keys too, of which MindSpeed-LLM 2.0 hands on the labels alone.
Does not cover: columns that the host hands on; they are not read a second time.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from mindspeed_rl_ext.core.errors import InputError

# What the hosts call the number of tokens of each response.
LENGTHS = ("response_length", "responses_ori_length")
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


def leave_alone(module: object, error: Exception) -> None:
    """No tripwire: a verifier that needs the prompt or lengths names what is missing."""


def batch_column(name: str, count: int) -> list[Any] | None:
    """A column of the batch that is being scored, one value a response; None where it has none.

    Args:
        name: `prompt` (text, decoded as the host decodes), `num_tokens`, or an additional key.
        count: number of responses.
    """
    call = _CALL.get()
    if call is None:
        return None
    if name == "num_tokens":
        return _num_tokens(call, count)
    return _texts(call, "prompts" if name == "prompt" else name, count)


def _num_tokens(call: Mapping[str, Any], count: int) -> list[int] | None:
    lengths = next((found for key in LENGTHS if (found := _rows(call, key)) is not None), None)
    if lengths is None:
        return None
    flat = [int(length) for length in lengths.reshape(-1).tolist()]
    return flat if len(flat) == count else None


def _texts(call: Mapping[str, Any], key: str, count: int) -> list[str] | None:
    rows, tokenizer = _rows(call, key), _tokenizer(call)
    if rows is None or tokenizer is None or not len(rows) or count % len(rows):
        return None
    texts = tokenizer.batch_decode(rows, skip_special_tokens=True)
    # One row a prompt or one a response; the samples of a prompt stand together.
    return [text for text in texts for _ in range(count // len(rows))]


def _rows(call: Mapping[str, Any], key: str) -> Any:
    """A tensor of the batch, `[rows, tokens]`; only those rows that the host scores."""
    batch = call.get("batch")
    batch = getattr(batch, "batch", batch)  # MindSpeed-LLM's DataProto wraps it once more
    try:
        rows = batch[key]  # type: ignore[index]  # None ends in the TypeError
    except (KeyError, TypeError):
        return None
    mask = call.get("valid_mask")
    return rows if mask is None else rows[mask]


def _tokenizer(call: Mapping[str, Any]) -> Any:
    """The host's tokenizer; that of its configuration where the host makes one inside."""
    if "tokenizer" in call:
        return call["tokenizer"]
    config = call.get("config")
    training = getattr(config, "training", None)
    path = getattr(training, "tokenizer_name_or_path", None)
    if path is None:
        return None
    trusted = any(getattr(part, "trust_remote_code", False) is True for part in (training, config))
    return _load_tokenizer(str(path), trusted)


@functools.lru_cache(maxsize=1)
def _load_tokenizer(path: str, trusted: bool) -> Any:
    """The tokenizer of a directory; its own code runs only where the host's configuration says so.

    Raises:
        InputError: it can't be loaded without its code.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=trusted)
    except (ValueError, OSError, ImportError) as error:
        raise InputError(
            f"the prompts can't be decoded: no tokenizer from {path}",
            found=f"{type(error).__name__}: {error}",
            remedy="if it needs its own code and you trust that, set trust_remote_code: true "
            "beside tokenizer_name_or_path",
        ) from error
