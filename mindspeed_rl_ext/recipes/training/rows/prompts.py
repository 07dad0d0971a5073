"""The rows that a training reads: prompts as text, reference answers, worked solutions.

Covers: a data recipe read through the engine of `msrl-ext preprocess`, in memory; files that it
packed; tasks made on the spot. Prompts become text only where the same token ids come back.
Does not cover: SFT files; `sft_rows` does.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.integrations.packed_prompts import packed_prompts
from mindspeed_rl_ext.recipes.tasks.table import TASKS, TaskRow
from mindspeed_rl_ext.recipes.training.recipe.schema import DatasetSection, Recipe

logger = logging.getLogger(__name__)

CHUNK_ROWS = 1000


@dataclass(frozen=True)
class PromptRow:
    """One problem as a policy sees it.

    Args:
        prompt: the text that the policy is given, template and all.
        answer: the reference answer.
        question: the question alone; "" where only packed files are there.
        solution: a worked solution, "" where there is none.
        columns: further columns, for verifiers that need them.
    """

    prompt: str
    answer: str
    question: str = ""
    solution: str = ""
    columns: dict[str, str] = field(default_factory=dict)

    def for_trl(self) -> dict[str, str]:
        """The row of TRL's data set."""
        return {"prompt": self.prompt, "answer": self.answer, **self.columns}


@dataclass(frozen=True)
class Prompts:
    """Rows to train on, rows held out, and worked solutions to imitate."""

    train: list[PromptRow]
    held_out: list[PromptRow]
    solutions: list[PromptRow]


def load_prompts(recipe: Recipe, tokenizer: Any, tokenizer_folder: str) -> Prompts:
    """Reads the data set of a recipe.

    Args:
        recipe: says where the rows come from.
        tokenizer: the policy's transformers tokenizer, which TRL will use.
        tokenizer_folder: its directory.

    Raises:
        InputError: no such file or column, a data set without labels, prompts that do not
            survive as text, fewer rows than are held out.
    """
    section = recipe.dataset
    if section.task is not None:
        return _of_task(section, recipe.seed)
    if section.packed:
        rows = _packed(section, tokenizer)
    else:
        rows = _proved(_read(section, tokenizer_folder), tokenizer)
    rows = rows[: section.rows]
    if section.held_out >= len(rows):
        raise InputError(
            f"{section.held_out} rows are to be held out and there are {len(rows)}",
            remedy="lower dataset.held_out",
        )
    order = list(range(len(rows)))
    random.Random(recipe.seed).shuffle(order)
    held = set(order[: section.held_out])
    asked = {rows[i].prompt for i in held}
    train = [row for row in rows if row.prompt not in asked]
    if not train:
        raise InputError(
            "no row is left to train on: every prompt is held out too",
            found=f"{len(rows)} rows with {len({row.prompt for row in rows})} different prompts",
            remedy="lower dataset.held_out, or give more different prompts",
        )
    return Prompts(train, [rows[i] for i in sorted(held)], [row for row in train if row.solution])


def _of_task(section: DatasetSection, seed: int) -> Prompts:
    name = str(section.task)
    if name not in TASKS:
        raise InputError(f"unknown task {name!r}", remedy=nearest(name, TASKS))
    task = TASKS[name](seed)
    held_out = task.held_out[: section.held_out]
    return Prompts(*(_from_task(rows) for rows in (task.train, held_out, task.solutions)))


def _from_task(rows: Sequence[TaskRow]) -> list[PromptRow]:
    return [PromptRow(row.question, row.answer, row.question, row.solution) for row in rows]


def _packed(section: DatasetSection, tokenizer: Any) -> list[PromptRow]:
    from mindspeed_rl_ext.preprocess.packing.packed import read_packed

    rows = packed_prompts(read_packed(str(section.packed)), tokenizer)
    return [
        PromptRow(
            row["prompt"],
            row["answer"],
            columns={k: v for k, v in row.items() if k not in ("prompt", "answer")},
        )
        for row in rows
    ]


@dataclass(frozen=True)
class _Read:
    """A row with the ids of its prompt, which the text has to give back."""

    ids: list[int]
    row: PromptRow


def _read(section: DatasetSection, tokenizer_folder: str) -> list[_Read]:
    from mindspeed_rl_ext.preprocess.pipeline import Packed, Pipeline
    from mindspeed_rl_ext.preprocess.reading.readers import open_source
    from mindspeed_rl_ext.preprocess.run import template_and_tokenizer

    options = preprocess_options(section, tokenizer_folder)
    source = open_source(options.input)
    template, tokenizer = template_and_tokenizer(options)
    pipeline = Pipeline(options, template, tokenizer)
    if not pipeline.keys.response:
        raise InputError(
            f"the data set {options.input} has no labels: verifiers would have nothing to "
            "compare with",
            found=f"map_keys {pipeline.keys.named()}",
            expected='{"prompt": "question", "response": "answer"}',
            remedy="name the column of the reference answers as response",
        )
    kept: list[_Read] = []
    dropped: Counter[str] = Counter()
    for chunk in _chunks(source.rows, pipeline, options):
        for one in chunk:
            if isinstance(one, Packed):
                kept.append(_row(one))
            else:
                dropped[one.error.reason.value] += 1
        if section.rows is not None and len(kept) >= section.rows:
            break
    reasons = ", ".join(f"{n} {reason}" for reason, n in dropped.most_common()) or "none"
    logger.info("%s: %d rows, dropped: %s", source.name, len(kept), reasons)
    if not kept:
        raise InputError(f"no row of {source.name} can be used", found=f"dropped: {reasons}")
    return kept


def _chunks(rows: Any, pipeline: Any, options: Any) -> Any:
    from itertools import islice

    from mindspeed_rl_ext.preprocess.reading.columns import require_columns

    iterator, first = iter(rows), True
    while chunk := list(islice(iterator, CHUNK_ROWS)):
        if first:
            present = [row.data for row in chunk]
            require_columns(present, pipeline.keys, options.additional(), pipeline.derived)
            first = False
        yield pipeline.encode(pipeline.prepare(chunk))


def _row(one: Any) -> _Read:
    record = one.record
    text = record.prompt.text
    row = PromptRow("", record.label or "", text, record.response, dict(record.columns))
    return _Read([int(i) for i in one.ids["input_ids"]], row)


def _proved(rows: Sequence[_Read], tokenizer: Any) -> list[PromptRow]:
    """The rows with their prompts as text, from which the same ids come back."""
    proved = packed_prompts([{"input_ids": r.ids, "labels": []} for r in rows], tokenizer)
    return [replace(r.row, prompt=p["prompt"]) for r, p in zip(rows, proved, strict=True)]


def preprocess_options(section: DatasetSection, tokenizer_folder: str) -> Any:
    """The options of `msrl-ext preprocess` that a data set section means.

    Raises:
        InputError: an unknown key or a value of the wrong type.
    """
    from mindspeed_rl_ext.preprocess.dataset_config import effective_options, read_dataset_config
    from mindspeed_rl_ext.preprocess.options import PreprocessOptions

    table = {
        **read_dataset_config(str(section.config)),
        **effective_options(section.options, "dataset.options"),
    }
    for key in ("handler_name", "tokenizer_name_or_path", "output_prefix", "overwrite"):
        table.pop(key, None)
    if "input" not in table:
        raise InputError(f"{section.config} names no input", remedy="dataset.options.input=FILE")
    table["input"] = Path(table["input"]).expanduser()
    return PreprocessOptions(
        tokenizer_name_or_path=tokenizer_folder, output_prefix=Path("in_memory"), **table
    )
