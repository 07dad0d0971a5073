r"""Comparisons per second and core, decided in this process, with cold and with warm caches.

Pairs are made here: integers, decimals, fractions, roots, polynomials, tuples, intervals, text and
units, half of them equal; `--corpus FILE` takes pairs of a JSON Lines file (`prediction`, `gold`)
instead. Cold: every pair is new to the caches. Warm: the same pairs again, as in groups.
Process CPU time, so other load on the machine counts little. Prints also the share of pairs that
no rule decided, which sympy would get.

    python benchmarks/verifiers_speed.py
    python benchmarks/verifiers_speed.py --corpus pairs.jsonl
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import time
from pathlib import Path

from mindspeed_rl_ext.verifiers.equivalence import cascade
from mindspeed_rl_ext.verifiers.equivalence.answers.answer import read_answer
from mindspeed_rl_ext.verifiers.equivalence.cascade import decide
from mindspeed_rl_ext.verifiers.equivalence.spelling.whole import spelled_out

Pair = tuple[str, str]


def made(count: int, seed: int) -> list[Pair]:
    """Pairs as rollouts of grade-school and competition problems have them."""
    source = random.Random(seed)
    return [one_pair(source, source.random() < 0.5) for _ in range(count)]


def one_pair(source: random.Random, same: bool) -> Pair:
    """A prediction and a reference, equal or off by one somewhere."""
    a, b, c = source.randint(2, 9999), source.randint(2, 99), source.randint(2, 99)
    off = 0 if same else 1
    forms = (
        (f"{a + off}", f"{a}"),
        (f"{a + off}", f"{a}"),
        (f"{a + off}", f"{a}"),
        (f"{a + off:,}", f"{a}"),
        (f"{a + off}.0", f"{a}"),
        (f"x = {a + off}", f"{a}"),
        (rf"{a + off} \text{{ cm}}", f"{a}"),
        (rf"\frac{{{a + off}}}{{{b}}}", rf"\frac{{{a}}}{{{b}}}"),
        (f"{a + off}/{b}", rf"\frac{{{a}}}{{{b}}}"),
        (rf"\dfrac{{{a + off}}}{{{b}}}", f"{a}/{b}"),
        (rf"{b + off}\sqrt{{{c}}}", rf"\sqrt{{{b * b * c}}}"),
        (f"({b}, {c + off})", rf"\left({b},{c}\right)"),
        (f"{c + off}x^2 + {b}x", f"x({b} + {c}x)"),
        (f"[{b}, {b + c + off})", f"[{b},{b + c})"),
        (rf"{b + off}\pi", rf"\pi \cdot {b}"),
    )
    return source.choice(forms)


def rate(pairs: list[Pair]) -> float:
    """Pairs per CPU second."""
    gc.collect()
    began = time.process_time()
    for prediction, reference in pairs:
        decide(prediction, reference)
    return len(pairs) / (time.process_time() - began)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--count", type=int, default=8000)
    args = parser.parse_args()
    pairs = made(args.count, 0)
    if args.corpus:
        rows = [json.loads(line) for line in args.corpus.read_text(encoding="utf-8").splitlines()]
        pairs = [(row["prediction"], row["gold"]) for row in rows]
    rate(made(200, 1))  # compiles patterns, finds primes
    cascade._decided.cache_clear()
    read_answer.cache_clear()
    spelled_out.cache_clear()
    cold = rate(pairs)
    warm = rate(pairs)
    asked = sum(decide(prediction, reference).ask for prediction, reference in pairs)
    print(f"{len(pairs)} pairs, {len(set(pairs))} distinct")
    print(f"cold {cold:,.0f} a CPU second, warm {warm:,.0f}")
    print(f"decided without sympy: {1 - asked / len(pairs):.2%}")


if __name__ == "__main__":
    main()
