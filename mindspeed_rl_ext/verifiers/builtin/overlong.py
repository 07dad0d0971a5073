"""`overlong`: a soft penalty for length, as DAPO shapes it.

Covers: lengths in tokens. Does not cover: the words; nothing of the response is read.

| `num_tokens`, for `overlong(max_tokens=2048, buffer=512)` | score | outcome |
|---|---|---|
| up to 1536 | 0 | SCORED |
| 1792, in the middle of the buffer | -0.5 | SCORED |
| 2048 and more | -1 | SCORED |
"""

from __future__ import annotations

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict


@verifier(
    "overlong",
    needs=("num_tokens",),
    levels=(0.0, -1.0),
    reads=(),
    judges_answer=False,
    zh="缓冲区以内 0 分，到 `max_tokens` 降为 -1 分。",
)
def overlong(
    response: str, *, num_tokens: int, max_tokens: int = 4096, buffer: int = 512
) -> Verdict:
    """0 up to the buffer, falling to -1 at `max_tokens`.

    Args:
        response: not read.
        num_tokens: length of the response in tokens.
        max_tokens: where the penalty is whole: the limit of the rollout.
        buffer: over how many tokens before it the penalty grows.
    """
    if not 0 < buffer <= max_tokens:
        raise InputError(
            "overlong has a buffer that does not fit",
            found=f"max_tokens={max_tokens}, buffer={buffer}",
            expected="0 < buffer <= max_tokens",
            remedy="correct the parameters",
        )
    beyond = num_tokens - (max_tokens - buffer)
    penalty = min(max(beyond / buffer, 0.0), 1.0)
    return Verdict(Outcome.SCORED, 0.0 - penalty, f"{num_tokens} of {max_tokens} tokens", "length")
