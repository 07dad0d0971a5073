"""How many problems pay for copying their question, and how many right answers the guards cost.

Each formula of a question (`$...$`, display, `align`), bare and dressed up (`= ...`, `x = ...`,
`+ 0`, `\\cdot 1`, brackets), is scored as an answer, with the prompt at hand and without. So is the
reference itself, as it stands and written in other ways that change nothing. Formulas that are the
reference answer as it stands are left out: copying them is right.

    python benchmarks/verifiers_restated.py DIR   # DIR/<name>/test.jsonl with problem and answer
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.files.jsonlines import read_jsonl
from mindspeed_rl_ext.core.responses.answers import NoAnswerError, extract_label, parse_extractor
from mindspeed_rl_ext.verifiers import Outcome, score
from mindspeed_rl_ext.verifiers.responses.restating import same_expression

FORMULA = re.compile(
    r"\$\$(.+?)\$\$|\$([^$]+)\$|\\\[(.+?)\\\]|\\\((.+?)\\\)|\\begin\{align\*?\}(.+?)\\end\{align",
    re.DOTALL,
)
DRESS = ("{}", "= {}", "x = {}", "{} + 0", r"{} \cdot 1", r"\left({}\right)", r"\displaystyle {}")
TEMPLATE = "{}\nPlease reason step by step, and put your final answer within \\boxed{{}}."
SHOWN = 12


def problems(path: Path) -> Iterator[tuple[str, str]]:
    """The question and the reference answer of each row."""
    for _, row in read_jsonl(path):
        question = row.get("problem") or row.get("question")
        has_own = "answer" in row
        extractor = parse_extractor("auto" if has_own else "boxed")
        try:
            yield (
                str(question),
                extract_label(row["answer" if has_own else "solution"], extractor).text,
            )
        except NoAnswerError:
            continue


def copies(question: str, answer: str) -> Iterator[str]:
    """The formulas of a question, their sides and rows, dressed in every way.

    A formula that is the reference answer, however it is spelled, is no copy but the answer.
    """
    for match in FORMULA.finditer(question):
        body = next(group for group in match.groups() if group is not None)
        parts = {body, *re.split(r"\\\\", body), *re.split(r"=", body), *re.split(r",", body)}
        for part in parts:
            bare = part.replace("&", "").strip().strip(".,;=").strip()
            if is_whole(bare) and not any(
                same_expression(side, answer) for side in (bare, *bare.split("="))
            ):
                yield from (dress.format(bare) for dress in DRESS)


def is_whole(part: str) -> bool:
    """Whether a part is a formula: not half a pair of brackets, not one letter, as choices are."""
    is_letter = len(part) == 1 and part.isalpha()
    balanced = all(part.count(a) == part.count(b) for a, b in ("()", "[]", "{}"))
    return bool(part) and balanced and not is_letter


def respelled(answer: str) -> Iterator[str]:
    """The reference, and spellings of it that change nothing."""
    yield answer
    yield f"${answer}$"
    yield answer.replace(r"\frac", r"\dfrac")
    yield rf"\left. {answer} \right." if "," not in answer else f"{answer}."


def measure(rows: list[tuple[str, str]], *, prompt: bool) -> tuple[dict[int, str], dict[int, str]]:
    """The problems that pay for a copy, and those whose reference is lost, with one example."""
    items = [
        (i, c, a, q, True) for i, (q, a) in enumerate(rows) for c in dict.fromkeys(copies(q, a))
    ]
    items += [(i, c, a, q, False) for i, (q, a) in enumerate(rows) for c in respelled(a)]
    data = {"prompt": [TEMPLATE.format(item[3]) for item in items]} if prompt else {}
    verdicts = score(
        [rf"\boxed{{{item[1]}}}" for item in items], [item[2] for item in items],
        verifiers=["boxed_acc"], data=data,
    ).verdicts["boxed_acc"]  # fmt: skip
    paid: dict[int, str] = {}
    lost: dict[int, str] = {}
    for (i, text, answer, _, is_copy), verdict in zip(items, verdicts, strict=True):
        if is_copy and verdict.outcome is Outcome.CORRECT:
            paid.setdefault(i, f"{text!r} for {answer!r}")
        if not is_copy and verdict.outcome is Outcome.RESTATED:
            lost.setdefault(i, f"{text!r} for {answer!r}: {verdict.reason}")
    return paid, lost


def main() -> None:
    """Prints a table and examples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=0, help="problems per set; 0 for all")
    options = parser.parse_args()
    totals: Counter[str] = Counter()
    for path in sorted(options.folder.glob("*/test.jsonl")):
        rows = list(problems(path))[: options.limit or None]
        totals["problems"] += len(rows)
        for prompt in (True, False):
            paid, lost = measure(rows, prompt=prompt)
            name = "with prompt" if prompt else "without"
            totals[f"{name}: paid for a copy"] += len(paid)
            totals[f"{name}: references lost"] += len(lost)
            print(
                f"{path.parent.name} ({len(rows)} problems), {name}: "
                f"{len(paid)} paid for a copy ({len(paid) / len(rows):.2%}), "
                f"{len(lost)} references lost ({len(lost) / len(rows):.2%})",
                flush=True,
            )
            for kind, found in (("paid", paid), ("lost", lost)):
                for example in list(found.items())[:SHOWN]:
                    print(f"    {kind} {example[0]}: {example[1]}")
    for name, count in totals.items():
        print(f"all sets, {name}: {count} ({count / totals['problems']:.2%})")


if __name__ == "__main__":
    main()
