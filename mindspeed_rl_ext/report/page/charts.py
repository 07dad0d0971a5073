"""Curves as inline SVG with labels in HTML: legible at any width, without a script.

Covers: lines (raw values pale, running mean strong), bands, stacked areas, axes, the numbers that
the page's script shows under the pointer.
Does not cover: which metrics; `series.PANELS` does. The PNG; `curves` draws that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from mindspeed_rl_ext.report.classes import Classes
from mindspeed_rl_ext.report.page.axes import BOX, Axes, axes_of, number_text, ticks
from mindspeed_rl_ext.report.page.words import Words
from mindspeed_rl_ext.report.series import SMOOTH_FROM_POINTS, Panel, Series, running_mean, thin
from mindspeed_rl_ext.report.sources.rollouts import CLASSES

POINTS = 500
# Percent of the height that two labels at the ends of lines need between them.
_END_DISTANCE = 9
_CLASS_COLOURS = ("good", "mid", "bad")


@dataclass(frozen=True)
class Chart:
    """One drawn chart.

    Args:
        html: a figure.
        data: lines for the pointer: `{"first", "last", "lines": [{"label", "steps", "values"}]}`.
        flat: every value that it would draw is 0.
    """

    html: str
    data: Mapping[str, Any] = field(default_factory=dict)
    flat: bool = False


class Mark(NamedTuple):
    """A finding on a curve.

    Args:
        step: where.
        tone: of its severity.
        number: of its card.
        title: what it is.
    """

    step: int
    tone: str
    number: int
    title: str


def line_chart(
    panel: Panel,
    lines: Mapping[str, Series],
    series: Mapping[str, Series],
    words: Words,
    marks: Sequence[Mark] = (),
) -> Chart:
    """A chart of one or more metrics.

    Args:
        panel: what it shows.
        lines: by label.
        series: all metrics, for the band.
        words: headings.
        marks: findings to show at their steps.
    """
    heading = escape(words.heading(panel))
    drawn = {label: line for label, line in lines.items() if not line.absent}
    if not drawn:
        reasons = dict.fromkeys(words(line.absent) for line in lines.values() if line.absent)
        return Chart(_figure(heading, "", _empty("; ".join(reasons))))
    bounds = [series[name] for name in panel.bounds or () if name in series]
    axes = axes_of(list(drawn.values()), bounds)
    shapes = _band(bounds, axes) if len(bounds) == 2 else ""
    colours = {
        label: f"c{(place if line.colour is None else line.colour) % 6}"
        for place, (label, line) in enumerate(drawn.items())
    }
    for label, line in drawn.items():
        shapes += _line(line, axes, colours[label])
    notes = ["band"] * (len(bounds) == 2)
    notes += ["raw_and_mean"] * any(line.is_smoothed for line in drawn.values())
    note = f" <small>{escape('; '.join(map(words, notes)))}</small>" if notes else ""
    legend = _legend((colours[label], label, line) for label, line in drawn.items())
    data = {
        "first": axes.first,
        "last": axes.last,
        "lines": [_pointed(label, colours[label], line) for label, line in drawn.items()],
    }
    one = next(iter(drawn.values()))
    named = legend if list(drawn) != [one.name] else _last_value(one, words)
    ends = {colours[label]: line for label, line in drawn.items()}
    plot = _plot(shapes, axes, words, unit=panel.unit, marks=marks, ends=ends)
    flat = all(line.all_zero for line in drawn.values())
    return Chart(_figure(heading + note, named, plot), data, flat)


def class_chart(classes: Classes, words: Words) -> Chart:
    """Three classes as areas that fill the height."""
    lines = [classes.fractions[name] for name in CLASSES]
    axes = Axes(float(lines[0].steps[0]), float(lines[0].steps[-1]), 0.0, 1.0)
    shapes, base = "", np.zeros(len(lines[0].steps))
    smooth = [_gentle(line.values) for line in lines]
    for colour, values in zip(_CLASS_COLOURS, smooth, strict=True):
        top = base + values
        shapes += _area(lines[0].steps, base, top, axes, colour)
        base = top
    labels = [words(name) for name in CLASSES]
    triples = list(zip(_CLASS_COLOURS, labels, lines, strict=True))
    data = {
        "first": axes.first,
        "last": axes.last,
        "lines": [_pointed(label, colour, line) for colour, label, line in triples],
    }
    source = f" <small>{escape(classes.source)}</small>"
    plot = _plot(shapes, axes, words, percent=True)
    legend = _legend(triples, percent=True)
    return Chart(_figure(words("classes") + source, legend, plot), data)


def _line(line: Series, axes: Axes, colour: str) -> str:
    raw = thin(line.values, POINTS)
    if len(line.values) < SMOOTH_FROM_POINTS:
        dots = "".join(
            f'<path class="dot {colour}" d="M{x:.1f} {y:.1f}h0"/>'
            for x, y in zip(axes.x(line.finite.steps), axes.y(line.finite.values), strict=True)
        )
        return _path(line.steps, line.values, axes, f"smooth {colour}") + dots
    smooth = thin(line.smooth, POINTS)
    return _path(line.steps[raw], line.values[raw], axes, f"raw {colour}") + _path(
        line.steps[smooth], line.smooth[smooth], axes, f"smooth {colour}"
    )


def _path(steps: np.ndarray, values: np.ndarray, axes: Axes, kind: str) -> str:
    """A line that is interrupted where a value is not finite."""
    pen, parts = "M", []
    # Far outside the box is as good as outside, and short to write.
    heights = np.clip(axes.y(values), -BOX, 2 * BOX)
    for x, y in zip(axes.x(steps).tolist(), heights.tolist(), strict=True):
        if math.isfinite(y):
            parts.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
        else:
            pen = "M"
    return f'<path class="{kind}" d="{"".join(parts)}"/>' if parts else ""


def _band(bounds: Sequence[Series], axes: Axes) -> str:
    low, high = bounds
    if len(low.steps) != len(high.steps) or not np.array_equal(low.steps, high.steps):
        return ""
    finite = np.isfinite(low.values) & np.isfinite(high.values)
    if not finite.any():
        return ""
    return _area(low.steps[finite], low.values[finite], high.values[finite], axes, "c0 band")


def _area(steps: np.ndarray, low: np.ndarray, high: np.ndarray, axes: Axes, kind: str) -> str:
    at = np.unique(np.concatenate([thin(low, POINTS // 2), thin(high, POINTS // 2)]))
    if len(steps) == 1:
        steps, low, high = np.asarray([axes.first, axes.last + 1]), low[[0, 0]], high[[0, 0]]
        axes, at = Axes(axes.first, axes.last + 1, axes.low, axes.high), np.arange(2)
    x, top, bottom = axes.x(steps[at]), axes.y(high[at]), axes.y(low[at])
    points = [f"{a:.1f} {b:.1f}" for a, b in zip(x, top, strict=True)]
    points += [f"{a:.1f} {b:.1f}" for a, b in zip(x[::-1], bottom[::-1], strict=True)]
    return f'<path class="area {kind}" d="M{"L".join(points)}Z"/>'


def _gentle(values: np.ndarray) -> np.ndarray:
    """The running mean of many values, which keeps sums; a gap counts as 0."""
    filled = np.where(np.isfinite(values), values, 0.0)
    if len(values) < SMOOTH_FROM_POINTS:
        return filled
    return running_mean(filled, max(1, len(values) // 30))


def _plot(
    shapes: str,
    axes: Axes,
    words: Words,
    *,
    percent: bool = False,
    unit: str = "",
    marks: Sequence[Mark] = (),
    ends: Mapping[str, Series] = MappingProxyType({}),
) -> str:
    levels = ticks(axes.low, axes.high)
    heights = [(float(axes.y(np.asarray(level)) / BOX * 100), level) for level in levels]
    lines = "".join(f'<path class="grid" d="M0 {top * 10:.1f}H1000"/>' for top, _ in heights)
    labels = "".join(
        f'<span style="top:{top:.2f}%">{f"{mark:.0%}" if percent else number_text(mark)}</span>'
        for top, mark in heights
    )
    across = [mark for mark in ticks(axes.first, axes.last) if mark == int(mark)]
    steps = "".join(
        f'<span style="left:{axes.x(np.asarray(mark)) / BOX * 100:.2f}%">{mark:g}</span>'
        for mark in across or [axes.first]
    )
    unit_text = escape(words(unit)) if unit else ""
    return (
        f'<div class="plot"><div class="ys" aria-hidden="true">{labels}</div>'
        f'<div class="unit" aria-hidden="true">{unit_text}</div><div class="area">'
        f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">'
        f'{lines}{shapes}</svg>{_flags(marks, axes)}{_ends(ends, axes)}<i class="cross"></i></div>'
        f'<div class="xs" aria-hidden="true">{steps}<em>{escape(words("step"))}</em></div>'
        '<div class="tip"></div></div>'
    )


def _flags(marks: Sequence[Mark], axes: Axes) -> str:
    """Findings as numbered flags, each a link to its card."""
    inside = (mark for mark in marks if axes.first <= mark.step <= axes.last)
    return "".join(
        f'<a class="flag {mark.tone}" href="#finding-{mark.number}" '
        f'style="left:{axes.x(np.asarray(mark.step)) / BOX * 100:.2f}%" '
        f'title="{escape(mark.title)}">{mark.number}</a>'
        for mark in inside
    )


def _ends(lines: Mapping[str, Series], axes: Axes) -> str:
    """The value at the end of each line, beside it, unless two would lie on each other.

    It is the running mean's where that is what is drawn: a number belongs where it stands.
    """
    found: list[tuple[float, float, str, float]] = []
    for colour, line in lines.items():
        smooth = line.smooth[np.isfinite(line.smooth)]
        if len(smooth):
            top = float(np.clip(axes.y(smooth[-1:])[0] / BOX * 100, 0, 100))
            left = float(axes.x(line.steps[-1:])[0] / BOX * 100)
            found.append((top, left, colour, float(smooth[-1])))
    kept: list[tuple[float, float, str, float]] = []
    for one in sorted(found):
        if not kept or one[0] - kept[-1][0] >= _END_DISTANCE:
            kept.append(one)
    return "".join(
        f'<b class="end {colour}" aria-hidden="true" style="top:{top:.1f}%;left:{left:.1f}%">'
        f"{number_text(float(f'{last:.3g}'))}</b>"
        for top, left, colour, last in kept
    )


def _figure(heading: str, legend: str, body: str) -> str:
    return (
        f'<figure class="chart"><figcaption><h3>{heading}</h3>{legend}</figcaption>{body}</figure>'
    )


def _empty(text: str) -> str:
    return f'<div class="plot none">{escape(text)}</div>'


def _legend(lines: Any, *, percent: bool = False) -> str:
    rows = "".join(
        f'<li><i class="{colour}"></i>{escape(label)}{_bold(line, percent=percent)}</li>'
        for colour, label, line in lines
    )
    return f'<ul class="legend">{rows}</ul>'


def _last_value(line: Series, words: Words) -> str:
    return f'<p class="now">{escape(words("last_step"))}{_bold(line)}</p>'


def _bold(line: Series, *, percent: bool = False) -> str:
    values = line.finite.values
    if not len(values):
        return ""
    last = float(values[-1])
    return f" <b>{f'{last:.0%}' if percent else number_text(last)}</b>"


def _pointed(label: str, colour: str, line: Series) -> dict[str, Any]:
    at = thin(line.values, POINTS)
    values = [_rounded(v) for v in line.values[at].tolist()]
    return {"label": label, "colour": colour, "steps": line.steps[at].tolist(), "values": values}


def _rounded(value: float) -> float | None:
    """Five digits, where that is still a number; None for NaN and infinities."""
    rounded = float(f"{value:.5g}")
    if math.isfinite(rounded):
        return rounded
    return value if math.isfinite(value) else None
