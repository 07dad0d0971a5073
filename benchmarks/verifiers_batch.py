r"""A training batch with answers that hang: 1,024 prompts x 8 responses, one in a hundred hostile.

Hostile ones are power towers, nested factorials, sums of 10^8 terms and hard integrals, each
written differently; some right answers are slow on purpose (only sympy decides them).
Prints wall and CPU seconds, and how many right answers were not scored 1 (must be 0).

    python benchmarks/verifiers_batch.py
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import time
from collections import Counter
from pathlib import Path

from mindspeed_rl_ext.verifiers import pool, score
from mindspeed_rl_ext.verifiers.pool import client

SLOW_RIGHT = [
    (r"\sum_{{n=1}}^{{\infty}} \frac{{1}}{{{k}^n}}", "1/{m}"),
    (r"\lim_{{x \to 0}} \frac{{\sin {k}x}}{{x}}", "{k}"),
    (r"\int_0^{k} x dx", r"\frac{{{k}^2}}{{2}}"),
    (r"\sec^2({k}y)", r"\tan^2({k}y)+1"),
    (r"\int_0^{{\pi}} {k}\sin x dx", r"{k}\cdot 2"),
    (r"\lim_{{n \to \infty}} \left(1+\frac{{{k}}}{{n}}\right)^n", "e^{{{k}}}"),
    (r"\int_{{-\infty}}^{{\infty}} e^{{-{k}x^2}} dx", r"\sqrt{{\frac{{\pi}}{{{k}}}}}"),
    (r"\lim_{{x \to 0}} \frac{{\tan {k}x - \sin {k}x}}{{x^3}}", r"\frac{{{k}^3}}{{2}}"),
]
HANGS = [
    r"{k}^{{9^{{9^{{9}}}}}}",
    r"(({k}!)!)!",
    r"\sum_{{k=1}}^{{{k}00000000}} \frac{{1}}{{k^2}}",
    r"\int_0^{{\infty}} e^{{-x^2}}\sin({k}x^3) dx",
    r"\int_0^{{\infty}} \sin({k}x^2) dx",
    r"\sum_{{n=1}}^{{\infty}} \frac{{\sin {k}n}}{{n^2}}",
    r"\int_0^1 \frac{{x^{k}}}{{\sqrt{{1+x^5}}\ln(2+x)}} dx",
]


def batch(
    prompts: int, group: int, share: float, seed: int
) -> tuple[list[str], list[str], list[bool]]:
    """Responses, references, and whether each response is right by construction."""
    source = random.Random(seed)
    responses: list[str] = []
    answers: list[str] = []
    right: list[bool] = []
    for index in range(prompts):
        reference, pool_of_answers = problem(index, source)
        for _ in range(group):
            if source.random() < share:
                said, is_right = source.choice(HANGS).format(k=source.randint(2, 9)), False
            else:
                said, is_right = source.choice(pool_of_answers)
            responses.append(rf"<think>work {index}</think><answer>\boxed{{{said}}}</answer>")
            answers.append(reference)
            right.append(is_right)
    return responses, answers, right


def problem(index: int, source: random.Random) -> tuple[str, list[tuple[str, bool]]]:
    """A reference and the answers that a policy gives to it, with whether they are right."""
    if index % 64 == 0:
        said, reference = source.choice(SLOW_RIGHT)
        k = index // 64 + 2
        return reference.format(k=k, m=k - 1), [(said.format(k=k), True)]
    a, b = source.randint(1, 999), source.randint(2, 99)
    forms = [(rf"\frac{{{a}}}{{{b}}}", True), (f"{a}/{b}", True), (f"x = {a}/{b}", True)]
    return rf"\frac{{{a}}}{{{b}}}", [*forms, (f"{a + 1}/{b}", False), (f"{a}", b == 1)]


def main() -> None:
    """Runs the batch once, with a warm helper and cold caches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=1024)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began = time.perf_counter()
    pool.run([pool.Task("probe")], pool.Budget())
    print(f"helper started in {time.perf_counter() - began:.2f} s (once a process)")
    responses, answers, right = batch(args.prompts, args.group, args.share, args.seed)
    began, cpu, before = time.perf_counter(), time.process_time(), helper_cpu_s()
    verdicts = score(responses, answers, verifiers=["r1_acc"]).verdicts["r1_acc"]
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    lost = [i for i, yes in enumerate(right) if yes and verdicts[i].score != 1.0]
    paid = [i for i, yes in enumerate(right) if not yes and verdicts[i].score == 1.0]
    cores = len(os.sched_getaffinity(0))
    print(f"{len(responses)} responses, {cores} cores: {wall:.2f} s wall, {cpu:.2f} s CPU here")
    print(f"CPU of helper and workers: {helper_cpu_s() - before:.2f} s")
    print(f"load average {os.getloadavg()[0]:.1f}; peak memory {peak_mib():.0f} MiB")
    print(f"right answers not scored 1: {len(lost)}; wrong answers scored 1: {len(paid)}")
    for index in lost[:5]:
        print("  ", responses[index], answers[index], verdicts[index])
    for key, count in Counter((v.outcome.value, v.stage) for v in verdicts).most_common():
        print(f"  {key[0]:12} {key[1]:8} {count}")


def helper_cpu_s() -> float:
    """CPU seconds of the helper and its workers, living ones too; 0 without /proc."""
    helper = client._HOLDERS[0].helper
    if helper is None or not Path("/proc").is_dir():
        return 0.0
    return sum(map(cpu_s, [helper._process.pid, *children(helper._process.pid)]))


def children(pid: int) -> list[int]:
    """Process ids of the children that live."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in found.read_text().split()] if found.exists() else []


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and of its children that ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    return sum(map(int, stat.rpartition(")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK")


def peak_mib() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
