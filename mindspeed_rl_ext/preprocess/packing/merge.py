"""Joins packed files: the shards of one run, or runs over different data.

Covers: shards back in the order of the rows, with the same bytes as one run, held-out rows, rejects
and report included; other packed files one after another; shuffling the result.
Does not cover: duplicates between runs over different data.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.options import PACKED
from mindspeed_rl_ext.preprocess.output import FORMATS, OutputFormat, RowWriter
from mindspeed_rl_ext.preprocess.packing import packed
from mindspeed_rl_ext.preprocess.packing.staging import staging
from mindspeed_rl_ext.preprocess.rejects import require_kept
from mindspeed_rl_ext.preprocess.report import Counts, PreprocessReport
from mindspeed_rl_ext.preprocess.summary import lengths_of

logger = logging.getLogger(__name__)

# What the parts of one run have in common.
AGREE = ("tokenizer", "template", "keys", "settings", "input")
KEPT, HELD_OUT, REJECTED = range(3)


@dataclass(frozen=True)
class Piece:
    """Rows of one part: `counts` kept, held out and rejected rows, the next of each."""

    part: int
    counts: Sequence[int]


def merge(
    prefix: Path,
    parts: Sequence[Path] = (),
    *,
    shuffle_seed: int | None = None,
    overwrite: bool = False,
) -> PreprocessReport:
    """Joins parts into the files of a prefix.

    Args:
        prefix: the output prefix.
        parts: prefixes to join; where none is given, the shards of `prefix`.
        shuffle_seed: mixes the rows by this seed, as `--shuffle --seed` of one run.
        overwrite: replace files of that prefix.

    Raises:
        InputError: no parts, a shard is missing or made with other options, other keys.
    """
    parts = list(parts) or shards_of(prefix)
    reports = [_read_report(part) for part in parts]
    beside = (packed.heldout_prefix(prefix),) if _have_held_out(reports) else ()
    made = _format_of(reports)
    with staging(prefix, *beside, overwrite=overwrite, files=made.files) as folder:
        return join_parts(folder, prefix, parts, shuffle_seed)


def join_parts(
    folder: Path, prefix: Path, parts: Sequence[Path], shuffle_seed: int | None
) -> PreprocessReport:
    """Writes the joined files of a prefix into a folder.

    Args:
        folder: the staging folder.
        prefix: the output prefix; its last part names the files.
        parts: prefixes to join.
        shuffle_seed: as `merge` takes it.
    """
    reports = [_read_report(part) for part in parts]
    pieces = _pieces(parts, reports)
    target = folder / prefix.name
    made = _format_of(reports)
    writer = _joined(made, target, parts, pieces, KEPT, shuffle_seed)
    if _have_held_out(reports):
        held = [packed.heldout_prefix(part) for part in parts]
        _joined(made, packed.heldout_prefix(target), held, pieces, HELD_OUT, None)
    with packed.rejects_file(target).open("wb") as file:
        _join_rejects(file, parts, pieces)
    report = _report(prefix, writer, reports, shuffle_seed)
    packed.report_file(target).write_text(report.to_json(), encoding="utf-8")
    return report


def _format_of(reports: Sequence[dict[str, Any]]) -> OutputFormat:
    return FORMATS[reports[0]["settings"].get("format", PACKED)]


def _have_held_out(reports: Sequence[dict[str, Any]]) -> bool:
    return any(report["held_out"] or report["settings"].get("split") for report in reports)


def shards_of(prefix: Path) -> list[Path]:
    """The prefixes of the shards of a prefix, in order.

    Raises:
        InputError: there are none, or shards of two divisions.
    """
    name = re.compile(re.escape(prefix.name) + r"_part(\d+)of(\d+)_report\.json")
    found = [name.fullmatch(path.name) for path in prefix.parent.glob("*_report.json")]
    numbers = sorted((int(m[2]), int(m[1])) for m in found if m)
    if not numbers:
        raise InputError(
            f"no parts of {prefix}",
            expected=f"{prefix.name}_part1of2_report.json and the like",
            remedy="make them with msrl-ext preprocess --shard 1/2, or name the prefixes to join",
        )
    if len({of for of, _ in numbers}) > 1:
        raise InputError(
            f"parts of different divisions of {prefix}",
            found=", ".join(f"{index}of{of}" for of, index in numbers),
            remedy="remove the old ones",
        )
    return [packed.part_prefix(prefix, index, of) for of, index in numbers]


def _read_report(prefix: Path) -> dict[str, Any]:
    path = packed.report_file(prefix)
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        if not (isinstance(report, dict) and {"settings", "held_out", *AGREE} <= set(report)):
            raise ValueError("not a report of this version")
    except (OSError, ValueError) as error:
        raise InputError(
            f"no readable report beside the packed files: {path}",
            found=str(error),
            remedy="copy it with the .bin and .idx files, or preprocess again",
        ) from error
    return report


def _pieces(parts: Sequence[Path], reports: Sequence[dict[str, Any]]) -> list[Piece]:
    shards = [report.get("part") for report in reports]
    if not any(shards):
        _require_agreement(parts, reports, ("tokenizer", "template", "keys"))
        dropped = [sum(report["dropped"].values()) for report in reports]
        rows = zip(reports, dropped, strict=True)
        return [Piece(i, (r["kept"], r["held_out"], d)) for i, (r, d) in enumerate(rows)]
    _require_agreement(parts, reports, AGREE)
    given = [(shard["index"], shard["of"]) if shard else None for shard in shards]
    of = next(shard["of"] for shard in shards if shard)
    if given != [(index, of) for index in range(1, of + 1)]:
        raise InputError(
            "the parts are not one whole run",
            found=", ".join(f"{pair[0]}/{pair[1]}" if pair else "a whole run" for pair in given),
            expected=", ".join(f"{index}/{of}" for index in range(1, of + 1)) + ", in this order",
            remedy="preprocess the missing shards",
        )
    chunks = [list(shard["chunks"]) for shard in shards if shard]
    rounds = max(map(len, chunks))
    return [Piece(i, own[k]) for k in range(rounds) for i, own in enumerate(chunks) if k < len(own)]


def _require_agreement(
    parts: Sequence[Path], reports: Sequence[dict[str, Any]], names: Sequence[str]
) -> None:
    for part, report in zip(parts, reports, strict=True):
        for name in names:
            if report[name] != reports[0][name]:
                raise InputError(
                    f"{part} was made with another {name} than {parts[0]}",
                    found=str(report[name]),
                    expected=str(reports[0][name]),
                    remedy="preprocess it again with the same options",
                )


def _joined(
    made: OutputFormat,
    target: Path,
    parts: Sequence[Path],
    pieces: Sequence[Piece],
    which: int,
    seed: int | None,
) -> RowWriter:
    data = [made.reader(part) for part in parts]
    _require_rows(data, parts, pieces, which)
    writer = made.writer(target.parent, target.name, data[0].keys)
    at = [0] * len(parts)
    try:
        for piece in pieces:
            stop = at[piece.part] + piece.counts[which]
            writer.copy_rows(data[piece.part], at[piece.part], stop)
            at[piece.part] = stop
        writer.finish(shuffle_seed=seed)
    finally:
        writer.close()
    return writer


def _require_rows(
    data: Sequence[Sized], parts: Sequence[Path], pieces: Sequence[Piece], which: int
) -> None:
    for index, (rows, part) in enumerate(zip(data, parts, strict=True)):
        expected = sum(piece.counts[which] for piece in pieces if piece.part == index)
        if len(rows) != expected:
            raise InputError(
                f"the packed files of {part} are not those of its report",
                found=f"{len(rows)} rows",
                expected=f"{expected} rows",
                remedy="copy all files of one run together",
            )


def _join_rejects(file: BinaryIO, parts: Sequence[Path], pieces: Sequence[Piece]) -> None:
    sources: list[Iterator[bytes]] = [_lines(packed.rejects_file(part)) for part in parts]
    for piece in pieces:
        file.writelines(islice(sources[piece.part], piece.counts[REJECTED]))


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _report(
    prefix: Path,
    writer: RowWriter,
    reports: Sequence[dict[str, Any]],
    seed: int | None,
) -> PreprocessReport:
    first = reports[0]
    shards = [report["part"] for report in reports if report.get("part")]
    counts = Counts(
        total=sum(report["total"] for report in reports),
        kept=sum(report["kept"] for report in reports),
        held_out=sum(report["held_out"] for report in reports),
        dropped=sum((Counter(report["dropped"]) for report in reports), Counter()),
        labels=sum((Counter(report["labels"]) for report in reports), Counter()),
        sources=sum((Counter(report.get("sources")) for report in reports), Counter()),
        long_raw=sum(shard["long_raw"] for shard in shards),
    )
    source = ", ".join(dict.fromkeys(str(report["input"]) for report in reports))
    require_kept(source, counts)
    known = [shard["fixed_warnings"] for shard in shards] or [r["warnings"] for r in reports]
    fixed = list(dict.fromkeys(warning for warnings in known for warning in warnings))
    settings = first["settings"] | ({} if seed is None else {"shuffle": True, "seed": seed})
    return PreprocessReport(
        input=source,
        output_prefix=str(prefix),
        tokenizer=first["tokenizer"],
        template=first["template"],
        keys=tuple(first["keys"]),
        total=counts.total,
        kept=counts.kept,
        held_out=counts.held_out,
        dropped=dict(sorted(counts.dropped.items())),
        labels=dict(sorted(counts.labels.items())),
        sources=dict(sorted(counts.sources.items())),
        warnings=[*fixed, *(counts.warnings() if shards else ())],
        seconds=round(sum(report["seconds"] for report in reports), 3),
        settings=settings,
        **lengths_of(writer),
    )
