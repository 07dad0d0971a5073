"""Packed files out of rows: the one engine under the command, the handler and the Python API.

Covers: chunks of rows through the pipeline, the next read while one is encoded; every dropped row
counted and kept in the rejects; files that appear all together or not at all; one shard of a run.
Does not cover: opening the input or the tokenizer, `run` and `handler` bring both; joining shards,
`merge` does.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.progress import progress
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.output import FORMATS, RowWriter
from mindspeed_rl_ext.preprocess.packing import packed
from mindspeed_rl_ext.preprocess.packing.staging import staging
from mindspeed_rl_ext.preprocess.pipeline import Packed, Pipeline, Ready, Rejected
from mindspeed_rl_ext.preprocess.reading.columns import require_columns
from mindspeed_rl_ext.preprocess.record import Reason, Row, Source
from mindspeed_rl_ext.preprocess.rejects import reject_line, require_kept
from mindspeed_rl_ext.preprocess.report import Counts, Part, PreprocessReport
from mindspeed_rl_ext.preprocess.summary import build_report
from mindspeed_rl_ext.preprocess.templates.template import PromptTemplate
from mindspeed_rl_ext.preprocess.templates.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

CHUNK_ROWS = 1000
# Two chunks at once: while one waits for Python, the tokenizer's own threads have the other.
CHUNKS_AT_ONCE = 2
# A pattern that times out on so many rows would keep the machine busy for hours.
MAX_TIMEOUTS = 20


@dataclass
class _Output:
    """What a run writes, open."""

    main: RowWriter
    held_out: RowWriter | None
    rejects: BinaryIO
    counts: Counts = field(default_factory=Counts)
    chunks: list[list[int]] = field(default_factory=list)

    def close(self) -> None:
        for one in (self.main, self.held_out, self.rejects):
            if one is not None:
                one.close()


def pack_rows(
    source: Source, tokenizer: Tokenizer, template: PromptTemplate, options: PreprocessOptions
) -> PreprocessReport:
    """Packs every row of a source, or those of one shard.

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
    made = FORMATS[options.format]
    (prefix, *beside), keys = options.prefixes(), made.keys(pipeline)
    with staging(prefix, *beside, overwrite=options.overwrite, files=made.files) as folder:
        output = _Output(
            made.writer(folder, prefix.name, keys),
            made.writer(folder, beside[0].name, keys) if beside else None,
            packed.rejects_file(folder / prefix.name).open("wb"),
        )
        try:
            _write_all(source, pipeline, output)
            if not options.shard:  # a part may be empty; `merge` looks at the whole
                require_kept(source.name, output.counts)
            output.main.finish(shuffle_seed=options.seed if options.shuffle else None)
            if output.held_out is not None:
                output.held_out.finish()
        finally:
            output.close()
        warnings = [
            *pipeline.encoder.warnings(),
            *made.warnings(options),
            *_split_warnings(options, output.counts),
        ]
        part = None
        if options.shard:
            part = Part(*options.shard, output.chunks, warnings, output.counts.long_raw)
        report = build_report(
            output.main,
            output.counts,
            options,
            source=source.name,
            tokenizer=tokenizer.name,
            template=template.name,
            warnings=warnings,
            seconds=time.monotonic() - start_s,
            part=part,
        )
        packed.report_file(folder / prefix.name).write_text(report.to_json(), encoding="utf-8")
    for warning in report.warnings:
        logger.warning(warning)
    return report


def _write_all(source: Source, pipeline: Pipeline, output: _Output) -> None:
    interval, counts = pipeline.options.log_interval, output.counts
    with progress("rows", total=source.total, unit=source.unit) as shown:
        done = 0
        for chunk in _encoded(source, pipeline):
            before = [counts.kept, counts.held_out, sum(counts.dropped.values())]
            _write_chunk(chunk, output, pipeline)
            after = [counts.kept, counts.held_out, sum(counts.dropped.values())]
            output.chunks.append([b - a for a, b in zip(before, after, strict=True)])
            if counts.dropped[Reason.EXTRACTOR_TIMEOUT.value] >= MAX_TIMEOUTS:
                raise InputError(
                    f"the pattern of --label-extractor timed out on {MAX_TIMEOUTS} rows",
                    found=pipeline.options.label_extractor,
                    remedy="write a pattern without nested repetition",
                )
            if interval and sum(after) // interval > sum(before) // interval:
                logger.info("%d rows read, %d kept", sum(after), counts.kept)
            shown.advance(chunk[-1].row.done - done)
            done = chunk[-1].row.done


def _encoded(source: Source, pipeline: Pipeline) -> Iterator[list[Packed | Rejected]]:
    """Chunks, encoded; the tokenizer works while the next chunks are read and checked."""
    waiting: deque[Future[list[Packed | Rejected]]] = deque()
    with ThreadPoolExecutor(max_workers=CHUNKS_AT_ONCE) as pool:
        for prepared in _prepared(source, pipeline):
            waiting.append(pool.submit(pipeline.encode, prepared))
            if len(waiting) > CHUNKS_AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _prepared(source: Source, pipeline: Pipeline) -> Iterator[list[Ready | Rejected]]:
    """Chunks of this shard, read and checked; duplicates are looked for in all of them."""
    options = pipeline.options
    index, of = options.shard or (1, 1)
    for number, chunk in enumerate(_chunks(source.rows)):
        if not number:
            present = [row.data for row in chunk]
            require_columns(present, pipeline.keys, options.additional(), pipeline.derived)
        ours = number % of == index - 1
        if ours or options.dedupe:
            prepared = pipeline.prepare(chunk)
            if ours:
                yield prepared


def _write_chunk(chunk: list[Packed | Rejected], output: _Output, pipeline: Pipeline) -> None:
    counts, made = output.counts, FORMATS[pipeline.options.format]
    kept = [one for one in chunk if isinstance(one, Packed)]
    rows = [made.row(one, pipeline) for one in kept]
    main = [row for one, row in zip(kept, rows, strict=True) if not one.held_out]
    held = [row for one, row in zip(kept, rows, strict=True) if one.held_out]
    output.main.add_rows(main)
    if output.held_out is not None:
        output.held_out.add_rows(held)
    counts.total += len(chunk)
    counts.kept += len(main)
    counts.held_out += len(held)
    counts.sources.update(filter(None, map(made.source, rows)))
    for one in chunk:
        if isinstance(one, Rejected):
            counts.count_reject(one.row.place(), one.error)
            output.rejects.write(reject_line(one.row, one.error))
        elif one.record.label is not None:
            counts.count_label(one.record.label_from, one.record.label)


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK_ROWS)):
        yield chunk


def _split_warnings(options: PreprocessOptions, counts: Counts) -> list[str]:
    if options.split is None or (counts.kept and counts.held_out) or options.shard:
        return []
    empty = "no row was held out" if counts.kept else "every row was held out"
    return [f"{empty}: --split {options.split} of {counts.kept + counts.held_out} rows"]
