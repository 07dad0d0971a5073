"""The curves of a run as a PNG.

Covers: one panel per quantity, the raw values pale, a running mean strong, a band of extremes.
Does not cover: choosing what to draw; `series` does. Uses matplotlib's objects, never pyplot, so
that no window, backend or global figure is touched.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from mindspeed_rl_ext.report.page.words import Words
from mindspeed_rl_ext.report.series import SMOOTH_FROM_POINTS, Panel, Series, thin

_COLUMNS = 2
_PANEL_INCHES = (5.2, 3.0)
_DOTS_PER_INCH = 110
_LEGEND_COLUMNS = 2
_POINTS = 600
_MOST = 1e300
MAX_PANELS = 8


def draw_curves(panels: list[tuple[Panel, dict[str, Series]]], series: dict[str, Series]) -> bytes:
    """Draws panels. The words are English: matplotlib's own font has no Chinese.

    Args:
        panels: from `panels_of`, at least one; the first `MAX_PANELS` are drawn.
        series: all metrics, for the bands.

    Returns:
        The PNG file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = panels[:MAX_PANELS]
    height = -(-len(panels) // _COLUMNS)
    size = (_PANEL_INCHES[0] * min(_COLUMNS, len(panels)), _PANEL_INCHES[1] * height)
    figure = Figure(figsize=size, dpi=_DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    # Fixed margins: a layout engine takes longer than all the drawing.
    inch_x, inch_y = 1 / size[0], 1 / size[1]
    figure.subplots_adjust(
        left=0.7 * inch_x, right=1 - 0.2 * inch_x, bottom=0.5 * inch_y, top=1 - 0.4 * inch_y,
        wspace=0.2, hspace=0.42,
    )  # fmt: skip
    for index, (panel, lines) in enumerate(panels, start=1):
        axes = figure.add_subplot(height, min(_COLUMNS, len(panels)), index)
        _draw_panel(axes, panel, lines, series)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _draw_panel(
    axes: Any, panel: Panel, lines: dict[str, Series], series: dict[str, Series]
) -> None:
    words = Words("en")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    drawn = [(label, line) for label, line in lines.items() if not line.absent]
    banded = _draw_band(axes, panel, series)
    title = words.heading(panel) + f" ({words('band')})" * banded
    # A given height: looking for one measures all ticks.
    axes.set_title(title, fontsize=10, loc="left", y=1.0)
    if not drawn:
        axes.set(xticks=[], yticks=[])
        reasons = "\n".join(
            dict.fromkeys(words(one.absent) for one in lines.values() if one.absent)
        )
        axes.text(0.5, 0.5, reasons, ha="center", transform=axes.transAxes, fontsize=10)
        return
    axes.set_xlabel(words("step"), fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    axes.margins(x=0.01)
    for label, line in drawn:
        _draw_line(axes, label, line)
    if len(drawn) > 1:
        # Above the axes: it hides no line, and needs no search for a free corner.
        axes.legend(
            fontsize=8,
            frameon=False,
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.2,
            ncols=_LEGEND_COLUMNS,
        )


def _draw_line(axes: Any, label: str, line: Series) -> None:
    # A dollar sign would start a formula.
    name = label.replace("$", r"\$")
    colour = None if line.colour is None else f"C{line.colour}"
    if len(line.steps) < SMOOTH_FROM_POINTS:
        heights = _drawable(line.values)
        style: dict[str, Any] = {"linewidth": 1.6, "marker": "o", "markersize": 3}
        axes.plot(line.steps, heights, label=name, color=colour, **style)
        return
    at = thin(line.smooth, _POINTS)
    heights = _drawable(line.smooth[at])
    (smooth,) = axes.plot(line.steps[at], heights, label=name, color=colour, linewidth=1.8)
    at = thin(line.values, _POINTS)
    colour = smooth.get_color()
    axes.plot(line.steps[at], _drawable(line.values[at]), color=colour, alpha=0.3, linewidth=0.8)


def _draw_band(axes: Any, panel: Panel, series: dict[str, Series]) -> bool:
    """Shades between the panel's bounds, where both were logged at the same steps."""
    low, high = (series.get(name) for name in panel.bounds or ("", ""))
    if low is None or high is None or low.steps.tolist() != high.steps.tolist():
        return False
    at = thin(high.values, _POINTS)
    lower, upper = _drawable(low.values[at]), _drawable(high.values[at])
    axes.fill_between(low.steps[at], lower, upper, alpha=0.12, linewidth=0)
    return True


def _drawable(values: np.ndarray) -> np.ndarray:
    """Matplotlib subtracts and adds margins: what is beyond 1e300 is drawn there."""
    finite = np.isfinite(values)
    return np.where(finite, np.clip(values, -_MOST, _MOST), np.nan)
