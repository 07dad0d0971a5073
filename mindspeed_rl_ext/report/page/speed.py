"""The part of the page on throughput and timing.

Covers: computed against logged, the inequality of times, the figures of the host's guide.
Does not cover: computing; `throughput` does.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.report.load import Run
from mindspeed_rl_ext.report.page.axes import number_text
from mindspeed_rl_ext.report.page.html_parts import cell, or_empty, table, text
from mindspeed_rl_ext.report.page.reference import REFERENCES, is_model
from mindspeed_rl_ext.report.page.words import Words
from mindspeed_rl_ext.report.throughput import Throughput, Timing, missing_sizes


def speed(
    run: Run, found: Sequence[Throughput], timing: Timing | None, words: Words, *, a3: bool
) -> str:
    """Throughput, times and the guide's figures."""
    if not found and timing is None:
        return ""
    parts = [f'<h2 id="speed">{words("speed")}</h2><div class="card">']
    if found:
        parts.append(_throughput(run, found, words, a3=a3))
    if timing is not None:
        parts.append(_timing(timing, words))
    return "".join(parts) + "</div>"


def _throughput(run: Run, found: Sequence[Throughput], words: Words, *, a3: bool) -> str:
    lacking = missing_sizes(run)
    head = ["", words("logged"), words("by_mean"), words("by_max"), words("agrees")]
    head += [words("per_card")] if a3 else []
    rows = [_throughput_row(one, words, a3=a3) for one in found]
    sentences = [words("medians")]
    if lacking:
        sentences.append(words("sizes_missing", what=", ".join(lacking)))
    notes = "".join(f'<p class="quiet">{text(one)}</p>' for one in sentences)
    rows_html = table("throughput", head, rows, numbers={1, 2, 3, 5})
    hint = f'<p class="quiet hint">{words("scroll")}</p>'
    return rows_html + hint + notes + _reference(run, found, words)


def _throughput_row(one: Throughput, words: Words, *, a3: bool) -> str:
    agrees = words(one.matches) if one.matches else ""
    if one.is_wrong:
        agrees = words("off", wrong=one.mismatches, all=one.compared)
    cells = [cell(one.name), cell(or_empty(one.logged), number=True)]
    cells += [cell(or_empty(one.by_length.get(kind)), number=True) for kind in ("mean", "max")]
    cells.append(cell(agrees))
    best = one.logged if one.logged is not None else one.by_length.get("mean")
    if a3:
        cells.append(cell(or_empty(best and best * one.per_card), number=True))
    return "".join(cells)


def _reference(run: Run, found: Sequence[Throughput], words: Words) -> str:
    """The guide's figures of the same model; nothing where the model is another or not known."""
    same = [row for row in REFERENCES if is_model(run.model, row.model)]
    if not same:
        return ""
    e2e = next((one for one in found if one.name == "e2e_tps"), None)
    best = None
    if e2e is not None:
        best = e2e.logged if e2e.logged is not None else e2e.by_length.get("mean")
    if e2e is None or best is None:
        return ""
    ours = best * e2e.per_card
    rows = [
        cell(row.model)
        + cell(row.machine)
        + cell(
            f"{row.global_batch_size} x {row.n_samples}, {row.max_prompt_length} + {row.max_tokens}"
        )
        + cell(f"{row.e2e_tps:g}", number=True)
        + cell(number_text(ours), number=True)
        for row in same
    ]
    head = [words(key) for key in ("model", "machine", "setting", "guide", "this_run")]
    rows_html = table("reference", head, rows, numbers={3, 4})
    return f"<details><summary>{words('reference')}</summary>{rows_html}</details>"


def _timing(timing: Timing, words: Words) -> str:
    whole = max(sum(timing.parts.values()), 1e-12)
    rows = [
        cell(name)
        + cell(number_text(seconds), number=True)
        + f'<td class="barred"><i class="bar" style="width:{seconds / whole * 100:.1f}%"></i></td>'
        for name, seconds in timing.parts.items()
    ]
    sentences = words(
        "inequality",
        ok=timing.steps - timing.violated,
        all=timing.steps,
        slack=number_text(timing.slack_s),
        share=f"{timing.slack_fraction:.1%}",
    )
    notes = [sentences]
    if timing.missing:
        notes.append(words("parts_missing", what=", ".join(timing.missing)))
    body = "".join(f'<p class="quiet">{text(one)}</p>' for one in notes)
    head = ["", words("seconds"), ""]
    return table("timing", head, rows, numbers={1}) + body
