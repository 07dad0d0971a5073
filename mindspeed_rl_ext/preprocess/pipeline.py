"""Rows to the ids of every key: record, checks, template, tokenizer, in chunks.

Covers: the order of the steps, and which key carries what.
Does not cover: files; `engine` writes what comes out of here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.answers import (
    NoAnswerError,
    extract_label,
    parse_extractor,
    response_text,
)
from mindspeed_rl_ext.preprocess.checks.duplicates import Seen, digest_of, is_held_out
from mindspeed_rl_ext.preprocess.checks.prompts import PromptChecker
from mindspeed_rl_ext.preprocess.options import LABELS, PreprocessOptions
from mindspeed_rl_ext.preprocess.packing.packed import Ids
from mindspeed_rl_ext.preprocess.reading.columns import (
    column_text,
    read_prompt,
    require_text,
)
from mindspeed_rl_ext.preprocess.reading.derived import derive, parse_derived
from mindspeed_rl_ext.preprocess.reading.dotted import column_value
from mindspeed_rl_ext.preprocess.reading.map_keys import MapKeys, parse_map_keys
from mindspeed_rl_ext.preprocess.record import Reason, Record, RejectError, Row
from mindspeed_rl_ext.preprocess.templates.encode import PromptEncoder
from mindspeed_rl_ext.preprocess.templates.template import Element, PromptTemplate
from mindspeed_rl_ext.preprocess.templates.tokenizer import Tokenizer

PROMPT_KEYS = ("input_ids", "attention_mask")


class Ready(NamedTuple):
    """One row that passed every check but those of lengths.

    Args:
        row: as it was read.
        record: what it says.
        elements: its prompt in the template, to be encoded.
        held_out: whether it goes to the held-out rows.
    """

    row: Row
    record: Record
    elements: list[Element]
    held_out: bool = False


class Rejected(NamedTuple):
    """One row that can't be used, and why."""

    row: Row
    error: RejectError


class Packed(NamedTuple):
    """One row, encoded: the ids of every key."""

    row: Row
    record: Record
    ids: dict[str, list[int] | Ids]
    held_out: bool = False


class Pipeline:
    """Rows through record, checks and encoding.

    Args:
        options: what to keep, and how labels are taken.
        template: what surrounds the prompts.
        tokenizer: what encodes them.
    """

    def __init__(
        self, options: PreprocessOptions, template: PromptTemplate, tokenizer: Tokenizer
    ) -> None:
        self.options = options
        self.keys: MapKeys = parse_map_keys(options.map_keys)
        self.derived = parse_derived(options.derive)
        self.extractor = parse_extractor(options.label_extractor)
        self.checker = PromptChecker(template)
        self.encoder = PromptEncoder(template, tokenizer)
        self.tokenizer = tokenizer
        self._additional = options.additional()
        self._seen = Seen() if options.dedupe else None
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

    def prepare(self, rows: Sequence[Row]) -> list[Ready | Rejected]:
        """Reads and checks rows, in order; duplicates are found across calls."""
        return [self._prepare(row) for row in rows]

    def encode(self, prepared: Sequence[Ready | Rejected]) -> list[Packed | Rejected]:
        """Encodes what `prepare` let through; keeps the order."""
        ready = [one for one in prepared if isinstance(one, Ready)]
        encoded = iter(self._encode(ready))
        return [next(encoded) if isinstance(one, Ready) else one for one in prepared]

    def _prepare(self, row: Row) -> Ready | Rejected:
        try:
            record = self._read(row.data)
            texts = record.prompt.texts()
            require_text((*texts, *record.columns.values(), record.label or ""))
            self.checker.check(record, texts)
            elements = self.encoder.template.render(record.prompt)
            if self._seen is not None:
                self._seen.check(record)
        except RejectError as rejected:
            return Rejected(row, rejected)
        fraction = self.options.split
        held_out = fraction is not None and is_held_out(
            digest_of(record.prompt), fraction, self.options.seed
        )
        return Ready(row, record, elements, held_out)

    def _read(self, data: dict[str, Any]) -> Record:
        data = derive(data, self.derived) if self.derived else data
        prompt = read_prompt(data, self.keys)
        columns = {n: column_text(data, n) for n in self._additional} if self._additional else {}
        if not self.keys.response:
            return Record(prompt, columns=columns)
        raw = column_value(data, self.keys.response)
        try:
            label = extract_label(raw, self.extractor)
        except NoAnswerError as error:
            raise RejectError.without_answer(error) from error
        return Record(prompt, response_text(raw), label.text, label.found_by, columns)

    def _encode(self, ready: Sequence[Ready]) -> Iterator[Packed | Rejected]:
        records = [one.record for one in ready]
        prompts = self.encoder.encode_elements([one.elements for one in ready])
        beside = {
            name: self.tokenizer.encode_batch([record.columns[name] for record in records])
            for name in self._additional
        }
        labels = self._encode_labels(records) if self.keys.response else {}
        ones = np.ones(max(map(len, prompts), default=0), dtype=np.int32)
        for index, (one, ids) in enumerate(zip(ready, prompts, strict=True)):
            packed: dict[str, list[int] | Ids] = {
                "input_ids": ids,
                "attention_mask": ones[: len(ids)],
            }
            for name, column in beside.items():
                packed[name] = column[index]
            problem = self._length_problem(len(ids))
            if self.keys.response:
                packed[LABELS], loss = labels[one.record.label or ""]
                problem = problem or loss
            if problem:
                yield Rejected(one.row, problem)
            else:
                yield Packed(one.row, one.record, packed, one.held_out)

    def _encode_labels(
        self, records: Sequence[Record]
    ) -> dict[str, tuple[list[int], RejectError | None]]:
        """The ids of each label, and what is lost on the way back; answers often repeat."""
        texts = list(dict.fromkeys(record.label or "" for record in records))
        ids = self.tokenizer.encode_batch(texts)
        decoded = self.tokenizer.decode_batch(ids, skip_special_tokens=True)
        losses = map(label_loss, texts, decoded)
        return dict(zip(texts, zip(ids, losses, strict=True), strict=True))

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


def label_loss(label: str, decoded: str) -> RejectError | None:
    """The reject of a label that does not come back from its ids, None where it does."""
    if label == decoded:
        return None
    return RejectError(
        Reason.LABEL_NOT_LOSSLESS, f"label {label!r:.120} comes back as {decoded!r:.120}"
    )
