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
NOT_OPENED = (
    "the tokenizer's chat template does not open the assistant's turn (add_generation_prompt "
    "changes nothing): prompts end with the user's text"
)
_PROBE = Prompt("?")


class ChatTemplate:
    """Renders prompts with the chat template of a transformers tokenizer.

    Args:
        wrapped: the tokenizer.

    Raises:
        InputError: it has no chat template.
    """

    name = PROMPT_TYPE
    stop_words: tuple[str, ...] = ()
    replace_eos = False

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped
        if not getattr(wrapped, "chat_template", None):
            raise InputError(
                f"the tokenizer {wrapped.name_or_path} has no chat template",
                expected="chat_template in tokenizer_config.json, or chat_template.jinja",
                remedy="name a --prompt-type of templates.json, such as qwen_math_r1",
            )
        opens = self._text(_PROBE, opens=True) != self._text(_PROBE, opens=False)
        self.remarks: tuple[str, ...] = () if opens else (NOT_OPENED,)

    def render(self, prompt: Prompt) -> list[Element]:
        """The text of a prompt, in one element.

        Raises:
            RejectError: the template refuses these messages.
        """
        return [self._text(prompt, opens=True)]

    def _text(self, prompt: Prompt, *, opens: bool) -> str:
        messages = [{"role": "system", "content": prompt.system}] if prompt.system else []
        for question, answer in prompt.history:
            messages.append({"role": "user", "content": question})
            messages.append({"role": "assistant", "content": answer})
        messages.append({"role": "user", "content": prompt.text})
        try:
            text: str = self._wrapped.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=opens
            )
        except Exception as error:  # a template raises what its authors like
            raise RejectError(
                Reason.BAD_PROMPT, f"the chat template refuses it: {error}"
            ) from error
        return text
