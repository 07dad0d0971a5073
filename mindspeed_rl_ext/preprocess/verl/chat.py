r"""A prompt as the chat messages that verl puts into the model's own chat template.

Covers: what a prompt type says around the question, without its chat markers; a system message
where the row brings one, or where the prompt type's own one says something and the model's template
does not say it already; the text and the length that come out of the model's template.
Does not cover: prompt types that open the assistant's reply themselves, such as `<think>`: verl
can't, so they are refused.

Example:
    >>> text_around("<|im_start|>user\nSolve: {{content}}<|im_end|>\n<|im_start|>assistant\n")
    'Solve: {{content}}'
"""

from __future__ import annotations

import re

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.record import Prompt
from mindspeed_rl_ext.preprocess.templates.chat_template import ChatTemplate, Message
from mindspeed_rl_ext.preprocess.templates.template import Element, Slots, Template, Token, fill

# A system prompt that asks for nothing: the model's own template brings one of its own.
GREETING = "You are a helpful assistant."
CONTENT = "{{content}}"
# What a user turn begins and ends with, by family; the end opens the assistant's turn.
_TURNS = (
    re.compile(
        r"<\|im_start\|>user\n(?P<text>.*)<\|im_end\|>\n<\|im_start\|>assistant\n", re.DOTALL
    ),
    re.compile(
        r"<\|start_header_id\|>user<\|end_header_id\|>\n\n(?P<text>.*)<\|eot_id\|>"
        r"<\|start_header_id\|>assistant<\|end_header_id\|>\n\n",
        re.DOTALL,
    ),
)


def text_around(user: str) -> str | None:
    """What a user turn says around `{{content}}`; None where it is no turn of a chat."""
    if user == CONTENT:
        return user
    found = next(filter(None, (turn.fullmatch(user) for turn in _TURNS)), None)
    return found["text"] if found else None


class ChatPrompts:
    """Prompts as messages; a prompt template as the encoder and the checks need it.

    Args:
        chat: the model's chat template.
        template: the prompt type that says what stands around a question; None for nothing.

    Raises:
        InputError: the prompt type is no chat.
    """

    def __init__(self, chat: ChatTemplate, template: Template | None) -> None:
        self._chat = chat
        self.name = template.name if template else chat.name
        self.stop_words, self.replace_eos = chat.stop_words, chat.replace_eos
        self.remarks = (*chat.remarks, *(template.remarks if template else ()))
        self._user: Slots = (CONTENT,)
        self._system = ""
        if template is not None:
            self._user = (_user_text(template),)
            own = "" if template.default_system == GREETING else template.default_system
            self._system = "" if own and own in chat.text(_messages([], "?")) else own

    def messages(self, prompt: Prompt) -> list[Message]:
        """The messages of a prompt, the last one the user's."""
        system = prompt.system or self._system
        opening: list[Message] = [{"role": "system", "content": system}] if system else []
        for question, answer in prompt.history:
            opening += _messages([], self._around(question))
            opening.append({"role": "assistant", "content": answer})
        return _messages(opening, self._around(prompt.text))

    def render(self, prompt: Prompt) -> list[Element]:
        """The text of a prompt in the model's chat template, in one element.

        Raises:
            RejectError: the template refuses these messages.
        """
        return [self._chat.text(self.messages(prompt))]

    def _around(self, text: str) -> str:
        return str(fill(self._user, text)[0])


def _messages(before: list[Message], user: str) -> list[Message]:
    return [*before, {"role": "user", "content": user}]


def _user_text(template: Template) -> str:
    parts = [slot.text if isinstance(slot, Token) else slot for slot in template.user]
    joined = "".join(part for part in parts if isinstance(part, str))
    text = text_around(joined)
    if text is None or len(parts) != sum(isinstance(part, str) for part in parts):
        raise InputError(
            f"prompt type {template.name!r} is no chat: verl puts the model's chat template around "
            "each prompt",
            found=f"a user turn that is {joined!r:.200}",
            expected="a question, or one turn of a chat",
            remedy="choose another --prompt-type, or empty",
        )
    return text
