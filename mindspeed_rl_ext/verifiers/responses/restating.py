r"""Whether an answer only repeats an expression of its prompt.

The better the comparison, the better it pays to copy the question: `\binom{31}{28}` is equal to
4495. An answer that is an expression of the prompt answers nothing, unless the reference answer is
one too ("which is larger, 3/4 or 2/3?").

Covers: formulas between dollar signs, in display and `align`, formulas in plain text that have an
operator; whole formulas, their sides around `=` and other relations, the parts of a list. Compared
as trees, so what changes no meaning does not count: `\dfrac`, `\left`, spacing, brackets, order of
terms and factors, `+0`, `\cdot 1`, `/1`, `^1`, `x =` or words before it, a box. A formula of the
prompt inside a larger answer (`|487^2|`, `487^2+1-1`) counts where it leaves something undone that
the reference works out.
Does not cover: an expression worked out in part; `Policy.evaluated` looks at that.

Example:
    >>> restates(r"x = 487^2\cdot 1 + 0", "Find $x = 487^2$.")
    True
    >>> restates("237169", "Find $x = 487^2$.")
    False
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache

from mindspeed_rl_ext.core.responses.text import last_boxed
from mindspeed_rl_ext.verifiers.equivalence.answers.answer import read_answer
from mindspeed_rl_ext.verifiers.equivalence.evaluated import left_undone
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError
from mindspeed_rl_ext.verifiers.equivalence.spelling.whole import spelled_out
from mindspeed_rl_ext.verifiers.responses.forms import Form, contains, is_bare
from mindspeed_rl_ext.verifiers.responses.formulas import (
    MAX_FORMULA_CHARS,
    MAX_FORMULAS,
    MAX_PROMPT_CHARS,
    formulas,
)
from mindspeed_rl_ext.verifiers.responses.keys import (
    RELATIONS,
    SEPARATORS,
    keys_of,
    read_tokens,
    split_tokens,
)

Keys = frozenset[Form]


def restates(answer: str, prompt: str, reference: str = "") -> bool:
    r"""Whether an answer is an expression of the prompt and nothing more.

    Args:
        answer: what was taken out of a response, such as the content of a box.
        prompt: the text that the policy was given.
        reference: the reference answer; where it is given, a formula of the prompt inside a larger
            answer counts too if it is less worked out than the reference.
    """
    known = prompt_formulas(prompt)
    whole, sides = _read(answer)
    if whole & known.keys():
        return not any(map(is_bare, whole))
    content = [side for side in sides if not any(map(is_bare, side))]
    return bool(content) and all(
        bool(side & known.keys()) or (bool(reference) and _holds_copy(side, known, reference))
        for side in content
    )


def same_expression(one: str, other: str) -> bool:
    r"""Whether two answers are the same expression, apart from how it is spelled.

    Example:
        >>> same_expression(r"\dfrac{3}{4}", "3/4"), same_expression("0.75", "3/4")
        (True, False)
    """
    return bool(_read(one)[0] & _read(other)[0])


# Groups of responses share a prompt.
@lru_cache(maxsize=512)
def prompt_formulas(prompt: str) -> Mapping[Form, str]:
    """The expressions of a prompt: their keys, by which answers are compared, and their texts."""
    found: dict[Form, str] = {}
    for number, formula in enumerate(formulas(prompt[-MAX_PROMPT_CHARS:])):
        if number >= MAX_FORMULAS:
            break
        for part in _parts(formula):
            text = " ".join(token.text for token in part)
            found.update({key: text for key in keys_of(part)})
    return found


def _parts(formula: str) -> Iterator[list[Token]]:
    """A formula, the items of its list, their sides."""
    if len(formula) > MAX_FORMULA_CHARS:
        return
    found = read_tokens(formula)
    yield found
    for item in split_tokens(found, SEPARATORS, at_text=True):
        yield item
        yield from split_tokens(item, RELATIONS)


def _read(answer: str) -> tuple[Keys, list[Keys]]:
    """The keys of an answer, and those of its sides around relation signs."""
    text = answer[:MAX_FORMULA_CHARS]
    if text.count(r"\boxed") == 1:
        text = last_boxed(text) or text
    found = read_tokens(text)
    whole = keys_of(found)
    with suppress(UnreadableError):
        # Without what announces it, as the comparison reads it.
        found = list(read_answer(spelled_out(text)).quantity)
    return whole | keys_of(found), [keys_of(side) for side in split_tokens(found, RELATIONS)]


def _holds_copy(side: Keys, known: Mapping[Form, str], reference: str) -> bool:
    return any(
        contains(form, part) and _is_undone(text, reference)
        for part, text in known.items()
        for form in side
    )


@lru_cache(maxsize=4096)
def _is_undone(text: str, reference: str) -> bool:
    """Whether a formula leaves something undone that the reference works out."""
    try:
        answers = [read_answer(spelled_out(one)) for one in (text, reference)]
    except UnreadableError:
        return False
    return bool(left_undone(answers[0], answers[1], "as_reference"))
