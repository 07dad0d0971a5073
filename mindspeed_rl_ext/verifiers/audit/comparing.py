"""Where a second grader disagrees with ours, by family, the most frequent first.

Covers: rows that one takes for CORRECT and the other does not, grouped by the kind of the reference
answer and by what both found, with examples and both reasons.
Does not cover: who is right; a person decides that, family by family.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mindspeed_rl_ext.verifiers.equivalence.answers.answer import read_answer
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError
from mindspeed_rl_ext.verifiers.equivalence.spelling.whole import spelled_out
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

_SHOWN_EXAMPLES = 3
_SHOWN_CHARS = 70
_MAX_READ_CHARS = 4000


class Kind(NamedTuple):
    """A family of disagreements: the kind of the reference, and what each grader found."""

    reference: str
    ours: str
    theirs: str


@dataclass
class Family:
    """The rows of one kind.

    Args:
        kind: what they have in common.
        rows: their places in the batch.
    """

    kind: Kind
    rows: list[int] = field(default_factory=list)


def answer_kind(reference: str) -> str:
    r"""The kind of a reference answer, in a word.

    Example:
        >>> answer_kind("0.5"), answer_kind("(1, 2)"), answer_kind(r"\text{Evelyn}")
        ('number', 'sequence', 'words')
    """
    try:
        answer = read_answer(spelled_out(reference[:_MAX_READ_CHARS]))
    except UnreadableError:
        return "not read"
    if answer.choice is not None:
        return "choice"
    if answer.tree is None or any(token.kind == "word" for token in answer.tokens):
        return "words" if any(t.kind in ("text", "word") for t in answer.tokens) else "not read"
    kind = type(answer.tree).__name__.lower()
    return f"{kind} with a unit" if answer.unit.name else kind


def disagree(one: Verdict, other: Verdict) -> bool:
    """Whether one takes the answer for right and the other does not.

    A plain score (SCORED) judges no answer, and disagrees with nothing.

    Example:
        >>> right, scored = Verdict(Outcome.CORRECT, 1.0), Verdict(Outcome.SCORED, 0.2)
        >>> disagree(right, Verdict(Outcome.WRONG, 0.0)), disagree(right, scored)
        (True, False)
    """
    both = {one.outcome, other.outcome}
    return Outcome.SCORED not in both and len(both) > 1 and Outcome.CORRECT in both


def disagreement_families(
    ours: Sequence[Verdict], theirs: Sequence[Verdict], answers: Sequence[str]
) -> list[Family]:
    """The families in which two graders disagree, the largest first.

    Args:
        ours: one verdict per row.
        theirs: as many.
        answers: the reference answers.
    """
    found: dict[Kind, Family] = {}
    for row, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if disagree(mine, other):
            kind = Kind(
                answer_kind(answers[row]),
                f"{mine.outcome.value} at {mine.stage or 'no stage'}",
                other.outcome.value,
            )
            found.setdefault(kind, Family(kind)).rows.append(row)
    return sorted(found.values(), key=lambda family: (-len(family.rows), family.kind))


def comparison_lines(
    names: tuple[str, str],
    ours: Sequence[Verdict],
    theirs: Sequence[Verdict],
    answers: Sequence[str],
    ids: Sequence[str],
) -> list[str]:
    """What a person reads of a comparison.

    Args:
        names: of our verifier and of the other grader.
        ours: one verdict per row.
        theirs: as many.
        answers: the reference answers.
        ids: of the rows.
    """
    families = disagreement_families(ours, theirs, answers)
    total = sum(len(family.rows) for family in families)
    only_ours = sum(
        ours[row].outcome is Outcome.CORRECT for family in families for row in family.rows
    )
    scored = sum(
        Outcome.SCORED in (a.outcome, b.outcome) for a, b in zip(ours, theirs, strict=True)
    )
    judged = len(ours) - scored
    lines = [
        f"  {names[0]} and {names[1]}: {judged - total} of {judged} rows alike; "
        f"{only_ours} CORRECT by {names[0]} alone, {total - only_ours} by {names[1]} alone"
        + (f"; rows with a score and no verdict: {scored}" if scored else "")
    ]
    for family in families:
        kind = family.kind
        lines.append(
            f"    {len(family.rows)} x reference is a {kind.reference}: "
            f"{names[0]} {kind.ours}, {names[1]} {kind.theirs}"
        )
        for row in _distinct(family.rows, answers)[:_SHOWN_EXAMPLES]:
            lines.append(f"      row {ids[row]}, reference {_short(answers[row])}")
            lines.append(f"        {names[0]}: {_short(ours[row].reason)}")
            lines.append(f"        {names[1]}: {_short(theirs[row].reason)}")
    return lines


def _distinct(rows: Sequence[int], answers: Sequence[str]) -> list[int]:
    """Rows of different references first: one problem must not fill the examples."""
    by_answer: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_answer[answers[row]].append(row)
    return [same[0] for same in by_answer.values()]


def _short(text: str) -> str:
    folded = " ".join(text.split())
    return repr(folded if len(folded) <= _SHOWN_CHARS else folded[:_SHOWN_CHARS] + "...")
