"""From the files of a run to its report.

Covers: `write_report`, what `msrl-ext report` does after reading its flags.
Does not cover: reading (`load`), the rules (`diagnosis`), the page (`page`), the terminal
(`command`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.whole_files import open_atomic, write_text_atomic
from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, Language
from mindspeed_rl_ext.report.diagnosis.diagnose import diagnose
from mindspeed_rl_ext.report.diagnosis.finding import Diagnosis
from mindspeed_rl_ext.report.load import RECIPE_FILE, Run, load_run
from mindspeed_rl_ext.report.options import ReportOptions
from mindspeed_rl_ext.report.page.document import Content, build_page
from mindspeed_rl_ext.report.page.words import Words
from mindspeed_rl_ext.report.picture.process import curves_process
from mindspeed_rl_ext.report.series import NEAR_THE_END, Panel, Series, panels_of
from mindspeed_rl_ext.report.throughput import Throughput, Timing, throughput_of, timing_of

HTML_FILE = "report.html"
PNG_FILE = "curves.png"


@dataclass(frozen=True)
class ReportFiles:
    """What was written, and what it says.

    Args:
        html: the page.
        png: the curves; None where matplotlib is not installed.
        run: what was read.
        diagnosis: what the rules found.
        throughput: computed again.
        timing: the inequality of times; None where they are not logged.
    """

    html: Path
    png: Path | None
    run: Run
    diagnosis: Diagnosis
    throughput: Sequence[Throughput]
    timing: Timing | None


@np.errstate(**NEAR_THE_END)
def write_report(
    run_dir: Path,
    out_dir: Path | None = None,
    *,
    title: str | None = None,
    summary_rows: Sequence[tuple[str, str]] = (),
    language: Language = DEFAULT_LANGUAGE,
    a3: bool = False,
    sizes: Mapping[str, float] | None = None,
    model: str = "",
    smooth: int | None = None,
) -> ReportFiles:
    """Writes `report.html` and, where matplotlib is installed, `curves.png` of a run.

    Args:
        run_dir: the directory of a run, or one of its logs.
        out_dir: made where it is missing; the run's directory where None.
        title: heading of the page; the directory's name where None.
        summary_rows: name and value of results to show on top.
        language: "en" or "zh".
        a3: the log counts the two devices of an A3 card as two.
        sizes: what the log lacks; see `load.Run`.
        model: name of the model; see `load.Run`.
        smooth: reach of the running means; see `load.Run`.

    Raises:
        InputError: `out_dir` is or lies below a file, nothing there that is a log, no readable
            step, no metric that has a curve, or the only log is an event file and tensorboard is
            not installed.
    """
    words = Words(language)
    if out_dir is not None:
        check_folder(Path(out_dir))
    with curves_process() as drawing:
        run = load_run(Path(run_dir), sizes, model=model, smooth=smooth)
        panels = _panels(run)
        if drawing is not None:
            drawing.send(panels, run.series)
        heading = title if title is not None else words("title", name=_name(Path(run_dir), run))
        found = diagnose(run)
        throughput, timing = throughput_of(run, a3=a3), timing_of(run)
        content = Content(heading, run, found, throughput, timing, summary_rows, a3)
        page = build_page(content, words)
        target = run.folder if out_dir is None else Path(out_dir)
        png = None
        if drawing is not None:
            png = target / PNG_FILE
            with open_atomic(png) as file:
                file.write(drawing.picture())
    write_text_atomic(target / HTML_FILE, page)
    return ReportFiles(target / HTML_FILE, png, run, found, throughput, timing)


def read_content(path: Path, title: str, options: ReportOptions) -> Content:
    """Reads a run and takes its figures, for a page that shows several.

    Raises:
        InputError: as `load_run`.
    """
    run = load_run(path, options.sizes, model=options.model, smooth=options.smooth)
    throughput = throughput_of(run, a3=options.a3)
    return Content(title, run, diagnose(run), throughput, timing_of(run), (), options.a3)


def _panels(run: Run) -> list[tuple[Panel, dict[str, Series]]]:
    panels = panels_of(run.series)
    if not panels:
        raise InputError(
            "none of the metrics has a curve",
            found=", ".join(list(run.series)[:8]) or "steps without numbers",
            expected="names as MindSpeed-RL or TRL log them, such as grpo/rewards/mean or reward",
            remedy="rename the metrics",
        )
    return panels


def check_folder(folder: Path) -> None:
    """Refuses an output directory that is, or lies below, a file.

    Raises:
        InputError: it is or does.
    """
    for part in (folder, *folder.parents):
        if part.exists():
            if part.is_dir():
                return
            raise InputError(
                f"the report cannot be written into {folder}",
                found=f"{part} is a file",
                expected=f"a directory, for {HTML_FILE} and {PNG_FILE}; it is made where missing",
                remedy="give --output another name, or the directory that the file is in",
            )


def _name(path: Path, run: Run) -> str:
    """The user's folder; with the one above it where the run is a stage of a training."""
    folder = path.resolve() if path.is_dir() else run.folder.resolve()
    is_stage = (folder.parent / RECIPE_FILE).is_file()
    return f"{folder.parent.name}/{folder.name}" if is_stage else folder.name
