"""The truth tables of the built-ins that stand beside the first five."""

from __future__ import annotations

import pytest

from mindspeed_rl_ext.verifiers import resolve, score
from mindspeed_rl_ext.verifiers.registry import registry_names, verifier_named

PROMPT = (
    "Answer in <think> reasoning process here </think> <answer> answer here </answer>. "
    "Question: how many eggs does a hen lay in six weeks if it lays seven a week?\n<think>"
)
LEVELS = {
    "boxed_acc": (1, 0), "countdown": (1, 0), "countdown_format": (1, 0),
    "cs336_question_only": (1, 0), "cs336_r1_zero": (1, 0), "dapo": (1, -1), "last_answer": (1, 0),
    "math_17k": (1, 0),
    "overlong": (0, -1), "r1_acc": (1, -1), "r1_format": (1, 0), "repetition": (0, -1),
    "simplerl": (1, -0.5, -1), "strict_tags": (1, -1), "template_copy": (0, -1),
}  # fmt: skip


def scored(spec: str, response: str, **columns: object) -> tuple[str, float]:
    verdict = resolve(spec)(response, **columns)
    assert verdict.reason
    assert verdict.stage
    return verdict.outcome.value, verdict.score


def test_the_built_ins_and_their_levels_are_these() -> None:
    ours = [n for n in registry_names() if ".builtin." in verifier_named(n).function.__module__]
    assert {name: verifier_named(name).levels for name in ours} == LEVELS


@pytest.mark.parametrize(
    ("spec", "response", "outcome", "score"),
    [
        ("boxed_acc", r"so \boxed{42}", "CORRECT", 1),
        ("boxed_acc", r"\boxed{41} ... \boxed{42}", "CORRECT", 1),
        ("boxed_acc", r"\boxed{42} ... \boxed{41}", "WRONG", 0),  # the last box counts
        ("boxed_acc", "so 42", "NO_ANSWER", 0),
        ("boxed_acc", r"\boxed{42", "NO_ANSWER", 0),
        ("boxed_acc", r"\boxed{}", "NO_ANSWER", 0),
        ("boxed_acc", r"<think>\boxed{42}</think> so 42", "NO_ANSWER", 0),  # thought, not answered
        ("boxed_acc", r"<think>\boxed{41}</think> \boxed{42}", "CORRECT", 1),
        ("math_17k", r"so \boxed{42}", "CORRECT", 1),
        ("math_17k", "so\nAnswer: 42", "CORRECT", 1),
        ("math_17k", "so\n**Answer:** $42$<|im_end|>", "CORRECT", 1),
        ("math_17k", "Answer: 42\nAnswer: 41", "WRONG", 0),
        ("math_17k", "\\boxed{41}\nAnswer: 42", "WRONG", 0),  # a box comes first
        ("math_17k", "so 42", "NO_ANSWER", 0),
        ("dapo", "so\nAnswer: 42", "CORRECT", 1),
        ("dapo", "so\nanswer: \\boxed{42}.", "CORRECT", 1),
        ("dapo", "Answer: 42\nAnswer: 41", "WRONG", -1),
        ("dapo", r"so \boxed{42}", "NO_ANSWER", -1),
        ("dapo(boxed=True)", r"so \boxed{42}", "CORRECT", 1),
        ("dapo", "Answer: 42" + " and so on" * 40, "NO_ANSWER", -1),  # too far from the end
        ("dapo(boxed=True)", r"\boxed{42}" + " and so on" * 40, "NO_ANSWER", -1),
        ("cs336_question_only", r"so \boxed{42}", "CORRECT", 1),
        ("cs336_question_only", r"so \boxed{41}", "WRONG", 0),
        ("cs336_question_only", "so 42", "BAD_FORMAT", 0),
        ("cs336_r1_zero", "a</think> <answer>42</answer>", "CORRECT", 1),
        ("cs336_r1_zero", "a</think>\n<answer>\\boxed{42}</answer>", "CORRECT", 1),
        ("cs336_r1_zero", "a</think> <answer>It is 42.</answer>", "CORRECT", 1),
        ("cs336_r1_zero", "<think>a</think> <answer>42</answer>", "CORRECT", 1),  # written again
        ("cs336_r1_zero", "a</think> <answer>41</answer>", "WRONG", 0),
        ("cs336_r1_zero", "a</think></think> <answer>42</answer>", "BAD_FORMAT", 0),
        ("cs336_r1_zero", "a</think> <answer>42</answer><answer>42</answer>", "BAD_FORMAT", 0),
        ("cs336_r1_zero", "a</think> so <answer>42</answer>", "BAD_FORMAT", 0),
        ("cs336_r1_zero", "a</think> <answer>42</answer> done", "BAD_FORMAT", 0),
        ("cs336_r1_zero", "</think> <answer>42</answer>", "BAD_FORMAT", 0),  # no reasoning
        ("cs336_r1_zero", "a</think> <answer> </answer>", "NO_ANSWER", 0),
        ("cs336_r1_zero(think_prefilled=False)", "a</think> <answer>42</answer>", "BAD_FORMAT", 0),
    ],
)
def test_accuracy_by_case(spec: str, response: str, outcome: str, score: float) -> None:
    assert scored(spec, response, answer="42") == (outcome, score)
    assert scored(spec, response, answer=" ")[0] in ("BAD_REFERENCE", outcome)


