r"""How far an answer is worked out, compared with its reference.

`\binom{31}{28}` is 4495, and copying it out of the question is no answer. Two levels ask more than
equality: `as_reference` refuses operations that the prediction leaves undone where the reference
leaves none of the kind; `strict` refuses fractions that are not reduced as well.

| kind | undone | done |
|---|---|---|
| arithmetic | `513^2-487^2`, `3 \cdot 4`, `x+3x` | `\frac64`, `3\cdot10^8`, `2\sqrt3` |
| root | `\sqrt{16}` where the reference has no root | `\sqrt{12}` for `2\sqrt3` |
| root of a root | `\sqrt{\sqrt[3]{4}}` | `\sqrt{2-\sqrt3}` for `\frac{\sqrt6-\sqrt2}{2}` |
| square under a root | `\sqrt{242}`, `\frac{3}{\sqrt{27}}` | `\sqrt{72}`, `\frac{1}{\sqrt8}` |
| division | `\frac{57}{160}` for `0.35625` | `\frac92` for `4.5`, `\frac{15}{100}` for `0.15` |
| function | `\sin 30^\circ`, `\log_2 8`, `\lfloor 3.7\rfloor`, `\gcd(4,6)` | `\sin x` |
| sum of quotients | `\frac{\sec x}{\sin x}-\frac{\sin x}{\cos x}` | `\frac{\cos x}{\sin x}` |
| combinatorics | `\binom{31}{28}`, `5!` | `n!` |
| expansion | `4(r+1)-6(r-2)` | `(r+1)(r-2)`, `r^2-r-2` |
| sum, integral, limit, derivative, modulus, matrix | `\sum_{k=1}^{n} k`, `\det A` | |
| fraction (strict) | `\frac64` | `\frac32` |

Covers: what stands in an answer. In `x = 2+3 = 5` the side that is worked out counts.
Does not cover: factored against expanded, surds in another form: these are forms of a result; what
an operation in a tree is (`operations`).

Example:
    >>> from mindspeed_rl_ext.verifiers.equivalence.answers.answer import read_answer
    >>> left_undone(read_answer("2^{10}"), read_answer("1024"), "as_reference")
    'arithmetic'
    >>> left_undone(read_answer(r"\frac64"), read_answer("1.5"), "as_reference")
    ''
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.equivalence.answers.answer import Answer
from mindspeed_rl_ext.verifiers.equivalence.operations import (
    NO_KINDS,
    Kinds,
    is_division,
    kinds_in,
)
from mindspeed_rl_ext.verifiers.equivalence.policy import Evaluated
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.reader import read
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError, words
from mindspeed_rl_ext.verifiers.equivalence.rules.kinds import is_quantity

# Operations that the reader works out itself, so that only the tokens still show them.
_BY_TOKEN = {
    r"\sum": "sum", r"\prod": "sum", r"\int": "integral", r"\lim": "limit",
    r"\det": "matrix", r"\binom": "combinatorics", r"\choose": "combinatorics",
    r"\begin{vmatrix}": "matrix", "!": "combinatorics",
}  # fmt: skip
_MATRICES = (r"\begin{pmatrix}", r"\begin{bmatrix}", r"\begin{matrix}")
# Signs without which nothing can be left undone.
_SIGNS = frozenset("+-*/^!|") | words(r"\frac \sqrt √ [ \lfloor \lceil") | frozenset(_BY_TOKEN)


def left_undone(prediction: Answer, reference: Answer, level: Evaluated) -> str:
    """The first kind of operation that only the prediction leaves undone; empty where none is.

    Args:
        prediction: an answer that is equal to the reference.
        reference: the answer that says how far to go.
        level: of `Policy.evaluated`.
    """
    if level == "any" or prediction.tokens == reference.tokens:
        return ""
    strict = level == "strict"
    mine = undone_kinds(prediction, strict=strict)
    more = mine - undone_kinds(reference, strict=strict) if mine else mine
    if more:
        return min(more)
    return "division" if is_division(prediction.tree, reference.tree) else ""


def undone_kinds(answer: Answer, *, strict: bool = False) -> Kinds:
    """The kinds of operations that an answer leaves undone."""
    if not any(token.text in _SIGNS or token.kind == "command" for token in answer.quantity):
        return NO_KINDS
    sides = _sides(answer.quantity)
    if len(sides) == 1:
        return _by_tokens(answer.quantity) | kinds_in(answer.tree, strict=strict)
    found = []
    for side in sides:
        try:
            tree = read(side)
        except UnreadableError:
            tree = None
        if tree is not None and is_quantity(tree):
            continue
        found.append(_by_tokens(side) | kinds_in(tree, strict=strict))
    return frozenset.intersection(*found) if found else NO_KINDS


def _sides(found: list[Token]) -> list[list[Token]]:
    """The sides around `=` signs; the whole where commas make it a list."""
    sides: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += (token.text in ("(", "{", "[", r"\{")) - (token.text in (")", "}", "]", r"\}"))
        if token.text in (",", ";") and not depth:
            return [found]
        if token.text == "=" and not depth:
            sides.append([])
        else:
            sides[-1].append(token)
    return sides


def _by_tokens(found: list[Token]) -> Kinds:
    texts = [token.text for token in found]
    kinds = {_BY_TOKEN.get(text, "") for text in texts} - {"", "combinatorics"}
    if sum(text in _MATRICES for text in texts) > 1:
        kinds.add("matrix")
    for at, text in enumerate(texts):
        if text == r"\frac" and texts[at + 1 : at + 3] == ["{", "d"] and texts[at + 3] == "}":
            kinds.add("derivative")
    return frozenset(kinds)
