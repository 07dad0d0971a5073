"""Rules on the host's own figures of time and throughput.

Covers: the inequality of times, throughput that the formulas do not give.
Does not cover: how fast a run should be.
"""

from __future__ import annotations

from mindspeed_rl_ext.report.diagnosis.evidence import Evidence, MissingEvidence
from mindspeed_rl_ext.report.diagnosis.finding import NOTE, WARNING, Finding, Numbers
from mindspeed_rl_ext.report.throughput import missing_sizes, throughput_of, timing_of


def times_do_not_add_up(seen: Evidence) -> Finding | None:
    """A step took less time than its parts, one after the other."""
    timing = timing_of(seen.run)
    if timing is None:
        raise MissingEvidence("timing/all and its parts")
    if not timing.violated:
        return None
    numbers: Numbers = {
        "violated": timing.violated,
        "steps": timing.steps,
        "worst_step": timing.worst[0],
        "worst_s": timing.worst[1],
    }
    return Finding("times_do_not_add_up", NOTE, numbers, timing.worst[0], panels=("timing",))


def throughput_mismatch(seen: Evidence) -> Finding | None:
    """The log's tokens per second are not those of the formula."""
    lacking = missing_sizes(seen.run)
    compared = [one for one in throughput_of(seen.run) if one.compared]
    if not compared:
        raise MissingEvidence(", ".join(lacking) or "e2e_tps")
    wrong = [one for one in compared if one.is_wrong]
    if not wrong:
        return None
    details = "; ".join(f"{one.name}: {one.mismatches} of {one.compared} steps" for one in wrong)
    return Finding("throughput_mismatch", WARNING, {"details": details})
