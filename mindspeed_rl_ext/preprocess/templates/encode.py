"""A prompt to input_ids: each element of the template encoded by itself, as the hosts do.

Covers: batches of prompts; the eos token that `replace_eos` puts in the tokenizer's place.
Does not cover: responses. `Prompt` has no field for the last one.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.record import Prompt
from mindspeed_rl_ext.preprocess.templates.template import Element, PromptTemplate, Token
from mindspeed_rl_ext.preprocess.templates.tokenizer import Tokenizer


class PromptEncoder:
    """Encodes prompts with one template and one tokenizer.

    Args:
        template: what surrounds the texts.
        tokenizer: what encodes them.
    """

    def __init__(self, template: PromptTemplate, tokenizer: Tokenizer) -> None:
        self.template, self.tokenizer = template, tokenizer
        self._roles = {"bos": tokenizer.bos_id, "eos": tokenizer.eos_id}
        if template.replace_eos and tokenizer.token_id(template.stop_words[0]) is not None:
            self._roles["eos"] = tokenizer.token_id(template.stop_words[0])

    def warnings(self) -> list[str]:
        """What is doubtful in this pair of template and tokenizer."""
        unknown = [w for w in self.template.stop_words if self.tokenizer.token_id(w) is None]
        plain = [
            f"template {self.template.name!r} ends turns with {word!r}, which is no token of "
            f"{self.tokenizer.name}: it is encoded as plain text, where a host would add a token "
            "that the model has not learned"
            for word in unknown
        ]
        return [*self.template.remarks, *plain]

    def encode(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """The input_ids of each prompt.

        Raises:
            InputError: the template needs a token that the tokenizer lacks.
        """
        return self.encode_elements([self.template.render(prompt) for prompt in prompts])

    def encode_elements(self, rendered: Sequence[Sequence[Element]]) -> list[list[int]]:
        """The input_ids of prompts that the template has rendered.

        Raises:
            InputError: the template needs a token that the tokenizer lacks.
        """
        distinct: dict[Element, None] = {}
        for row in rendered:
            for element in row:
                distinct[element] = None
        texts = [element for element in distinct if isinstance(element, str) and element]
        ids_of: dict[Element, list[int]] = {"": []}
        ids_of.update((e, self._single(e)) for e in distinct if not isinstance(e, str))
        ids_of.update(zip(texts, self.tokenizer.encode_batch(texts), strict=True))
        ids = []
        for row in rendered:
            joined: list[int] = []
            for element in row:
                joined += ids_of[element]
            ids.append(joined)
        return ids

    def _single(self, element: Element) -> list[int]:
        if isinstance(element, Token):
            token_id = self.tokenizer.token_id(element.text)
            if token_id is None:
                raise InputError(
                    f"template {self.template.name!r} needs the token {element.text!r}",
                    found=f"{self.tokenizer.name} has no such token",
                    remedy="choose the prompt type of this model",
                )
            return [token_id]
        assert not isinstance(element, str)
        token_id = self._roles[element.role]
        return [] if token_id is None else [token_id]
