"""Packed files out of rows: the one engine under the command, the handler and the Python API.

Covers: chunks of rows through the pipeline; every dropped row counted and kept in the rejects;
files that appear all together or not at all.
Does not cover: opening the input or the tokenizer; `run` and `handler` bring both.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO

from mindspeed_rl_ext.errors import InputError
from mindspeed_rl_ext.preprocess import packed
from mindspeed_rl_ext.preprocess.columns import require_columns
from mindspeed_rl_ext.preprocess.options import LABELS, PreprocessOptions
from mindspeed_rl_ext.preprocess.pipeline import Packed, Pipeline
from mindspeed_rl_ext.preprocess.readers import Source
from mindspeed_rl_ext.preprocess.record import RejectError, Row
from mindspeed_rl_ext.preprocess.report import Counts, PreprocessReport, percentiles, spell
from mindspeed_rl_ext.preprocess.staging import PackedWriter, refuse_stale, staging
from mindspeed_rl_ext.preprocess.template import Template
from mindspeed_rl_ext.preprocess.tokenizer import Tokenizer
from mindspeed_rl_ext.progress import progress

logger = logging.getLogger(__name__)

CHUNK_ROWS = 1000


def pack_rows(
    source: Source, tokenizer: Tokenizer, template: Template, options: PreprocessOptions
) -> PreprocessReport:
    """Packs every row of a source.

    Args:
        source: the rows.
        tokenizer: what encodes them.
        template: what surrounds the prompts.
        options: everything else; `input` is not read.

    Raises:
        InputError: a missing column, no rows, all rows rejected, files in the way.
    """
    start_s = time.monotonic()
    pipeline = Pipeline(options, template, tokenizer)
    counts = Counts()
    prefix = options.output_prefix
    refuse_stale(prefix, overwrite=options.overwrite)
    with staging(prefix, overwrite=options.overwrite) as folder:
        writer = PackedWriter(folder, prefix.name, pipeline.packed_keys())
        try:
            with packed.rejects_file(folder / prefix.name).open("wb") as rejects:
                _write_all(source, pipeline, writer, rejects, counts)
            _require_kept(source, counts)
            writer.finish()
            report = _report(source, pipeline, writer, counts, time.monotonic() - start_s)
        finally:
            writer.close()
        packed.report_file(folder / prefix.name).write_text(report.to_json(), encoding="utf-8")
    for warning in report.warnings:
        logger.warning(warning)
    return report


def _write_all(
    source: Source, pipeline: Pipeline, writer: PackedWriter, rejects: BinaryIO, counts: Counts
) -> None:
    interval = pipeline.options.log_interval
    with progress("rows", total=source.total, unit=source.unit) as shown:
        done = 0
        for chunk in _chunks(source.rows):
            if not counts.total:
                present = {column for row in chunk for column in row.data}
                require_columns(present, pipeline.keys, pipeline.options.additional())
            for outcome in pipeline.pack(chunk):
                counts.total += 1
                if isinstance(outcome, Packed):
                    writer.add(outcome.ids)
                    counts.kept += 1
                    if outcome.record.label is not None:
                        counts.count_label(outcome.record.label_from, outcome.record.label)
                else:
                    row, rejected = outcome
                    counts.dropped[rejected.reason.value] += 1
                    rejects.write(_reject_line(row, rejected))
                if interval and counts.total % interval == 0:
                    logger.info("%d rows read, %d kept", counts.total, counts.kept)
            shown.advance(chunk[-1].done - done)
            done = chunk[-1].done


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK_ROWS)):
        yield chunk


def _require_kept(source: Source, counts: Counts) -> None:
    if not counts.total:
        raise InputError(f"{source.name} has no rows", expected="one row at least")
    if not counts.kept:
        raise InputError(
            f"all {counts.total} rows of {source.name} were rejected",
            found=spell(counts.dropped),
            remedy="check --map-keys, --label-extractor and the length limits",
        )


def _report(
    source: Source, pipeline: Pipeline, writer: PackedWriter, counts: Counts, seconds: float
) -> PreprocessReport:
    lengths = writer.lengths("input_ids")
    labels = writer.lengths(LABELS) if LABELS in writer.keys else lengths[:0]
    return PreprocessReport(
        input=source.name,
        output_prefix=str(pipeline.options.output_prefix),
        tokenizer=pipeline.tokenizer.name,
        template=pipeline.encoder.template.name,
        keys=writer.keys,
        total=counts.total,
        kept=counts.kept,
        dropped=dict(sorted(counts.dropped.items())),
        tokens=int(lengths.sum(dtype="int64")),
        lengths=percentiles(lengths),
        label_tokens=int(labels.sum(dtype="int64")),
        label_lengths=percentiles(labels),
        labels=dict(sorted(counts.labels.items())),
        warnings=[*pipeline.encoder.warnings(), *counts.warnings()],
        seconds=round(seconds, 3),
    )


def _reject_line(row: Row, rejected: RejectError) -> bytes:
    entry = {
        "line": row.line,
        "reason": rejected.reason.value,
        "detail": rejected.detail,
        "row": row.data,
    }
    try:
        return json.dumps(entry, ensure_ascii=False, default=str).encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        # A lone surrogate: written as an escape.
        return json.dumps(entry, default=str).encode("ascii") + b"\n"
