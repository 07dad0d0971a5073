r"""The last stage: math-verify's sympy in a worker of the pool, for pairs that no rule decides.

Covers: which pairs it is asked, one or many at once, budgets, the warning where it cannot serve.
What can be refused at sight never reaches a worker: power towers, large factorials and
exponents, long sums and products.
Does not cover: structures, words, units and bases: math-verify takes `52_8` for `52_9` and
`[1,2]` for `(1,2)`, so it is asked about single expressions only.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from itertools import pairwise

from mindspeed_rl_ext.core.errors import MachineError
from mindspeed_rl_ext.verifiers import pool
from mindspeed_rl_ext.verifiers.equivalence.deferred import Pair
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import is_digits, words
from mindspeed_rl_ext.verifiers.pool.symbolic import available
from mindspeed_rl_ext.verifiers.pool.tasks import OK, TIMEOUT
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

_LOG = logging.getLogger(__name__)
STAGE = "sympy"

MAX_ASKED_TOKENS = 200
MAX_EXPONENT_DIGITS = 3
MAX_FACTORIAL_DIGITS = 3

# An item gets the same CPU time alone and in a batch, so that its verdict is the same.
_ITEM_CPU_S = 1.2
# CPU seconds bound all: sympy never sleeps, and on a busy machine waiting is no fault of it.
_WALL_S = 40.0
ONE = pool.Budget((_ITEM_CPU_S,), _WALL_S, _ITEM_CPU_S)
MANY = pool.Budget((0.25, _ITEM_CPU_S), _WALL_S, 10.0)
# What predictions get together that already ran out of time beside another reference.
AGAIN = pool.Budget((0.3, _ITEM_CPU_S), _WALL_S, 2.0)

# What makes an answer more than one expression, where math-verify knows less than our rules.
_STRUCTURE = words(r"""
    , ; : = < > \le \ge \ne \in \cup \cap \{ \} [ ] & \\ \pm \mp ? ... \% % \circ \approx '
    \equiv \pmod \forall
    \Rightarrow \wedge \vee \neg""")
# What math-verify reads over: a derivative would be its function, a vector a number.
_DROPPED = words(r"""
    ' \vec \dot \ddot \hat \bar \tilde \widehat \overrightarrow \overline \partial \nabla \mathring
    \underline \acute \grave \check ...""")
_SLOW = words(r"\int \iint \oint \sum \prod \lim")

_warn_lock = threading.Lock()
_warned = threading.Event()


def refusal(found: Sequence[Token]) -> str:
    """Why an answer never reaches a worker; empty where it may.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import tokens
        >>> refusal(tokens("9^{9^9}")), refusal(tokens("x^2"))
        ('a tower of powers', '')
    """
    if len(found) > MAX_ASKED_TOKENS:
        return f"more than {MAX_ASKED_TOKENS} tokens"
    texts = [token.text for token in found]
    if any(text in _DROPPED for text in texts) or any(t.kind == "cross" for t in found):
        return "a prime, an accent or a vector, which math-verify drops"
    if any(token.kind in ("text", "word") for token in found):
        return "words inside mathematics"
    texts = _without_bounds(texts)
    if any(text in _STRUCTURE or text.startswith((r"\begin", r"\end")) for text in texts):
        return "more than one expression"
    return _tower(texts) or _factorial(found) or _based(found)


def _without_bounds(texts: Sequence[str]) -> list[str]:
    r"""Without the sign of `\sum_{k=1}`: it makes no equation."""
    return [
        text
        for i, text in enumerate(texts)
        if not (text == "=" and i > 2 and list(texts[i - 3 : i - 1]) == ["_", "{"])
    ]


def is_calculus(found: Sequence[Token]) -> bool:
    """Whether an answer that our reader does not read is one that sympy may work out.

    Anything else unread is ambiguous, such as `1/2x`, and nobody may guess it.
    """
    texts = [token.text for token in found]
    if any(text.startswith("\\int") for text in texts):
        if (r"\int", "_") not in pairwise(texts):
            return False  # without ends it is a family of functions
        return any(token == Token("letter", "d") for token in found)
    return any(text in _SLOW for text in texts)


def _tower(texts: Sequence[str]) -> str:
    """Exponents inside exponents, `**`, exponents of many digits."""
    exponents: list[bool] = []  # for each open brace, whether it or one around it is an exponent
    for before, text in zip(["", *texts], texts, strict=False):
        inside = bool(exponents) and exponents[-1]
        if text == "{":
            exponents.append(inside or before == "^")
        elif text == "}" and exponents:
            exponents.pop()
        elif text == "^" and inside and (before in (")", "}") or is_digits(before[:1])):
            return "a tower of powers"
        elif text == "*" and before == "*":
            return "** is no sign of mathematics"
        long = is_digits(text.replace(".", "")) and len(text) > MAX_EXPONENT_DIGITS
        if long and (inside or before == "^"):
            return "an exponent too large to work out"
    chained = [i for i, text in enumerate(texts) if text == "^"]
    if any(b - a == 2 for a, b in pairwise(chained)):
        return "a tower of powers"
    return ""


def _factorial(found: Sequence[Token]) -> str:
    for before, token in pairwise(found):
        if token.text == "!" and before.kind not in ("number", "letter"):
            return "a factorial of more than a number"
        if token.text == "!" and len(before.text) > MAX_FACTORIAL_DIGITS:
            return "a factorial too large to work out"
    large = any(t.kind == "number" and len(t.text) > MAX_FACTORIAL_DIGITS for t in found)
    if large and any(t.text in (r"\binom", r"\sum", r"\prod") for t in found):
        return "a sum, product or binomial too large to work out"
    return ""


def _based(found: Sequence[Token]) -> str:
    for before, token in pairwise(found):
        if token.text == "_" and before.kind == "number":
            return "a numeral with a base"
    return ""


def prepare() -> None:
    """Starts what `settle` will need while other work goes on."""
    if not available():
        pool.start()


def settle(pairs: Iterable[Pair], budget: pool.Budget) -> dict[Pair, Verdict]:
    """Compares pairs in workers; those with integrals, sums and limits come last.

    Args:
        pairs: distinct ones.
        budget: CPU seconds of one and of all; a lone pair has ONE's, which ends within 2.5 s.
    """
    wanted = sorted(pairs, key=_slowness)
    if not wanted:
        return {}
    reason = available()
    if reason:
        _warn_once(reason)
        return {pair: _undecided(f"no rule decides, and {reason}") for pair in wanted}
    try:
        return _rounds(wanted, ONE if len(wanted) == 1 else budget)
    except MachineError as error:
        _warn_once(error.what)
        return {pair: Verdict(Outcome.ERROR, 0.0, error.what, STAGE) for pair in wanted}


def _slowness(pair: Pair) -> tuple[int, int]:
    """Calculus last and the simpler first: what hangs is rarely the short one."""
    text = "".join(pair)
    kinds = (r"\lim" in text, any(word in text for word in _SLOW - {r"\lim"}))
    return kinds[0] + 2 * kinds[1], len(text)


def _rounds(wanted: Sequence[Pair], budget: pool.Budget) -> dict[Pair, Verdict]:
    """One pair of each prediction first: one that hangs must not spend the budget of the rest."""
    first = {pair.prediction: pair for pair in reversed(wanted)}
    found = _compared([pair for pair in wanted if first[pair.prediction] is pair], budget)
    hung = {pair.prediction for pair, one in found.items() if one.outcome is Outcome.TIMEOUT}
    rest = [pair for pair in wanted if pair not in found]
    found |= _compared([pair for pair in rest if pair.prediction not in hung], budget)
    return found | _compared([pair for pair in rest if pair.prediction in hung], AGAIN)


def _compared(pairs: Sequence[Pair], budget: pool.Budget) -> dict[Pair, Verdict]:
    if not pairs:
        return {}
    replies = pool.run([pool.Task("equivalent", pair._asdict()) for pair in pairs], budget)
    return {pair: _verdict(reply) for pair, reply in zip(pairs, replies, strict=True)}


def _verdict(reply: pool.Reply) -> Verdict:
    if reply.status == TIMEOUT:
        return Verdict(Outcome.TIMEOUT, 0.0, reply.reason, STAGE)
    if reply.status != OK or reply.value is None:
        return _undecided(f"math-verify cannot read it {reply.reason}".strip())
    if reply.value:
        return Verdict(Outcome.CORRECT, 1.0, "equal", STAGE)
    return Verdict(Outcome.WRONG, 0.0, "not equal", STAGE)


def _undecided(reason: str) -> Verdict:
    return Verdict(Outcome.UNPARSEABLE, 0.0, reason[:300], STAGE)


def _warn_once(reason: str) -> None:
    with _warn_lock:
        if _warned.is_set():
            return
        _warned.set()
    _LOG.warning(
        "%s: answers that no rule decides score as wrong and are counted as UNPARSEABLE. "
        'Remedy: pip install "mindspeed-rl-ext[verify]". Said once.',
        reason,
    )
