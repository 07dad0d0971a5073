"""Rows to the ids of every key: record, checks, template, tokenizer, in chunks.

Covers: the order of the steps, and which key carries what.
Does not cover: files; `engine` writes what comes out of here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mindspeed_rl_ext.errors import InputError
from mindspeed_rl_ext.preprocess.checks import PromptChecker
from mindspeed_rl_ext.preprocess.columns import column_text, read_prompt, require_text
from mindspeed_rl_ext.preprocess.encode import PromptEncoder
from mindspeed_rl_ext.preprocess.labels import extract_label, parse_extractor, response_text
from mindspeed_rl_ext.preprocess.map_keys import MapKeys, parse_map_keys
from mindspeed_rl_ext.preprocess.options import LABELS, PreprocessOptions
from mindspeed_rl_ext.preprocess.record import Reason, Record, RejectError, Row
from mindspeed_rl_ext.preprocess.template import Template
from mindspeed_rl_ext.preprocess.tokenizer import Tokenizer

PROMPT_KEYS = ("input_ids", "attention_mask")


@dataclass(frozen=True)
class Packed:
    """One row, encoded: the ids of every key."""

    row: Row
    record: Record
    ids: dict[str, list[int]]


class Pipeline:
    """Rows through record, checks and encoding.

    Args:
        options: what to keep, and how labels are taken.
        template: what surrounds the prompts.
        tokenizer: what encodes them.
    """

    def __init__(
        self, options: PreprocessOptions, template: Template, tokenizer: Tokenizer
    ) -> None:
        self.options = options
        self.keys: MapKeys = parse_map_keys(options.map_keys)
        self.extractor = parse_extractor(options.label_extractor)
        self.checker = PromptChecker(template)
        self.encoder = PromptEncoder(template, tokenizer)
        self.tokenizer = tokenizer
        if LABELS in options.dataset_additional_keys and not self.keys.response:
            raise InputError(
                "dataset-additional-keys asks for labels, and map-keys names no response",
                remedy='name the answer\'s column: --map-keys \'{"prompt":...,"response":...}\'',
            )
        taken = sorted(set(options.additional()) & {*PROMPT_KEYS})
        if taken:
            raise InputError(
                f"dataset-additional-keys can't be {taken[0]}", remedy="rename the column"
            )

    def packed_keys(self) -> tuple[str, ...]:
        """The keys of every packed row."""
        labels = (LABELS,) if self.keys.response else ()
        return (*PROMPT_KEYS, *labels, *self.options.additional())

    def pack(self, rows: Sequence[Row]) -> Iterator[Packed | tuple[Row, RejectError]]:
        """Encodes a chunk; yields each row packed, or rejected with its reason, in order."""
        outcomes: list[Record | RejectError] = [self._record(row) for row in rows]
        records = [outcome for outcome in outcomes if isinstance(outcome, Record)]
        encoded = iter(self._encode(records))
        for row, outcome in zip(rows, outcomes, strict=True):
            if isinstance(outcome, RejectError):
                yield row, outcome
                continue
            result = next(encoded)
            if isinstance(result, RejectError):
                yield row, result
            else:
                yield Packed(row, outcome, result)

    def _record(self, row: Row) -> Record | RejectError:
        try:
            record = self._read(row.data)
            texts = [*record.prompt.texts(), *record.columns.values()]
            require_text([*texts, *([record.label] if record.label else [])])
            self.checker.check(record)
        except RejectError as rejected:
            return rejected
        return record

    def _read(self, data: dict[str, Any]) -> Record:
        prompt = read_prompt(data, self.keys)
        columns = {name: column_text(data, name) for name in self.options.additional()}
        if not self.keys.response:
            return Record(prompt, columns=columns)
        raw = data.get(self.keys.response)
        label = extract_label(raw, self.extractor)
        return Record(prompt, response_text(raw), label.text, label.found_by, columns)

    def _encode(self, records: Sequence[Record]) -> Iterator[dict[str, list[int]] | RejectError]:
        prompts = self.encoder.encode([record.prompt for record in records])
        beside = {
            name: self.tokenizer.encode_batch([record.columns[name] for record in records])
            for name in self.options.additional()
        }
        labels = [record.label or "" for record in records] if self.keys.response else []
        label_ids = self.tokenizer.encode_batch(labels)
        label_texts = self.tokenizer.decode_batch(label_ids, skip_special_tokens=True)
        for index, ids in enumerate(prompts):
            row = {"input_ids": ids, "attention_mask": [1] * len(ids)}
            row.update({name: column[index] for name, column in beside.items()})
            problem = self._length_problem(len(ids))
            if labels:
                row[LABELS] = label_ids[index]
                problem = problem or _loss(labels[index], label_texts[index])
            yield problem or row

    def _length_problem(self, length: int) -> RejectError | None:
        if not length:
            return RejectError(Reason.EMPTY_PROMPT, "the prompt has no tokens")
        longest = self.options.max_prompt_length
        if longest is not None and length > longest:
            return RejectError(Reason.TOO_LONG, f"{length} tokens, max-prompt-length {longest}")
        limit = self.options.seq_length
        if limit is not None and length >= limit:
            return RejectError(Reason.TOO_LONG, f"{length} tokens, seq-length {limit}")
        return None


def _loss(label: str, decoded: str) -> RejectError | None:
    if label == decoded:
        return None
    return RejectError(
        Reason.LABEL_NOT_LOSSLESS, f"label {label!r:.120} comes back as {decoded!r:.120}"
    )
