"""A report for a terminal, and as JSON.

Covers: the lines that `msrl-ext report` prints.
Does not cover: printing them.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mindspeed_rl_ext.core.language import Language
from mindspeed_rl_ext.report.classes import classes_of
from mindspeed_rl_ext.report.diagnosis.evidence import trend_of
from mindspeed_rl_ext.report.diagnosis.texts import describe_finding
from mindspeed_rl_ext.report.notes import notes_of
from mindspeed_rl_ext.report.page.axes import number_text
from mindspeed_rl_ext.report.page.words import Words
from mindspeed_rl_ext.report.run import ReportFiles
from mindspeed_rl_ext.report.series import NEAR_THE_END, panels_of

_WIDTH = 96


def lines_of(files: ReportFiles, words: Words) -> list[str]:
    """The report in lines of text."""
    return [*run_lines(files, words), *file_lines(files.html, files.png, words)]


def file_lines(html: Path, png: Path | None, words: Words) -> list[str]:
    """What was written."""
    return ["", str(html), str(png) if png else words("no_png")]


@np.errstate(**NEAR_THE_END)
def run_lines(files: ReportFiles, words: Words) -> list[str]:
    """What is known of one run, in lines of text."""
    steps = files.run.table.steps
    out = [f"{words('steps')}: {len(steps)} ({steps[0]} - {steps[-1]})"]
    out += [f"- {note}" for note in notes_of(files.run, words)]
    out += ["", *_figures(files, words)]
    out += ["", f"{words('diagnosis')}:"]
    for finding in files.diagnosis.findings:
        described = describe_finding(finding, words.language)
        out.append(f"[{words(finding.severity)}] {described.title}")
        out += _wrapped(described.evidence)
        out += _wrapped(f"{words('try')}: " + "; ".join(described.remedies))
    found = files.diagnosis
    if found.findings:
        out.append(words("clear", number=len(found.clear)))
    else:
        out.append(words("healthy"))
        out.append(words("checked", number=len(found.clear), all=found.number))
    for rule_lacks in sorted({words("lacks", what=w) for w in files.diagnosis.unchecked.values()}):
        out.append(f"{words('unchecked')}: {rule_lacks}")
    out += _speed(files, words)
    return out


@np.errstate(**NEAR_THE_END)
def as_json(files: ReportFiles, language: Language) -> dict[str, Any]:
    """The report for programs."""
    run = files.run
    classes = classes_of(run)
    return {
        "html": str(files.html),
        "png": str(files.png) if files.png else None,
        "files": [
            {
                "path": str(log.path),
                "kind": log.kind,
                "rows": len(log.rows),
                "broken_lines": log.broken.count,
            }
            for log in run.logs
        ],
        "notes": notes_of(run, Words(language)),
        "steps": {
            "first": run.table.steps[0],
            "last": run.table.steps[-1],
            "logged": len(run.table.steps),
        },
        "metrics": {name: _summary(line) for name, line in run.series.items()},
        "classes": {name: _plain(line.values[-1]) for name, line in classes.fractions.items()}
        if classes
        else None,
        "findings": [
            {
                "rule": one.rule,
                "severity": one.severity,
                "step": one.step,
                "numbers": {k: _plain(v) for k, v in one.numbers.items()},
                **vars(describe_finding(one, language)),
            }
            for one in files.diagnosis.findings
        ],
        "clear": list(files.diagnosis.clear),
        "unchecked": dict(files.diagnosis.unchecked),
        "throughput": [
            {
                "name": one.name,
                "logged": _plain(one.logged),
                "by_length": {k: _plain(v) for k, v in one.by_length.items()},
                "mismatches": one.mismatches,
                "compared": one.compared,
                "matches": one.matches,
                "a_card": _plain(one.logged * one.per_card if one.logged is not None else None),
            }
            for one in files.throughput
        ],
        "timing": {name: _plain(value) for name, value in vars(files.timing).items()}
        if files.timing
        else None,
    }


def _figures(files: ReportFiles, words: Words) -> list[str]:
    """One line per metric that has a curve."""
    rows = []
    for panel, lines in panels_of(files.run.series):
        for label, line in lines.items():
            if line.absent:
                rows.append((words(panel.key), label, words(line.absent)))
                continue
            values = line.finite.values
            trend = trend_of(line)
            pair = (trend.start, trend.end) if trend else (float(values[0]), float(values[-1]))
            rows.append((words(panel.key), label, " -> ".join(number_text(v) for v in pair)))
    width = max((len(label) for _, label, _ in rows), default=0)
    return [f"{label:<{width}}  {numbers}" for _, label, numbers in rows]


def _speed(files: ReportFiles, words: Words) -> list[str]:
    out = [""] if files.throughput or files.timing else []
    for one in files.throughput:
        logged = number_text(one.logged) if one.logged is not None else "-"
        computed = ", ".join(
            f"{words('by_' + k)} {number_text(v)}" for k, v in one.by_length.items()
        )
        card = (
            f", {words('per_card')} {number_text(one.logged * one.per_card)}"
            if (one.per_card != 1 and one.logged is not None)
            else ""
        )
        tail = f", {computed}" if computed else ""
        out.append(f"{one.name}: {words('logged')} {logged}{tail}{card}")
    if files.timing is not None:
        timing = files.timing
        out.append(
            words(
                "inequality",
                ok=timing.steps - timing.violated,
                all=timing.steps,
                slack=number_text(timing.slack_s),
                share=f"{timing.slack_fraction:.1%}",
            )
        )
    return out


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")


def _summary(line: Any) -> dict[str, Any]:
    low, high = line.lowest, line.highest
    return {
        "first": _plain(line.values[0]),
        "last": _plain(line.values[-1]),
        "lowest": _plain(low[0]) if low else None,
        "highest": _plain(high[0]) if high else None,
        "steps": len(line.values),
        "not_finite": line.num_not_finite,
        "logged": line.logged,
    }


def _plain(value: Any) -> Any:
    """A number that JSON can hold; None where it is not finite."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
