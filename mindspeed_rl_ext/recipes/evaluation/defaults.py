"""What fits a prompt type: the verifiers of the format that it asks for, and where a response ends.

Covers: every template, shipped or the user's, by its text and by what verifiers declare to read.
Does not cover: templates; `configs/templates.json` holds those. A model's own chat template asks
for nothing that is known here: a box is expected.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from mindspeed_rl_ext.core.responses.response_parts import (
    ANSWER_TAG,
    PROSE,
    alternatives,
    parts_asked_for,
    unmet_conditions,
)
from mindspeed_rl_ext.preprocess.record import Prompt
from mindspeed_rl_ext.preprocess.templates.chat_template import PROMPT_TYPE
from mindspeed_rl_ext.preprocess.templates.template import load_template
from mindspeed_rl_ext.recipes.evaluation.grading import NEEDED, Graders
from mindspeed_rl_ext.verifiers.registry import built_in_names, registry_names, verifier_named

# Of ours, those that a default may be: any reference answer is fine for them. A later one is taken
# only where it reads more of what a prompt asks for.
_GENERAL = ("simplerl", "r1_acc", "cs336_r1_zero", "dapo")
_FORMATS = ("r1_format", "strict_tags")
_ANSWER_END = "</answer>"


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


def defaults_for(prompt_type: str, path: str | None = None) -> PromptDefaults:
    """What fits a prompt type.

    Args:
        prompt_type: a name of templates.json, or "tokenizer".
        path: another templates.json.

    Raises:
        InputError: an unknown prompt type.

    Example:
        >>> defaults_for("qwen_r1").graders.format, defaults_for("qwen_math_r1").graders.strict
        ('r1_format', 'simplerl')
    """
    if prompt_type == PROMPT_TYPE:
        return PromptDefaults()
    template = load_template(prompt_type, path)
    pieces = template.render(Prompt(""))
    asked = parts_asked_for("".join(piece for piece in pieces if isinstance(piece, str)))
    stop = (_ANSWER_END,) if ANSWER_TAG in asked and not template.stop_words else ()
    return PromptDefaults(graders_for(asked), stop)


def graders_for(asked: Collection[str]) -> Graders:
    """The verifiers that read most of what a prompt asks for.

    Args:
        asked: parts of a response, as `core.responses.response_parts` names them.

    Example:
        >>> graders_for({"think_tag", "answer_tag"}).strict
        'cs336_r1_zero'
    """
    own = sorted(set(registry_names()) - set(built_in_names()))
    answers = (*own, *_GENERAL)
    strict = max(answers, key=lambda name: len(_parts_read(name, asked, answer=True)))
    if not _parts_read(strict, asked, answer=True):
        strict = Graders().strict
    # A verifier that reads all that is asked for judges the format too.
    if set(asked) <= _parts_read(strict, asked, answer=True):
        return Graders(strict=strict)
    formats = (*own, *_FORMATS)
    form = max(formats, key=lambda name: len(_parts_read(name, asked, answer=False)))
    known = len(_parts_read(form, asked, answer=False))
    better = known > len(_parts_read(strict, asked, answer=True))
    return Graders(strict=strict, format=form if better else "")


def _parts_read(name: str, asked: Collection[str], *, answer: bool) -> set[str]:
    """What a verifier reads of what is asked for; nothing where it can't be a default."""
    found = verifier_named(name)
    judges = found.judges_answer if answer else found.judges_format
    if not judges or found.reads is None or not set(found.needs) <= set(NEEDED):
        return set()
    if unmet_conditions(found.reads, asked):
        return set()
    return {part for condition in found.reads for part in alternatives(condition)} & (
        set(asked) - {PROSE}
    )
