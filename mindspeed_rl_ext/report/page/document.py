"""One HTML file that says what happened in a run, and opens without a network.

Covers: putting the parts together, and a policy that lets the page load nothing and run nothing
but its own script.
Does not cover: the parts; `page_sections`, `charts`, `page_data`, `page_style`, `page_script` do.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mindspeed_rl_ext.report.classes import classes_of
from mindspeed_rl_ext.report.diagnosis.finding import Diagnosis
from mindspeed_rl_ext.report.load import Run
from mindspeed_rl_ext.report.page import sections
from mindspeed_rl_ext.report.page.charts import Chart, class_chart, line_chart
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
    charts = charts_of(run, words)
    rollouts = embedded_rollouts(run.rollouts.sample if run.rollouts else (), words)
    speed = speed_part(run, content.throughput, content.timing, words, a3=content.a3)
    browser = sections.rollout_browser(len(rollouts["rows"]), run, words)
    links = [("diagnosis", "diagnosis"), ("curves", "curves")]
    links += [("speed", "speed")] * bool(speed) + [("rollouts-heading", "rollouts")] * bool(browser)
    links += [("metrics", "metrics"), ("files", "files")]
    parts = [
        "<main>",
        sections.tiles(run, words),
        sections.results(content.summary_rows, words),
        sections.diagnosis(content.diagnosis, words),
        f'<h2 id="curves">{words("curves")}</h2>',
        f'<div class="charts">{"".join(chart.html for chart in charts)}</div>',
        speed,
        browser,
        sections.metrics_table(run.series, words),
        sections.files(run, words),
        "</main>",
        f'<footer class="quiet">mindspeed-rl-ext {__version__}</footer>',
        _data("charts", [chart.data for chart in charts]),
        _data("words", words.table(*_SCRIPT_WORDS)),
        _data("rollouts", rollouts),
        f"<script>{SCRIPT}</script>",
    ]
    return _document(content.title, _header(content.title, links, words) + "\n".join(parts), words)


def charts_of(run: Run, words: Words) -> list[Chart]:
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
        found.append(line_chart(panel, lines, run.series, words))
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
