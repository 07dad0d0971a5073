from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.algorithms import parse_gsm8k_response


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Natalia sold 48+24 = 72 clips altogether.", "72"),
        ("She pays $1,234,567.", "1234567"),
        ("It costs $3.50 each", "3.50"),
        ("He is down to -7", "-7"),
        ("He is down to \N{MINUS SIGN}7", "-7"),
        ("That is 48-24", "24"),
        ("(3)-2", "2"),
        ("pick 1,2,3", "3"),
        ("1,2345", "2345"),
        ("half: .5", ".5"),
        ("#### 10\n", "10"),
        ("none at all", None),
        ("", None),
        ("\N{ARABIC-INDIC DIGIT THREE}", None),
    ],
)
def test_the_last_number_is_the_answer(text, expected):
    assert parse_gsm8k_response(model_output=text) == expected


@given(st.text(), st.integers(-(10**12), 10**12))
def test_a_number_at_the_end_is_found_behind_any_text(before, number):
    assert parse_gsm8k_response(f"{before}. The answer is {number:,}.") == str(number)


@given(st.text(alphabet="0123456789,.- x", max_size=60))
def test_what_is_found_is_a_number(text):
    found = parse_gsm8k_response(text)
    assert found is None or isinstance(float(found), float)
