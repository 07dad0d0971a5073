"""The last stage: math-verify's sympy comparison, inside a worker that can be killed.

Covers: which versions serve, one comparison. Does not cover: which pairs get here, nor time; the
cascade and the pool decide those. math-verify's own timeouts are off: they need signals.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

OLDEST = (0, 8)
# math-verify has a grammar for each of these; with any other its import fails.
ANTLR = "antlr4-python3-runtime"
ANTLR_SERVED = ("4.9.3", "4.11.", "4.13.2")
# sympy imports its calculus when it first needs it: a worker should not spend its budget on that.
_WARMING = (
    ("x+1", "1+x"),
    (r"\lim_{x \to 0} \frac{\sin x}{x}", "1"),
    (r"\sec^2(y)", r"\tan^2(y)+1"),
)


def available() -> str:
    """Empty where math-verify can serve; else why it cannot. Reads metadata, imports nothing."""
    try:
        found = version("math-verify")
    except PackageNotFoundError:
        return "math-verify is not installed"
    numbers = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        return f"math-verify {found} is older than 0.8"
    try:
        antlr = version(ANTLR)
    except PackageNotFoundError:
        return f"{ANTLR}, which math-verify needs, is not installed"
    if not antlr.startswith(ANTLR_SERVED):
        return f"math-verify does not run with {ANTLR} {antlr}"
    return ""


def preload() -> None:
    """Imports sympy and the parser, so that forked workers have them, and warms both."""
    if available():
        return
    for prediction, reference in _WARMING:
        equivalent(prediction, reference)


def probe() -> str:
    """What `available` says inside a worker."""
    return available()


def equivalent(prediction: str, reference: str) -> bool | None:
    """Whether math-verify takes two answers for the same; None where it cannot read one of them.

    Args:
        prediction: the policy's answer, without box and dollar signs.
        reference: the reference answer.
    """
    from math_verify import verify

    gold, predicted = _parsed(reference), _parsed(prediction)
    # Only the text itself was understood: that is no reading of mathematics.
    if not any(not isinstance(one, str) for one in gold):
        return None
    if not any(not isinstance(one, str) for one in predicted):
        return None
    gold = [one for one in gold if not isinstance(one, str)]
    predicted = [one for one in predicted if not isinstance(one, str)]
    return bool(verify(gold, predicted, strict=True, timeout_seconds=None))


# A pure function of its argument; a worker does one task at a time.
@lru_cache(maxsize=512)
def _parsed(text: str) -> list[object]:
    from math_verify import LatexExtractionConfig, parse

    found = parse(f"${text}$", extraction_config=[LatexExtractionConfig()], parsing_timeout=None)
    return list(found)
