"""From the files of a run to its report.

Covers: `write_report`, what `msrl-ext report` does after reading its flags.
Does not cover: reading (`load`), drawing (`curves`), the page (`page`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.errors import InputError
from mindspeed_rl_ext.files import open_atomic, write_text_atomic
from mindspeed_rl_ext.report.curves import draw_curves
from mindspeed_rl_ext.report.load import load_run
from mindspeed_rl_ext.report.page import build_page
from mindspeed_rl_ext.report.series import all_series, panels_of

HTML_FILE = "report.html"
PNG_FILE = "curves.png"


@dataclass(frozen=True)
class ReportFiles:
    """What was written."""

    html: Path
    png: Path


def write_report(
    run_dir: Path,
    out_dir: Path | None = None,
    *,
    title: str | None = None,
    summary_rows: Sequence[tuple[str, str]] = (),
) -> ReportFiles:
    """Writes `report.html` and `curves.png` of a run.

    Args:
        run_dir: the directory with metrics.jsonl (and rollouts.jsonl), or the metrics file.
        out_dir: made where it is missing; the run's directory where None.
        title: heading of the page; the directory's name where None.
        summary_rows: name and value of results to show on top.

    Raises:
        InputError: no metrics, none that has a curve, a line that cannot be read.
        MissingExtraError: matplotlib is not installed.
    """
    run = load_run(Path(run_dir))
    series = all_series(run.rows)
    panels = panels_of(series)
    if not panels:
        raise InputError(
            "none of the metrics has a curve",
            found=", ".join(list(series)[:8]) or "steps without numbers",
            expected="names as MindSpeed-RL logs them, such as grpo/rewards/mean",
            remedy="rename the metrics; integrations.trl_metrics does it for TRL's",
        )
    png = draw_curves(panels, series)
    heading = title if title is not None else f"Run {run.folder.resolve().name}"
    with_curve = {line.name: line for _, lines in panels for line in lines.values()}
    page = build_page(heading, run, with_curve | series, png, summary_rows)
    target = run.folder if out_dir is None else Path(out_dir)
    files = ReportFiles(target / HTML_FILE, target / PNG_FILE)
    with open_atomic(files.png) as file:
        file.write(png)
    write_text_atomic(files.html, page)
    return files
