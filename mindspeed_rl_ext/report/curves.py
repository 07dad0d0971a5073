"""The curves of a run as a PNG.

Covers: one panel a quantity, the raw values pale, a running mean strong, a band of extremes.
Does not cover: choosing what to draw; `series` does. Uses matplotlib's objects, never pyplot, so
that no window, backend or global figure is touched.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from mindspeed_rl_ext.errors import MissingExtraError
from mindspeed_rl_ext.report.series import Panel, Series

_COLUMNS = 2
_PANEL_INCHES = (5.2, 3.0)
_DOTS_PER_INCH = 110
_SMOOTH_FROM_POINTS = 20
_REACHES_PER_RUN = 30
_LEGEND_COLUMNS = 2


def draw_curves(panels: list[tuple[Panel, dict[str, Series]]], series: dict[str, Series]) -> bytes:
    """Draws panels.

    Args:
        panels: from `panels_of`, at least one.
        series: all metrics, for the bands.

    Returns:
        The PNG file.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "report", "drawing curves") from error
    height = -(-len(panels) // _COLUMNS)
    size = (_PANEL_INCHES[0] * min(_COLUMNS, len(panels)), _PANEL_INCHES[1] * height)
    figure = Figure(figsize=size, dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    for index, (panel, lines) in enumerate(panels, start=1):
        axes = figure.add_subplot(height, min(_COLUMNS, len(panels)), index)
        _draw_panel(axes, panel, lines, series)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def running_mean(values: np.ndarray, reach: int) -> np.ndarray:
    """The mean of each value and its `reach` neighbours on both sides, so that no curve lags.

    NaN and infinities are left out; where nothing is left the mean is NaN.

    Example:
        >>> running_mean(np.array([1.0, 3.0, 8.0, 5.0]), 1).tolist()
        [2.0, 4.0, 5.333333333333333, 6.5]
    """
    finite = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    at = np.arange(len(values))
    starts, ends = np.maximum(0, at - reach), np.minimum(len(values), at + reach + 1)
    number = counts[ends] - counts[starts]
    total = sums[ends] - sums[starts]
    return np.divide(total, number, out=np.full(len(values), np.nan), where=number > 0)


def _draw_panel(
    axes: Any, panel: Panel, lines: dict[str, Series], series: dict[str, Series]
) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    drawn = [(label, line) for label, line in lines.items() if line.logged]
    banded = _draw_band(axes, panel, series)
    axes.set_title(panel.title + ", shaded: min to max" * banded, fontsize=10, loc="left")
    if not drawn:
        axes.set(xticks=[], yticks=[])
        axes.text(
            0.5, 0.5, "not logged\n(constant 0)", ha="center", transform=axes.transAxes, fontsize=10
        )
        return
    axes.set_xlabel("step", fontsize=9)
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
    steps, values = np.asarray(line.steps), np.asarray(line.values)
    # A dollar sign would start a formula.
    name = label.replace("$", r"\$")
    if len(steps) < _SMOOTH_FROM_POINTS:
        axes.plot(steps, values, label=name, linewidth=1.6, marker="o", markersize=3)
        return
    reach = max(1, len(steps) // _REACHES_PER_RUN)
    (smooth,) = axes.plot(steps, running_mean(values, reach), label=name, linewidth=1.8)
    axes.plot(steps, values, color=smooth.get_color(), alpha=0.3, linewidth=0.8)


def _draw_band(axes: Any, panel: Panel, series: dict[str, Series]) -> bool:
    """Shades between the panel's bounds, where both were logged at the same steps."""
    low, high = (series.get(name) for name in panel.bounds or ("", ""))
    if low is None or high is None or low.steps != high.steps:
        return False
    axes.fill_between(low.steps, low.values, high.values, alpha=0.12, linewidth=0)
    return True
