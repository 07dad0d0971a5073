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
from mindspeed_rl_ext.verifiers.equivalence.answers.answer import Answer, read_answer
from mindspeed_rl_ext.verifiers.equivalence.answers.measured import FUNCTIONS
from mindspeed_rl_ext.verifiers.equivalence.deferred import Pair
from mindspeed_rl_ext.verifiers.equivalence.evaluated import left_undone
from mindspeed_rl_ext.verifiers.equivalence.policy import DEFAULT, Policy
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Node,
    Number,
    Product,
    Symbol,
    UnreadableError,
    is_closed_calculus,
    symbols,
)
from mindspeed_rl_ext.verifiers.equivalence.rules.answers import ANSWER_TABLE
from mindspeed_rl_ext.verifiers.equivalence.rules.comparison import Comparison
from mindspeed_rl_ext.verifiers.equivalence.rules.kinds import kind_of
from mindspeed_rl_ext.verifiers.equivalence.rules.table import rules_for
from mindspeed_rl_ext.verifiers.equivalence.rules.variants import VARIANTS
from mindspeed_rl_ext.verifiers.equivalence.spelling.whole import (
    other_spellings,
    spelled_out,
)
from mindspeed_rl_ext.verifiers.equivalence.values.approximate import is_rounding, same_number
from mindspeed_rl_ext.verifiers.equivalence.values.exact import exact_value, signed_square
from mindspeed_rl_ext.verifiers.equivalence.values.field import Field, NoSquareRootError
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

_LOG = logging.getLogger(__name__)
_MAX_PRIMES = 64
# Without one of these and without a letter two answers mean one thing each.
_VARYING = frozenset({r"\log", r"\circ"})
# Most answers of real traffic: nothing in them has to be read.
_PLAIN = re.compile(r"[-+]?[0-9]{1,300}(?:\.[0-9]{1,300})?")


class Decision(NamedTuple):
    """What the rules say of a pair.

    Args:
        verdict: CORRECT, WRONG or another outcome.
        ask: whether the symbolic stage may know more.
        path: the names of the rules that decided, the innermost first.
    """

    verdict: Verdict
    ask: bool = False
    path: tuple[str, ...] = ()


def equivalent(prediction: str, reference: str, *, policy: Policy = DEFAULT) -> Verdict:
    r"""Decides whether two answers are the same mathematics.

    Args:
        prediction: the policy's answer, such as the content of a box.
        reference: the reference answer; read by the same rules.
        policy: conventions that mathematics does not settle.

    Returns:
        CORRECT with score 1; WRONG, RESTATED, UNPARSEABLE, TIMEOUT, ERROR, NO_ANSWER or
        BAD_REFERENCE with score 0. The stage is `reference`, `size`, `text`, `words`, `units`,
        `tree`, `sympy` or `evaluated`.

    Example:
        >>> equivalent(r"x = 3\frac{1}{2}", "7/2").stage
        'tree'
    """
    decision = decide(prediction, reference, policy)
    verdict = decision.verdict
    if decision.ask:
        pair = Pair(prediction, reference)
        batch = deferred.current()
        if batch is not None:
            verdict = batch.verdict(pair)
        else:
            verdict = symbolic.settle([pair], symbolic.ONE)[pair]
    if policy.evaluated == "any" or verdict.outcome is not Outcome.CORRECT:
        return verdict
    return _restated(prediction, reference, policy) or verdict


# A pure function of bounded texts, as the decisions are.
@lru_cache(maxsize=1 << 14)
def _restated(prediction: str, reference: str, policy: Policy) -> Verdict | None:
    """RESTATED for an answer that is less worked out than its reference; else None."""
    if max(len(prediction), len(reference)) > policy.max_chars or _PLAIN.fullmatch(prediction):
        return None
    try:
        answers = [read_answer(spelled_out(text)) for text in (prediction, reference)]
    except UnreadableError:
        return None
    undone = left_undone(answers[0], answers[1], policy.evaluated)
    if not undone:
        return None
    return Verdict(Outcome.RESTATED, 0.0, f"equal, but {undone} is left undone", "evaluated")


