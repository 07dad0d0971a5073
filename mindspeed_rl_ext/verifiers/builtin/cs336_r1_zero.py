r"""`cs336_r1_zero`: format and answer together, for the R1-Zero prompt that ends in `<think>`.

Covers: the layout `reasoning </think> <answer> answer </answer>`, each tag once, any white space
between; the answer is the last box in the block, or the block; with `as_course=True` the verdicts
of the course's own grader instead, in its fast mode (`responses/course.py` has its comparison).
Does not cover: `question_only`.

| response, for the reference `42` | score | outcome |
|---|---|---|
| `a</think> <answer>42</answer>`, `<answer>\boxed{42}</answer>`, `<answer>It is 42.</answer>` | 1 | CORRECT |
| `<think>a</think> <answer>42</answer>`: the prefilled tag written again | 1 | CORRECT |
| `a</think> <answer>41</answer>` | 0 | WRONG |
| a tag twice or missing, text before, between or after the blocks | 0 | BAD_FORMAT |
| `</think> <answer>42</answer>`: no reasoning | 0 | BAD_FORMAT |
| `a</think> <answer> </answer>` | 0 | NO_ANSWER |
| an empty reference | 0 | BAD_REFERENCE |

| response, for the reference `42` | as it is | `as_course=True` |
|---|---|---|
| `a</think> <answer>It is 42.</answer>`: a sentence | CORRECT | WRONG |
| `a</think><answer>42</answer>`, a line break between: no space | CORRECT | BAD_FORMAT |
| `a</think></think> <answer>42</answer>`: a tag again | BAD_FORMAT | CORRECT |
| `</think> <answer>42</answer>`: no reasoning | BAD_FORMAT | CORRECT |
| `a</think> <answer>42</answer> so 42`: text after, which counts as answer | BAD_FORMAT | WRONG |
| `a</think> <answer>41</answer> <answer>42</answer>`: the last block counts | BAD_FORMAT | CORRECT |
"""  # noqa: E501 - a table has one line per row

from __future__ import annotations

from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.answers import answer_verdict
from mindspeed_rl_ext.verifiers.responses.boxes import boxed_or_whole
from mindspeed_rl_ext.verifiers.responses.course import course_box, same_as_course
from mindspeed_rl_ext.verifiers.responses.layout import strict_layout, think_text, with_think
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict


@verifier(
    "cs336_r1_zero",
    needs=("answer",),
    wants=("prompt",),
    levels=(1.0, 0.0),
    reads=("think_tag", "answer_tag"),
    judges_answer=True,
    zh="布局与答案都对得 1 分，否则 0 分。",
)
def cs336_r1_zero(
    response: str,
    *,
    answer: str,
    prompt: str | None = None,
    think_prefilled: bool = True,
    as_course: bool = False,
) -> Verdict:
    """1 where layout and answer are right, else 0.

    Args:
        response: the policy's text.
        answer: the reference answer.
        prompt: the text that the policy was given, where it is known.
        think_prefilled: whether the prompt ended in `<think>`, as this prompt does.
        as_course: whether the course's own grader is followed, verdict for verdict.
    """
    if as_course:
        return _course_verdict(response, answer)
    whole = with_think(response, think_prefilled=think_prefilled)
    layout = strict_layout(whole)
    if layout.answer is None:
        return Verdict(Outcome.BAD_FORMAT, 0.0, layout.fault, "format")
    if not think_text(whole):
        return Verdict(Outcome.BAD_FORMAT, 0.0, "no reasoning before </think>", "format")
    found = boxed_or_whole(layout.answer)
    return answer_verdict(
        found, answer, right=1.0, wrong=0.0, missing="no answer in the block", prompt=prompt
    )


def _course_verdict(response: str, answer: str) -> Verdict:
    """The course's verdict: two marks anywhere, the last block, its box where it has one."""
    reference = course_box(answer) if "\\boxed" in answer else answer
    if reference is None or not reference.strip():
        return Verdict(Outcome.BAD_REFERENCE, 0.0, "the reference answer is empty", "reference")
    if "</think> <answer>" not in response or "</answer>" not in response:
        reason = "no `</think> <answer>`, with one space, before an `</answer>`"
        return Verdict(Outcome.BAD_FORMAT, 0.0, reason, "format")
    given: str | None = response.split("<answer>")[-1].replace("</answer>", "")
    if given is not None and "\\boxed" in given:
        given = course_box(given)
    if given is None:
        return Verdict(Outcome.NO_ANSWER, 0.0, "no closed box in the block", "extraction")
    if same_as_course(given, reference):
        return Verdict(Outcome.CORRECT, 1.0, "equal as the course compares", "course")
    return Verdict(Outcome.WRONG, 0.0, "not equal as the course compares", "course")
