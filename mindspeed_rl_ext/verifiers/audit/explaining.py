"""One response step by step: text for people.

Covers: what was found in a response (tags, boxes), how each side of a comparison was read, every
verdict with its stage.
Does not cover: scoring; this only shows it.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.core.responses.rollouts import Rollout
from mindspeed_rl_ext.core.responses.text import find_boxes, find_tags, last_boxed
from mindspeed_rl_ext.verifiers.api import BoundVerifier
from mindspeed_rl_ext.verifiers.audit.rows import cell
from mindspeed_rl_ext.verifiers.equivalence.cascade import steps
from mindspeed_rl_ext.verifiers.responses.layout import last_block

_SHOWN = 8


def explain_row(rollout: Rollout, bound: Sequence[BoundVerifier]) -> list[str]:
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
    # A structured reference (Countdown's target and numbers) is its verifier's own to read.
    if answer and not rollout.answer.lstrip().startswith("{"):
        lines.append(f"  compared: {_short(answer)} with {_short(rollout.answer)}")
        lines += [f"    {step}" for step in steps(answer, rollout.answer)]
    for one in bound:
        given = {name: cell(rollout, name) for name in one.columns}
        verdict = one(response, **given)
        lines.append(f"  {one.name}: {verdict.outcome.value}, score {verdict.score:g}")
        lines.append(f"    stage {verdict.stage or 'none'}: {verdict.reason or 'no reason given'}")
    return lines


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""


def _short(text: str) -> str:
    folded = " ".join(text.split())
    return repr(folded if len(folded) <= 100 else folded[:100] + "...")
