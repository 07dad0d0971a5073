"""What people see after scoring: counts, the reasons of errors, where verifiers disagree.

Covers: text lines; the listing of the verifiers.
Does not cover: single rows; `explaining` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, Language
from mindspeed_rl_ext.verifiers.audit.comparing import disagree
from mindspeed_rl_ext.verifiers.registry import registry_names, verifier_named
from mindspeed_rl_ext.verifiers.scoring import Result
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

# What says that a verifier, not a response, is at fault.
_WITH_REASONS = (Outcome.ERROR, Outcome.BAD_REFERENCE)
_SHOWN_REASONS = 3


def summary_lines(result: Result, ids: Sequence[str]) -> list[str]:
    """The counts of a scored file.

    Args:
        result: of the batch.
        ids: of its rows, to name the first of each fault.
    """
    count = len(result.rewards)
    lines = [f"{count} responses, mean reward {sum(result.rewards) / count:.4f}"]
    for name, verdicts in result.verdicts.items():
        mean = sum(verdict.score for verdict in verdicts) / count
        outcomes = Counter(verdict.outcome.value for verdict in verdicts)
        shown = ", ".join(f"{outcome} {n}" for outcome, n in outcomes.most_common())
        lines.append(f"  {name}: mean {mean:.4f}; {shown}")
        lines += _fault_lines(verdicts, ids)
    if len(result.verdicts) > 1:
        lines += disagreement_lines(result.verdicts, ids)
    return lines


def _fault_lines(verdicts: Sequence[Verdict], ids: Sequence[str]) -> Iterator[str]:
    for outcome in _WITH_REASONS:
        counts: Counter[str] = Counter()
        first: dict[str, str] = {}
        for verdict, row in zip(verdicts, ids, strict=True):
            if verdict.outcome is outcome:
                # An error's reason may have several lines.
                reason = "; ".join(map(str.strip, verdict.reason.split("\n")))
                counts[reason] += 1
                first.setdefault(reason, row)
        for reason, number in counts.most_common(_SHOWN_REASONS):
            yield f"    {outcome.value}: {reason} ({number}, first: row {first[reason]})"
        rest = len(counts) - _SHOWN_REASONS
        if rest > 0:
            yield f"    {outcome.value}: and {rest} other reasons"


def disagreement_lines(verdicts: Mapping[str, Sequence[Verdict]], ids: Sequence[str]) -> list[str]:
    """For each two verifiers how often one says CORRECT and the other does not.

    Args:
        verdicts: by verifier name, one per response.
        ids: of the rows.
    """
    lines = ["  where they disagree (CORRECT by one, not by the other):"]
    for one, other in combinations(verdicts, 2):
        counts: Counter[tuple[str, str]] = Counter()
        first = -1
        for index, (a, b) in enumerate(zip(verdicts[one], verdicts[other], strict=True)):
            if disagree(a, b):
                counts[a.outcome.value, b.outcome.value] += 1
                first = index if first < 0 else first
        total = sum(counts.values())
        shown = ", ".join(f"{a} / {b} {n}" for (a, b), n in counts.most_common())
        where = f"; first at row {first + 1} ({ids[first]})" if total else ""
        lines.append(f"    {one} / {other}: {total}{': ' + shown if shown else ''}{where}")
    return lines


def listing_lines(language: Language = DEFAULT_LANGUAGE) -> list[str]:
    """Every verifier with its levels, columns, parameters and summary."""
    lines = []
    for name in registry_names():
        found = verifier_named(name)
        levels = " / ".join(f"{level:g}" for level in found.levels) or "any number"
        parameters = "".join(f" {key}={value!r}" for key, value in found.parameters.items())
        lines.append(f"{name}  levels: {levels}  needs: {', '.join(found.needs) or 'nothing'}")
        if parameters:
            lines.append(f"    parameters:{parameters}")
        lines.append(f"    {found.summary.in_language(language)}")
    return lines
