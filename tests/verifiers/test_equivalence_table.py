"""The tables of rules: every rule decides its own examples, both ways, and says so."""

from __future__ import annotations

import pytest

from mindspeed_rl_ext.verifiers import Outcome, Policy, equivalent
from mindspeed_rl_ext.verifiers.equivalence.cascade import decide, steps
from mindspeed_rl_ext.verifiers.equivalence.rules.answers import ANSWER_TABLE
from mindspeed_rl_ext.verifiers.equivalence.rules.kinds import ALL
from mindspeed_rl_ext.verifiers.equivalence.rules.table import TABLE, rules_for
from mindspeed_rl_ext.verifiers.equivalence.rules.variants import VARIANTS

EXAMPLES = [
    pytest.param(rule.name, *example, id=f"{rule.name}: {example[0]} / {example[1]}")
    for rule in (*ANSWER_TABLE, *TABLE, *VARIANTS)
    for example in rule.examples
]
ANY = Policy(evaluated="any")


@pytest.mark.parametrize(("rule", "prediction", "reference", "accepted"), EXAMPLES)
def test_an_example_of_a_rule_is_decided_as_it_says(
    rule: str, prediction: str, reference: str, accepted: bool
) -> None:
    for pair in ((prediction, reference), (reference, prediction)):
        assert (equivalent(*pair, policy=ANY).outcome is Outcome.CORRECT) == accepted
    if accepted:
        assert rule in decide(prediction, reference, ANY).path


def test_every_rule_has_an_example_and_a_name_of_its_own() -> None:
    rules = (*ANSWER_TABLE, *TABLE, *VARIANTS)
    assert all(rule.examples for rule in rules)
    assert len({rule.name for rule in rules}) == len(rules)


def test_every_two_kinds_that_may_meet_are_looked_up_alike_from_both_sides() -> None:
    for left in ALL:
        for right in ALL:
            there, back = rules_for(left, right), rules_for(right, left)
            assert [name for name, _, _ in there] == [name for name, _, _ in back]


def test_the_path_of_a_decision_is_shown_to_people() -> None:
    lines = steps("x = 2, 1", "1, 2", ANY)
    assert any("items in any order" in line and "a relation and what" in line for line in lines)
