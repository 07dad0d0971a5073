"""Reference answers out of every kind of column: one text, one extraction."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.answers import (
    AnswerFault,
    NoAnswerError,
    canonical_text,
    extract_label,
    parse_extractor,
)
from mindspeed_rl_ext.preprocess.record import Reason, RejectError

SOLUTION = "Add them.\nSo we get \\boxed{3} or rather \\boxed{\\frac{1}{\\sqrt{2}}}."


@pytest.mark.parametrize(
    ("raw", "text", "found_by"),
    [
        ("6*12 = <<6*12=72>>72\n#### 72", "72", "gsm8k"),
        ("many\n#### 1,234,567", "1234567", "gsm8k"),
        ("owed\n#### -1,000.50", "-1000.50", "gsm8k"),
        ("cost\n#### $1,200", "$1200", "gsm8k"),
        ("pair\n#### 1,2", "1,2", "gsm8k"),
        (SOLUTION, "\\frac{1}{\\sqrt{2}}", "boxed"),
        ("#### Step 1\nadd\n#### Step 2\n\\boxed{5}\ndone", "5", "boxed"),
        ("  x^2 + 1 ", "x^2 + 1", "raw"),
        ('{"target": 49, "numbers": [44, 5]}', '{"target": 49, "numbers": [44, 5]}', "raw"),
        (72, "72", "value"),
        (72.0, "72", "value"),
        (0.5, "0.5", "value"),
        (True, "true", "value"),
        ([1, 2.0, "x"], '[1,2,"x"]', "value"),
        ({"target": 49, "numbers": [44, 5]}, '{"numbers":[44,5],"target":49}', "value"),
        ({"ground_truth": "34", "style": "rule"}, "34", "raw"),
        ({"ground_truth": 34.0, "style": "rule"}, "34", "value"),
        ({"ground_truth": {"target": 4}, "style": "rule"}, '{"target":4}', "value"),
        (["42"], "42", "raw"),
        ([{"role": "assistant", "content": "x\n#### 42"}], "42", "gsm8k"),
    ],
)
def test_auto_finds_the_answer(raw: object, text: str, found_by: str) -> None:
    label = extract_label(raw, parse_extractor("auto"))
    assert (label.text, label.found_by) == (text, found_by)


@pytest.mark.parametrize(
    ("extractor", "raw", "text"),
    [
        ("none", SOLUTION, SOLUTION),
        ("gsm8k", "#### 5\nthat is all", "5"),
        ("boxed", SOLUTION, "\\frac{1}{\\sqrt{2}}"),
        ("last-number", "from 3 to 1,250 apples", "1250"),
        ("regex:ANSWER[:] (.+)", "ANSWER: 4\nANSWER: 5", "5"),
        (r"regex:\d+", "1 then 22", "22"),
        ("gsm8k", 72, "72"),
    ],
)
def test_a_named_extractor_takes_its_own(extractor: str, raw: object, text: str) -> None:
    assert extract_label(raw, parse_extractor(extractor)).text == text


@pytest.mark.parametrize(
    ("extractor", "raw", "fault"),
    [
        ("auto", None, AnswerFault.MISSING),
        ("auto", {"ground_truth": None}, AnswerFault.MISSING),
        ("auto", "", AnswerFault.EMPTY),
        ("auto", " \n", AnswerFault.EMPTY),
        ("auto", "so\n####", AnswerFault.EMPTY),
        ("auto", "so\n\\boxed{}", AnswerFault.EMPTY),
        ("auto", [], AnswerFault.EMPTY),
        ("auto", {}, AnswerFault.EMPTY),
        ("auto", math.nan, AnswerFault.UNUSABLE),
        ("auto", [1, math.inf], AnswerFault.UNUSABLE),
        ("auto", [object()], AnswerFault.UNUSABLE),
        ("auto", "several lines\nwithout a mark", AnswerFault.NOT_FOUND),
        ("auto", "x" * 300, AnswerFault.NOT_FOUND),
        ("auto", "\\boxed{never closed", AnswerFault.NOT_FOUND),
        ("gsm8k", "72", AnswerFault.NOT_FOUND),
        ("boxed", "72", AnswerFault.NOT_FOUND),
        ("last-number", "none", AnswerFault.NOT_FOUND),
        ("regex:x(y)?", "x", AnswerFault.EMPTY),
        ("regex:z", "x", AnswerFault.NOT_FOUND),
    ],
)
def test_what_is_no_answer_is_rejected_with_its_reason(
    extractor: str, raw: object, fault: AnswerFault
) -> None:
    with pytest.raises(NoAnswerError) as caught:
        extract_label(raw, parse_extractor(extractor))
    assert caught.value.fault is fault


def test_a_pattern_that_backtracks_for_ever_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("regex", reason="extra [data] is not installed")
    monkeypatch.setattr("mindspeed_rl_ext.core.responses.answers.REGEX_TIMEOUT_S", 0.05)
    with pytest.raises(NoAnswerError) as caught:
        extract_label("a" * 40 + "!", parse_extractor(r"regex:(a|aa|a{1,9})+(?<!!)$"))
    assert caught.value.fault is AnswerFault.TIMEOUT


def test_a_pattern_that_does_not_compile_is_refused() -> None:
    with pytest.raises(InputError, match="does not compile"):
        parse_extractor("regex:(")


def test_an_unknown_extractor_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean gsm8k"):
        parse_extractor("gsm8")


@given(st.text(max_size=200), st.integers(-(10**12), 10**12))
def test_the_gsm8k_number_comes_back_with_or_without_commas(before: str, number: int) -> None:
    for written in (str(number), f"{number:,}"):
        label = extract_label(f"{before}\n#### {written}", parse_extractor("gsm8k"))
        assert label.text == str(number)


@given(st.recursive(st.sampled_from(["x", "1", "\\frac"]), lambda t: st.tuples(t, t)))
def test_the_last_box_comes_back_with_its_nested_braces(tree: object) -> None:
    def braces(node: object) -> str:
        return node if isinstance(node, str) else "{" + braces(node[0]) + braces(node[1]) + "}"

    content = braces(tree)
    label = extract_label(f"\\boxed{{7}}\nso \\boxed{{{content}}}.", parse_extractor("boxed"))
    assert label.text == content


@pytest.mark.parametrize("fault", AnswerFault)
def test_every_fault_is_a_reason_to_reject_a_row(fault: AnswerFault) -> None:
    rejected = RejectError.without_answer(NoAnswerError(fault, "so"))
    assert (rejected.reason, rejected.detail) == (Reason(fault.value), "so")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (72, "72"),
        (72.0, "72"),
        ("72.0", "72.0"),
        (-0.0, "0"),
        (2.0**60, "1.152921504606847e+18"),
        (0.1, "0.1"),
        (None, "null"),
        ((1, 2.0), "[1,2]"),
        ({"b": 1.0, "a": "\u4e2d"}, '{"a":"\u4e2d","b":1}'),
    ],
)
def test_a_value_has_one_text(value: object, text: str) -> None:
    assert canonical_text(value) == text


def test_numpy_values_have_the_text_of_python_values() -> None:
    np = pytest.importorskip("numpy")
    for value, text in (
        (np.int64(72), "72"),
        (np.float32(72.0), "72"),
        (np.array([44, 43]), "[44,43]"),
        (np.array(["a", 1.0], dtype=object), '["a",1]'),
        (np.str_("1/2"), "1/2"),
    ):
        assert canonical_text(value) == text


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": object()}, {1, 2}])
def test_a_value_without_a_text_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical_text(value)
