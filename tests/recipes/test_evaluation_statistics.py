"""Estimates against brute force: pass@k, intervals, votes."""

from __future__ import annotations

import math
import random
from collections import Counter
from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.recipes.evaluation.figures.statistics import (
    BOOTSTRAP,
    WIDEST,
    WILSON,
    bootstrap,
    estimate,
    ks_up_to,
    pass_at_k,
    percentiles,
    wilson,
)
from mindspeed_rl_ext.recipes.evaluation.figures.voting import vote

Z = 1.959963984540054


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_pass_at_k_is_the_share_of_draws_that_hold_a_right_one(right, data):
    k = data.draw(st.integers(1, len(right)))
    draws = list(combinations(right, k))
    expected = sum(any(draw) for draw in draws) / len(draws)
    assert pass_at_k(len(right), sum(right), k) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("n", "correct", "k"), [(4, 5, 1), (4, -1, 1), (4, 1, 0), (4, 1, 5)])
def test_pass_at_k_refuses_what_cannot_be_drawn(n, correct, k):
    with pytest.raises(ValueError, match="n="):
        pass_at_k(n, correct, k)


@given(st.integers(1, 2000), st.data())
def test_an_end_of_the_wilson_interval_is_z_standard_errors_from_the_proportion(trials, data):
    hits = data.draw(st.integers(0, trials))
    low, high = wilson(hits, trials)
    share = hits / trials
    assert 0 <= low <= share <= high <= 1
    for end in (low, high):
        # The definition: at its ends a score test is just rejected, with the end's own variance.
        distance = Z * math.sqrt(end * (1 - end) / trials)
        if 0 < end < 1:
            assert abs(share - end) == pytest.approx(distance, abs=1e-9)
        else:
            assert end == share


def test_the_wilson_interval_of_a_published_example():
    # Newcombe 1998, table I: 81 of 263 and 1 of 29.
    assert [round(x, 4) for x in wilson(81, 263)] == [0.2553, 0.3662]
    assert [round(x, 4) for x in wilson(1, 29)] == [0.0061, 0.1718]


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=3, max_size=5))
def test_the_bootstrap_comes_near_the_quantiles_of_all_resamples(values):
    means = sorted(sum(draw) / len(values) for draw in product(values, repeat=len(values)))
    low, high = bootstrap(values)
    last = len(means) - 1
    # 2000 draws know the 2.5th percentile to about 1 in 100.
    assert means[int(0.01 * last)] - 1e-9 <= low <= means[math.ceil(0.04 * last)] + 1e-9
    assert means[int(0.96 * last)] - 1e-9 <= high <= means[math.ceil(0.99 * last)] + 1e-9
    assert (low, high) == bootstrap(values)


def test_the_method_follows_the_values():
    assert estimate([0.0, 1.0, 1.0]).method == WILSON
    few = estimate([0.0, 0.5, 1.0])
    assert (few.value, few.method) == (0.5, WIDEST)
    many = estimate([0.0, 0.5, 1.0] * 4)
    assert (many.value, many.method) == (0.5, BOOTSTRAP)


@given(st.integers(1, 60), st.fractions(0, 1, max_denominator=16))
def test_equal_values_have_the_interval_of_a_proportion_never_a_point(problems, share):
    found = estimate([float(share)] * problems)
    assert found.low <= found.value <= found.high
    assert found.high - found.low > 0.05
    # At its ends a score test is just rejected, with the most variance that such a mean can have.
    for end in (found.low, found.high):
        if 0 < end < 1:
            distance = Z * math.sqrt(end * (1 - end) / problems)
            assert abs(found.value - end) == pytest.approx(distance, abs=1e-9)


@given(st.lists(st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]), min_size=1, max_size=40))
def test_an_interval_holds_its_value_and_has_a_width(values):
    found = estimate(values)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
    assert found.low < found.high


