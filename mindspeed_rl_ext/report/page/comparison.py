"""The page of several runs.

Covers: a table with a column per run, one plot per metric with a line per run, the findings of
each.
Does not cover: reading the runs; `report.comparison` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mindspeed_rl_ext.core.responses import metrics
from mindspeed_rl_ext.report.diagnosis.evidence import trend_of
from mindspeed_rl_ext.report.page import sections
from mindspeed_rl_ext.report.page.axes import number_text
from mindspeed_rl_ext.report.page.charts import line_chart
from mindspeed_rl_ext.report.page.document import Content, assemble, curves
from mindspeed_rl_ext.report.page.html_parts import cell, table, text
from mindspeed_rl_ext.report.page.words import Words
from mindspeed_rl_ext.report.series import PANELS, Panel, Series, panels_of, reward_of

_ROWS = (
    ("length", f"{metrics.RESPONSE_LENGTH}/mean"),
    ("entropy", metrics.ENTROPY),
    ("zero_std", metrics.ZERO_STD_FRACTION),
    ("grad_norm", metrics.GRAD_NORM),
    ("a_step", metrics.TIME_ALL_S),
)


@dataclass(frozen=True)
class Compared:
    """One run under its name."""

    name: str
    content: Content


@dataclass(frozen=True)
class ComparedPanel:
    """One metric of all runs that have it.

    Args:
        panel: which plot it belongs to; its band is left out.
        lines: by run name.
    """

    panel: Panel
    lines: dict[str, Series]


def compared_panels(compared: Sequence[Compared]) -> list[ComparedPanel]:
    """The plots of several runs: one for each label of each panel."""
    of_runs = {one.name: dict(_labelled(one.content.run.series)) for one in compared}
    keys = dict.fromkeys(key for lines in of_runs.values() for key in lines)
    order = {panel.key: number for number, panel in enumerate(PANELS)}
    found = []
    for key, label in sorted(keys, key=lambda pair: order[pair[0]]):
        panel = next(one for one in PANELS if one.key == key)
        panel = replace(panel, bounds=None, label=label)
        # A run keeps its colour where others lack the metric.
        lines = {
            name: replace(of[key, label], colour=number)
            for number, (name, of) in enumerate(of_runs.items())
            if (key, label) in of
        }
        found.append(ComparedPanel(panel, lines))
    return found


def _labelled(series: dict[str, Series]) -> list[tuple[tuple[str, str], Series]]:
    """Each line by panel and label; the label "" where a panel has the one metric only."""
    return [
        ((panel.key, "" if label == line.name else label), line)
        for panel, lines in panels_of(series)
        for label, line in lines.items()
    ]


def build_comparison(
    title: str,
    compared: Sequence[Compared],
    panels: Sequence[ComparedPanel],
    rows: Sequence[tuple[str, str]],
    words: Words,
) -> str:
    """The whole page as HTML.

    Args:
        title: heading.
        compared: the runs.
        panels: from `compared_panels`.
        rows: name and value of results to show on top.
        words: its language.
    """
    charts = [line_chart(one.panel, one.lines, {}, words) for one in panels]
    parts = [sections.results(rows, words), _table(compared, words)]
    parts += [f'<h2 id="curves">{words("curves")}</h2>', curves(charts, words)]
    parts.append(f'<h2 id="diagnosis">{words("diagnosis")}</h2>')
    first = 1
    for one in compared:
        found = one.content.diagnosis
        parts.append(sections.findings(found, words, first, heading=one.name))
        first += len(found.findings)
    parts.append(f'<h2 id="files">{words("files")}</h2>')
    for one in compared:
        parts.append(f"<h3>{text(one.name)}</h3>{sections.files_list(one.content.run, words)}")
    links = [("runs", "runs"), ("curves", "curves"), ("diagnosis", "diagnosis"), ("files", "files")]
    return assemble(title, links, parts, charts, {"prompts": [], "rows": []}, words)


def _table(compared: Sequence[Compared], words: Words) -> str:
    """What is known of each run, a column each."""
    rows = [_row(words("steps"), [str(len(one.content.run.table.steps)) for one in compared])]
    rewards = [reward_of(one.content.run.series) for one in compared]
    rows.append(_row(words("reward"), [_from_to(line) for line in rewards]))
    best = [line.highest if line is not None else None for line in rewards]
    cells = [words("best_at", value=number_text(b[0]), step=b[1]) if b else "–" for b in best]
    rows.append(_row(words("highest"), cells))
    for key, name in _ROWS:
        lines = [one.content.run.series.get(name) for one in compared]
        if any(line is not None for line in lines):
            rows.append(_row(words(key), [_from_to(line) for line in lines]))
    counts = [str(len(one.content.diagnosis.findings)) for one in compared]
    rows.append(_row(words("findings"), counts))
    head = ["", *(one.name for one in compared)]
    numbers = set(range(1, len(head)))
    hint = f'<p class="quiet hint">{words("scroll")}</p>'
    return f'<h2 id="runs">{words("runs")}</h2>' + table("runs", head, rows, numbers) + hint


def _row(name: str, values: Sequence[str]) -> str:
    return cell(name) + "".join(cell(value, number=True) for value in values)


def _from_to(line: Series | None) -> str:
    if line is None or line.absent or not len(line.finite.values):
        return "–"
    trend = trend_of(line)
    values = line.finite.values
    start, end = (trend.start, trend.end) if trend else (float(values[0]), float(values[-1]))
    return f"{float(f'{start:.3g}'):g} → {float(f'{end:.3g}'):g}"
