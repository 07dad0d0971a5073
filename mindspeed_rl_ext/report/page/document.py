"""One HTML file that says what happened in a run, and opens without a network.

Covers: putting the parts together, and a policy that lets the page load nothing and run nothing
but its own script.
Does not cover: the parts; `sections`, `charts`, `data`, `style`, `script` do.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mindspeed_rl_ext.report.classes import classes_of
from mindspeed_rl_ext.report.diagnosis.finding import Diagnosis
from mindspeed_rl_ext.report.diagnosis.texts import describe_finding
from mindspeed_rl_ext.report.load import Run
from mindspeed_rl_ext.report.page import sections
from mindspeed_rl_ext.report.page.charts import Chart, Mark, class_chart, line_chart
from mindspeed_rl_ext.report.page.data import embedded_rollouts, script_json
from mindspeed_rl_ext.report.page.html_parts import text
from mindspeed_rl_ext.report.page.script import SCRIPT
from mindspeed_rl_ext.report.page.speed import speed as speed_part
from mindspeed_rl_ext.report.page.style import STYLE
from mindspeed_rl_ext.report.page.words import Words
from mindspeed_rl_ext.report.series import panels_of
from mindspeed_rl_ext.report.throughput import Throughput, Timing
from mindspeed_rl_ext.version import __version__

_SCRIPT_WORDS = (
    "step", "tokens", "prompt", "response", "answer", "none_match", "shown", "right", "wrong",
    "neither", "reward",
)  # fmt: skip
_CLASSES_AFTER = "by_verifier"


@dataclass(frozen=True)
class Content:
    """What goes on the page.

    Args:
        title: heading.
        run: metrics and rollouts.
        diagnosis: of the run.
        throughput: of the run.
        timing: of the run.
        summary_rows: name and value of results that the caller wants on top.
        a3: show numbers per card of A3.
    """

    title: str
    run: Run
    diagnosis: Diagnosis
    throughput: Sequence[Throughput]
    timing: Timing | None
    summary_rows: Sequence[tuple[str, str]] = ()
    a3: bool = False


def build_page(content: Content, words: Words) -> str:
    """The whole page as HTML.

    Args:
        content: what goes on it.
        words: its language.
    """
    run = content.run
    charts = charts_of(run, words, marks_of(content.diagnosis, words))
    rollouts = embedded_rollouts(run.rollouts.sample if run.rollouts else (), words)
    speed = speed_part(run, content.throughput, content.timing, words, a3=content.a3)
    browser = sections.rollout_browser(len(rollouts["rows"]), run, words)
    links = [("diagnosis", "diagnosis"), ("curves", "curves")]
    links += [("speed", "speed")] * bool(speed) + [("rollouts-heading", "rollouts")] * bool(browser)
    links += [("metrics", "metrics"), ("files", "files")]
    parts = [
        sections.tiles(run, words),
        sections.results(content.summary_rows, words),
        sections.diagnosis(content.diagnosis, words),
        f'<h2 id="curves">{words("curves")}</h2>',
        curves(charts, words),
        speed,
        browser,
        sections.metrics_table(run.series, words),
        sections.files(run, words),
    ]
    return assemble(content.title, links, parts, charts, rollouts, words)


def assemble(
    title: str,
    links: Sequence[tuple[str, str]],
    parts: Sequence[str],
    charts: Sequence[Chart],
    rollouts: Mapping[str, Any],
    words: Words,
) -> str:
    """A page of parts.

    Args:
        title: heading.
        links: anchor and key of `words` of each link at the top.
        parts: HTML, in order.
        charts: those among the parts, for the numbers under the pointer.
        rollouts: from `embedded_rollouts`.
        words: the language.
    """
    body = [
        "<main>",
        *parts,
        "</main>",
        f'<footer class="quiet">mindspeed-rl-ext {__version__}</footer>',
        _data("charts", [chart.data for chart in sorted(charts, key=lambda one: one.flat)]),
        _data("words", words.table(*_SCRIPT_WORDS)),
        _data("rollouts", rollouts),
        f"<script>{SCRIPT}</script>",
    ]
    return _document(title, _header(title, links, words) + "\n".join(body), words)


def curves(charts: Sequence[Chart], words: Words) -> str:
    """The charts; those that are 0 throughout are folded away, with the switch of raw values."""
    shown = "".join(chart.html for chart in charts if not chart.flat)
    flat = [chart.html for chart in charts if chart.flat]
    raw = any('class="raw' in chart.html for chart in charts)
    switch = f'<button id="raw" aria-pressed="true">{words("raw_values")}</button>'
    parts = [switch] * raw + [f'<div class="charts">{shown}</div>']
    if flat:
        summary = f"{words('zero_curves')}: {len(flat)}"
        parts.append(
            f"<details><summary>{summary}</summary>"
            f'<div class="charts">{"".join(flat)}</div></details>'
        )
    return "".join(parts)


def marks_of(found: Diagnosis, words: Words, first: int = 1) -> dict[str, list[Mark]]:
    """The findings that have a step, by the plots that show them."""
    marks: dict[str, list[Mark]] = {}
    for number, one in enumerate(found.findings, first):
        if one.step is not None:
            title = describe_finding(one, words.language).title
            for panel in one.panels:
                marks.setdefault(panel, []).append(Mark(one.step, one.severity, number, title))
    return marks


def charts_of(run: Run, words: Words, marks: Mapping[str, Sequence[Mark]]) -> list[Chart]:
    """The charts that a run has data for, the three classes among them."""
    found: list[Chart] = []
    panels = panels_of(run.series)
    classes = classes_of(run)
    place = max(
        (i for i, (panel, _) in enumerate(panels, 1) if panel.key in ("reward", _CLASSES_AFTER)),
        default=0,
    )
    for number, (panel, lines) in enumerate(panels):
        if number == place and classes is not None:
            found.append(class_chart(classes, words))
        found.append(line_chart(panel, lines, run.series, words, marks.get(panel.key, ())))
    if place == len(panels) and classes is not None:
        found.append(class_chart(classes, words))
    return found


def _header(title: str, links: Sequence[tuple[str, str]], words: Words) -> str:
    anchors = "".join(f'<a href="#{target}">{words(key)}</a>' for target, key in links)
    return (
        f'<header class="top"><div><h1>{text(title)}</h1><nav>{anchors}</nav></div>'
        f'<button id="theme" aria-label="{words("theme")}" title="{words("theme")}">◐</button>'
        "</header>"
    )


def _data(name: str, value: object) -> str:
    return f'<script type="application/json" id="{name}">{script_json(value)}</script>'


def _document(title: str, body: str, words: Words) -> str:
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{words.language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        f"{body}\n</body></html>\n"
    )
