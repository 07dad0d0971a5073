"""What a run kept and dropped, counted while it goes, written as `<prefix>_report.json`.

Covers: counts by reason and by extractor, token totals, length percentiles, warnings.
Does not cover: the dropped rows themselves; they go to `<prefix>_rejects.jsonl`.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mindspeed_rl_ext.preprocess.record import Reason, RejectError

PERCENTILES = (50, 90, 95, 99)
MUCH_DROPPED = 0.1
LONG_RAW_CHARS = 100


@dataclass(frozen=True)
class PreprocessReport:
    """The report of a run.

    Args:
        input: where the rows came from.
        output_prefix: prefix of the packed files.
        tokenizer: its directory.
        template: the prompt type.
        keys: the keys of the packed files.
        total: rows read.
        kept: rows written.
        held_out: rows written under the held-out prefix, not counted as kept.
        dropped: rows left out, by reason.
        tokens: prompt tokens in all.
        lengths: percentiles of the prompt lengths, in tokens.
        label_tokens: label tokens in all.
        label_lengths: percentiles of the label lengths, in tokens.
        labels: rows by the extractor that took their label.
        sources: rows by verl's data_source; none in the hosts' format.
        warnings: what a person should look at.
        seconds: wall time.
        settings: the options that decide what is packed.
        part: where a shard's rows belong, None for a whole run.
    """

    input: str
    output_prefix: str
    tokenizer: str
    template: str
    keys: tuple[str, ...]
    total: int
    kept: int
    dropped: dict[str, int]
    tokens: int
    lengths: dict[str, int]
    label_tokens: int
    label_lengths: dict[str, int]
    labels: dict[str, int]
    warnings: list[str]
    seconds: float
    held_out: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    part: Part | None = None

    def to_json(self) -> str:
        """The report as indented JSON text."""
        table = asdict(self)
        if self.part is None:
            del table["part"]
        return json.dumps(table, ensure_ascii=False, indent=1) + "\n"


@dataclass(frozen=True)
class Part:
    """What `merge` needs to put a shard's rows back in their places.

    Args:
        index: which shard, counted from 1.
        of: how many there are.
        chunks: rows kept, held out and rejected, by chunk of this shard.
        fixed_warnings: those that do not come from counts.
        long_raw: labels that are long lines.
    """

    index: int
    of: int
    chunks: list[list[int]]
    fixed_warnings: list[str]
    long_raw: int


@dataclass
class Counts:
    """What is counted while rows go by."""

    total: int = 0
    kept: int = 0
    held_out: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    long_raw: int = 0
    first_reject: str = ""

    def count_reject(self, place: str, rejected: RejectError) -> None:
        """Counts a dropped row; `place` names it."""
        self.dropped[rejected.reason.value] += 1
        self.first_reject = self.first_reject or f"{place}: {rejected}"

    def count_label(self, found_by: str, label: str) -> None:
        """Counts a kept label."""
        self.labels[found_by] += 1
        self.long_raw += found_by == "raw" and len(label) > LONG_RAW_CHARS

    def warnings(self) -> list[str]:
        """What the counts give reason to look at."""
        found = []
        dropped = sum(n for name, n in self.dropped.items() if name != Reason.DUPLICATE.value)
        if self.total and dropped / self.total > MUCH_DROPPED:
            found.append(
                f"{dropped} of {self.total} rows were dropped: {format_counts(self.dropped)}"
            )
        texts = {name: n for name, n in self.labels.items() if name != "value"}
        if len(texts) > 1:
            found.append(
                f"labels were found in different ways ({format_counts(texts)}): look at some with "
                "msrl-ext preview, or name one with --label-extractor"
            )
        if self.long_raw:
            found.append(
                f"{self.long_raw} labels are whole lines of more than {LONG_RAW_CHARS} characters: "
                "they may be sentences, not answers"
            )
        return found


def percentiles(lengths: npt.NDArray[Any]) -> dict[str, int]:
    """The p50, p90, p95, p99 and max of lengths, by nearest rank; {} where there are none.

    Example:
        >>> percentiles(np.arange(1, 101))
        {'p50': 50, 'p90': 90, 'p95': 95, 'p99': 99, 'max': 100}
    """
    if not len(lengths):
        return {}
    ordered = np.sort(lengths)
    ranks = {f"p{p}": -(-p * len(ordered) // 100) - 1 for p in PERCENTILES}
    return {**{name: int(ordered[rank]) for name, rank in ranks.items()}, "max": int(ordered[-1])}


def histogram(lengths: npt.NDArray[Any], bars: int = 8, width: int = 40) -> list[str]:
    """Lines of a histogram of lengths: equal ranges, a bar and a count each.

    Example:
        >>> histogram(np.array([1, 2, 2, 9]), bars=2, width=6)
        ['    1 to     5  ######  3', '    6 to    10  ##      1']
    """
    if not len(lengths):
        return []
    first, last = int(lengths.min()), int(lengths.max())
    step = -(-(last - first + 1) // bars)
    counts = np.bincount((lengths - first) // step).tolist()
    top = max(counts)
    return [
        f"{first + i * step:>5} to {first + (i + 1) * step - 1:>5}  "
        f"{'#' * -(-count * width // top):<{width}}  {count}"
        for i, count in enumerate(counts)
    ]


def format_counts(counts: dict[str, int] | Counter[str]) -> str:
    """Counts as one line, the largest first.

    Example:
        >>> format_counts({"too_long": 2, "empty_prompt": 7})
        'empty_prompt 7, too_long 2'
    """
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered)
