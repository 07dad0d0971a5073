r"""The answer that a text states in words, where it has no box.

Covers: a last line `#### ...` or `Answer: ...`, the sentence behind the last "answer is" (also in
Chinese) without the reasons that it gives, a short text itself, of prose the formula in dollar
signs that ends it, else the last number. What a sentence denies ("it is not 3") or offers
beside another value ("it is 4 or 3") is no answer.
Does not cover: which part of a response is read; `last_answer` chooses it.

Example:
    >>> stated_in_prose("Final Answer: The final answer is $(1, 6)$. I hope it is correct.")
    '(1, 6)'
    >>> stated_in_prose("It is not 3.") is None
    True
"""

from __future__ import annotations

import re
from itertools import islice

from mindspeed_rl_ext.core.responses.text import last_number
from mindspeed_rl_ext.verifiers.responses.boxes import denies, hedges
from mindspeed_rl_ext.verifiers.responses.layout import final_answer_line

_ANSWER_IS = re.compile(
    r"answer\s{0,8}(?:is\s{0,8}:?|:|=|(?=\$))"
    r"|\u7b54\u6848\s{0,8}(?:[\u662f\u4e3a]\s{0,8}[:\uff1a]?|[:\uff1a])",
    re.IGNORECASE,
)
# The last words of the prompt that Minerva made popular; they say nothing of the answer.
_HOPE = re.compile(r"\bI hope (?:it|this|that) is correct[.!\s]*\Z", re.IGNORECASE)
_HASH = "####"
# Where the sentence that states an answer ends, or goes on to give reasons.
_STATEMENT_END = re.compile(
    r"[.!?](?=\s|\Z)|[\n\u3002]|,?\s(?:because|since|as|which|where)\s", re.IGNORECASE
)
_LEADING_FORMULA = re.compile(r"\$([^$\n]{1,300})\$(?=[\s,.;]|\Z)")
_IN_BRACKETS = re.compile(r"\[([^\[\],]*[A-Za-z]{2}[^\[\],]*)\]")
# A command such as \frac is no word.
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_FULL_STOPS = ".\u3002"
_HEADING = re.compile(r"\A#{1,6}\s*")
_PROSE_WORDS = 3
_LINE_WINDOW = 300


def stated_in_prose(text: str) -> str | None:
    """The answer of a text without a box, or None."""
    stripped = _HOPE.sub("", text).strip()
    last_line = stripped[stripped.rfind("\n") + 1 :].strip()
    hashed = last_line[len(_HASH) :] if last_line.startswith(_HASH) else None
    line = final_answer_line(stripped, window=_LINE_WINDOW)
    ends = [match.end() for match in _ANSWER_IS.finditer(stripped)]
    statement = _statement(stripped[ends[-1] :]) if ends else None
    for candidate in (hashed, line, statement, stripped):
        found = _short(candidate) if candidate else None
        if found:
            return found
    return None


def _statement(tail: str) -> str:
    """The sentence behind "the answer is", without the reasons that it gives."""
    stripped = tail.strip()
    if formula := _LEADING_FORMULA.match(stripped):
        return formula[0]
    ends = [end.start() for end in _STATEMENT_END.finditer(stripped) if end.start() > 0]
    first = stripped[: ends[0]] if ends else stripped
    return first if first.strip(" *") else stripped


def _short(text: str) -> str | None:
    """A text itself where it is no prose; of prose its last formula or its last number."""
    bare = _HEADING.sub("", text.strip()).rstrip(_FULL_STOPS).strip()
    if bracketed := _IN_BRACKETS.fullmatch(bare):
        bare = bracketed[1].strip()
    if bare and "\n" not in bare and not _is_prose(bare):
        formula = bare[1:-1] if len(bare) > 1 and bare[0] == bare[-1] == "$" else bare
        return formula.strip() if any(c.isdigit() or c.isalpha() for c in formula) else None
    # `$5 and $6` is money, `$5$` a formula: only one that ends the text is taken for a formula.
    if bare.endswith("$"):
        opening = bare.rfind("$", 0, len(bare) - 1)
        formula = bare[opening + 1 : -1].strip()
        if opening >= 0 and formula:
            return None if _is_withdrawn(bare[:opening]) else formula
    number = last_number(bare)
    if number is None or _is_withdrawn(bare[: bare.rindex(number)]):
        return None
    return number


def _is_withdrawn(before: str) -> bool:
    return denies(before) or hedges(before)


def _is_prose(text: str) -> bool:
    if _CHINESE.search(text):
        return True
    return sum(1 for _ in islice(_WORD.finditer(text), _PROSE_WORDS)) == _PROSE_WORDS
