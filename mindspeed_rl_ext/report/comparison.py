"""Several runs on one page: the user's, or the stages of one training.

Covers: names by the user's folders, one curve per run in each plot, the findings of each run, the
stages of a directory that `msrl-ext train` made with its held-out evaluations.
Does not cover: rollouts; the report of each run has those.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.whole_files import open_atomic, write_text_atomic
from mindspeed_rl_ext.core.language import Language
from mindspeed_rl_ext.report.load import RECIPE_FILE, recipe_of
from mindspeed_rl_ext.report.options import ReportOptions
from mindspeed_rl_ext.report.page.comparison import Compared, build_comparison, compared_panels
from mindspeed_rl_ext.report.page.words import Words
from mindspeed_rl_ext.report.picture.process import curves_process
from mindspeed_rl_ext.report.run import (
    HTML_FILE,
    PNG_FILE,
    ReportFiles,
    check_folder,
    read_content,
)
from mindspeed_rl_ext.report.series import NEAR_THE_END
from mindspeed_rl_ext.report.sources.find import METRICS_FILE, ROLLOUTS_FILE

COMPARISON_HTML, COMPARISON_PNG = "comparison.html", "comparison.png"
EVALUATION = "evaluation"


@dataclass(frozen=True)
class ComparisonFiles:
    """What was written, and each run by name.

    Args:
        html: the page.
        png: the curves; None where matplotlib is not installed.
        runs: what was read and found, by name.
    """

    html: Path
    png: Path | None
    runs: dict[str, ReportFiles]


def stage_folders(path: Path) -> list[Path]:
    """The stages of a directory that `msrl-ext train` made, in order; empty for any other."""
    if not (path / RECIPE_FILE).is_file():
        return []
    folders = [path / str(name) for name in recipe_of(path).get("stages", ())]
    files = (METRICS_FILE, ROLLOUTS_FILE)
    return [folder for folder in folders if any((folder / name).is_file() for name in files)]


def write_stages(path: Path, options: ReportOptions, language: Language) -> ComparisonFiles:
    """Writes `report.html` and `curves.png` of the stages of one training.

    Raises:
        InputError: as `write_comparison`.
    """
    folders = stage_folders(path)
    names = {folder.name: folder for folder in folders}
    title = options.title or Words(language)("title", name=path.resolve().name)
    target = options.output or path
    rows = held_out_rows(path)
    return _write(names, target, (HTML_FILE, PNG_FILE), title, rows, options, language)


def write_comparison(
    paths: Sequence[Path], options: ReportOptions, language: Language
) -> ComparisonFiles:
    """Writes `comparison.html` and `comparison.png` of several runs.

    Args:
        paths: the directories of runs, or logs of them.
        options: of `msrl-ext report`; without `output` the folder that holds them all is taken.
        language: of the page.

    Raises:
        InputError: one of them is no run, two are the same, or no metric has a curve.
    """
    names = run_names(paths)
    title = options.title or " – ".join(names)
    target = options.output
    if target is None:
        target = Path(os.path.commonpath([path.resolve() for path in paths]))
        target = target.parent if target.is_file() else target
    files = (COMPARISON_HTML, COMPARISON_PNG)
    return _write(names, target, files, title, (), options, language)


def run_names(paths: Sequence[Path]) -> dict[str, Path]:
    """Short names that differ: as many of the last parts of each path as that needs.

    Raises:
        InputError: a path is given twice.

    Example:
        >>> [*run_names([Path("a/grpo"), Path("b/grpo")])]
        ['a/grpo', 'b/grpo']
    """
    parts = [path.resolve().parts for path in paths]
    if len(set(parts)) < len(parts):
        raise InputError("a run is given twice", found=", ".join(map(str, paths)))
    count = 1
    while len({one[-count:] for one in parts}) < len(parts):
        count += 1
    return {"/".join(one[-count:]): path for one, path in zip(parts, paths, strict=True)}


def held_out_rows(path: Path) -> list[tuple[str, str]]:
    """The held-out accuracies that a training wrote, in the order in which it did."""
    files = sorted((path / EVALUATION).glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    rows = []
    for file in files:
        found = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(found, dict) and isinstance(found.get("accuracy"), float):
            rows.append((f"held-out accuracy: {file.stem}", f"{found['accuracy']:.3f}"))
    return rows


@np.errstate(**NEAR_THE_END)
def _write(
    paths: dict[str, Path],
    target: Path,
    names: tuple[str, str],
    title: str,
    rows: Sequence[tuple[str, str]],
    options: ReportOptions,
    language: Language,
) -> ComparisonFiles:
    words = Words(language)
    check_folder(target)
    html, png = target / names[0], target / names[1]
    with curves_process() as drawing:
        compared = [
            Compared(name, read_content(path, name, options)) for name, path in paths.items()
        ]
        panels = compared_panels(compared)
        if not panels:
            raise InputError("none of the metrics has a curve", found=", ".join(paths))
        if drawing is not None:
            drawing.send([(one.panel, one.lines) for one in panels], {})
        page = build_comparison(title, compared, panels, rows, words)
        if drawing is not None:
            with open_atomic(png) as file:
                file.write(drawing.picture())
    write_text_atomic(html, page)
    written = png if drawing is not None else None
    runs = {
        one.name: ReportFiles(
            html, written, one.content.run, one.content.diagnosis, one.content.throughput,
            one.content.timing,
        )
        for one in compared
    }  # fmt: skip
    return ComparisonFiles(html, written, runs)
