"""What a rule found, and what all rules came to.

Covers: the finding, its severity, the result of a diagnosis.
Does not cover: words; `texts` has them in two languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)

Numbers = dict[str, float | int | str]


@dataclass(frozen=True)
class Finding:
    """One thing that a rule found.

    Args:
        rule: its name.
        severity: `error` where the run learns nothing any more, `warning`, or `note`.
        numbers: the evidence by name, for the rule's sentence.
        step: where it shows first; None where it is of the whole run.
        panels: keys of the plots that show it, where it has a step.
    """

    rule: str
    severity: str
    numbers: Numbers = field(default_factory=dict)
    step: int | None = None
    panels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """All rules over one run.

    Args:
        findings: the worst first.
        clear: rules that were checked and found nothing.
        unchecked: rules that could not be checked, and what the log lacks for them.
    """

    findings: tuple[Finding, ...]
    clear: tuple[str, ...]
    unchecked: Mapping[str, str]

    @property
    def number(self) -> int:
        """Of all rules."""
        return len({one.rule for one in self.findings}) + len(self.clear) + len(self.unchecked)
