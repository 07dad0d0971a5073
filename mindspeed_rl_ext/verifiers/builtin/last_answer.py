r"""`last_answer`: the lenient grader, which takes the last answer from prose.

Covers: where a response states its answer when it does not keep the format: behind the last
`</think>` where something stands there, in the last answer block, even an unclosed one; of that
the last box, else the `Answer:` line, else the text behind the last "answer is" (also in Chinese),
else the text if it is no prose; of prose the formula in dollar signs that ends it, else the last
number.
A text in words, without a digit or a formula, answers only where the reference is in words too, or
in a box; "no idea" and its like answer nothing.
Does not cover: a format. Where strict and lenient grading differ, the format or the parser is at
fault, not the mathematics.

| response, for the reference `18` | score | outcome |
|---|---|---|
| `so \boxed{18}`, `</think> <answer>Janet makes $18 every day.</answer>` | 1 | CORRECT |
| `9 * 2 = 18 dollars in all.` | 1 | CORRECT |
| `\boxed{17}, or 18` | 0 | WRONG |
| `She sells eggs.`, `I don't know`, `\boxed{\text{no idea}}` | 0 | NO_ANSWER |
| an empty reference | 0 | BAD_REFERENCE |
"""

from __future__ import annotations

import re

from mindspeed_rl_ext.core.responses.text import find_tags, strip_stop_tokens
from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.answers import answer_verdict
from mindspeed_rl_ext.verifiers.responses.boxes import Stated, boxed_answer, unfinished_box
from mindspeed_rl_ext.verifiers.responses.layout import after_think
from mindspeed_rl_ext.verifiers.responses.prose import stated_in_prose
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

_LONG_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
# Words that a formula may hold.
_FUNCTIONS = frozenset({
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "log", "exp", "sqrt",
    "inf", "infty", "infinity", "gcd", "lcm", "mod", "max", "min", "det",
})  # fmt: skip
_DECLINES = re.compile(
    r"\b(?:do(?:es)?(?:n['\u2019]?t| not) know|dunno|no idea|no answer|not (?:sure|known)|unsure"
    r"|can(?:not| not|['\u2019]?t) (?:say|tell|answer|solve|determine))\b"
    r"|\A\W*(?:text\W*)?(?:unknown|n/a)\W*\Z|\A[\s?]+\Z",
    re.IGNORECASE,
)
_COMPARED = (Outcome.WRONG, Outcome.UNPARSEABLE)


@verifier(
    "last_answer",
    needs=("answer",),
    wants=("prompt",),
    levels=(1.0, 0.0),
    reads=("prose",),
    judges_answer=True,
    zh="回复最后说出的答案与参考答案相同得 1 分，否则 0 分。",
)
def last_answer(response: str, *, answer: str, prompt: str | None = None) -> Verdict:
    """1 where the last answer that a response states equals the reference answer, else 0.

    Args:
        response: the policy's text.
        answer: the reference answer.
        prompt: the text that the policy was given, where it is known.
    """
    missing = "no answer is stated"
    found, _ = _find(response)
    verdict = answer_verdict(found, answer, right=1.0, wrong=0.0, missing=missing, prompt=prompt)
    if verdict.outcome in _COMPARED and answer_to(response, answer) is None:
        return Verdict(Outcome.NO_ANSWER, 0.0, missing, "extraction")
    return verdict


def answer_to(response: str, reference: str) -> str | None:
    r"""The answer that a response states last, where that is an answer to such a question at all.

    What is compared with a reference may be any short text; this tells an answer from a text that
    answers nothing, by what kind of answer the reference is, not by its value.

    Args:
        response: the policy's text.
        reference: the reference answer; only whether it is in words counts.

    Example:
        >>> answer_to("no idea", "18"), answer_to("Sorry about that", "18"), answer_to("x+1", "18")
        (None, None, 'x+1')
        >>> answer_to("Evelyn", r"\text{Briana}"), answer_to(r"\boxed{Evelyn}", "18")
        ('Evelyn', 'Evelyn')
    """
    stated, boxed = _find(response)
    found = stated.text
    if found is None or (_declines(found) and not _declines(reference)):
        return None
    if not boxed and _in_words(found) and not _in_words(reference):
        return None
    return found


def stated_answer(response: str) -> str | None:
    r"""The answer that a response states last, or None.

    Example:
        >>> stated_answer("<think>1</think> <answer>It is 42 apples.</answer>")
        '42'
        >>> stated_answer(r"so \boxed{\frac12}"), stated_answer("The answer is $x+1$.")
        ('\\frac12', 'x+1')
        >>> stated_answer("I do not know.") is None
        True
    """
    return _find(response)[0].text


def _find(response: str) -> tuple[Stated, bool]:
    """The answer, and whether it stands in a box."""
    whole = strip_stop_tokens(response)
    for text in (_final_part(whole), whole):
        boxed = boxed_answer(text)
        if boxed.text:
            return boxed, True
        unfinished = unfinished_box(text)
        found = stated_in_prose(_last_piece(text) if unfinished is None else unfinished)
        if found:
            return Stated(found), False
    return Stated(None), False


def _last_piece(text: str) -> str:
    """What stands last between tags; nothing but thinking may be all there is."""
    tags = find_tags(text)
    starts = [0, *(tag.end for tag in tags)]
    ends = [*(tag.start for tag in tags), len(text)]
    pieces = (text[start:end] for start, end in zip(reversed(starts), reversed(ends), strict=True))
    return next((piece for piece in pieces if piece.strip()), "")


def _declines(text: str) -> bool:
    return not any(c.isdigit() for c in text) and _DECLINES.search(text) is not None


def _in_words(text: str) -> bool:
    if any(c.isdigit() for c in text):
        return False
    return any(word.lower() not in _FUNCTIONS for word in _LONG_WORD.findall(text))


def _final_part(whole: str) -> str:
    """What stands in the last answer block, or behind the thinking."""
    tags = find_tags(whole, ("answer",))
    openings = [tag for tag in tags if not tag.closing]
    if openings:
        start = openings[-1].end
        ends = [tag.start for tag in tags if tag.closing and tag.start >= start]
        return whole[start : ends[0] if ends else len(whole)]
    return after_think(whole)