def test_an_unusable_reference_is_named_wherever_an_answer_is_compared() -> None:
    for name in ("boxed_acc", "math_17k", "dapo", "cs336_question_only", "cs336_r1_zero"):
        response = "a</think> <answer>\\boxed{42}\nAnswer: 42</answer>"
        assert scored(name, response, answer=" ")[0] == "BAD_REFERENCE"


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("<think>a</think> <answer>b</answer>", 1),
        ("<think>a</think><answer>b</answer>\n<|im_end|>", 1),
        ("<think></think><answer>b</answer>", -1),  # nothing thought
        ("<think>a</think><answer> </answer>", -1),  # nothing answered
        ("<think>a</think><answer>b</answer><answer>c</answer>", -1),
        ("<answer>b</answer><think>a</think>", -1),
        ("x<think>a</think><answer>b</answer>", -1),
        ("<think>a<answer>b</answer>", -1),  # the thinking never ends
        ("", -1),
    ],
)
def test_strict_tags_by_case(response: str, score: int) -> None:
    assert scored("strict_tags", response) == ("CORRECT" if score == 1 else "BAD_FORMAT", score)
    prefilled = scored("strict_tags(think_prefilled=True)", response.removeprefix("<think>"))
    assert prefilled[1] == score


@pytest.mark.parametrize(
    ("num_tokens", "score"), [(0, 0), (1536, 0), (1792, -0.5), (2048, -1), (9999, -1)]
)
def test_overlong_falls_over_the_buffer(num_tokens: int, score: float) -> None:
    spec = "overlong(max_tokens=2048, buffer=512)"
    assert scored(spec, "x", num_tokens=num_tokens) == ("SCORED", score)


def test_parameters_that_do_not_fit_are_an_error_and_not_a_score() -> None:
    assert scored("overlong(buffer=0)", "x", num_tokens=1) == ("ERROR", -1.0)


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("a b c d e f", 0),
        ("a b c a b c a b c", -4 / 7),  # seven 3-grams, three of them different
        ("a b", 0),
        ("", 0),
        ("然后" * 6, -8 / 10),  # ten 3-grams, two of them different
    ],
)
def test_repetition_by_case(response: str, score: float) -> None:
    outcome, found = scored("repetition(ngram=3)", response)
    assert (outcome, found) == ("SCORED", pytest.approx(score))


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("<think> 6 weeks of 7 eggs are 42 </think> <answer> 42 </answer>", 0),
        ("6 weeks of 7 eggs are 42 </think> <answer> 42 </answer>", 0),
        ("<think> reasoning process here </think> <answer> 1 </answer>", -1),
        (
            "Reasoning  process here </think> <answer> 1 </answer>",
            -1,
        ),  # however it is spaced
        ("so </think> <answer> answer here </answer>", -1),
        (PROMPT, -1),
        (PROMPT[80:], -1),  # most of the prompt
        ("how many eggs", 0),  # a quote too short to be an echo
        ("", 0),
    ],
)
def test_template_copy_by_case(response: str, score: int) -> None:
    assert scored("template_copy", response, prompt=PROMPT)[1] == score


def test_equal_rows_are_scored_once_and_different_columns_apart() -> None:
    from mindspeed_rl_ext import verifier

    calls: list[tuple[str, object]] = []

    @verifier("counted_calls", needs=("answer", "kind"), levels=(1.0, 0.0))
    def counted_calls(response: str, *, answer: str, kind: object) -> float:
        calls.append((response, kind))
        return float(answer == "1")

    result = score(
        ["a", "a", "a", "a", "b", "a"],
        ["1", "1", "2", "1", "1", "1"],
        verifiers=["counted_calls"],
        data={"kind": [1, 1, 1, 1.0, 1, True]},
    )
    assert result.rewards == [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]
    assert calls == [("a", 1), ("a", 1), ("a", 1.0), ("b", 1), ("a", True)]
    assert [type(kind) for _, kind in calls] == [int, int, float, int, bool]


@pytest.mark.parametrize("think", ["<think></think>", "<think> \n </think>"])
def test_an_empty_think_block_is_counted_and_refused_where_asked(think: str) -> None:
    responses = [
        rf"{think} <answer>\boxed{{42}}</answer>",
        r"<think>a</think> <answer>\boxed{1}</answer>",
    ]
    lenient, strict = (score(responses, verifiers=[spec]) for spec in (
        "r1_format", "r1_format(empty_think=False)"
    ))  # fmt: skip
    assert lenient.rewards == [1.0, 1.0]
    assert strict.rewards == [0.0, 1.0]
    for result in (lenient, strict):
        assert result.metrics["r1_format_empty_think/mean"] == 0.5
    # Nothing empty: the metric is there all the same, since hosts average over what was written.
    assert score(responses[1:], verifiers=["r1_format"]).metrics["r1_format_empty_think/mean"] == 0


@pytest.mark.parametrize(
    ("response", "stage"),
    [
        (r"<think>\boxed{42}</think> <answer>42</answer>", "think"),
        (r"<think>a</think> <answer>42</answer>", "extraction"),
        (r"<think>a</think> <answer>\boxed{42} or 41</answer>", "hedge"),
        (r"<think>a</think> <answer>It is not \boxed{42}</answer>", "denial"),
        (r"<think>a</think> <answer>\boxed{6 \cdot 7}</answer>", "prompt"),
    ],
)
def test_the_stage_tells_what_a_monitor_of_reward_hacks_counts(response: str, stage: str) -> None:
    verdict = resolve("r1_acc")(response, answer="42", prompt=r"Evaluate $6 \cdot 7$.")
    assert (verdict.stage, verdict.score) == (stage, -1.0)
