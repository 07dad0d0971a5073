"""Rows of a supervised fine-tuning as token ids: prompt by the template, response, end token.

Covers: Alpaca files (instruction, input, output), rows that the stage sample kept, worked
solutions; prompts encoded as for GRPO, so that both see the same ids; labels -100 on the prompt.
Does not cover: chats of several turns, packing (`trl.packing` does).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl
from mindspeed_rl_ext.recipes.training.recipe.schema import DatasetSection
from mindspeed_rl_ext.recipes.training.rows.demonstrations import STYLES
from mindspeed_rl_ext.recipes.training.rows.prompts import PromptRow, preprocess_options

logger = logging.getLogger(__name__)

IGNORED = -100


@dataclass(frozen=True)
class Example:
    """What the policy is given, and what it shall write."""

    prompt: str
    response: str


def of_solutions(rows: Sequence[PromptRow], style: str) -> list[Example]:
    """Worked solutions as responses.

    Raises:
        InputError: an unknown style, no row with a solution.
    """
    if style not in STYLES:
        raise InputError(f"unknown demonstration {style!r}", remedy=nearest(style, STYLES))
    if not rows:
        raise InputError(
            "the data set has no worked solutions to learn from",
            remedy="sft.data: an Alpaca file, or the stage sample before sft",
        )
    return [Example(row.prompt, STYLES[style](row.solution)) for row in rows]


def of_alpaca(path: Path, dataset: DatasetSection, tokenizer: Any, folder: str) -> list[Example]:
    """The rows of an Alpaca file, their prompts in the template of the data set.

    Args:
        path: JSON Lines with instruction, input and output.
        dataset: says the template.
        tokenizer: the policy's transformers tokenizer.
        folder: its directory.

    Raises:
        InputError: no such file, a row without instruction or output, no rows.
    """
    asked: list[str] = []
    responses: list[str] = []
    for number, row in read_jsonl(path):
        for column in ("instruction", "output"):
            if not isinstance(row.get(column), str) or not row[column]:
                raise InputError(
                    f"{path}, line {number} has no {column!r}",
                    found=f"columns {', '.join(sorted(row))}",
                    expected='{"instruction": "...", "input": "", "output": "..."}',
                    remedy="write Alpaca rows",
                )
        asked.append("\n".join(filter(None, (row["instruction"], row.get("input") or ""))))
        responses.append(row["output"])
    if not asked:
        raise InputError(f"{path} has no rows to learn from", remedy="sample more responses")
    prompts = render_prompts(asked, dataset, tokenizer, folder)
    return [Example(p, r) for p, r in zip(prompts, responses, strict=True)]


def render_prompts(
    questions: Sequence[str], dataset: DatasetSection, tokenizer: Any, folder: str
) -> list[str]:
    """Questions in the template of a data set, as text that gives the same ids back."""
    if dataset.config is None:
        # Tasks made on the spot and packed files hold the prompt itself.
        return list(questions)
    from mindspeed_rl_ext.integrations.packed_prompts import packed_prompts
    from mindspeed_rl_ext.preprocess.record import Prompt
    from mindspeed_rl_ext.preprocess.run import template_and_tokenizer
    from mindspeed_rl_ext.preprocess.templates.encode import PromptEncoder

    template, own = template_and_tokenizer(preprocess_options(dataset, folder))
    encoded = PromptEncoder(template, own).encode([Prompt(text) for text in questions])
    rows = packed_prompts([{"input_ids": ids, "labels": []} for ids in encoded], tokenizer)
    return [row["prompt"] for row in rows]


def tokenised(
    examples: Iterable[Example], tokenizer: Any, max_length: int | None
) -> list[Mapping[str, list[int]]]:
    """Examples as TRL takes them when they are token ids already.

    Args:
        examples: prompts and responses.
        tokenizer: the policy's; its end token closes every response.
        max_length: longer examples are dropped, and counted in the log: a response that is cut
            teaches not to end.

    Returns:
        `input_ids`, `attention_mask` and `labels` (-100 on the prompt) of each.

    Raises:
        InputError: no examples, or all of them are too long.
    """
    examples = list(examples)
    if not examples:
        raise InputError("no examples to learn from", remedy="check the file of the examples")
    prompts = tokenizer([e.prompt for e in examples])["input_ids"]
    responses = tokenizer([e.response for e in examples], add_special_tokens=False)["input_ids"]
    rows: list[Mapping[str, list[int]]] = []
    for prompt, response in zip(prompts, responses, strict=True):
        ids = [*prompt, *response, tokenizer.eos_token_id]
        if max_length is None or len(ids) <= max_length:
            labels = [IGNORED] * len(prompt) + ids[len(prompt) :]
            rows.append({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels})
    if len(rows) < len(examples):
        logger.warning(
            "%d of %d examples are longer than %s tokens and left out",
            len(examples) - len(rows),
            len(examples),
            max_length,
        )
    if not rows:
        raise InputError(
            f"no example is at most {max_length} tokens long", remedy="raise sft.trl.max_length"
        )
    return rows
