"""The truth table of each built-in, and its agreement with the labelled cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindspeed_rl_ext.verifiers import Outcome, resolve

PUZZLE = '{"target":49,"numbers":[44,43,48]}'


def scored(spec: str, response: str, answer: str | None = None) -> tuple[str, float]:
    verdict = resolve(spec)(response, **({} if answer is None else {"answer": answer}))
    assert verdict.reason
    assert verdict.stage
    return verdict.outcome.value, verdict.score


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("44 - 43 + 48", "CORRECT"),  # each number once
        ("(44-43)+48", "CORRECT"),
        ("$48 + 44 - 43$.", "CORRECT"),  # a formula with a full stop
        (r"\boxed{44-43+48}", "CORRECT"),
        (r"the answer is \boxed{44-43+48}", "CORRECT"),
        (r"\(44 - 43 + 48\)", "CORRECT"),
        ("44 - 43 + 48 = 49", "CORRECT"),
        ("44 - 43\n+ 48\n", "CORRECT"),  # on two lines
        (r"44 - \frac{43}{1} + 48", "WRONG"),
        ("44 - 43 + 48 = 50", "WRONG"),  # what it claims to make counts too
        ("44 - 43 + 48 = 49 = 49", "WRONG"),  # one claim at most
        ("49 = 44 - 43 + 48", "WRONG"),  # the left side is 49 alone
        ("44 + 43 + 48", "WRONG"),
        ("48 + 44/44", "WRONG"),  # 44 is used twice, 43 not at all
        ("49", "WRONG"),  # the target is no equation
        ("2**3", "UNPARSEABLE"),  # a power: refused, not worked out
        ("44 - 43 + 48 or so", "UNPARSEABLE"),  # words
        ("", "UNPARSEABLE"),
    ],
)
def test_countdown_by_case(answer: str, outcome: str) -> None:
    level = 1.0 if outcome == "CORRECT" else 0.0
    response = f"<think>a</think>\n<answer>{answer}</answer>"
    assert scored("countdown", response, PUZZLE) == (outcome, level)
    assert scored("countdown(think_prefilled=True)", response[7:], PUZZLE) == (outcome, level)


@pytest.mark.parametrize(
    "answer",
    ["", "49", "[]", "{}", '{"target":49}', '{"target":"49","numbers":[1]}', "null",
     '{"target":49,"numbers":[]}', '{"target":49,"numbers":[1.5]}', '{"target":true,"nums":[1]}',
     '{"target":NaN,"numbers":[1]}', '{"target":49,"numbers":[-1]}', "[" * 3000,
     '{"target":1e400000000,"numbers":[1]}', '{"target":1,"numbers":[1e-40000000]}'],
)  # fmt: skip
def test_countdown_says_when_the_reference_is_unusable(answer: str) -> None:
    assert scored("countdown", "<answer>49</answer>", answer) == ("BAD_REFERENCE", 0.0)


def test_countdown_takes_the_last_answer_and_only_a_closed_one() -> None:
    right, wrong = "<answer>44-43+48</answer>", "<answer>1+1</answer>"
    assert scored("countdown", wrong + right, PUZZLE)[0] == "CORRECT"
    assert scored("countdown", right + wrong, PUZZLE)[0] == "WRONG"
    assert scored("countdown", "<answer>44-43+48", PUZZLE)[0] == "NO_ANSWER"
    assert scored("countdown", "44-43+48", PUZZLE)[0] == "NO_ANSWER"


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("<think>a</think> <answer>b</answer>", 1),
        ("<think>a</think><answer>b</answer>\n<|im_end|>", 1),
        (
            "\n<think>a</think>\n\n<answer></answer>",
            1,
        ),  # an empty answer keeps the layout
        ("<think>a <answer>1</answer> b</think><answer>2</answer>", 1),  # tried while thinking
        ("<think>a</think><answer>b</answer><answer>c</answer>", 0),  # two answers
        ("<answer>b</answer>", 0),
        ("<think>a</think>", 0),
        ("<think>a</think> so <answer>b</answer>", 0),  # text between
        ("so <think>a</think><answer>b</answer>", 0),  # text before
        ("<think>a</think><answer>b</answer> so", 0),  # text behind
        ("<think>a</think><answer>b", 0),
        ("<think>a</think><think>b</think><answer>c</answer>", 0),
        ("<answer>a</answer><think>b</think>", 0),  # the wrong order
        ("", 0),
    ],
)
def test_countdown_format_by_case(response: str, score: int) -> None:
    assert scored("countdown_format", response) == ("CORRECT" if score else "BAD_FORMAT", score)


@pytest.mark.parametrize(
    ("response", "score"),
    [
        (r"<think>a</think> <answer>\boxed{42}</answer>", 1),
        ("<think>a</think>\r\n<answer>\n$\\boxed{42}$.\n</answer>\n<|im_end|><|endoftext|>", 1),
        (r"<think>\boxed{1}</think><answer>\boxed{42}</answer>", 1),  # a box in the thinking too
        (r"<think>a</think><answer>\boxed{\boxed{42}}</answer>", 1),
        (r"<think>\boxed{42}</think><answer>42</answer>", 0),  # only there
        (r"<think>a</think><answer>\boxed{1} \boxed{42}</answer>", 0),  # two boxes
        (r"<think>a</think><answer>\boxed{}</answer>", 0),
        (r"<think>a</think><answer>\boxed{\frac{1}{2}</answer>", 0),  # not closed
        (r"<think>a</think><answer>\fbox{42}</answer>", 0),  # another command
        (r"<think>a</think><answer>\boxed 42</answer>", 0),  # without braces
        (r"<think>a <answer>1</answer></think><answer>\boxed{42}</answer>", 0),
        (r"<think>a</think> so <answer>\boxed{42}</answer>", 0),
        (r"<think>a</think><answer>\boxed{42}</answer> done", 0),
        (r"<THINK>a</THINK><answer>\boxed{42}</answer>", 0),  # tags are exact
        (r"a</think><answer>\boxed{42}</answer>", 0),  # not prefilled
    ],
)
def test_r1_format_by_case(response: str, score: int) -> None:
    assert scored("r1_format", response) == ("CORRECT" if score else "BAD_FORMAT", score)


def test_a_prefilled_think_counts_as_written() -> None:
    response = r"a</think> <answer>\boxed{42}</answer>"
    assert scored("r1_format(think_prefilled=True)", response) == ("CORRECT", 1.0)
    assert scored("r1_format(think_prefilled=True)", "<think>" + response) == ("CORRECT", 1.0)
    assert scored("countdown_format(think_prefilled=True)", response) == ("CORRECT", 1.0)


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (r"<think>a</think><answer>\boxed{42}</answer>", "CORRECT"),
        (r"<answer>\boxed{42.0}</answer>", "CORRECT"),
        (r"<answer>\boxed{1} or \boxed{x = 42}</answer>", "CORRECT"),
        (r"<answer>\boxed{42}</answer><answer>\boxed{41}</answer>", "WRONG"),
        (r"<answer>\boxed{\int f}</answer>", "UNPARSEABLE"),
        (r"<think>\boxed{42}</think><answer>42</answer>", "NO_ANSWER"),
        (r"<think>\boxed{42}</think>", "NO_ANSWER"),
        (r"<answer>\boxed{42", "NO_ANSWER"),
        (r"<answer>\boxed{}</answer>", "NO_ANSWER"),
    ],
)
def test_r1_acc_by_case(response: str, outcome: str) -> None:
    assert scored("r1_acc", response, "42") == (outcome, 1.0 if outcome == "CORRECT" else -1.0)
    assert scored("r1_acc", response, "")[0] == "BAD_REFERENCE"


@pytest.mark.parametrize(
    ("response", "outcome", "score"),
    [
        (r"so \boxed{42}", "CORRECT", 1.0),
        (r"\boxed{41} no, \boxed{42}", "CORRECT", 1.0),
        (r"\boxed{42} no, \boxed{41}", "WRONG", -0.5),
        (r"\boxed{\int f}", "UNPARSEABLE", -0.5),
        ("so 42", "BAD_FORMAT", -1.0),
        (r"\boxed{42", "BAD_FORMAT", -1.0),
        (r"\boxed{}", "BAD_FORMAT", -1.0),
    ],
)
def test_simplerl_by_case(response: str, outcome: str, score: float) -> None:
    assert scored("simplerl", response, "42") == (outcome, score)
    assert scored("simplerl", response, " ") == ("BAD_REFERENCE", -1.0)


def labelled(real_data: Path, name: str) -> list[dict]:
    lines = (real_data / "verifiers" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("spec", "corpus", "label"),
    [
        ("countdown", "countdown", "label"),
        ("countdown_format", "countdown", "format_label"),
        ("r1_format", "format", "format_label"),
    ],
)
def test_every_labelled_case_is_scored_as_labelled(
    real_data: Path, spec: str, corpus: str, label: str
) -> None:
    bound = resolve(spec)
    other = []
    for row in labelled(real_data, corpus):
        columns = {"answer": row["gold"]} if bound.needs else {}
        right = bound(row["response"], **columns).outcome is Outcome.CORRECT
        if right != bool(row[label]):
            other.append((row["id"], row["note"]))
    assert other == []
