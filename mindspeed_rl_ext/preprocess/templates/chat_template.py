"""The tokenizer's own chat template, as `--prompt-type tokenizer`.

Covers: system prompt, history and question as messages, with the opening of the assistant's turn;
a template that refuses a role drops the row with what it says.
Does not cover: tools, documents, variables of single models such as `enable_thinking`.
"""

from __future__ import annotations

from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.record import Prompt, Reason, RejectError
from mindspeed_rl_ext.preprocess.templates.template import Element

PROMPT_TYPE = "tokenizer"
OTHER_TYPE = "name a --prompt-type of templates.json, such as qwen_math_r1"
NOT_OPENED = (
    "the tokenizer's chat template does not open the assistant's turn (add_generation_prompt "
    "changes nothing): prompts end with the user's text"
)
Message = dict[str, str]


class ChatTemplate:
    """Renders prompts with the chat template of a transformers tokenizer.

    Args:
        wrapped: the tokenizer.
        remedy: what to do where it has no chat template.

    Raises:
        InputError: it has no chat template.
    """

    name = PROMPT_TYPE
    stop_words: tuple[str, ...] = ()
    replace_eos = False

    def __init__(self, wrapped: Any, *, remedy: str = OTHER_TYPE) -> None:
        self._wrapped = wrapped
        if not getattr(wrapped, "chat_template", None):
            raise InputError(
                f"the tokenizer {wrapped.name_or_path} has no chat template",
                expected="chat_template in tokenizer_config.json, or chat_template.jinja",
                remedy=remedy,
            )
        probe = messages_of(Prompt("?"))
        opens = self.text(probe) != self.text(probe, opens=False)
        self.remarks: tuple[str, ...] = () if opens else (NOT_OPENED,)

    def render(self, prompt: Prompt) -> list[Element]:
        """The text of a prompt, in one element.

        Raises:
            RejectError: the template refuses these messages.
        """
        return [self.text(messages_of(prompt))]

    def text(self, messages: list[Message], *, opens: bool = True) -> str:
        """The text of messages.

        Args:
            messages: each with role and content.
            opens: whether the assistant's turn is opened.

        Raises:
            RejectError: the template refuses these messages.
        """
        try:
            text: str = self._wrapped.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=opens
            )
        except Exception as error:  # a template raises what its authors like
            raise RejectError(
                Reason.BAD_PROMPT, f"the chat template refuses it: {error}"
            ) from error
        return text


def messages_of(prompt: Prompt) -> list[Message]:
    """A prompt as chat messages.

    Example:
        >>> messages_of(Prompt("Hi", system="Be brief."))[0]
        {'role': 'system', 'content': 'Be brief.'}
    """
    messages = [{"role": "system", "content": prompt.system}] if prompt.system else []
    for question, answer in prompt.history:
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": answer})
    return [*messages, {"role": "user", "content": prompt.text}]
