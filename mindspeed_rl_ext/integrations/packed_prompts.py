"""Packed prompt-only rows as the text that TRL takes, with a proof that the ids come back.

Covers: prompts decoded and tokenised again as TRL will, reference answers and additional keys as
text. TRL 1.16 tokenises prompt text itself: token ids cannot be handed over.
Does not cover: reading the files; `preprocess.packed.read_packed` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from mindspeed_rl_ext.core.errors import InputError

_PROMPT_KEY, _ANSWER_KEY = "input_ids", "labels"
_NOT_TEXT = frozenset({_PROMPT_KEY, _ANSWER_KEY, "attention_mask"})
_AROUND = 3


class PackedRows(Protocol):
    """What `read_packed` gives: rows of token ids by key."""

    def __len__(self) -> int:
        """How many rows there are."""

    def __getitem__(self, index: int) -> Any:
        """The token ids of one row, by key."""


def packed_prompts(dataset: PackedRows, tokenizer: Any) -> list[dict[str, str]]:
    """Decodes packed rows to rows of a TRL data set, and proves that no prompt changes thereby.

    Args:
        dataset: rows with `input_ids` (the prompt), `labels` (the reference answer) and any
            additional keys, as token ids.
        tokenizer: the transformers tokenizer that TRL will use.

    Returns:
        A row each with `prompt`, `answer` and the additional keys, all text. Answers are decoded
        without special tokens, as the hosts decode them.

    Raises:
        InputError: rows without answers; a prompt whose ids do not come back.
    """
    rows = [dataset[index] for index in range(len(dataset))]
    if not rows:
        raise InputError("the packed data set has no rows", remedy="preprocess some rows first")
    missing = {_PROMPT_KEY, _ANSWER_KEY} - set(rows[0])
    if missing:
        raise InputError(
            f"the packed data set has no {' and no '.join(sorted(missing))}",
            found=f"keys {', '.join(sorted(rows[0]))}",
            expected=f"{_PROMPT_KEY} and {_ANSWER_KEY}",
            remedy="preprocess with --map-keys that names a response",
        )
    prompts = _proved_prompts([[int(i) for i in row[_PROMPT_KEY]] for row in rows], tokenizer)
    decoded = {
        "answer" if key == _ANSWER_KEY else key: _decode(tokenizer, [row[key] for row in rows])
        for key in rows[0]
        if key == _ANSWER_KEY or key not in _NOT_TEXT
    }
    return [
        {"prompt": prompt, **{key: texts[i] for key, texts in decoded.items()}}
        for i, prompt in enumerate(prompts)
    ]


def _decode(tokenizer: Any, columns: Sequence[Any], *, skip_special: bool = True) -> list[str]:
    return [
        tokenizer.decode(
            [int(i) for i in ids],
            skip_special_tokens=skip_special,
            clean_up_tokenization_spaces=False,
        )
        for ids in columns
    ]


def _proved_prompts(expected: list[list[int]], tokenizer: Any) -> list[str]:
    texts = _decode(tokenizer, expected, skip_special=False)
    bos = getattr(tokenizer, "bos_token", None)
    if bos and tokenizer(text="")["input_ids"]:
        # The tokenizer puts its BOS in front by itself: in the text it would come twice.
        texts = [text.removeprefix(bos) for text in texts]
    found = tokenizer(text=texts)["input_ids"]
    for index, (want, have) in enumerate(zip(expected, found, strict=True)):
        if want != list(have):
            raise _not_lossless(index, want, list(have), texts[index])
    return texts


def _not_lossless(index: int, want: list[int], have: list[int], text: str) -> InputError:
    shared = zip(want, have, strict=False)
    at = next((i for i, (w, h) in enumerate(shared) if w != h), min(len(want), len(have)))
    start = max(0, at - _AROUND)
    return InputError(
        f"row {index}: the prompt's token ids do not come back from its text",
        found=f"at position {at} {have[start : at + _AROUND]}, text {text[:60]!r}",
        expected=f"{want[start : at + _AROUND]}, as packed",
        remedy="give the tokenizer that packed the data, and text that survives decoding",
    )
