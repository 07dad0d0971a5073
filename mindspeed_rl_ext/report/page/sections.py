"""The parts of the page: tiles, findings, all metrics, the frame of the rollout browser.

Covers: HTML of each part. All text of a run is escaped.
Does not cover: curves (`charts`), style and script.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mindspeed_rl_ext.core.responses import metrics
from mindspeed_rl_ext.core.responses.metrics import outcome_key
from mindspeed_rl_ext.report.diagnosis.evidence import trend_of
from mindspeed_rl_ext.report.diagnosis.finding import Diagnosis, Finding
from mindspeed_rl_ext.report.diagnosis.texts import describe_finding, title_of
from mindspeed_rl_ext.report.load import Run
from mindspeed_rl_ext.report.notes import notes_of
from mindspeed_rl_ext.report.page.axes import number_text
from mindspeed_rl_ext.report.page.html_parts import cell, table, text
from mindspeed_rl_ext.report.page.words import Words
from mindspeed_rl_ext.report.series import Series, reward_of
from mindspeed_rl_ext.report.sources.rollouts import CLASSES

_OUTCOME_PART = outcome_key("", "")
_TILES = (
    ("length", f"{metrics.RESPONSE_LENGTH}/mean"),
    ("entropy", metrics.ENTROPY),
    ("zero_std", metrics.ZERO_STD_FRACTION),
)


def tiles(run: Run, words: Words) -> str:
    """The run in a few numbers."""
    steps = run.table.steps
    cells = [_tile(words("steps"), f"{len(steps)}", f"{steps[0]} – {steps[-1]}")]
    reward = reward_of(run.series)
    if reward is not None and len(reward.finite.values):
        highest = reward.highest or (0.0, 0)
        best = words("best", value=number_text(highest[0]), step=highest[1])
        cells.append(_tile(words("reward"), _from_to(reward, words), best))
    for key, name in _TILES:
        line = run.series.get(name)
        if line is None:
            continue
        if line.absent:
            cells.append(_tile(words(key), "–", words(line.absent)))
            continue
        cells.append(_tile(words(key), _from_to(line, words), words("start_end")))
    seconds = run.series.get(metrics.TIME_ALL_S)
    if seconds is not None and len(seconds.finite.values):
        median = number_text(float(np.median(seconds.finite.values)))
        cells.append(_tile(words("a_step"), median, metrics.TIME_ALL_S))
    return f'<div class="tiles">{"".join(cells)}</div>'


def results(rows: Sequence[tuple[str, str]], words: Words) -> str:
    """Results that the caller wants on top."""
    if not rows:
        return ""
    body = [cell(name) + cell(value, number=True) for name, value in rows]
    head = (words("result"), words("value"))
    return f"<h2>{words('results')}</h2>" + table("results", head, body, numbers={1})


def diagnosis(found: Diagnosis, words: Words) -> str:
    """The heading and what the rules found."""
    return f'<h2 id="diagnosis">{words("diagnosis")}</h2>' + findings(found, words)


def findings(found: Diagnosis, words: Words, first: int = 1, heading: str = "") -> str:
    """Findings as cards, then what was clear and what could not be checked.

    Args:
        found: what the rules found.
        words: the language.
        first: number of the first card, by which curves link to it.
        heading: name of the run, where there are several.
    """
    cards = "".join(_finding(one, n, words) for n, one in enumerate(found.findings, first))
    if not found.findings:
        checked = words("checked", number=len(found.clear), all=found.number)
        # Few rules that could look are no sign of health.
        tone = "fine" if 2 * len(found.clear) >= found.number else "note"
        cards = (
            f'<article class="finding {tone}"><h3>{words("healthy")}</h3><p>{checked}</p></article>'
        )
    else:
        cards += f'<p class="quiet">{words("clear", number=len(found.clear))}</p>'
    named = f"<h3>{text(heading)}</h3>" if heading else ""
    parts = [f'{named}<div class="findings">{cards}</div>']
    if found.unchecked:
        rows = "".join(
            f"<li>{text(title_of(rule, words.language))}: {text(words('lacks', what=lacking))}</li>"
            for rule, lacking in found.unchecked.items()
        )
        summary = f"{words('unchecked')}: {len(found.unchecked)}"
        parts.append(
            f'<details><summary>{summary}</summary><ul class="files quiet">{rows}</ul></details>'
        )
    return "".join(parts)


def rollout_browser(shown: int, run: Run, words: Words) -> str:
    """The frame that the page's script fills."""
    scan = run.rollouts
    if scan is None or not shown:
        return ""
    note = ""
    if shown < scan.number:
        sentence = words("sampled", shown=shown, all=scan.number, file=scan.path.name)
        note = f'<p class="quiet">{text(sentence)}</p>'
    selects = "".join(
        f'<select id="by-{name}" aria-label="{words(label)}">'
        f'<option value="">{words(label)}</option>{options}</select>'
        for name, label, options in (
            ("step", "all_steps", ""),
            ("verifier", "all_verifiers", ""),
            ("outcome", "all_outcomes", ""),
            (
                "class",
                "all_classes",
                "".join(f'<option value="{name}">{words(name)}</option>' for name in CLASSES),
            ),
        )
    )
    return (
        f'<h2 id="rollouts-heading">{words("rollouts")}</h2>{note}'
        f"<noscript><p>{words('no_script')}</p></noscript>"
        f'<div class="filters">{selects}<input id="by-text" type="search" '
        f'placeholder="{words("search")}" aria-label="{words("search")}">'
        f'<output id="count"></output></div><div class="rollouts" id="rollout-list"></div>'
        f'<button class="more" id="more" hidden>{words("more")}</button>'
    )


