r"""The cascade: identical text, words, the same tree of exact values, and sympy at last.

Covers: the order of the stages, units, what undecided means. All stages but the last run in the
caller and are bounded; the last (`symbolic`) runs in a worker that can be killed.
Does not cover: solving. A pair that no stage decides is UNPARSEABLE: counted, never guessed.

Example:
    >>> equivalent(r"\frac{2}{4}", "0.5").outcome.value, equivalent("x+1", "x+2").outcome.value
    ('CORRECT', 'WRONG')
"""

from __future__ import annotations

import logging
import re
import zlib
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from mindspeed_rl_ext.verifiers.equivalence import deferred, symbolic
from mindspeed_rl_ext.verifiers.equivalence.compare import Comparison
from mindspeed_rl_ext.verifiers.equivalence.deferred import Pair
from mindspeed_rl_ext.verifiers.equivalence.policy import DEFAULT, Policy
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token, tokens
from mindspeed_rl_ext.verifiers.equivalence.reading.reader import read
from mindspeed_rl_ext.verifiers.equivalence.reading.spelling import decimal_comma, spelled_out
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Node,
    Number,
    Symbol,
    UnreadableError,
    is_closed_calculus,
    symbols,
)
from mindspeed_rl_ext.verifiers.equivalence.values.approximate import is_rounding, same_worth
from mindspeed_rl_ext.verifiers.equivalence.values.field import Field, NoSquareRootError
from mindspeed_rl_ext.verifiers.equivalence.words import (
    FUNCTIONS,
    Measured,
    compare_words,
    measured,
    without_announcement,
    without_braces,
)
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

_LOG = logging.getLogger(__name__)
_MAX_PRIMES = 64
# Most answers of real traffic: nothing in them has to be read.
_PLAIN = re.compile(r"[-+]?[0-9]{1,300}(?:\.[0-9]{1,300})?")


class Decision(NamedTuple):
    """What the rules say of a pair; `ask` where the symbolic stage may know more."""

    verdict: Verdict
    ask: bool = False


class _Side(NamedTuple):
    """One answer as far as it can be read by itself; shared by all pairs it is part of."""

    tokens: tuple[Token, ...]
    bare: list[Token]
    measured: Measured
    tree: Node | None
    fault: str


def equivalent(prediction: str, reference: str, *, policy: Policy = DEFAULT) -> Verdict:
    r"""Decides whether two answers are the same mathematics.

    Args:
        prediction: the policy's answer, such as the content of a box.
        reference: the reference answer; read by the same rules.
        policy: conventions that mathematics does not settle.

    Returns:
        CORRECT with score 1; WRONG, UNPARSEABLE, TIMEOUT, ERROR, NO_ANSWER or BAD_REFERENCE with
        score 0. The stage is `reference`, `size`, `text`, `words`, `units`, `tree` or `sympy`.

    Example:
        >>> equivalent(r"x = 3\frac{1}{2}", "7/2").stage
        'tree'
    """
    decision = decide(prediction, reference, policy)
    if not decision.ask:
        return decision.verdict
    pair = Pair(prediction, reference)
    batch = deferred.current()
    if batch is not None:
        return batch.verdict(pair)
    return symbolic.settle([pair], symbolic.ONE)[pair]


def steps(prediction: str, reference: str, policy: Policy = DEFAULT) -> list[str]:
    """How a pair is decided, for people: what each side reads as, and what each stage says.

    Example:
        >>> steps("0.5", "1/2")[-1]
        'decided by tree: CORRECT, equal'
    """
    lines = []
    for name, text in (("prediction", prediction), ("reference", reference)):
        if len(text) > policy.max_chars:
            lines.append(f"{name}: {len(text)} characters, not read")
            continue
        try:
            side = _side(spelled_out(text))
        except UnreadableError as error:
            lines.append(f"{name}: not read: {error}")
            continue
        shown = " ".join(token.text for token in side.tokens)
        unit = f", unit {side.measured.unit!r}" if side.measured.unit else ""
        read_as = side.fault if side.tree is None else f"a {type(side.tree).__name__.lower()}"
        lines.append(f"{name}: {shown[:200]!r}{unit}: {read_as}")
    decision = decide(prediction, reference, policy)
    if decision.ask:
        lines.append(f"no rule decides ({decision.verdict.reason}): sympy is asked")
    said = equivalent(prediction, reference, policy=policy)
    return [*lines, f"decided by {said.stage}: {said.outcome.value}, {said.reason}"]


def decide(prediction: str, reference: str, policy: Policy = DEFAULT) -> Decision:
    """What the rules say, without the symbolic stage.

    Example:
        >>> decide("1/2", "0.5").verdict.outcome.value, decide("1/2", "0.5").ask
        ('CORRECT', False)
    """
    if not reference.strip():
        return _sure(Outcome.BAD_REFERENCE, "the reference answer is empty", "reference")
    if not prediction.strip():
        return _sure(Outcome.NO_ANSWER, "the answer is empty", "text")
    if prediction.split() == reference.split():
        return _said(True, "text")
    for name, text in (("prediction", prediction), ("reference", reference)):
        if len(text) > policy.max_chars:
            return _undecided(f"the {name} has {len(text)} characters", "size")
    return _decided(prediction, reference, policy)