@pytest.mark.parametrize(
    ("problems", "samples", "low", "high"),
    [(1, 3, 0.5, 0.5), (3, 4, 0.1, 0.9), (8, 2, 0.5, 0.5), (30, 2, 0.5, 0.5), (30, 4, 0.1, 0.9)],
)
def test_intervals_hold_the_true_mean_as_often_as_they_say(problems, samples, low, high):
    """Problems from a uniform distribution of difficulties, responses right with that chance."""
    rng = random.Random(0)
    held, rounds = 0, 200
    for _ in range(rounds):
        chances = [rng.uniform(low, high) for _ in range(problems)]
        values = [sum(rng.random() < p for _ in range(samples)) / samples for p in chances]
        found = estimate(values)
        held += found.low <= (low + high) / 2 <= found.high
    # 2.5 standard errors of 200 rounds below 95 %, less the bootstrap's own lack at 30 problems.
    assert held / rounds >= 0.90


def test_the_bootstrap_keeps_responses_to_a_problem_together():
    # 40 problems with 8 samples that all agree know no more than 40 responses.
    alike = [0.0] * 20 + [1.0] * 20
    low, high = bootstrap(alike)
    as_if_independent = wilson(160, 320)
    assert high - low > 2 * (as_if_independent[1] - as_if_independent[0])


@given(st.integers(1, 300))
def test_the_ks_end_with_n(n):
    ks = ks_up_to(n)
    assert ks[0] == 1
    assert ks[-1] == n
    assert ks == sorted(set(ks))
    assert all(k == n or k & (k - 1) == 0 for k in ks)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30))
def test_percentiles_lie_between_neighbours(values):
    found = percentiles(values, [50, 90])
    ordered = sorted(values)
    for name, q in (("p50", 0.5), ("p90", 0.9)):
        place = q * (len(values) - 1)
        assert ordered[math.floor(place)] <= found[name] <= ordered[math.ceil(place)]


SPELLINGS = {
    Fraction(1, 2): ["1/2", "0.5", r"\frac{1}{2}", r"\frac{2}{4}"],
    Fraction(3): ["3", "3.0", r"\frac{6}{2}"],
    Fraction(-2): ["-2", "-2.00"],
}


@given(st.lists(st.sampled_from([*SPELLINGS, None]), max_size=8), st.data())
def test_a_vote_counts_values_not_spellings(values, data):
    reference = data.draw(st.sampled_from(list(SPELLINGS)))
    answers = [v and data.draw(st.sampled_from(SPELLINGS[v])) for v in values]
    result = vote(answers, [v == reference for v in values])
    counts = Counter(v for v in values if v is not None)
    most = max(counts.values(), default=0)
    winners = [v for v, n in counts.items() if n == most]
    assert result.votes == most
    assert result.tied == len(winners)
    expected = Fraction(winners.count(reference), len(winners)) if winners else Fraction(0)
    assert result.value == pytest.approx(float(expected))


def test_a_tie_is_worth_what_drawing_one_of_the_tied_would_be():
    assert vote(["1", "2", "3", "3", "2"], [False, True, False, False, True]).value == 0.5


def test_responses_without_an_answer_have_no_vote():
    result = vote([None, "", None], [False, False, False])
    assert (result.value, result.tied) == (0.0, 0)


def test_intervals_are_those_of_scipy_where_scipy_has_them():
    stats = pytest.importorskip("scipy.stats", reason="scipy is there to compare with, if at all")
    for trials in (1, 2, 7, 30, 500):
        for hits in range(0, trials + 1, max(1, trials // 7)):
            theirs = stats.binomtest(hits, trials).proportion_ci(method="wilson")
            assert wilson(hits, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    values = [n % 5 / 4 for n in range(200)]
    theirs = stats.bootstrap((values,), lambda v, axis: v.mean(axis=axis), method="percentile")
    interval = theirs.confidence_interval
    assert bootstrap(values) == pytest.approx((interval.low, interval.high), abs=0.01)
