r"""Fuzzes the reader and the comparison in this process, guided by coverage where atheris is there.

Texts are strings of LaTeX pieces, expressions whose value is known from how they were made, and
mutations of a corpus (`--corpus`, JSON Lines with `prediction` and `gold`). Checked of each: no
fault of ours (ERROR), no exception, a bound on CPU seconds, a text is never WRONG beside itself
spelled with other spaces or braces, verdicts do not depend on the order of the sides, what is
accepted has the same value, scanning a response takes linear time. Findings go to a file, each
kind and place once; the run goes on.

    python benchmarks/verifiers_fuzz.py --minutes 60 --findings found.jsonl [--corpus pairs.jsonl]
"""

from __future__ import annotations

import argparse
import cmath
import json
import math
import os
import random
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_PIECES = r"""
\frac \frac{ \dfrac{ \sqrt \sqrt{ \sqrt[3]{ \binom{ \left( \right) ( ) [ ] \{ \} { } }{ |
\lfloor \rfloor \lceil \rceil \begin{pmatrix} \end{pmatrix} \begin{array}{cc} \end{array} &
\\ ^ ^{ _ _{ ^\circ \pi \theta \alpha \infty e i x y z n k a b f( g( f'(x) A B C D E \sin
\cos^2 \tan \log_2 \ln \exp \sum_{k=1}^{ \prod_{i=1}^{ \int_0^1 \lim_{x\to0} dx + - * / = <
> \le \ge \ne \in \pm \mp \cdot \times \div \cup \cap \setminus \mathbb{R} \mathbb{Z}
\emptyset \text{ \mathrm{ \text{cm} \text{and} \text{or} and or is , ; : ! ' . % \% \$ $ \,
\! ~ \quad 0 1 2 3 5 7 9 10 12 100 1000 1,000 3.14 0.5 .5 1e3 1e-9 2^10 52_8 0.\overline{3}
\overline{AB} \vec{v} ² ³ √ π ° ½ − × ٣ ² １ half twelve hundred pm am dollars degrees
percent mod \pmod{7} \equiv \approx \sim \Rightarrow \mid ... \ldots ∞ ≤ ∪ x_1 x_{12} \angle
\triangle \boxed{ the answer is \displaystyle \mathbf{i} \hat{j} ?
"""
PIECES = [*_PIECES.split(), " ", "\\ "]
WRAPPED = ("<think>", "</think>", "<answer>", "</answer>", r"\boxed{", "}", "Answer: ", "text ")
FINDINGS: dict[str, int] = {}
COUNTS: Counter[str] = Counter()
MAX_CPU_S = 0.5


def source_of(data: bytes) -> random.Random:
    """Choices that follow the fuzzer's bytes, so that coverage guides them."""

    class FromBytes(random.Random):
        at = 0

        def random(self) -> float:
            self.at += 2
            piece = data[self.at - 2 : self.at]
            return int.from_bytes(piece.ljust(2, b"\0"), "big") / 65536

        def getrandbits(self, k: int) -> int:
            return int(self.random() * (1 << k))

    return FromBytes()


def soup(source: random.Random) -> str:
    """Pieces in a row."""
    return "".join(source.choice(PIECES) for _ in range(source.randint(1, 30)))


def mutated(source: random.Random, corpus: list[str]) -> str:
    """A text of the corpus with a few cuts, repeats and insertions."""
    text = source.choice(corpus)
    for _ in range(source.randint(1, 4)):
        at, to = sorted((source.randint(0, len(text)), source.randint(0, len(text))))
        text = source.choice((
            text[:at] + text[to:],
            text[:at] + source.choice(PIECES) + text[at:],
            text[:to] + text[at:to] + text[to:],
            text[:at] + source.choice(corpus)[:20] + text[to:],
        ))  # fmt: skip
    return text[:600]


