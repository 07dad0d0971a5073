"""What wrapping and the audit add to a host's scoring of 1,024 responses.

Three figures: the host's own names through our wrapper against the host's function alone, the
scoring thread's time with MSRL_EXT_AUDIT against without, and the processor time that other threads
of the process took meanwhile. Rounds are interleaved. Asserts nothing.

The host is MindSpeed-RL's `rule_verifier` where it can be imported, else the double of the tests:
    PYTHONPATH=DIR/rl_22:DIR/megatron_012:DIR/mindspeed_22 python benchmarks/hosts_scoring.py
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOUBLE = ROOT / "tests" / "hosts" / "doubles" / "rl_22"
ROWS = 1024
THEIRS, OURS = ["acc", "format"], ["simplerl", "r1_format"]


def load_host() -> Any:
    """The host's module, wrapped by us."""
    if importlib.util.find_spec("mindspeed_rl") is None:
        sys.path.insert(0, str(DOUBLE))
    import mindspeed_rl_ext

    mindspeed_rl_ext.activate()
    from mindspeed_rl.models import rule_verifier

    return rule_verifier


def make_batch(turn: int) -> tuple[list[str], dict[str, list[str]]]:
    """Responses of about 2 kB that no earlier round has had, and their labels."""
    text = "word " * 400
    responses = [f"{turn} {text}so \\boxed{{{row % 97}}}" for row in range(ROWS)]
    return responses, {"labels": [str(row % 89) for row in range(ROWS)]}


def timed(score: Callable[..., Any], turn: int, names: list[str]) -> tuple[float, float, float]:
    """Wall time, this thread's and the other threads' processor time of one call, in ms."""
    responses, data = make_batch(turn)
    config = SimpleNamespace(verifier_function=names, verifier_weight=[1.0] * len(names))
    wall, whole, own = time.perf_counter(), time.process_time(), time.thread_time()
    score(responses, data, config)
    own = time.thread_time() - own
    whole, wall = time.process_time() - whole, time.perf_counter() - wall
    return 1000 * wall, 1000 * own, 1000 * (whole - own)


def compare(label: str, one: Callable[[int], Any], other: Callable[[int], Any], pairs: int) -> None:
    """Prints medians of both, and of the differences within a pair."""
    rows: list[list[tuple[float, float, float]]] = [[], []]
    for turn in range(-2, pairs):
        for place in (0, 1) if turn % 2 else (1, 0):
            measured = (one, other)[place](2 * turn + place)
            if turn >= 0:
                rows[place].append(measured)
    for column, what in enumerate(("wall", "own thread", "other threads")):
        base = statistics.median(row[column] for row in rows[0])
        added = statistics.median(b[column] - a[column] for a, b in zip(*rows, strict=True))
        wall = statistics.median(row[0] for row in rows[0])
        print(f"{label:<12}{what:<15}{base:>9.2f} ms{added:>+9.3f} ms{added / wall:>+8.2%} of wall")


def main() -> None:
    """Prints one row for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two batches")
    args = parser.parse_args()
    host = load_host()
    wrapped, alone = host.verifier, host.verifier.__wrapped__
    print(f"{Path(host.__file__).parents[2].name}, {ROWS} responses, {args.pairs} pairs")

    def with_audit(folder: str) -> Callable[[int], Any]:
        def score(turn: int) -> Any:
            os.environ.pop("MSRL_EXT_AUDIT", None)
            if folder:
                os.environ["MSRL_EXT_AUDIT"] = folder
            found = timed(wrapped, turn, OURS)
            os.environ.pop("MSRL_EXT_AUDIT", None)
            time.sleep(args.pause)
            return found

        return score

    compare(
        "wrapping",
        lambda turn: timed(alone, turn, THEIRS),
        lambda turn: timed(wrapped, turn, THEIRS),
        args.pairs,
    )
    # The audit may still write when it is removed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        compare("audit", with_audit(""), with_audit(folder), args.pairs)


if __name__ == "__main__":
    main()
