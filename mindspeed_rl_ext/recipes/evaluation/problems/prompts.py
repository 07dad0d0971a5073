"""Questions to prompts: a template of the hosts, or the model's own chat template, as text.

Covers: every `prompt_type` of templates.json, `tokenizer` for the model's own; the texts that end a
turn; a check that the text tokenises to the ids that a packed data set would hold.
Does not cover: histories, system prompts of single rows: benchmarks have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.record import Prompt
from mindspeed_rl_ext.preprocess.templates.chat_template import PROMPT_TYPE, ChatTemplate
from mindspeed_rl_ext.preprocess.templates.encode import PromptEncoder
from mindspeed_rl_ext.preprocess.templates.template import (
    Element,
    PromptTemplate,
    SpecialToken,
    Token,
    load_template,
)
from mindspeed_rl_ext.preprocess.templates.tokenizer import (
    Tokenizer,
    load_tokenizer,
    load_with_transformers,
)


@dataclass(frozen=True)
class Prompts:
    """Prompts that are ready for a backend.

    Args:
        texts: one per question.
        stop_words: texts that end a turn in this template.
        warnings: what a person should know of them.
    """

    texts: list[str]
    stop_words: tuple[str, ...]
    warnings: tuple[str, ...]


def build_prompts(
    questions: Sequence[str],
    prompt_type: str,
    *,
    path: str | None = None,
    model: Path | None = None,
) -> Prompts:
    """Puts the template around each question.

    Args:
        questions: of the problems.
        prompt_type: a name of templates.json, or "tokenizer" for the model's chat template.
        path: another templates.json.
        model: the model directory; None where responses were made elsewhere.

    Raises:
        InputError: an unknown prompt type, or one that needs a tokenizer where there is none.
    """
    template: PromptTemplate
    if prompt_type == PROMPT_TYPE:
        if model is None:
            raise InputError(
                "the prompt type 'tokenizer' is the chat template of a model",
                remedy="give --model, or a prompt type of templates.json",
            )
        template = ChatTemplate(load_with_transformers(model))
    else:
        template = load_template(prompt_type, path)
    tokenizer = None if model is None else load_tokenizer(model)
    texts = [_text(template.render(Prompt(question)), tokenizer) for question in questions]
    warnings = list(template.remarks)
    if tokenizer is not None:
        warnings = _doubts(questions, texts, PromptEncoder(template, tokenizer))
    return Prompts(texts, template.stop_words, tuple(warnings))


def _doubts(questions: Sequence[str], texts: list[str], encoder: PromptEncoder) -> list[str]:
    pieces = encoder.encode([Prompt(question) for question in questions])
    whole = encoder.tokenizer.encode_batch(texts)
    different = sum(a != b for a, b in zip(pieces, whole, strict=True))
    warnings = encoder.warnings()
    if different:
        warnings.append(
            f"{different} of {len(texts)} prompts have other ids as one text than as the pieces of "
            "the template, which training sees: the tokenizer joins characters across them"
        )
    return warnings


def _text(elements: Sequence[Element], tokenizer: Tokenizer | None) -> str:
    return "".join(_piece(element, tokenizer) for element in elements)


def _piece(element: Element, tokenizer: Tokenizer | None) -> str:
    if isinstance(element, str):
        return element
    if isinstance(element, Token):
        return element.text
    return _special(element, tokenizer)


def _special(element: SpecialToken, tokenizer: Tokenizer | None) -> str:
    if tokenizer is None:
        raise InputError(
            f"this prompt type needs the {element.role} token of a tokenizer",
            remedy="give --model, or another --prompt-type",
        )
    number = {"bos": tokenizer.bos_id, "eos": tokenizer.eos_id}[element.role]
    return "" if number is None else tokenizer.decode([number])
