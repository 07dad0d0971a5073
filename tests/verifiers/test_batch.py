"""A batch ends whatever a verifier does, and calls a verifier again only for what sympy decides."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable

import pytest

from mindspeed_rl_ext import verifier
from mindspeed_rl_ext.verifiers import Outcome, Verdict, equivalent, score
from mindspeed_rl_ext.verifiers.equivalence import symbolic
from mindspeed_rl_ext.verifiers.equivalence.deferred import Pair
from mindspeed_rl_ext.verifiers.running import batch


def undecided(number: int) -> Verdict:
    """A comparison that no rule decides; sin(kx)/x tends to k."""
    return equivalent(rf"\lim_{{x \to 0}} \frac{{\sin {number}x}}{{x}}", str(number))


def register(function: Callable[..., object]) -> str:
    name = f"b_{uuid.uuid4().hex}"
    verifier(name, levels=(1.0, -1.0))(function)  # type: ignore[arg-type]
    return name


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[Pair]:
    """Settles every pair at once, so that no worker is needed; keeps what was asked."""
    asked: list[Pair] = []

    def settle(pairs: list[Pair], budget: object) -> dict[Pair, Verdict]:
        asked.extend(pairs)
        return {pair: Verdict(Outcome.CORRECT, 1.0, "equal", "sympy") for pair in pairs}

    monkeypatch.setattr(symbolic, "settle", settle)
    monkeypatch.setattr(symbolic, "prepare", lambda: None)
    return asked


def test_a_verifier_that_draws_what_it_compares_ends_as_an_error(settled: list[Pair]) -> None:
    def drawing(response: str) -> Verdict:
        return undecided(random.randrange(10**9))

    name = register(drawing)
    verdicts = score(["a", "b"], verifiers=[name]).verdicts[name]
    assert [(v.outcome, v.score, v.stage) for v in verdicts] == [(Outcome.ERROR, -1.0, "calls")] * 2
    assert "differ from call to call" in verdicts[0].reason
    assert len(settled) <= 2 * batch.MAX_CHANGES + 2


def test_a_verifier_that_asks_for_one_more_at_each_call_ends_too(
    settled: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_CALLS", 7)
    counter = itertools.count(1)

    def growing(response: str) -> float:
        for number in range(1, next(counter) + 1):
            undecided(number)
        return 1.0

    name = register(growing)
    (verdict,) = score(["a"], verifiers=[name]).verdicts[name]
    assert (verdict.outcome, verdict.stage) == (Outcome.ERROR, "calls")
    assert len(settled) == 6  # what the seventh call asks for is not settled any more


def test_many_comparisons_in_a_fixed_order_are_all_settled(settled: list[Pair]) -> None:
    def patient(response: str) -> float:
        return float(all(undecided(n).outcome is Outcome.CORRECT for n in range(1, 31)))

    assert score(["a", "b"], verifiers=[register(patient)]).rewards == [1.0, 1.0]
    assert len(settled) == 30  # a pair that two responses share is settled once


def test_an_error_of_one_response_leaves_its_neighbours_alone(settled: list[Pair]) -> None:
    def moody(response: str) -> Verdict:
        return undecided(random.randrange(10**9) if response == "drawn" else 3)

    name = register(moody)
    verdicts = score(["fixed", "drawn", "other"], verifiers=[name]).verdicts[name]
    assert [v.outcome.value for v in verdicts] == ["CORRECT", "ERROR", "CORRECT"]
