"""What a verifier declares is what it does: the parts it reads, whether it judges the answer."""

from __future__ import annotations

import uuid

import pytest

from mindspeed_rl_ext import verifier
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.response_parts import (
    ANSWER_LINE,
    ANSWER_TAG,
    BOX,
    HASH_LINE,
    PARTS,
    THINK_TAG,
    alternatives,
    describe_condition,
    unmet_conditions,
)
from mindspeed_rl_ext.verifiers import registry_names, resolve
from mindspeed_rl_ext.verifiers.registry import find_verifier, verifier_named

BUILT_IN = [n for n in registry_names() if ".builtin." in verifier_named(n).function.__module__]
ANSWERS = {"countdown": ("44-43+48", '{"target":49,"numbers":[44,43,48]}')}
PROMPT = "A conversation. <think> reasoning process here </think> <answer> answer here </answer>"
WITH_SWITCHES = [*BUILT_IN, "dapo(boxed=True)"]


def response_with(parts: set[str], answer: str) -> str:
    """A response that has exactly these parts; without any it is one line of prose."""
    text = rf"\boxed{{{answer}}}" if BOX in parts else answer
    if ANSWER_LINE in parts:
        text = f"Answer: {text}"
    if HASH_LINE in parts:
        text = f"#### {text}"
    if ANSWER_TAG in parts:
        text = f"<answer>{text}</answer>"
    if THINK_TAG in parts:
        text = f"<think>let me see</think> {text}"
    return text


def score_of(spec: str, parts: set[str], *, right: bool = True) -> float:
    bound = resolve(spec)
    answer, reference = ANSWERS.get(bound.name, ("42", "42"))
    columns = {"answer": reference, "prompt": PROMPT, "num_tokens": 3}
    response = response_with(parts, answer if right else "41")
    return bound(response, **{need: columns[need] for need in bound.needs}).score


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_declares_all_of_it(name: str) -> None:
    found = verifier_named(name)
    assert found.reads is not None
    assert found.judges_answer is not None
    assert found.judges_format is not None
    assert found.summary.zh != found.summary.en


@pytest.mark.parametrize("spec", WITH_SWITCHES)
def test_a_response_with_the_declared_parts_is_paid(spec: str) -> None:
    reads = resolve(spec).reads or ()
    for chosen in alternatives(reads[0]) if reads else ("",):
        parts = {chosen, *(alternatives(one)[0] for one in reads[1:])}
        assert score_of(spec, parts) == max(resolve(spec).verifier.levels)


@pytest.mark.parametrize("spec", WITH_SWITCHES)
def test_a_response_that_lacks_one_declared_part_is_not_paid(spec: str) -> None:
    reads = [one for one in resolve(spec).reads or () if one != "prose"]
    for left_out in reads:
        parts = {alternatives(one)[0] for one in reads if one != left_out}
        assert score_of(spec, parts) < max(resolve(spec).verifier.levels), left_out


@pytest.mark.parametrize("spec", WITH_SWITCHES)
def test_a_wrong_answer_costs_exactly_where_the_answer_is_judged(spec: str) -> None:
    parts = {alternatives(one)[0] for one in resolve(spec).reads or ()}
    same = score_of(spec, parts) == score_of(spec, parts, right=False)
    assert same is not resolve(spec).verifier.judges_answer


def test_what_a_user_does_not_declare_is_unknown() -> None:
    name = f"v_{uuid.uuid4().hex}"
    verifier(name)(lambda response: 0.0)
    found = find_verifier(f"{name}()")
    assert found is not None
    assert (found.reads, found.judges_answer, found.judges_format) == (None, None, None)


def test_a_verifier_that_reads_nothing_judges_no_format() -> None:
    name = f"v_{uuid.uuid4().hex}"
    verifier(name, reads=(), judges_answer=False)(lambda response: 0.0)
    assert verifier_named(name).judges_format is False


def test_an_unknown_part_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean answer_line"):
        verifier(f"v_{uuid.uuid4().hex}", reads=("box|answr_line",))(lambda response: 0.0)


def test_a_switch_that_is_none_of_the_parameters_is_refused() -> None:
    def own(response: str, *, limit: int = 3, boxed: bool = False) -> float:
        return 0.0

    for switch in ("boxd", "limit"):
        with pytest.raises(InputError, match="reads_with"):
            verifier(f"v_{uuid.uuid4().hex}", reads_with={switch: ("box",)})(own)


def test_a_spec_that_names_none_of_ours_is_none() -> None:
    assert [find_verifier(text) for text in ("acc", "", "a(", None, 3)] == [None] * 5


@pytest.mark.parametrize(
    ("reads", "asked", "unmet"),
    [
        (("think_tag", "answer_tag"), {"box"}, ("think_tag", "answer_tag")),
        (("answer_line|box",), {"box"}, ()),
        (("answer_line|box",), set(), ("answer_line|box",)),
        # Whatever a prompt asks, it asks for an answer.
        (("prose",), set(), ()),
        ((), set(), ()),
    ],
)
def test_conditions_that_a_prompt_does_not_ask_for(
    reads: tuple[str, ...], asked: set[str], unmet: tuple[str, ...]
) -> None:
    assert unmet_conditions(reads, asked) == unmet


def test_every_part_has_a_text_in_both_languages() -> None:
    for name, text in PARTS.items():
        assert text.en, name
        assert text.zh, name
    assert describe_condition("answer_line|box", "zh") == r"最后一行 `Answer: ...`或\boxed{}"
