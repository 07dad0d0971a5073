"""The scanner agrees with a slow and obvious reading, and hostile input simply finishes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.responses.text import (
    find_boxes,
    find_tags,
    last_boxed,
    last_number,
    strip_stop_tokens,
)

PIECES = [r"\boxed{", r"\fbox{", "{", "}", r"\{", r"\}", "\\\\", "a", " ", "$"]


def braces_reference(text: str) -> list[tuple[int, int | None]]:
    """For each braced box: where its content begins and ends, by counting braces from it."""
    found = []
    for start in range(len(text)):
        for command in (r"\boxed{", r"\fbox{"):
            if text.startswith(command, start):
                depth, at, end = 1, start + len(command), None
                while at < len(text):
                    if text[at] == "\\" and not text.startswith((r"\boxed", r"\fbox"), at):
                        at += 2
                        continue
                    depth += (text[at] == "{") - (text[at] == "}")
                    if depth == 0:
                        end = at
                        break
                    at += 1
                found.append((start + len(command), end))
    return found


@given(st.lists(st.sampled_from([p for p in PIECES if p != "\\\\"]), max_size=14))
def test_boxes_are_those_of_a_reader_who_counts_braces_from_each_box(pieces: list[str]) -> None:
    text = "".join(pieces)
    ours = [(b.content_start, b.content_end if b.closed else None) for b in find_boxes(text)]
    assert ours == braces_reference(text)


@given(st.lists(st.sampled_from([*PIECES, r"\boxed 5", "<think>"]), max_size=30))
def test_spans_lie_in_the_text_and_begin_in_order(pieces: list[str]) -> None:
    text = "".join(pieces)
    boxes = find_boxes(text)
    assert [box.start for box in boxes] == sorted(box.start for box in boxes)
    for box in boxes:
        assert text[box.start :].lstrip("\\").startswith(box.command)
        assert box.start < box.content_start <= box.content_end <= box.end <= len(text)
        assert box.closed or box.end == len(text)


@given(st.text(alphabet="abc12 +-.,<>/$", max_size=30))
def test_what_is_boxed_comes_back(content: str) -> None:
    assert last_boxed(rf"first \boxed{{0}} then \boxed{{{content}}}, done") == content.strip()


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed 5$ and", "5"),
        (r"\boxed5", "5"),
        (r"\boxed -3.", "-3"),
        (r"\boxed x", "x"),
        (r"put it in \boxed to be seen", None),
        (r"\\boxed{42}", "42"),
        (r"\boxed {7}", "7"),
        (r"\boxed{5\\}", r"5\\"),
        (r"{ \boxed{5} {", "5"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{1} \boxed{2", "1"),
        (r"\boxed{1 \boxed{2}", "2"),
        (r"\boxedx{3}", None),
        (r"\boxed{}", ""),
        ("", None),
    ],
)
def test_last_boxed_by_case(text: str, content: str | None) -> None:
    assert last_boxed(text) == content


@given(st.lists(st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "<", "x", ">"])))
def test_tags_are_all_occurrences_and_nothing_else(pieces: list[str]) -> None:
    text = "".join(pieces)
    expected = [
        (at, spelled)
        for at in range(len(text))
        for spelled in ("<think>", "</think>", "<answer>", "</answer>")
        if text.startswith(spelled, at)
    ]
    assert [(tag.start, text[tag.start : tag.end]) for tag in find_tags(text)] == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("#### 72", "72"),
        ("it costs $1,234.50.", "1,234.50"),
        ("x = -5", "-5"),
        ("5-3", "3"),
        ("f(2)-3", "3"),
        ("area 12 m2", "12"),
        ("3/4", "3/4"),
        ("1, 2, 3.", "3"),
        (".5 of it", ".5"),
        ("1e-5", "1e-5"),
        ("答案是18。", "18"),
        ("none", None),
    ],
)
def test_last_number_by_case(text: str, number: str | None) -> None:
    assert last_number(text) == number


@given(st.lists(st.sampled_from(["<|im_end|>", "</s>", "<|endoftext|>", " ", "\n"])))
def test_stop_tokens_and_space_come_off_the_end_only(ending: list[str]) -> None:
    assert strip_stop_tokens("<|im_end|> kept" + "".join(ending)) == "<|im_end|> kept"


HOSTILE = {
    "nested unclosed boxes": r"\boxed{" * 100_000,
    "nested closed boxes": r"\boxed{" * 100_000 + "}" * 100_000,
    "braces": "{" * 1_000_000,
    "backslashes": "\\" * 1_000_000,
    "bare boxes": r"\boxed " * 140_000,
    "box before much space": r"\boxed" + " " * 1_000_000,
    "ones and commas": "1," * 500_000,
    "digits": "1" * 1_000_000,
    "almost thousands": "111," * 250_000,
    "letters": "a" * 1_000_000,
    "tags": "<think>" * 140_000,
    "half tags": "<thin" * 200_000,
    "exponents": "1e" * 500_000,
    "slashes": "1/" * 500_000,
    "stop tokens": "<|im_end|> " * 100_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_megabyte_of_anything_finishes(text: str) -> None:
    # A quadratic reading of these would take hours; nothing here is timed.
    boxes = find_boxes(text)
    last_boxed(text)
    last_number(text)
    strip_stop_tokens(text)
    assert len(boxes) <= text.count("boxed")
    assert len(find_tags(text)) == text.count("<think>")
