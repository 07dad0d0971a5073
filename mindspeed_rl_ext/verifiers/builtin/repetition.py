"""`repetition`: a penalty for repeating the same n-grams.

Covers: the share of n-grams that occurred before, of words, numbers, signs and single CJK
characters: pieces of text that are close to tokens in number, whatever the tokenizer.
Does not cover: repetition of ideas in other words.

| response, for `repetition(ngram=3)` | score | outcome |
|---|---|---|
| `a b c d e f`: four 3-grams, all different | 0 | SCORED |
| `a b c a b c a b c`: seven 3-grams, three different | -4/7 | SCORED |
| shorter than one n-gram | 0 | SCORED |
"""

from __future__ import annotations

import re

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

# CJK has no spaces: each character is a piece. One pass, nothing is read twice.
_PIECE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u9fff]+|[^\w\s]|_")


def pieces(text: str) -> list[str]:
    """Words, numbers, signs and CJK characters of a text.

    Example:
        >>> pieces("x = 12, 然后")
        ['x', '=', '12', ',', '然', '后']
    """
    return _PIECE.findall(text)


@verifier(
    "repetition",
    levels=(0.0, -1.0),
    reads=(),
    judges_answer=False,
    zh="没有 n-gram 重复得 0 分，全部重复得 -`max_penalty` 分。",
)
def repetition(response: str, *, ngram: int = 20, max_penalty: float = 1.0) -> Verdict:
    """0 where no n-gram occurs twice, down to -`max_penalty` where all are one.

    Args:
        response: the policy's text.
        ngram: how many pieces an n-gram has.
        max_penalty: what full repetition costs, above 0.
    """
    if ngram < 1 or max_penalty <= 0:
        raise InputError(
            "repetition has parameters that do not fit",
            found=f"ngram={ngram}, max_penalty={max_penalty}",
            expected="ngram of at least 1, max_penalty above 0",
            remedy="correct the parameters",
        )
    found = pieces(response)
    total = len(found) - ngram + 1
    if total <= 1:
        return Verdict(Outcome.SCORED, 0.0, "too short to repeat", "ngrams")
    # Hashes and not tuples: a long response must not cost its length times n in memory.
    different = len({hash(tuple(found[i : i + ngram])) for i in range(total)})
    share = (total - different) / total
    score = 0.0 - share * max_penalty
    return Verdict(Outcome.SCORED, score, f"{share:.1%} of the {ngram}-grams repeat", "ngrams")
