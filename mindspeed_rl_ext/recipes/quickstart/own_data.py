"""The quickstart on a user's own data: preprocess it, then prove that its references can be scored.

Covers: packing the file, then scoring every reference answer wrapped as a response, which must
get the full score, and a perturbed one, which must not.
Does not cover: training on it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.packing.packed import read_packed
from mindspeed_rl_ext.preprocess.report import PreprocessReport
from mindspeed_rl_ext.preprocess.run import preprocess
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer
from mindspeed_rl_ext.recipes.tiny_model import build_tokenizer

FULL_SCORE = 1.0


@dataclass(frozen=True)
class OwnDataOptions:
    """What to preprocess and how to score it.

    Args:
        input: a file of rows.
        map_keys: the columns, as in `msrl-ext preprocess`.
        output: directory for packed files.
        tokenizer_name_or_path: a tokenizer directory; None makes the tiny one.
        prompt_type: the template.
        label_extractor: how the reference answer is taken from the response column.
        verifier: scores the wrapped references.
    """

    input: Path
    map_keys: dict[str, str]
    output: Path
    tokenizer_name_or_path: str | None = None
    prompt_type: str = "qwen_math_r1"
    label_extractor: str = "auto"
    verifier: str = "simplerl"

    def check(self) -> None:
        """Refuses what can be seen before anything is written.

        Raises:
            InputError: no such file, no response column, an unknown verifier.
        """
        from mindspeed_rl_ext.verifiers import resolve

        if not self.input.exists():
            raise InputError(f"no such file: {self.input}", remedy="check --input")
        if not self.map_keys.get("response"):
            raise InputError(
                "--map-keys names no response: without reference answers nothing can be scored",
                found=str(self.map_keys),
                expected='{"prompt":"question","response":"answer"}',
                remedy="name the column of the reference answers",
            )
        needs = set(resolve(self.verifier).needs) - {"answer"}
        if needs:
            raise InputError(
                f"verifier {self.verifier!r} needs {', '.join(sorted(needs))} of a real rollout",
                remedy="choose a verifier that needs the answer only, such as simplerl",
            )


@dataclass(frozen=True)
class OwnDataResult:
    """What came out of a file.

    Args:
        report: of preprocessing.
        num_references: reference answers scored.
        failed: references that did not get the full score when wrapped as a response.
        accepted: references whose perturbed answer got the full score.
        seconds: for preprocessing and scoring together.
    """

    report: PreprocessReport
    num_references: int
    failed: list[str]
    accepted: list[str]
    seconds: float


def wrap_as_response(answer: str) -> str:
    """A response that gives an answer in every form that the built-in verifiers ask for.

    Example:
        >>> wrap_as_response("72")
        '<think>as the reference says</think><answer>\\\\boxed{72}</answer>'
    """
    return rf"<think>as the reference says</think><answer>\boxed{{{answer}}}</answer>"


def perturb(answer: str) -> str:
    """A different answer: another last digit; where there is no digit, the text plus one.

    Example:
        >>> perturb("72"), perturb("0.59"), perturb("x")
        ('73', '0.58', 'x+1')
    """
    for i in reversed(range(len(answer))):
        if answer[i] in "0123456789":
            digit = int(answer[i])
            return answer[:i] + str(digit - 1 if digit == 9 else digit + 1) + answer[i + 1 :]
    return f"{answer}+1"


def run_own_data(options: OwnDataOptions) -> OwnDataResult:
    """Preprocesses the file and scores its references.

    Raises:
        InputError: the file, its columns or the tokenizer cannot be used.
    """
    start_s = time.monotonic()
    tokenizer_path = options.tokenizer_name_or_path
    if tokenizer_path is None:
        tokenizer_path = str(options.output / "model")
        build_tokenizer(Path(tokenizer_path))
    prefix = options.output / "packed" / options.input.stem
    report = preprocess(
        PreprocessOptions(
            input=options.input,
            tokenizer_name_or_path=tokenizer_path,
            output_prefix=prefix,
            prompt_type=options.prompt_type,
            map_keys=options.map_keys,
            label_extractor=options.label_extractor,
            overwrite=True,
        )
    )
    tokenizer = load_tokenizer(tokenizer_path)
    packed = read_packed(prefix)
    answers = [
        tokenizer.decode(packed[i]["labels"].tolist(), skip_special_tokens=True)
        for i in range(len(packed))
    ]
    failed, accepted = _score(answers, options.verifier)
    return OwnDataResult(report, len(answers), failed, accepted, time.monotonic() - start_s)


def _score(answers: list[str], verifier: str) -> tuple[list[str], list[str]]:
    """References without the full score, and perturbed answers with it."""
    from mindspeed_rl_ext.verifiers import score

    def full(responses: list[str]) -> list[bool]:
        result = score(responses, answers, verifiers=[verifier], weights=[1.0])
        return [reward == FULL_SCORE for reward in result.rewards]

    right = full([wrap_as_response(answer) for answer in answers])
    wrong = full([wrap_as_response(perturb(answer)) for answer in answers])
    return (
        [a for a, is_full in zip(answers, right, strict=True) if not is_full],
        [a for a, is_full in zip(answers, wrong, strict=True) if is_full],
    )
