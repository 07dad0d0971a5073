"""What is asked of a backend and what it gives back: settings, one response, the protocol.

Covers: the types that all backends share, and their checks.
Does not cover: any generation.

Example:
    >>> Sampling(n=2, temperature=0.7).n
    2
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mindspeed_rl_ext.core.errors import InputError


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn.

    Args:
        n: responses for each prompt.
        temperature: 0 takes the likeliest token each time; 1 samples the policy itself.
        top_p: the share of probability that is drawn from; 1 is all of it.
        max_tokens: longest response in tokens, the end token counted.
        seed: of the draws; the same seed, prompts and machine give the same responses.
        stop: texts that end a response, kept at its end; the model's end tokens always do.

    Raises:
        InputError: a value out of range, or several responses at temperature 0.
    """

    n: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 1024
    seed: int = 0
    stop: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for name, value in (("n", self.n), ("max_tokens", self.max_tokens)):
            if value < 1:
                raise InputError(f"{name} is not positive", found=str(value), expected="1 or more")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise InputError(
                "the temperature is out of range",
                found=str(self.temperature),
                expected="0 or a positive number",
            )
        if not 0 < self.top_p <= 1:
            raise InputError(
                "top_p is out of range", found=str(self.top_p), expected="above 0, at most 1"
            )
        if self.n > 1 and self.temperature == 0:
            raise InputError(
                f"{self.n} responses per prompt at temperature 0 are the same response",
                remedy="--n 1, or a temperature above 0",
            )


@dataclass(frozen=True)
class Response:
    """One response.

    Args:
        text: decoded without special tokens.
        num_tokens: its length, the end token counted; None where the source does not say.
        cut: whether it ended only because `max_tokens` was reached; None where not known.
    """

    text: str
    num_tokens: int | None = None
    cut: bool | None = None


class Backend(Protocol):
    """A model that is ready to respond."""

    batch_size: int

    def check(self, prompts: Sequence[str], sampling: Sampling) -> None:
        """Raises InputError where a prompt leaves no room for a response, before any is made."""

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Response]]:
        """`sampling.n` responses to each prompt, in order; prompts hold their template."""


@dataclass(frozen=True)
class Stops:
    """Stop texts as a tokenizer sees them: special tokens, which no text shows, and plain texts."""

    ids: frozenset[int] = frozenset()
    texts: tuple[str, ...] = ()


def split_stops(tokenizer: Any, stop: Sequence[str]) -> Stops:
    """Tells stop texts that are special tokens from plain texts, which may begin inside a token.

    Args:
        tokenizer: of transformers.
        stop: the texts; an empty one is left out.
    """
    vocabulary = tokenizer.get_vocab() if stop else {}
    ids, texts = set(), []
    for word in dict.fromkeys(filter(None, stop)):
        number = vocabulary.get(word)
        if number is not None and not tokenizer.decode([number], skip_special_tokens=True):
            ids.add(number)
        else:
            texts.append(word)
    return Stops(frozenset(ids), tuple(texts))


def read_response(
    tokenizer: Any, ids: Sequence[int], ended: bool, max_tokens: int, stops: Stops
) -> Response:
    """Token ids as a response, the same way for every backend.

    Args:
        tokenizer: of transformers.
        ids: what was generated, up to and with the end token where there is one.
        ended: whether the last id is an end token.
        max_tokens: longest response.
        stops: a text of these ends the response, and what stands behind it is dropped.
    """
    kept = _up_to_stop(tokenizer, list(ids), stops.texts)
    text = tokenizer.decode(kept, skip_special_tokens=True)
    stopped = cut_at_stop(text, stops.texts)
    ended = ended or any(word in text for word in stops.texts)
    return Response(stopped, len(kept), not ended and len(kept) >= max_tokens)


def _up_to_stop(tokenizer: Any, ids: list[int], texts: Sequence[str]) -> list[int]:
    """The ids up to the one that completes a stop text; what follows it is padding."""

    def stops(length: int) -> bool:
        text = tokenizer.decode(ids[:length], skip_special_tokens=True)
        return any(word in text for word in texts)

    if not texts or not stops(len(ids)):
        return ids
    low, high = 1, len(ids)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if stops(middle) else (middle + 1, high)
    return ids[:low]


def cut_at_stop(text: str, stop: Sequence[str]) -> str:
    """A text up to and with the first of the stop texts.

    Example:
        >>> cut_at_stop("<answer>1</answer> and so on", ["</answer>"])
        '<answer>1</answer>'
    """
    ends = [text.index(word) + len(word) for word in stop if word in text]
    return text[: min(ends)] if ends else text


def derived_seed(seed: int, text: str) -> int:
    """A seed below 2**31 that depends on a seed and a text, the same in every process.

    Example:
        >>> derived_seed(0, "a") == derived_seed(0, "a") != derived_seed(1, "a")
        True
    """
    return zlib.crc32(f"{seed}\n{text}".encode("utf-8", "surrogatepass")) & 0x7FFFFFFF


def encoded(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The ids of texts that hold their template already: no special token is added."""
    return [tokenizer.encode(text, add_special_tokens=False, verbose=False) for text in texts]


def check_lengths(lengths: Sequence[int], max_tokens: int, context: int | None) -> None:
    """Refuses prompts that leave no room for a response of `max_tokens`.

    Args:
        lengths: of the prompts, in tokens.
        max_tokens: longest response.
        context: what the model can hold, in tokens; None where it does not say.

    Raises:
        InputError: the longest prompt and a response together do not fit; or an empty prompt.
    """
    if min(lengths, default=1) == 0:
        raise InputError(
            f"prompt {list(lengths).index(0)} has no tokens", remedy="leave empty prompts out"
        )
    longest = max(lengths, default=0)
    if context is not None and longest + max_tokens > context:
        room = context - longest
        raise InputError(
            "the longest prompt and a response together do not fit into the model",
            found=f"{longest} + {max_tokens} tokens",
            expected=f"at most {context} (max_position_embeddings)",
            remedy=f"--max-tokens {room}" if room > 0 else "a model with a longer context",
        )
