r"""Signs in a response that it aims at the reward and not at the problem.

Covers: an expression of the question given back as the answer (the outcome RESTATED), several
answers at once, a box that stands only in the thinking, the same answer to different problems.
Does not cover: echoes of the template and one fixed response; `rollouts` counts those.

Example:
    >>> sorted(signs_of(Rollout(response=r"\boxed{3} or \boxed{4}", answer="3")))
    ['hedged']
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from mindspeed_rl_ext.core.responses.rollouts import Rollout
from mindspeed_rl_ext.core.responses.text import Box, find_boxes, find_tags, last_number
from mindspeed_rl_ext.verifiers.responses.answers import HEDGE
from mindspeed_rl_ext.verifiers.responses.boxes import goes_on_with_or, has_alternatives

RESTATED, HEDGED, BOX_ONLY_IN_THINK = "restated", "hedged", "box_only_in_think"
IDENTICAL = "identical_answers"
SIGNS = (RESTATED, HEDGED, BOX_ONLY_IN_THINK)
_OUTCOME = "RESTATED"
_MAX_CHARS = 200


@dataclass
class AnswerCounts:
    """The answers of a step: how often each was stated, for which problems, and the references.

    Args:
        stated: how often, by text.
        problems: by text, the groups that it was given to.
        references: how often, by text.
    """

    stated: Counter[str] = field(default_factory=Counter)
    problems: dict[str, set[int]] = field(default_factory=dict)
    references: Counter[str] = field(default_factory=Counter)

    def add(self, rollout: Rollout, problem: int) -> None:
        """Counts one response."""
        self.references[rollout.answer[:_MAX_CHARS]] += 1
        answer = stated_answer(rollout.response)
        if answer:
            self.stated[answer] += 1
            self.problems.setdefault(answer, set()).add(problem)

    @property
    def share(self) -> float:
        """Of the responses, those that state the answer most often given to several problems."""
        total = self.references.total()
        shared = (n for text, n in self.stated.items() if len(self.problems[text]) > 1)
        return max(shared, default=0) / total if total else 0.0

    @property
    def expected_share(self) -> float:
        """What that would be if every response were right."""
        total = self.references.total()
        return max(self.references.values(), default=0) / total if total else 0.0


def signs_of(rollout: Rollout) -> set[str]:
    """Which of `SIGNS` a response shows."""
    found = set()
    if any(verdict.outcome == _OUTCOME for verdict in rollout.verdicts.values()):
        found.add(RESTATED)
    boxes = [box for box in find_boxes(rollout.response) if box.closed and box.depth == 0]
    after = _end_of_thinking(rollout.response)
    final = [box for box in boxes if box.start >= after]
    if boxes and not final:
        found.add(BOX_ONLY_IN_THINK)
    if _hedges(rollout, final):
        found.add(HEDGED)
    return found


def stated_answer(response: str) -> str:
    """The text of the last box, else of the answer block, else the last number; "" for none.

    Example:
        >>> stated_answer(r"so \\boxed{7}"), stated_answer("<answer>1+2</answer>")
        ('7', '1+2')
    """
    boxes = [box for box in find_boxes(response) if box.closed]
    if boxes:
        return boxes[-1].content[:_MAX_CHARS]
    tags = find_tags(response, ("answer",))
    if len(tags) > 1 and tags[-1].closing and not tags[-2].closing:
        return response[tags[-2].end : tags[-1].start].strip()[:_MAX_CHARS]
    return (last_number(response) or "")[:_MAX_CHARS]


def _end_of_thinking(response: str) -> int:
    """Where the thinking ends; 0 where no closing tag stands."""
    closing = [tag for tag in find_tags(response, ("think",)) if tag.closing]
    return closing[-1].end if closing else 0


def _hedges(rollout: Rollout, boxes: list[Box]) -> bool:
    """Several answers where the reference is one."""
    if any(verdict.stage == HEDGE for verdict in rollout.verdicts.values()):
        return True
    if not boxes or has_alternatives(rollout.answer):
        return False
    several = len({box.content for box in boxes}) > 1
    last = boxes[-1]
    inside = has_alternatives(last.content)
    behind = goes_on_with_or(rollout.response[last.end :])
    return inside or behind or (several and _joined(rollout.response, boxes))


def _joined(response: str, boxes: list[Box]) -> bool:
    """Whether two neighbouring boxes stand in one sentence, joined by an "or"."""
    between = (response[a.end : b.start] for a, b in pairwise(boxes))
    return any(len(text) < _MAX_CHARS and has_alternatives(text) for text in between)
