"""`template_copy`: finds a response that echoes the prompt's template instead of thinking.

Covers: a think or answer block whose text is that of the prompt's example block (such as
`<think> reasoning process here </think>`), and a response that is mostly a copy of the prompt.
Does not cover: an answer that is right by chance; weigh this beside an accuracy verifier.

| response, for a prompt with `<think> reasoning process here </think> <answer> answer here </answer>` | score | outcome |
|---|---|---|
| `<think> 6 * 7 is 42 </think> <answer> 42 </answer>` | 0 | CORRECT |
| `<think> reasoning process here </think> <answer> 1 </answer>` | -1 | BAD_FORMAT |
| `reasoning process here </think> <answer> 1 </answer>`, the tag being prefilled | -1 | BAD_FORMAT |
| the prompt itself, or nine tenths of it | -1 | BAD_FORMAT |
"""  # noqa: E501 - a table has one line per row

from __future__ import annotations

from itertools import pairwise

from mindspeed_rl_ext.core.responses.text import find_tags
from mindspeed_rl_ext.verifiers.builtin.repetition import pieces
from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

_NGRAM = 8
_MOSTLY = 0.8
# Shorter copies are quotes of the question.
_LEAST_PIECES = 16


@verifier(
    "template_copy",
    needs=("prompt",),
    levels=(0.0, -1.0),
    reads=(),
    judges_answer=False,
    zh="自己的回复得 0 分，照抄模板得 -1 分。",
)
def template_copy(response: str, *, prompt: str) -> Verdict:
    """0 for a response of its own, -1 for an echo of the template.

    Args:
        response: the policy's text.
        prompt: the text that the policy was given, template included.
    """
    for name, text in _blocks(response).items():
        if text in _all_blocks(prompt, name):
            reason = f"the {name} block is the template's: {text[:60]!r}"
            return Verdict(Outcome.BAD_FORMAT, -1.0, reason, "template")
    share = _copied(response, prompt)
    if share >= _MOSTLY:
        return Verdict(Outcome.BAD_FORMAT, -1.0, f"{share:.0%} copied from the prompt", "template")
    return Verdict(Outcome.CORRECT, 0.0, "no echo of the template", "template")


def _blocks(response: str) -> dict[str, str]:
    """The last think and the last answer block; a think block may lack its opening."""
    found: dict[str, str] = {}
    for name in ("think", "answer"):
        texts = _all_blocks(response, name)
        tags = find_tags(response, (name,))
        if not texts and name == "think" and tags and tags[0].closing:
            texts = [_folded(response[: tags[0].start])]
        if texts and texts[-1]:
            found[name] = texts[-1]
    return found


def _all_blocks(text: str, name: str) -> list[str]:
    tags = find_tags(text, (name,))
    return [
        _folded(text[opening.end : closing.start])
        for opening, closing in pairwise(tags)
        if closing.closing and not opening.closing
    ]


def _copied(response: str, prompt: str) -> float:
    """The share of the response's n-grams that stand in the prompt."""
    ours, theirs = pieces(response), pieces(prompt)
    total = len(ours) - _NGRAM + 1
    if len(ours) < _LEAST_PIECES:
        return 0.0
    known = {tuple(theirs[i : i + _NGRAM]) for i in range(len(theirs) - _NGRAM + 1)}
    return sum(tuple(ours[i : i + _NGRAM]) in known for i in range(total)) / total


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
