"""Every hostile input of the tests as prediction and as reference: the worst times, one by one.

Prints wall and CPU seconds of the slowest comparisons (the helper being started), and how many
took more than 2.5 s of wall time.

    python benchmarks/verifiers_attacks.py
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

from mindspeed_rl_ext.verifiers import equivalent, pool, resolve

TESTS = Path(__file__).resolve().parents[1] / "tests" / "verifiers" / "test_hostile.py"


def attacks() -> dict[str, str]:
    """The table of the tests."""
    spec = importlib.util.spec_from_file_location("hostile", TESTS)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{TESTS} is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, str] = module.ATTACKS
    return found


def main() -> None:
    """Prints the table."""
    pool.run([pool.Task("probe")], pool.Budget())
    rows = []
    for name, attack in attacks().items():
        for pair in ((attack, r"\frac12"), (r"\frac12", attack), (attack[:3900] + "+1", attack)):
            wall, cpu = time.perf_counter(), time.process_time()
            outcome = equivalent(*pair).outcome.value
            rows.append((time.perf_counter() - wall, time.process_time() - cpu, name, outcome))
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = resolve("r1_acc")(rf"<answer>\boxed{{{attack}}}</answer>", answer="1").outcome
        rows.append((time.perf_counter() - wall, time.process_time() - cpu, name, outcome.value))
    print(f"{len(rows)} comparisons, {sum(row[0] > 2.5 for row in rows)} beyond 2.5 s")
    for wall, cpu, name, outcome in sorted(rows, reverse=True)[:15]:
        print(f"{wall:6.2f} s wall {cpu:6.2f} s CPU here  {outcome:12} {name}")


if __name__ == "__main__":
    main()