def metrics_table(series: Mapping[str, Series], words: Words) -> str:
    """Every metric with its extremes."""
    shown = [line for line in series.values() if not _never_occurred(line)]
    hidden = len(series) - len(shown)
    head = [
        words(key)
        for key in (
            "metric",
            "first",
            "last",
            "lowest",
            "at_step",
            "highest",
            "at_step",
            "not_finite",
        )
    ]
    rows = table(
        "metrics", head, (_metric_row(line, words) for line in shown), numbers=set(range(1, 8))
    )
    note = f'<p class="quiet">{words("hidden_outcomes", number=hidden)}</p>' if hidden else ""
    summary = f"{words('metrics')}: {len(shown)}"
    return (
        f'<h2 id="metrics">{words("metrics")}</h2><details><summary>{summary}</summary>'
        f'<div class="card">{rows}{note}</div></details>'
    )


def files(run: Run, words: Words) -> str:
    """The notes as a list."""
    return f'<h2 id="files">{words("files")}</h2>' + files_list(run, words)


def files_list(run: Run, words: Words) -> str:
    """The notes without a heading."""
    rows = "".join(f"<li>{text(note)}</li>" for note in notes_of(run, words))
    return f'<ul class="files quiet">{rows}</ul>'


def _tile(label: str, value: str, note: str) -> str:
    return (
        f'<div class="tile"><span>{text(label)}</span><b>{value}</b><span>{text(note)}</span></div>'
    )


def _from_to(line: Series, words: Words) -> str:
    trend = trend_of(line)
    values = line.finite.values
    start, end = (trend.start, trend.end) if trend else (float(values[0]), float(values[-1]))
    return text(words("from_to", start=_short(start), end=_short(end)))


def _short(value: float) -> str:
    rounded = float(f"{value:.3g}")
    return number_text(rounded if math.isfinite(rounded) else value)


def _finding(one: Finding, number: int, words: Words) -> str:
    described = describe_finding(one, words.language)
    lists = "".join(
        f"<div><h4>{words(key)}</h4><ul>{''.join(f'<li>{text(t)}</li>' for t in items)}</ul></div>"
        for key, items in (("causes", described.causes), ("try", described.remedies))
    )
    return (
        f'<article class="finding {one.severity}" id="finding-{number}"><h3>'
        f'<span class="number">{number}</span> {text(described.title)} '
        f'<span class="chip">{words(one.severity)}</span></h3><p>{text(described.evidence)}</p>'
        f'<div class="why">{lists}</div></article>'
    )


def _never_occurred(line: Series) -> bool:
    return _OUTCOME_PART in line.name and not np.any(line.values)


def _metric_row(line: Series, words: Words) -> str:
    if line.absent:
        return cell(line.name) + f'<td colspan="7">{words(line.absent)}</td>'
    low, high = line.lowest, line.highest
    cells = (
        number_text(float(line.values[0])),
        number_text(float(line.values[-1])),
        *((number_text(low[0]), str(low[1])) if low else ("", "")),
        *((number_text(high[0]), str(high[1])) if high else ("", "")),
        str(line.num_not_finite or ""),
    )
    return cell(line.name) + "".join(cell(one, number=True) for one in cells)
