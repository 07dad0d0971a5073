"""One HTML file that says what happened in a run, and opens without a network.

Covers: results that the caller names, the curves embedded, a table of all metrics, some rollouts
with verdicts and reasons. All text of a run is escaped, and the page forbids scripts and loading.
Does not cover: filters, diagnosis.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from mindspeed_rl_ext.metrics import outcome_key
from mindspeed_rl_ext.report.load import RunFiles
from mindspeed_rl_ext.report.series import Series
from mindspeed_rl_ext.rollouts import Rollout
from mindspeed_rl_ext.version import __version__

MAX_TEXT_CHARS = 2000
_OUTCOME_PART = outcome_key("", "")

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 72rem;
       color: #1d2129; background: #fff; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.quiet { color: #667; margin-top: .2rem; }
img { max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #e3e6ea; text-align: left;
         vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.number { text-align: right; }
pre { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
      margin: 0; min-width: 16rem; max-height: 18rem; overflow-y: auto; }
.verdict { margin: 0 0 .3rem; } .reason { color: #667; font-size: .9em; }
@media (max-width: 45rem) {
  img { max-width: none; width: 45rem; }
  .rollouts thead { display: none; }
  .rollouts tr { display: block; padding: .8rem 0; border-bottom: 2px solid #c9ced6; }
  .rollouts td { display: block; border: 0; padding: .15rem 0; text-align: left; }
  .rollouts td::before { content: attr(data-column) ": "; font-weight: 600; }
  pre { min-width: 0; }
}
"""


def build_page(
    title: str,
    run: RunFiles,
    series: dict[str, Series],
    png: bytes,
    summary_rows: Sequence[tuple[str, str]] = (),
) -> str:
    """The whole page as HTML.

    Args:
        title: heading of the page.
        run: metrics and rollouts.
        series: every metric of the run, in the order of the table.
        png: the curves.
        summary_rows: name and value of results that the caller wants on top.
    """
    image = base64.b64encode(png).decode("ascii")
    steps = f"steps {run.rows[0].step} to {run.rows[-1].step}, {len(run.rows)} logged"
    parts = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="quiet">{steps} · mindspeed-rl-ext {__version__}</p>',
        _summary(summary_rows),
        '<h2>Curves</h2><div class="wide">'
        f'<img alt="Curves of the run" src="data:image/png;base64,{image}"></div>',
        "<h2>Metrics</h2>",
        _metrics(series),
        _rollouts(run),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


_NUMBER_COLUMNS = ("first", "last", "lowest", "at step", "highest", "at step ", "not finite")


def _summary(rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = [_cell("result", name) + _cell("value", value, number=True) for name, value in rows]
    return "<h2>Results</h2>" + _table("results", ("result", "value"), cells)


def _metrics(series: dict[str, Series]) -> str:
    shown = [line for line in series.values() if not _never_occurred(line)]
    hidden = len(series) - len(shown)
    table = _table("metrics", ("metric", *_NUMBER_COLUMNS), map(_metric_row, shown))
    note = f'<p class="quiet">{hidden} outcomes that never occurred are left out.</p>'
    return table + note * bool(hidden)


def _never_occurred(line: Series) -> bool:
    return _OUTCOME_PART in line.name and not any(line.values)


def _metric_row(line: Series) -> str:
    if not line.logged:
        return _cell("metric", line.name) + f'<td colspan="{len(_NUMBER_COLUMNS)}">not logged</td>'
    low, high = line.lowest, line.highest
    cells = (
        number_text(line.values[0]),
        number_text(line.values[-1]),
        *((number_text(low[0]), str(low[1])) if low else ("", "")),
        *((number_text(high[0]), str(high[1])) if high else ("", "")),
        str(line.num_not_finite or ""),
    )
    pairs = zip(_NUMBER_COLUMNS, cells, strict=True)
    return _cell("metric", line.name) + "".join(_cell(c, text, number=True) for c, text in pairs)


def number_text(value: float) -> str:
    """A number in six significant digits.

    Example:
        >>> number_text(0.25), number_text(1234567.0), number_text(float("nan"))
        ('0.25', '1.23457e+06', 'nan')
    """
    return f"{value:.6g}"


def _rollouts(run: RunFiles) -> str:
    if not run.rollouts:
        return ""
    columns = ("step", "prompt", "response", "answer", "tokens", "reward", "verdicts")
    table = _table("rollouts", columns, map(_rollout_row, run.rollouts))
    counted = f"{len(run.rollouts)} of {run.num_rollouts}, from the first, a middle and the last"
    return f'<h2>Rollouts</h2><p class="quiet">{counted} step that was written.</p>{table}'


def _rollout_row(rollout: Rollout) -> str:
    verdicts = "".join(
        f'<p class="verdict">{_text(name)}: <b>{_text(verdict.outcome)}</b> '
        f"{number_text(verdict.score)}"
        f'<br><span class="reason">{_text(verdict.reason)}</span></p>'
        for name, verdict in rollout.verdicts.items()
    )
    reward = "" if rollout.reward is None else number_text(rollout.reward)
    return (
        _cell("step", _or_empty(rollout.step), number=True)
        + _long_cell("prompt", rollout.prompt or "")
        + _long_cell("response", rollout.response)
        + _cell("answer", rollout.answer[:MAX_TEXT_CHARS])
        + _cell("tokens", _or_empty(rollout.num_tokens), number=True)
        + _cell("reward", reward, number=True)
        + f'<td data-column="verdicts">{verdicts}</td>'
    )


def _table(kind: str, columns: Sequence[str], rows: Iterable[str]) -> str:
    number = {*_NUMBER_COLUMNS, "value", "step", "tokens", "reward"}
    head = "".join(
        f'<th class="number">{c.strip()}</th>' if c in number else f"<th>{c}</th>" for c in columns
    )
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _cell(column: str, text: str, *, number: bool = False) -> str:
    kind = ' class="number"' if number else ""
    return f'<td{kind} data-column="{column.strip()}">{_text(text)}</td>'


def _long_cell(column: str, text: str) -> str:
    hidden = len(text) - MAX_TEXT_CHARS
    more = f"\n[{hidden} more characters]" if hidden > 0 else ""
    return f'<td data-column="{column}"><pre>{_text(text[:MAX_TEXT_CHARS])}{more}</pre></td>'


def _or_empty(number: int | None) -> str:
    return "" if number is None else str(number)


def _text(text: str) -> str:
    """Escaped, and with a mark for half of a surrogate pair, which UTF-8 cannot hold."""
    return escape(text.encode("utf-8", "replace").decode("utf-8"))
