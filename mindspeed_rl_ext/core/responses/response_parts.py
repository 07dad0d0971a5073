r"""The parts of a response that a prompt asks for and a verifier reads: one vocabulary for both.

A verifier declares what must be in a response for it to be paid, as a list of conditions. A
condition is the name of a part, or alternatives such as `"answer_line|box"`. A prompt asks for a
set of parts; `unmet_conditions` compares the two.

Covers: the names, their texts in both languages, the check of a declaration.
Does not cover: finding the parts in a text; `core.responses.text` and the verifiers do.

Example:
    >>> unmet_conditions(("answer_tag", "box"), {"box"})
    ('answer_tag',)
    >>> unmet_conditions(("answer_line|box",), {"box"})
    ()
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, Language, Text

BOX = "box"
THINK_TAG = "think_tag"
ANSWER_TAG = "answer_tag"
ANSWER_LINE = "answer_line"
HASH_LINE = "hash_line"
PROSE = "prose"

PARTS: Mapping[str, Text] = {
    BOX: Text(r"a \boxed{}", r"\boxed{}"),
    THINK_TAG: Text("<think> tags", "<think> 标签"),
    ANSWER_TAG: Text("<answer> tags", "<answer> 标签"),
    ANSWER_LINE: Text("a last line `Answer: ...`", "最后一行 `Answer: ...`"),
    HASH_LINE: Text("a last line `#### ...`", "最后一行 `#### ...`"),
    PROSE: Text("an answer stated in any way", "以任何方式写出的答案"),
}
# What stands in the text of a prompt that asks for the part.
_MARKERS: Mapping[str, str] = {
    BOX: r"\boxed",
    THINK_TAG: "<think>",
    ANSWER_TAG: "<answer>",
    ANSWER_LINE: "Answer:",
    HASH_LINE: "####",
}
# Every prompt that asks a question asks for an answer in some words.
_ALWAYS_ASKED = frozenset({PROSE})
_OR = "|"


def parts_asked_for(prompt: str) -> frozenset[str]:
    r"""The parts that the text of a prompt asks for.

    Example:
        >>> sorted(parts_asked_for(r"Put your final answer within \boxed{}. 1+1?"))
        ['box']
    """
    return frozenset(part for part, marker in _MARKERS.items() if marker in prompt)


def alternatives(condition: str) -> tuple[str, ...]:
    """The parts of which one must be there.

    Example:
        >>> alternatives("answer_line|box")
        ('answer_line', 'box')
    """
    return tuple(part.strip() for part in condition.split(_OR))


def check_conditions(conditions: Sequence[str], owner: str) -> tuple[str, ...]:
    """The conditions as a tuple, every part of them being known.

    Args:
        conditions: parts and alternatives.
        owner: who declares them, for the message.

    Raises:
        InputError: an unknown part, with the nearest names.
    """
    listed = (conditions,) if isinstance(conditions, str) else tuple(conditions)
    for condition in listed:
        for part in alternatives(condition):
            if part not in PARTS:
                raise InputError(
                    f"{owner} reads an unknown part of a response: {part!r}",
                    expected=", ".join(PARTS) + '; alternatives as "answer_line|box"',
                    remedy=nearest(part, PARTS),
                )
    return listed


def unmet_conditions(conditions: Sequence[str], asked: Collection[str]) -> tuple[str, ...]:
    """The conditions that a response need not meet where it does what its prompt asks.

    Args:
        conditions: what a verifier reads.
        asked: the parts that the prompt asks for.
    """
    given = _ALWAYS_ASKED.union(asked)
    return tuple(one for one in conditions if given.isdisjoint(alternatives(one)))


def describe_condition(condition: str, language: Language = DEFAULT_LANGUAGE) -> str:
    r"""A condition in words.

    Example:
        >>> describe_condition("answer_line|box")
        'a last line `Answer: ...` or a \\boxed{}'
    """
    joint = Text(" or ", "或").in_language(language)
    return joint.join(PARTS[part].in_language(language) for part in alternatives(condition))
