"""All rules over one run.

Covers: the table of rules, their order, what could not be checked.
Does not cover: the rules themselves.
"""

from __future__ import annotations

from collections.abc import Callable

from mindspeed_rl_ext.report.diagnosis import rules_learning, rules_speed, rules_text
from mindspeed_rl_ext.report.diagnosis.evidence import Evidence, MissingEvidence
from mindspeed_rl_ext.report.diagnosis.finding import SEVERITIES, Diagnosis, Finding
from mindspeed_rl_ext.report.load import Run

RULES: tuple[Callable[[Evidence], Finding | None], ...] = (
    rules_learning.not_finite,
    rules_learning.entropy_up_reward_gone,
    rules_learning.entropy_down_no_signal,
    rules_text.template_echo,
    rules_learning.entropy_jump,
    rules_learning.drawdown,
    rules_learning.reward_up_format_down,
    rules_text.one_fixed_answer,
    rules_text.reward_hacks,
    rules_learning.flat_reward,
    rules_learning.few_groups_with_signal,
    rules_text.length_clipped,
    rules_text.length_flat,
    rules_learning.too_many_updates,
    rules_text.verdicts_fail,
    rules_learning.entropy_not_logged,
    rules_speed.throughput_mismatch,
    rules_speed.times_do_not_add_up,
)


def diagnose(run: Run) -> Diagnosis:
    """Checks every rule.

    Args:
        run: from `load_run`.
    """
    seen = Evidence(run)
    findings: list[Finding] = []
    clear: list[str] = []
    unchecked: dict[str, str] = {}
    for rule in RULES:
        try:
            found = rule(seen)
        except MissingEvidence as missing:
            unchecked[rule.__name__] = str(missing)
            continue
        if found is None:
            clear.append(rule.__name__)
        else:
            findings.append(found)
    findings.sort(key=lambda one: SEVERITIES.index(one.severity))
    return Diagnosis(tuple(findings), tuple(clear), unchecked)