def valued(source: random.Random, depth: int) -> tuple[str, complex]:
    """An expression and its value, each built beside the other."""
    if depth == 0 or source.random() < 0.25:
        n = source.randint(1, 12)
        return source.choice((
            (f"{n}", complex(n)), (f"{n}.5", n + 0.5 + 0j), (r"\pi", complex(math.pi)),
            (rf"\frac{{{n}}}{{7}}", n / 7 + 0j), (rf"\sqrt{{{n}}}", math.sqrt(n) + 0j), ("i", 1j),
            (rf"{n}\frac12", n + 0.5 + 0j), (f"{n}!", complex(math.factorial(n))),
        ))  # fmt: skip
    a, u = valued(source, depth - 1)
    b, v = valued(source, depth - 1)
    small = source.randint(1, 4)
    made = [
        (f"({a})+({b})", u + v), (f"({a})-({b})", u - v), (rf"({a})\cdot ({b})", u * v),
        (f"({a})^{{{small}}}", u**small), (f"-({a})", -u),
    ]  # fmt: skip
    if abs(v) > 1e-6:
        made += [(rf"\frac{{{a}}}{{{b}}}", u / v), (f"({a})/({b})", u / v)]
    if u.imag == 0 and u.real >= 0:
        made += [(rf"\sqrt{{{a}}}", math.sqrt(u.real) + 0j)]
    if u.imag == 0:
        made += [(rf"\left|{a}\right|", abs(u) + 0j)]
        made += [(rf"\int_0^{small} ({a})x dx", u * small * small / 2)]
    if abs(u) < 20:
        made += [(rf"\sin({a})", cmath.sin(u)), (rf"\cos({a})", cmath.cos(u))]
        made += [(rf"e^{{{a}}}", cmath.exp(u))]
    if u.imag == 0 and u.real > 0:
        made += [(rf"\ln({a})", cmath.log(u)), (rf"\log_2({a})", cmath.log(u) / math.log(2))]
    return source.choice(made)


def rewritten(text: str, source: random.Random) -> str:
    """The same value, written differently."""
    n = source.randint(2, 9)
    return source.choice((
        rf"\frac{{{n}({text})}}{{{n}}}", rf"({text})+\sqrt{{{n}}}-\sqrt{{{n}}}", f"-(-({text}))",
        rf"\frac{{1}}{{\frac{{1}}{{{text}}}}}", rf"({text})\cdot {n}^{{0}}", f"{{{text}}}",
        rf"\int_0^1 2({text})t dt", rf"\sum_{{k=1}}^{{{n}}} \frac{{{text}}}{{{n}}}",
    ))  # fmt: skip


def spaced(text: str, source: random.Random) -> str:
    """Other spaces and braces that mean nothing."""
    parts = re.findall(r"\\[A-Za-z]+|\\.|[0-9.,]+|[A-Za-z]+|\s+|.", text, re.DOTALL)
    where = source.randint(0, len(parts))
    safe = r"\text" not in text and r"\mathrm" not in text and r"\begin" not in text
    return " ".join(("".join(parts[:where]), "".join(parts[where:]))) if safe else text


def one(data: bytes, corpus: list[str]) -> None:
    """All checks on what some bytes stand for."""
    from mindspeed_rl_ext.verifiers import Outcome
    from mindspeed_rl_ext.verifiers.equivalence.answers.answer import read_answer
    from mindspeed_rl_ext.verifiers.equivalence.cascade import _decided, decide, steps

    source = source_of(data)
    kind = source.randint(0, 3)
    values: list[complex] = []
    if kind == 0:
        left, right = soup(source), soup(source)
    elif kind == 1:
        left, right = mutated(source, corpus), mutated(source, corpus)
    elif kind == 2:
        (left, u), (right, v) = valued(source, 3), valued(source, 3)
        if source.random() < 0.5:
            right, v = rewritten(left, source), u
        values = [u, v]
    else:
        left = mutated(source, corpus)
        right = spaced(left, source)
    COUNTS[("soup", "mutated", "valued", "spaced")[kind]] += 1
    _decided.cache_clear()
    read_answer.cache_clear()
    began = time.process_time()
    there, back = decide(left, right), decide(right, left)
    own = decide(f"{{{left}}}", left)
    spent = time.process_time() - began
    if spent > MAX_CPU_S:
        found("slow", left, right, f"{spent:.2f} s")
    for said in (there, back, own):
        COUNTS[said.verdict.outcome.value] += 1
        if said.verdict.outcome is Outcome.ERROR:
            found("error " + said.verdict.reason[:60], left, right, said.verdict.reason)
    one_sided = {Outcome.NO_ANSWER, Outcome.BAD_REFERENCE}
    pair = {there.verdict.outcome, back.verdict.outcome}
    if len(pair) > 1 and not pair & one_sided:
        found("asymmetric", left, right, " ".join(sorted(o.value for o in pair)))
    if there.ask != back.ask:
        found("asked one way", left, right, "")
    if own.verdict.outcome is Outcome.WRONG:
        found("wrong beside itself", left, f"{{{left}}}", own.verdict.stage)
    if kind == 3 and there.verdict.outcome is Outcome.WRONG:
        found("wrong beside its spacing", left, right, there.verdict.stage)
    if values:
        check_value(left, right, values, there.verdict.outcome is Outcome.CORRECT)
    if kind == 1 and source.random() < 0.02:
        steps(left, right)
    scan(source, left)


