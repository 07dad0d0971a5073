"""What fits a prompt type: the verifiers of the format that it asks for, and where a response ends.

Covers: the shipped prompt types, by the beginning of their names; all others ask for a box.
Does not cover: templates; `configs/templates.json` holds those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mindspeed_rl_ext.recipes.evaluation.grading import Graders


@dataclass(frozen=True)
class PromptDefaults:
    """What is used where the user names nothing.

    Args:
        graders: the verifiers.
        stop: texts that end a response, beside the template's stop words. A base model goes on
            after its answer, and what it writes then would break the format.
    """

    graders: Graders = field(default_factory=Graders)
    stop: tuple[str, ...] = ()


# The first that a prompt type begins with counts.
_BY_PREFIX: Mapping[str, PromptDefaults] = {
    "cs336_r1_zero": PromptDefaults(Graders(strict="cs336_r1_zero"), ("</answer>",)),
    "qwen_r1": PromptDefaults(Graders(strict="r1_acc", format="r1_format")),
    "": PromptDefaults(),
}


def defaults_for(prompt_type: str) -> PromptDefaults:
    """What fits a prompt type.

    Example:
        >>> defaults_for("qwen_r1").graders.format, defaults_for("qwen_math_r1").graders.strict
        ('r1_format', 'simplerl')
    """
    return next(d for prefix, d in _BY_PREFIX.items() if prompt_type.startswith(prefix))
