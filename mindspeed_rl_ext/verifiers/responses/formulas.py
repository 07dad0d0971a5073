r"""The formulas of a prompt, as they are written.

Covers: between dollar signs, `\[ \]`, `\( \)`, in `align` and its like (each row too), and in plain
text where they have an operator.
Does not cover: what they mean; `restating` compares them with answers.

Example:
    >>> list(formulas("Find $x^2$, not 2 + 2."))
    ['x^2', 'x^2', '2 + 2']
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import words

# A prompt holds a template and perhaps examples; what is read of it is bounded.
MAX_PROMPT_CHARS = 40_000
MAX_FORMULA_CHARS = 600
MAX_FORMULAS = 600

_FORMULA = re.compile(
    r"(?<!\\)\$\$(?P<display>[^$]{1,4000})\$\$"
    r"|(?<!\\)\$(?P<inline>(?:[^$\\]|\\.){1,4000})\$"
    r"|\\\[(?P<bracket>.{1,4000}?)\\\]"
    r"|\\\((?P<paren>.{1,4000}?)\\\)"
    r"|\\begin\{(?P<name>(?:align|equation|gather|eqnarray|multline|displaymath|math)\*?)\}"
    r"(?P<rows>.{1,4000}?)\\end\{(?P=name)\}",
    re.DOTALL,
)
_ROW_END = re.compile(r"\\\\|&|\\(?:begin|end)\{(?:aligned|split|gathered)\}")
_LEADING = re.compile(r"\A[\s,.;:]+|[\s,.;:?]+\Z")
_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{2,}")
_FUNCTIONS = words("sqrt sin cos tan log ln exp arcsin arccos arctan")
_OPERATOR = re.compile(r"[-+*/^=<>!×÷·]|\\[A-Za-z]{2,}|[A-Za-z]\(")


def formulas(prompt: str) -> Iterator[str]:
    """The formulas with delimiters, then all that look like one without them.

    A dollar sign may be money, which pairs the signs wrongly; the second look finds such formulas.
    """
    for match in _FORMULA.finditer(prompt):
        body = match[match.lastgroup or "inline"] if match["rows"] is None else match["rows"]
        yield body
        rows = [row for row in _ROW_END.split(body) if row.strip()]
        if len(rows) > 1:
            yield from rows
            yield " ".join(rows)
    yield from _plain_formulas(prompt.replace("$", " "))


def _plain_formulas(text: str) -> Iterator[str]:
    """Runs of chunks that are mathematics, with an operator, in a text without delimiters."""
    run: list[str] = []
    for chunk in text.split():
        bare = _LEADING.sub("", chunk)
        if _is_mathematics(bare):
            run.append(bare)
            if chunk[-1] not in ".,;:?":
                continue
        if run:
            yield from _operations(run)
            run = []
    yield from _operations(run)


def _operations(run: Sequence[str]) -> Iterator[str]:
    formula = " ".join(run)
    if _OPERATOR.search(formula) and len(formula) <= MAX_FORMULA_CHARS:
        yield formula


def _is_mathematics(chunk: str) -> bool:
    if not chunk or len(chunk) > MAX_FORMULA_CHARS:
        return False
    if any(word.lower() not in _FUNCTIONS for word in _WORD.findall(chunk)):
        return False
    return any(c.isdigit() for c in chunk) or _OPERATOR.search(chunk) is not None