def check_value(left: str, right: str, values: list[complex], accepted: bool) -> None:
    """Accepted: equal. Equal and finite: not said to be wrong by exact arithmetic alone."""
    u, v = values
    if not all(math.isfinite(abs(w)) for w in values) or max(map(abs, values)) > 1e12:
        return
    near = abs(u - v) <= 1e-6 * max(1.0, abs(u), abs(v))
    if accepted and not near:
        found("accepted although different", left, right, f"{u} {v}")
    from mindspeed_rl_ext.verifiers import Outcome
    from mindspeed_rl_ext.verifiers.equivalence.cascade import decide

    if abs(u - v) <= 1e-13 * abs(u) and decide(left, right).verdict.outcome is Outcome.WRONG:
        found("wrong although equal", left, right, f"{u} {v}")


def scan(source: random.Random, text: str) -> None:
    """A response of any layout is scanned in linear time."""
    from mindspeed_rl_ext.core.responses.text import find_boxes, find_tags, last_number

    response = (source.choice(WRAPPED) + text[:30] + source.choice(WRAPPED)) * source.choice(
        (1, 3, 2000)
    )
    began = time.process_time()
    find_boxes(response), find_tags(response), last_number(response)
    spent = time.process_time() - began
    if spent > 0.1 + 2e-5 * len(response):
        found("slow scan", response[:100], "", f"{spent:.2f} s for {len(response)}")


def found(kind: str, left: str, right: str, detail: str) -> None:
    """Keeps the first findings of a kind."""
    FINDINGS[kind] = FINDINGS.get(kind, 0) + 1
    if FINDINGS[kind] <= 40:
        row = {"kind": kind, "left": left, "right": right, "detail": detail}
        with ARGS.findings.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def guarded(data: bytes) -> None:
    """One input; stops the run when its time is over."""
    COUNTS["inputs"] += 1
    try:
        one(data, CORPUS)
    except Exception as error:  # noqa: BLE001 - whatever is raised is a finding
        found(f"raised {type(error).__name__}", data.hex(), "", traceback.format_exc()[-1500:])
    if COUNTS["inputs"] % 20_000 == 0:
        report()
    if time.monotonic() > END:
        report()
        os._exit(0)  # the fuzzer's own loop knows no other end


def report() -> None:
    """Counts so far, to stdout."""
    line = {"minutes": round((time.monotonic() - BEGAN) / 60, 1), **COUNTS, "findings": FINDINGS}
    print(json.dumps(line), flush=True)


def seeds(count: int) -> Iterator[bytes]:
    """Random inputs, for where there is no atheris."""
    source = random.Random(ARGS.seed)
    for _ in range(count):
        yield source.randbytes(source.randint(8, 400))


def main() -> None:
    """Runs until the minutes are over."""
    try:
        import atheris
    except ImportError:
        print("without atheris: random inputs, not guided by coverage")
        for data in seeds(1 << 62):
            guarded(data)
        return
    with atheris.instrument_imports(include=["mindspeed_rl_ext"]):
        import mindspeed_rl_ext.core.responses.text
        import mindspeed_rl_ext.verifiers.equivalence.cascade  # noqa: F401
    print(f"atheris, seed {ARGS.seed}", flush=True)
    options = ["-max_len=800", "-len_control=0", f"-seed={ARGS.seed}", "-rss_limit_mb=3000"]
    corpus = [str(ARGS.inputs)] if ARGS.inputs else []
    atheris.Setup([sys.argv[0], *options, "-verbosity=0", *corpus], guarded)
    atheris.Fuzz()


def texts(path: Path | None) -> list[str]:
    """The texts that are mutated."""
    if path is None:
        return [r"\frac{1}{2}", r"(1,2]\cup[3,\infty)", r"x=5", r"5\text{ cm}^2", r"1\pm\sqrt{2}"]
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted({str(row[key]) for row in rows for key in ("prediction", "gold") if row[key]})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--findings", type=Path, required=True)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--inputs", type=Path, help="a folder for atheris to keep its inputs in")
    parser.add_argument("--seed", type=int, default=1)
    ARGS = parser.parse_args()
    BEGAN = time.monotonic()
    END = BEGAN + 60 * ARGS.minutes
    CORPUS = texts(ARGS.corpus)
    main()
