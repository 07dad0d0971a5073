"""The figures of an evaluation as text for people.

Covers: one row per benchmark, then what needs a person's eye: warnings, ties, disagreements of
strict and lenient grading, tables by level and subject.
Does not cover: figures; it shows what stands in summary.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mindspeed_rl_ext.core.errors import shorten
from mindspeed_rl_ext.recipes.evaluation.grading import CLASSES
from mindspeed_rl_ext.recipes.evaluation.outputs import KINDS

_EXAMPLES = 3
_NAMES_SHOWN = 5
_WARNINGS_SHOWN = 12


def shown(summary: Mapping[str, Any]) -> str:
    """The text of a summary."""
    benchmarks = {k: b for k, b in summary["benchmarks"].items() if "strict" in b}
    lines = columns([_HEADER, *(_row(name, b) for name, b in benchmarks.items())])
    mean = summary["mean_pass@1"]
    if len(benchmarks) > 1:
        lines.append(
            f"mean of pass@1 over {len(benchmarks)} benchmarks: strict {_share(mean['strict'])}, "
            f"lenient {_share(mean['lenient'])}"
        )
    lines += _legend(benchmarks, summary["graders"])
    for name, figures in benchmarks.items():
        lines += _more(name, figures)
    lines += _file(summary.get("file"))
    warnings = summary["warnings"]
    lines += [f"warning: {text}" for text in warnings[:_WARNINGS_SHOWN]]
    if len(warnings) > _WARNINGS_SHOWN:
        lines.append(f"warning: {len(warnings) - _WARNINGS_SHOWN} more stand in summary.json")
    return "\n".join(lines)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their columns aligned, the first to the left, the others to the right.

    Example:
        >>> columns([["a", "10"], ["bcd", "2"]])
        ['a    10', 'bcd   2']
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


_HEADER = [
    "benchmark", "problems", "k", "pass@1 strict", "pass@1 lenient", "pass@k", "maj@k",
    "both", "format", "neither", "length", "cut",
]  # fmt: skip


def _row(name: str, b: Mapping[str, Any]) -> list[str]:
    k = b["samples"]
    strict = b["strict"]
    return [
        name,
        str(b["problems"] - len(b["missing"])),
        str(k) if b["most_samples"] == k else f"{k}..{b['most_samples']}",
        _interval(strict["pass@1"]),
        _interval(b["lenient"]["pass@1"]),
        _interval(strict[f"pass@{k}"]) if k > 1 else "-",
        _interval(strict[f"maj@{k}"]) if k > 1 else "-",
        *(str(b["classes"][kind]) for kind in CLASSES),
        _length(b["lengths"]),
        "?" if b["lengths"]["cut"] is None else _share(b["lengths"]["cut"]),
    ]


def _legend(benchmarks: Mapping[str, Any], graders: Mapping[str, str]) -> list[str]:
    methods = sorted(
        {f["method"] for b in benchmarks.values() for k in KINDS for f in b[k].values()}
    )
    several = any(b["samples"] > 1 for b in benchmarks.values())
    form = f"format {graders['format']}, " if graders["format"] else ""
    lines = [
        f"in percent, 95 % intervals ({', '.join(methods)}); {form}strict {graders['strict']}, "
        f"lenient {graders['lenient']}",
        "classes: both = format and answer right, format = format only, neither; they sum to all "
        "responses",
    ]
    if several:
        lines.append(
            "pass@1 of k responses is avg@k; maj@k: a tie counts the share of the tied answers "
            "that are right"
        )
    return lines


def _more(name: str, b: Mapping[str, Any]) -> list[str]:
    lines = ["", f"{name}"]
    k, strict = b["samples"], b["strict"]
    if b["most_samples"] != k:
        lines.append(f"  problems have {k} to {b['most_samples']} responses: k is the smallest")
    if k > 1:
        passes = (f"{key} {_share(v['value'])}" for key, v in strict.items() if "pass@" in key)
        vote = strict[f"maj@{k}"]
        lines.append(
            f"  {', '.join(passes)}; maj@{k}: {vote['ties']} ties, "
            f"{vote['without_answer']} problems without a vote, "
            f"{vote['responses_without_vote']} responses without one"
        )
    outcomes = ", ".join(f"{outcome} {n}" for outcome, n in b["outcomes"].items())
    lines.append(f"  strict outcomes: {outcomes}")
    sizes = b["lengths"]
    spread = ", ".join(f"{key} {sizes[key]:.0f}" for key in ("p50", "p90", "p95", "p99", "max"))
    lines.append(f"  length in {sizes['unit']}: mean {sizes['mean']:.1f}, {spread}{_split(sizes)}")
    lines += _disagreements(b["disagreements"])
    for slice_name, parts in b["by"].items():
        rows = [[f"  by {slice_name}", "problems", "strict", "lenient", *_HEADER[7:10]]]
        for value, part in parts.items():
            counts = [str(part["classes"][kind]) for kind in CLASSES]
            figures = [_interval(part["strict"]), _interval(part["lenient"])]
            rows.append([f"  {shorten(value, 40)}", str(part["problems"]), *figures, *counts])
        lines += columns(rows)
    return lines


def _disagreements(found: Mapping[str, Sequence[Mapping[str, str]]]) -> list[str]:
    lenient, strict = found["lenient_only"], found["strict_only"]
    lines = [f"  right by lenient grading only: {len(lenient)}; by strict only: {len(strict)}"]
    for row in (*lenient[:_EXAMPLES], *strict[:_EXAMPLES]):
        end = " ".join(row["end"].split())[-60:]
        lines.append(
            f"    {row['id']} ({row['class']}): reference {shorten(row['reference'], 30)!r}, "
            f"stated {shorten(row['answer'], 30)!r}, ends {end!r}"
        )
    return lines


def _file(file: Mapping[str, Any] | None) -> list[str]:
    lines = []
    for key, meaning in (
        ("missing", "problems have no response and are left out of the figures"),
        ("extra", "rows belong to no problem"),
        ("duplicates", "rows repeat a sample, the first counts (several: add the column sample)"),
    ):
        names = file[key] if file else []
        if names:
            more = ", ..." if len(names) > _NAMES_SHOWN else ""
            lines.append(f"{key}: {len(names)} {meaning}: {', '.join(names[:_NAMES_SHOWN])}{more}")
    return ["", *lines] if lines else []


def _split(sizes: Mapping[str, Any]) -> str:
    right, other = sizes["mean_right"], sizes["mean_not_right"]
    if right is None or other is None:
        return ""
    return f"; mean of right ones {right:.1f}, of others {other:.1f}"


def _interval(figure: Mapping[str, Any]) -> str:
    value, low, high = (f"{100 * figure[key]:.1f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _share(value: float) -> str:
    return f"{100 * value:.1f}"


def _length(sizes: Mapping[str, Any]) -> str:
    return f"{sizes['mean']:.0f}" + ("" if sizes["unit"] == "tokens" else " chars")
