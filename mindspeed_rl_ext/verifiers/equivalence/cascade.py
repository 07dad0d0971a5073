r"""The cascade: identical text, words, then the same tree of exact values. Each stage is bounded.

Covers: the order of the stages, units, what undecided means.
Does not cover: calculus, identities of functions, solving. Such pairs are UNPARSEABLE: counted,
warned of once, never guessed. A later stage may take them from here.

Example:
    >>> equivalent(r"\frac{2}{4}", "0.5").outcome.value, equivalent("x+1", "x+2").outcome.value
    ('CORRECT', 'WRONG')
"""

from __future__ import annotations

import logging
import threading
import zlib

from mindspeed_rl_ext.verifiers.equivalence.compare import Comparison
from mindspeed_rl_ext.verifiers.equivalence.field import Field, NoSquareRootError
from mindspeed_rl_ext.verifiers.equivalence.lexer import Token, tokens
from mindspeed_rl_ext.verifiers.equivalence.policy import DEFAULT, Policy
from mindspeed_rl_ext.verifiers.equivalence.reader import read
from mindspeed_rl_ext.verifiers.equivalence.tree import Node, Symbol, UnreadableError
from mindspeed_rl_ext.verifiers.equivalence.words import compare_words, measured
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

_LOG = logging.getLogger(__name__)
_MAX_PRIMES = 64

# One warning a process, whichever thread comes first.
_warn_lock = threading.Lock()
_warned = threading.Event()


def equivalent(prediction: str, reference: str, *, policy: Policy = DEFAULT) -> Verdict:
    r"""Decides whether two answers are the same mathematics.

    Args:
        prediction: the policy's answer, such as the content of a box.
        reference: the reference answer; read by the same rules.
        policy: conventions that mathematics does not settle.

    Returns:
        CORRECT with score 1; WRONG, UNPARSEABLE, NO_ANSWER or BAD_REFERENCE with score 0. The
        stage is `reference`, `size`, `text`, `words`, `units` or `tree`.

    Example:
        >>> equivalent(r"x = 3\frac{1}{2}", "7/2").stage
        'tree'
    """
    if not reference.strip():
        return Verdict(Outcome.BAD_REFERENCE, 0.0, "the reference answer is empty", "reference")
    if not prediction.strip():
        return Verdict(Outcome.NO_ANSWER, 0.0, "the answer is empty", "text")
    for name, text in (("prediction", prediction), ("reference", reference)):
        if len(text) > policy.max_chars:
            return _undecided(f"the {name} has {len(text)} characters", "size")
    if prediction.split() == reference.split():
        return Verdict(Outcome.CORRECT, 1.0, "identical text", "text")
    try:
        return _judge(tokens(prediction), tokens(reference), policy)
    except UnreadableError as error:
        return _undecided(str(error), "tree")


def _judge(left: list[Token], right: list[Token], policy: Policy) -> Verdict:
    if not left or not right:
        return _undecided("nothing is left without punctuation", "text")
    if left == right:
        return Verdict(Outcome.CORRECT, 1.0, "identical normalised text", "text")
    same_words = compare_words(left, right, policy)
    if same_words is not None:
        return _said(same_words, "words")
    one, two = measured(left), measured(right)
    units = {one.unit, two.unit} - {""}
    if len(units) > 1 or (units and one.unit != two.unit and not policy.optional_units):
        return _undecided(f"the units differ: {one.unit!r} and {two.unit!r}", "units")
    trees = read(one.tokens), read(two.tokens)
    if any(
        side.unit and isinstance(tree, Symbol) for side, tree in zip((one, two), trees, strict=True)
    ):
        return _undecided("words behind a name are no unit", "units")
    said = _compare(*trees, one.tokens + two.tokens, policy)
    if said is None:
        return _undecided("no rule of this version decides", "tree")
    return _said(said, "tree")


def _compare(left: Node, right: Node, both: list[Token], policy: Policy) -> bool | None:
    """Compares at a point; another prime where one has not the roots that are needed."""
    text = " ".join(token.text for token in both)
    start = zlib.crc32(text.encode("utf-8", "replace"))
    for attempt in range(_MAX_PRIMES):
        fields = [Field(f"{point} {text}", start + attempt) for point in ("first", "second")]
        try:
            return Comparison((fields[0], fields[1]), policy).same(left, right)
        except NoSquareRootError:
            continue
    raise UnreadableError("roots of too many different numbers")


def _said(same: bool, stage: str) -> Verdict:
    if same:
        return Verdict(Outcome.CORRECT, 1.0, "equal", stage)
    return Verdict(Outcome.WRONG, 0.0, "not equal", stage)


def _undecided(reason: str, stage: str) -> Verdict:
    with _warn_lock:
        if not _warned.is_set():
            _warned.set()
            _LOG.warning(
                "a pair of answers was not decided (%s); such pairs score as wrong and are counted "
                "as UNPARSEABLE. This version has no symbolic stage. Said once.",
                reason,
            )
    return Verdict(Outcome.UNPARSEABLE, 0.0, reason, stage)
