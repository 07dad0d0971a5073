"""All checks of the surroundings, in the order of the report: a new one is a function and a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mindspeed_rl_ext.doctor import activation, environment, faq, npu
from mindspeed_rl_ext.doctor.finding import LEVELS, Finding
from mindspeed_rl_ext.doctor.surroundings import Surroundings

Check = Callable[[Surroundings], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    environment.python_version,
    environment.our_installation,
    environment.library_versions,
    environment.math_verify,
    environment.antlr,
    environment.bitsandbytes,
    environment.click_and_ray,
    environment.two_hosts,
    npu.versions_of_the_npu,
    faq.docker_logins,
    faq.libgomp,
    activation.switch,
    activation.pth_files,
    activation.hook,
    activation.hosts,
)


def examine(found: Surroundings) -> list[Finding]:
    """Runs every check; errors come first, then warnings, then what is only told."""
    return in_order([finding for check in CHECKS for finding in check(found)])


def in_order(findings: list[Finding]) -> list[Finding]:
    """Findings with the worst first, otherwise as they came."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))
