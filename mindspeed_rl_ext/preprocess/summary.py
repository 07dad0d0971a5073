"""The report of a run or a merge, built from what was counted and written.

Covers: filling `PreprocessReport`; which options decide what is packed.
Does not cover: the type itself; `report` has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspeed_rl_ext.core.options import identity_of
from mindspeed_rl_ext.preprocess.options import LABELS, PreprocessOptions
from mindspeed_rl_ext.preprocess.output import RowWriter
from mindspeed_rl_ext.preprocess.reading.derived import parse_derived
from mindspeed_rl_ext.preprocess.reading.map_keys import parse_map_keys
from mindspeed_rl_ext.preprocess.report import Counts, Part, PreprocessReport, percentiles


def build_report(
    writer: RowWriter,
    counts: Counts,
    options: PreprocessOptions,
    *,
    source: str,
    tokenizer: str,
    template: str,
    warnings: Sequence[str],
    seconds: float,
    part: Part | None = None,
) -> PreprocessReport:
    """Fills the report of a run.

    Args:
        writer: the rows that were kept.
        counts: what was counted.
        options: of the run.
        source: where the rows came from.
        tokenizer: its directory.
        template: the prompt type.
        warnings: those that do not come from counts.
        seconds: wall time.
        part: where the rows belong, for a shard.
    """
    return PreprocessReport(
        input=source,
        output_prefix=str(options.part_prefix()),
        tokenizer=tokenizer,
        template=template,
        keys=writer.keys,
        total=counts.total,
        kept=counts.kept,
        held_out=counts.held_out,
        dropped=dict(sorted(counts.dropped.items())),
        labels=dict(sorted(counts.labels.items())),
        sources=dict(sorted(counts.sources.items())),
        warnings=[*warnings, *counts.warnings()],
        seconds=round(seconds, 3),
        settings=settings_of(options),
        part=part,
        **lengths_of(writer),
    )


def lengths_of(writer: RowWriter) -> dict[str, Any]:
    """The fields of a report that come from the lengths of the rows."""
    lengths, labels = writer.lengths("input_ids"), writer.lengths(LABELS)
    return {
        "tokens": int(lengths.sum(dtype="int64")),
        "lengths": percentiles(lengths),
        "label_tokens": int(labels.sum(dtype="int64")),
        "label_lengths": percentiles(labels),
    }


def settings_of(options: PreprocessOptions) -> dict[str, Any]:
    """The options that decide what is packed, for the report; shards must agree in them."""
    return {
        **identity_of(options),
        "map_keys": parse_map_keys(options.map_keys).named(),
        "derive": parse_derived(options.derive),
        "seed": options.seed if options.shuffle or options.split else None,
    }
