r"""Accepted right and wrong answers of labelled corpora, and the time that a pair takes.

Each file is JSON Lines with `prediction`, `gold`, `label` (1 for the same answer) and, if there,
`family`. Rows whose prediction is a whole response (a family that begins with `response` or
`WA response`) are left to `msrl-ext score`. Prints accepted positives, accepted negatives, time per
pair in CPU seconds of this process (p50, p99, max; what sympy's workers take is wall time, apart),
the share of pairs that need sympy, and the families where answers are refused or wrongly accepted.

    python benchmarks/verifiers_public.py corpus.jsonl [more.jsonl ...] [--families] [--rows]
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.verifiers import Outcome, Policy, equivalent
from mindspeed_rl_ext.verifiers.equivalence.cascade import decide

Row = dict[str, object]


def rows_of(path: Path) -> Iterator[Row]:
    """The rows that are pairs of answers."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if not str(row.get("family", "")).startswith(("response", "WA response")):
            yield row


def quantile(values: list[float], share: float) -> float:
    """A value that a share of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def measure(rows: list[Row], policy: Policy) -> tuple[list[bool], list[float], list[float]]:
    """Of each row whether it is accepted; CPU seconds here; wall seconds of those for sympy."""
    accepted, here, sympy = [], [], []
    for row in rows:
        pair = (str(row["prediction"]), str(row["gold"]))
        began = time.process_time()
        asks = decide(*pair, policy).ask
        here.append(time.process_time() - began)
        began = time.perf_counter()
        accepted.append(equivalent(*pair, policy=policy).outcome is Outcome.CORRECT)
        if asks:
            sympy.append(time.perf_counter() - began)
    return accepted, here, sympy


def report(path: Path, args: argparse.Namespace) -> None:
    """Prints the figures of one file."""
    rows = list(rows_of(path))
    accepted, here, sympy = measure(rows, Policy(evaluated=args.evaluated))
    right = [yes for row, yes in zip(rows, accepted, strict=True) if row["label"]]
    wrong = [yes for row, yes in zip(rows, accepted, strict=True) if not row["label"]]
    print(f"{path.name}: {len(rows)} pairs")
    print(f"  accepted positives {sum(right)} of {len(right)} ({share(sum(right), len(right))})")
    print(f"  accepted negatives {sum(wrong)} of {len(wrong)} ({share(sum(wrong), len(wrong))})")
    times = [1000 * quantile(here, part) for part in (0.5, 0.99, 1.0)]
    print("  ms of CPU per pair: p50 {:.3f}, p99 {:.2f}, max {:.1f}".format(*times))
    slowest = f", the slowest {max(sympy):.2f} s of wall time" if sympy else ""
    print(f"  need sympy: {share(len(sympy), len(rows))}{slowest}")
    faults = [row for row, yes in zip(rows, accepted, strict=True) if yes != bool(row["label"])]
    if args.families:
        for family, count in Counter(str(row.get("family", "-")) for row in faults).most_common():
            print(f"    {count:4} {family}")
    if args.rows:
        for row in faults:
            print(f"    {row['label']} {row['prediction']!r} {row['gold']!r}")


def share(part: int, whole: int) -> str:
    """A share in per cent."""
    return f"{100 * part / whole:.1f} %" if whole else "none"


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--families", action="store_true", help="count the faults by family")
    parser.add_argument("--rows", action="store_true", help="print each fault")
    parser.add_argument("--evaluated", choices=["any", "as_reference", "strict"], default="any")
    args = parser.parse_args()
    for path in args.files:
        report(path, args)


if __name__ == "__main__":
    main()
