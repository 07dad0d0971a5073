"""One response judged step by step, and where verifiers disagree: text for people.

Covers: what was found in a response (tags, boxes), how each side of a comparison was read, every
verdict with its stage. Does not cover: judging; this only shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations

from mindspeed_rl_ext.core.rollouts import OPTIONAL_COLUMNS, Rollout
from mindspeed_rl_ext.core.text import find_boxes, find_tags, last_boxed
from mindspeed_rl_ext.verifiers.api import BoundVerifier
from mindspeed_rl_ext.verifiers.equivalence.cascade import steps
from mindspeed_rl_ext.verifiers.responses.layout import last_block
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

_SHOWN = 8


def explained(rollout: Rollout, bound: Sequence[BoundVerifier]) -> list[str]:
    """The lines that explain one row.

    Args:
        rollout: the row.
        bound: the verifiers to ask.
    """
    response = rollout.response
    lines = [f"row {rollout.id}: {len(response)} characters, reference {_short(rollout.answer)}"]
    tags = [f"<{'/' if tag.closing else ''}{tag.name}>" for tag in find_tags(response)]
    lines.append(f"  tags: {' '.join(tags[:_SHOWN]) or 'none'}{_more(len(tags))}")
    boxes = find_boxes(response)
    for box in boxes[-_SHOWN:]:
        state = "closed" if box.closed else "not closed"
        lines.append(f"  box at {box.start}, {state}: {_short(box.content)}")
    if not boxes:
        lines.append("  boxes: none")
    block = last_block(response)
    lines.append(f"  answer block: {_short(block) if block is not None else 'none'}")
    answer = last_boxed(response) or block
    if answer:
        lines.append(f"  compared: {_short(answer)} with {_short(rollout.answer)}")
        lines += [f"    {step}" for step in steps(answer, rollout.answer)]
    for one in bound:
        given = {need: _cell(rollout, need) for need in one.needs}
        verdict = one(response, **given)
        lines.append(f"  {one.name}: {verdict.outcome.value}, score {verdict.score:g}")
        lines.append(f"    stage {verdict.stage or 'none'}: {verdict.reason or 'no reason given'}")
    return lines


def disagreements(verdicts: Mapping[str, Sequence[Verdict]]) -> list[str]:
    """For each two verifiers how often one says CORRECT and the other does not.

    Args:
        verdicts: by verifier name, one a response.
    """
    lines = ["  where they disagree (CORRECT by one, not by the other):"]
    for one, other in combinations(verdicts, 2):
        counts: Counter[tuple[str, str]] = Counter()
        first = -1
        for index, (a, b) in enumerate(zip(verdicts[one], verdicts[other], strict=True)):
            if (a.outcome is Outcome.CORRECT) != (b.outcome is Outcome.CORRECT):
                counts[a.outcome.value, b.outcome.value] += 1
                first = index if first < 0 else first
        total = sum(counts.values())
        shown = ", ".join(f"{a} / {b} {n}" for (a, b), n in counts.most_common())
        where = f"; first at row {first + 1}" if total else ""
        lines.append(f"    {one} / {other}: {total}{': ' + shown if shown else ''}{where}")
    return lines


def _cell(rollout: Rollout, need: str) -> object:
    if need == "answer" or need in OPTIONAL_COLUMNS:
        return getattr(rollout, need)
    return rollout.extra.get(need)


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""


def _short(text: str) -> str:
    folded = " ".join(text.split())
    return repr(folded if len(folded) <= 100 else folded[:100] + "...")