# A pure function, so threads may share what it found. Groups repeat answers: four of five pairs
# of a batch are found here. Only texts of bounded length get here, so its memory is bounded too.
@lru_cache(maxsize=1 << 14)
def _decided(prediction: str, reference: str, policy: Policy) -> Decision:
    if _PLAIN.fullmatch(prediction) and _PLAIN.fullmatch(reference):
        return _said(Fraction(prediction) == Fraction(reference), "tree")
    try:
        left, right = _side(spelled_out(prediction)), _side(spelled_out(reference))
        decision = _judge(left, right, policy)
        if decision.verdict.outcome is not Outcome.CORRECT:
            decision = _with_decimal_comma(prediction, reference, policy) or decision
    except UnreadableError as error:
        return _undecided(str(error), "tree")
    except (ArithmeticError, LookupError, RecursionError, ValueError) as error:
        # A fault of ours on a strange text must cost one verdict, not a training run.
        _LOG.warning("comparing %.200r with %.200r failed", prediction, reference, exc_info=True)
        return _sure(Outcome.ERROR, f"{type(error).__name__}: {error}"[:300], "tree")
    if decision.ask and (not policy.symbolic or any(map(_refused, (left, right)))):
        return Decision(decision.verdict)
    return decision


def _with_decimal_comma(prediction: str, reference: str, policy: Policy) -> Decision | None:
    """`1,22` is 1.22 where the other side is a single number, and a list where it is not."""
    for text, other, swapped in ((prediction, reference, False), (reference, prediction, True)):
        respelled = decimal_comma(text)
        if respelled is None or "," in other:
            continue
        sides = (_side(respelled), _side(spelled_out(other)))
        decision = _judge(sides[swapped], sides[not swapped], policy)
        if decision.verdict.outcome is Outcome.CORRECT:
            return decision
    return None


# Each side is read once, whatever it is compared with.
@lru_cache(maxsize=1 << 13)
def _side(text: str) -> _Side:
    found = without_announcement(tokens(text))
    body = measured(found)
    if not body.unit and text.lstrip("-{ ").startswith(r"\$"):
        body = body._replace(unit="dollar")
    try:
        tree, fault = read(body.tokens), ""
    except UnreadableError as error:
        tree, fault = None, str(error)
    return _Side(tuple(found), without_braces(found), body, tree, fault)


def _refused(side: _Side) -> bool:
    """Whether the symbolic stage is not to see an answer."""
    unread = side.tree is None and not symbolic.is_calculus(side.tokens)
    return unread or bool(symbolic.refusal(side.tokens))


def _judge(left: _Side, right: _Side, policy: Policy) -> Decision:
    if not left.tokens or not right.tokens:
        return _undecided("nothing is left without punctuation", "text")
    if left.bare == right.bare:
        return _said(True, "text")
    same_words = compare_words(list(left.tokens), list(right.tokens), policy)
    if same_words is not None:
        return _said(same_words, "words")
    units = {left.measured.unit, right.measured.unit} - {""}
    differ = left.measured.unit != right.measured.unit
    if len(units) > 1 or (units and differ and not policy.optional_units):
        names = f"{left.measured.unit!r} and {right.measured.unit!r}"
        return _undecided(f"the units differ: {names}", "units")
    for side in (left, right):
        if side.tree is None:
            return Decision(_undecided(side.fault, "tree").verdict, ask=True)
        if side.measured.unit and isinstance(side.tree, Symbol):
            return _undecided("words behind a name are no unit", "units")
    if left.tree is None or right.tree is None:  # said above; for the type checker
        return _undecided("unread", "tree")
    both = (left.measured.tokens, right.measured.tokens)
    said = _compare(left.tree, right.tree, both, policy)
    if said is None:
        # `0x` is 0 everywhere, yet no answer that a reader would take for 0.
        alike = symbols(left.tree) == symbols(right.tree)
        cancels = any(token.text in FUNCTIONS for token in (*left.tokens, *right.tokens))
        undecided = _undecided("no rule decides", "tree").verdict
        # What does not settle in 15 digits is beyond what sympy works out in its budget.
        settles = not any(is_closed_calculus(side.tree) for side in (left, right) if side.tree)
        return Decision(undecided, ask=settles and (alike or cancels))
    return _said(said, "tree")


def _compare(
    left: Node, right: Node, both: tuple[list[Token], list[Token]], policy: Policy
) -> bool | None:
    """Compares at a point; another prime where one has not the roots that are needed."""
    if isinstance(left, Number) and isinstance(right, Number):
        return left.value == right.value or is_rounding(left, right) or is_rounding(right, left)
    # Sorted: the order of the sides is not to matter.
    text = " ".join(sorted(" ".join(token.text for token in side) for side in both))
    start = zlib.crc32(text.encode("utf-8", "replace"))
    for attempt in range(_MAX_PRIMES):
        fields = [Field(f"{point} {text}", start + attempt) for point in ("first", "second")]
        try:
            return Comparison((fields[0], fields[1]), policy).same(left, right)
        except NoSquareRootError:
            continue
    said = same_worth(left, right)
    if said is not None:
        return said
    raise UnreadableError("roots of too many different numbers")


def _said(same: bool, stage: str) -> Decision:
    if same:
        reason = "identical" if stage == "text" else "equal"
        return Decision(Verdict(Outcome.CORRECT, 1.0, reason, stage))
    return _sure(Outcome.WRONG, "not equal", stage)


def _undecided(reason: str, stage: str) -> Decision:
    return _sure(Outcome.UNPARSEABLE, reason[:300], stage)


def _sure(outcome: Outcome, reason: str, stage: str) -> Decision:
    return Decision(Verdict(outcome, 0.0, reason, stage))
