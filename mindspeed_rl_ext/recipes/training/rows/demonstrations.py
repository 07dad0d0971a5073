"""How a worked solution becomes the response that a policy learns to write.

Covers: the layouts that the built-in verifiers ask for; GSM8K's `solution #### answer` taken apart.
Does not cover: templates of prompts; `preprocess.template` does.

Example:
    >>> STYLES["boxed"]("3+4=7 #### 7")
    '3+4=7 \\\\boxed{7}'
    >>> STYLES["cs336"]("3+4=7 #### 7")
    '3+4=7 </think> <answer> 7 </answer>'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mindspeed_rl_ext.core.errors import InputError

MARK = "####"


def _parts(solution: str) -> tuple[str, str]:
    reasoning, mark, answer = solution.rpartition(MARK)
    if not mark:
        raise InputError(
            "a worked solution names no answer",
            found=solution[-80:],
            expected=f"reasoning {MARK} answer, as GSM8K writes it",
            remedy="demonstration: plain takes solutions as they are",
        )
    return reasoning.strip(), answer.strip()


def _plain(solution: str) -> str:
    return solution


def _boxed(solution: str) -> str:
    reasoning, answer = _parts(solution)
    return rf"{reasoning} \boxed{{{answer}}}"


def _r1(solution: str) -> str:
    reasoning, answer = _parts(solution)
    return rf"<think>{reasoning}</think><answer>\boxed{{{answer}}}</answer>"


def _cs336(solution: str) -> str:
    # The prompt ends in <think>.
    reasoning, answer = _parts(solution)
    return f"{reasoning} </think> <answer> {answer} </answer>"


STYLES: Mapping[str, Callable[[str], str]] = {
    "plain": _plain,
    "boxed": _boxed,
    "r1": _r1,
    "cs336": _cs336,
}
