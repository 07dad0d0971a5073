"""What must not be in a prompt: a second system block, a template already applied, the answer.

Covers: chat markers of the common model families and of the template itself; a whole solution
inside the prompt; a long answer anywhere in it, word for word; a short one at its end.
Does not cover: guesses. A short answer that occurs as a number in the question is no leak, nor is
one that a list of choices names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mindspeed_rl_ext.preprocess.record import Prompt, Reason, Record, RejectError
from mindspeed_rl_ext.preprocess.templates.template import PromptTemplate

SYSTEM_MARKERS = ("<|im_start|>system", "<|start_header_id|>system", "<<SYS>>", "<|system|>")
TURN_MARKERS = (
    "<|im_start|>user",
    "<|im_start|>assistant",
    "<|start_header_id|>user",
    "<|start_header_id|>assistant",
    "<|user|>",
    "<|assistant|>",
)
# Shorter texts repeat by chance, or as one of the choices that a question lists.
SENTENCE_MIN_CHARS, SENTENCE_MIN_WORDS = 20, 4
# An answer as long as this stands nowhere in a question by chance.
LONG_MIN_CHARS, LONG_MIN_WORDS = 40, 8
# What stands before a choice: (A) or B) anywhere, 1. or - at the start of a line.
_CHOICE = re.compile(
    r"(?:\(\w{1,2}\)|\b[A-Z][.)]|^[ \t]*(?:\w{1,2}[.):、]|[-*•]))\s*", re.MULTILINE
)
_ANSWER_BEFORE = re.compile(
    r"(?:####|\\boxed\{|<answer>|\b(?:final )?answer(?: is)?\s*[:=]?|答案(?:是|为)?\s*[:：]?)"
    r"\s*\$?\s*$",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"(?:\}|\$|</answer>|[.。\s])*$")
_LOOK_BACK_CHARS = 64


class PromptChecker:
    """Checks records against one template.

    Args:
        template: its own system block counts as the first.
    """

    def __init__(self, template: PromptTemplate) -> None:
        plain, with_system = (_fixed(template, system) for system in ("", "?"))
        self._adds_system = {
            False: any(marker in plain for marker in SYSTEM_MARKERS),
            True: any(marker in with_system for marker in SYSTEM_MARKERS),
        }
        self._adds_turns = any(marker in plain for marker in TURN_MARKERS)

    def check(self, record: Record, texts: Sequence[str] | None = None) -> None:
        """Raises RejectError where the prompt holds what it must not.

        Args:
            record: the row.
            texts: those of its prompt, where the caller has them already.
        """
        # Every marker has a "<": most texts have none.
        marked = [t for t in (record.prompt.texts() if texts is None else texts) if "<" in t]
        if marked:
            self._check_system(marked, bool(record.prompt.system))
            self._check_turns(marked)
        check_leak(record)

    def _check_system(self, texts: list[str], own_system: bool) -> None:
        adds = self._adds_system[own_system]
        inside = [m for text in texts for m in occurrences(text, SYSTEM_MARKERS)]
        if len(inside) + adds > 1:
            first = "the template adds one" if adds else "it has another"
            raise RejectError(
                Reason.SECOND_SYSTEM_BLOCK,
                f"the text carries a system block ({inside[0]}), and {first}",
            )

    def _check_turns(self, texts: list[str]) -> None:
        inside = [m for text in texts for m in occurrences(text, TURN_MARKERS)]
        if inside and self._adds_turns:
            raise RejectError(
                Reason.SECOND_SYSTEM_BLOCK,
                f"a template was applied already: the text carries {inside[0]}",
            )


def check_leak(record: Record) -> None:
    """Raises RejectError where the prompt certainly gives the answer away.

    Example:
        >>> check_leak(Record(Prompt("Is 72 even?"), response="72", label="72"))
        >>> check_leak(Record(Prompt("What is 6 * 12? 72"), response="72", label="72"))
        Traceback (most recent call last):
        ...
        mindspeed_rl_ext.preprocess.record.RejectError: answer_in_prompt: the prompt ends with it
    """
    if not record.label:
        return
    text, solution = record.prompt.text.rstrip(), record.response.strip()
    if solution and solution in text and _is_sentence(solution):
        if solution != record.label:
            raise RejectError(Reason.ANSWER_IN_PROMPT, "the whole response is inside the prompt")
        if text.endswith(solution) and text != solution:
            raise RejectError(Reason.ANSWER_IN_PROMPT, "the prompt ends with the response")
    if _stands_inside(text, record.label):
        raise RejectError(Reason.ANSWER_IN_PROMPT, "the whole answer is inside the prompt")
    if _given_at_end(text, record.label) or (
        solution and solution != record.label and _given_at_end(text, solution)
    ):
        raise RejectError(Reason.ANSWER_IN_PROMPT, "the prompt ends with it")


def _fixed(template: PromptTemplate, system: str) -> str:
    """What a template puts around a prompt; "" where it refuses that system prompt."""
    try:
        elements = template.render(Prompt("?", system=system))
    except RejectError:
        return ""
    return "".join(e if isinstance(e, str) else getattr(e, "text", "") for e in elements)


def _given_at_end(text: str, answer: str) -> bool:
    if answer not in text[-_LOOK_BACK_CHARS - 2 * len(answer) :]:
        return False
    asked = max(text.rfind("?"), text.rfind("？"))
    if asked >= 0 and text[asked + 1 :].strip() == answer:
        return True
    tail = text[-_LOOK_BACK_CHARS - len(answer) :]
    closing = _CLOSING.search(tail)
    body = tail[: closing.start()] if closing else tail
    for end in (tail, body):
        if end.endswith(answer) and _ANSWER_BEFORE.search(end[: -len(answer)]):
            return True
    return False


def _stands_inside(text: str, answer: str) -> bool:
    """Whether a long answer stands in a text as it is, other than as one of the choices."""
    words = answer.split()
    if len(words) < LONG_MIN_WORDS and len(answer.strip()) < LONG_MIN_CHARS:
        return False
    # A pattern of a whole solution takes a millisecond to make: only where it is needed.
    if " ".join(words) not in " ".join(text.split()):
        return False
    # A line break may have become a blank on the way. Chinese has no blanks around words.
    edges = (r"(?<!\w)" * words[0][0].isascii(), r"(?!\w)" * words[-1][-1].isascii())
    pattern = edges[0] + r"\s+".join(map(re.escape, words)) + edges[1]
    places = [at.start() for at in re.finditer(pattern, text)]
    if not places:
        return False
    choices = {mark.end() for mark in _CHOICE.finditer(text)}
    # One mark alone is no list.
    return len(choices) < 2 or not choices.issuperset(places)


def _is_sentence(text: str) -> bool:
    return len(text) >= SENTENCE_MIN_CHARS and len(text.split()) >= SENTENCE_MIN_WORDS


def occurrences(text: str, markers: tuple[str, ...]) -> list[str]:
    """Every marker that a text holds, as often as it holds it."""
    return [marker for marker in markers for _ in range(text.count(marker))]