def steps(prediction: str, reference: str, policy: Policy = DEFAULT) -> list[str]:
    """How a pair is decided, for people: what each side reads as, and which rules decide.

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
            answer = read_answer(spelled_out(text))
        except UnreadableError as error:
            lines.append(f"{name}: not read: {error}")
            continue
        lines.append(f"{name}: {_described(answer)}")
    decision = decide(prediction, reference, policy)
    if decision.path:
        lines.append("rules, the innermost first: " + " <- ".join(dict.fromkeys(decision.path)))
    if decision.ask:
        lines.append(f"no rule decides ({decision.verdict.reason}): sympy is asked")
    verdict = equivalent(prediction, reference, policy=policy)
    return [*lines, f"decided by {verdict.stage}: {verdict.outcome.value}, {verdict.reason}"]


def _described(answer: Answer) -> str:
    """What an answer reads as."""
    shown = " ".join(token.text for token in answer.tokens)
    readings = [answer.fault if answer.tree is None else f"a {kind_of(answer.tree)}"]
    if answer.choice is not None:
        readings.append(f"choice {''.join(sorted(answer.choice.letters)) or 'of none'}")
    if answer.time is not None:
        readings.append(f"time {answer.time.hour}:{answer.time.minute:02}{answer.time.mark}")
    if answer.meaning:
        readings.append(f"the words for {answer.meaning!r}")
    unit = f", unit {answer.unit.name!r}" if answer.unit.name else ""
    return f"{shown[:200]!r}{unit}: {' or '.join(readings)}"


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
        return _verdict(True, "text", ("the same text",))
    for name, text in (("prediction", prediction), ("reference", reference)):
        if len(text) > policy.max_chars:
            return _undecided(f"the {name} has {len(text)} characters", "size")
    return _decided(prediction, reference, policy)


# A pure function, so threads may share what it found. Groups repeat answers: four of five pairs
# of a batch are found here. Only texts of bounded length get here, so its memory is bounded too.
@lru_cache(maxsize=1 << 14)
def _decided(prediction: str, reference: str, policy: Policy) -> Decision:
    if _PLAIN.fullmatch(prediction) and _PLAIN.fullmatch(reference):
        return _verdict(Fraction(prediction) == Fraction(reference), "tree", ("two numbers",))
    try:
        left, right = read_answer(spelled_out(prediction)), read_answer(spelled_out(reference))
        decision = _compared(left, right, policy)
        if decision.verdict.outcome is not Outcome.CORRECT:
            decision = _spelled_otherwise(prediction, reference, policy) or decision
    except UnreadableError as error:
        return _undecided(str(error), "tree")
    except (ArithmeticError, LookupError, RecursionError, ValueError) as error:
        # A fault of ours on a strange text must cost one verdict, not a training run.
        _LOG.warning("comparing %.200r with %.200r failed", prediction, reference, exc_info=True)
        return _sure(Outcome.ERROR, f"{type(error).__name__}: {error}"[:300], "tree")
    if decision.ask and (not policy.symbolic or any(map(_refused, (left, right)))):
        return decision._replace(ask=False)
    return decision


def _spelled_otherwise(prediction: str, reference: str, policy: Policy) -> Decision | None:
    """`1,22` is 1.22 where the other side is a single number, and a list where it is not."""
    for text, other, swapped in ((prediction, reference, False), (reference, prediction, True)):
        for respelled in other_spellings(text, other):
            sides = (read_answer(respelled), read_answer(spelled_out(other)))
            decision = _compared(sides[swapped], sides[not swapped], policy)
            if decision.verdict.outcome is Outcome.CORRECT:
                return decision._replace(path=(*decision.path, "another spelling"))
    return None


def _refused(answer: Answer) -> bool:
    """Whether the symbolic stage is not to see an answer."""
    unread = answer.tree is None and not symbolic.is_calculus(answer.tokens)
    return unread or bool(symbolic.refusal(answer.tokens))


def _compared(left: Answer, right: Answer, policy: Policy) -> Decision:
    if not left.tokens or not right.tokens:
        return _undecided("nothing is left without punctuation", "text")
    for rule in ANSWER_TABLE:
        same = rule.decide(left, right, policy)
        if isinstance(same, bool):
            return _verdict(same, rule.stage, (rule.name,))
    behind = _behind_a_choice(left, right, policy)
    if behind is not None:
        return behind
    fault = _unit_fault(left, right, policy)
    if fault:
        return _undecided(fault, "units")
    for side in (left, right):
        if side.tree is None:
            return _undecided(side.fault, "tree")._replace(ask=True)
    decision = _by_trees(left, right, policy)
    if decision is not None:
        return decision
    return _undecided("no rule decides", "tree")._replace(ask=_may_ask(left, right))


def _behind_a_choice(left: Answer, right: Answer, policy: Policy) -> Decision | None:
    """`B) 2x` for `2x`: the text of the choice, where the other side is no choice."""
    for one, other, swapped in ((left, right, False), (right, left, True)):
        if one.choice and one.choice.rest and other.choice is None:
            rest = read_answer(spelled_out(one.choice.rest))
            sides = (other, rest) if swapped else (rest, other)
            decision = _compared(*sides, policy)
            return decision._replace(path=(*decision.path, "the text of a choice"))
    return None


def _unit_fault(left: Answer, right: Answer, policy: Policy) -> str:
    """Why the units forbid a comparison; empty where they do not."""
    one, other = left.unit, right.unit
    if one.name and other.name and one.dimensions != other.dimensions:
        return f"the units differ: {one.name!r} and {other.name!r}"
    if bool(one.name) != bool(other.name) and not policy.optional_units:
        return f"the units differ: {one.name!r} and {other.name!r}"
    for side in (left, right):
        if side.unit.name and isinstance(side.tree, Symbol):
            return "words behind a name are no unit"
    return ""


def _by_trees(left: Answer, right: Answer, policy: Policy) -> Decision | None:
    """What the table says of two trees, and of what else they may mean; None for undecided."""
    if left.tree is None or right.tree is None:
        return None
    one: Node = left.tree
    scale = left.unit.factor / right.unit.factor if left.unit.name and right.unit.name else 1
    if scale != 1:
        one = Product(((one, False), (Number(Fraction(scale)), False)))
    decision = _by_values(one, right.tree)
    if decision is not None:
        return decision
    # Sorted: the order of the sides is not to matter.
    seed = " ".join(
        sorted(" ".join(token.text for token in side.quantity) for side in (left, right))
    )
    decision = _compare(one, right.tree, seed, policy)
    if decision is not None and decision.verdict.outcome is Outcome.CORRECT:
        return decision
    if not any(t.kind == "letter" or t.text in _VARYING for t in (*left.tokens, *right.tokens)):
        return decision
    for variant in VARIANTS:
        for pair in variant.pairs(left, right):
            found = _compare(*pair, seed, policy)
            if found is not None and found.verdict.outcome is Outcome.CORRECT:
                return found._replace(path=(*found.path, variant.name))
    return decision


def _may_ask(left: Answer, right: Answer) -> bool:
    """Whether sympy may know more of two trees that no rule decides."""
    if left.tree is None or right.tree is None:
        return True
    # `0x` is 0 everywhere, yet no answer that a reader would take for 0.
    alike = symbols(left.tree) == symbols(right.tree)
    cancels = any(token.text in FUNCTIONS for token in (*left.tokens, *right.tokens))
    # What does not settle in 15 digits is beyond what sympy works out in its budget.
    settles = not (is_closed_calculus(left.tree) or is_closed_calculus(right.tree))
    return settles and (alike or cancels)


def _by_values(left: Node, right: Node) -> Decision | None:
    """Two rational values, or square roots of them, exactly; None for others."""
    for value in (exact_value, signed_square):
        one = value(left)
        other = None if one is None else value(right)
        if other is not None:
            same = one == other or is_rounding(left, right) or is_rounding(right, left)
            return _verdict(same, "tree", ("two values",))
    return None


def _compare(left: Node, right: Node, seed: str, policy: Policy) -> Decision | None:
    """Compares at a point; another prime where one has not the roots that are needed."""
    start = zlib.crc32(seed.encode("utf-8", "replace"))
    for attempt in range(_MAX_PRIMES):
        comparison = Comparison(Field(seed, start + attempt), policy, rules_for)
        try:
            decision = comparison.same(left, right)
        except NoSquareRootError:
            continue
        path = tuple(comparison.path)
        if decision is None:
            return None
        return _verdict(decision, "tree", path, comparison.digits if decision else 0)
    found = same_number(left, right)
    if found is None:
        raise UnreadableError("roots of too many different numbers")
    return _verdict(found[0], "tree", ("two values",), found[1] if found[0] else 0)


def _verdict(same: bool, stage: str, path: tuple[str, ...], digits: int = 0) -> Decision:
    if not same:
        return Decision(Verdict(Outcome.WRONG, 0.0, "not equal", stage), path=path)
    reason = "identical" if stage == "text" else f"equal to {digits} digits" if digits else "equal"
    return Decision(Verdict(Outcome.CORRECT, 1.0, reason, stage), path=path)


def _undecided(reason: str, stage: str) -> Decision:
    return _sure(Outcome.UNPARSEABLE, reason[:300], stage)


def _sure(outcome: Outcome, reason: str, stage: str) -> Decision:
    return Decision(Verdict(outcome, 0.0, reason, stage))
