from __future__ import annotations

import re
import sys
from html.parser import HTMLParser

import pytest

from mindspeed_rl_ext.cli import main
from mindspeed_rl_ext.errors import InputError, MissingExtraError
from mindspeed_rl_ext.jsonlines import write_jsonl
from mindspeed_rl_ext.metrics import MetricsRow, append_metrics
from mindspeed_rl_ext.report.run import write_report

SCRIPT = "<script>alert('x')</script>"  # what the fixture's policy wrote


class Page(HTMLParser):
    """Tags, attributes and the text of table cells, as a browser's parser sees them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.urls: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._table: list[list[str]] = []
        self._in_cell = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        self.urls += [v for k, v in attrs if k in ("src", "href", "srcset", "data", "action")]
        if tag == "table":
            self._table = self.tables.setdefault(given["class"], [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data):
        if self._in_cell:
            self._table[-1][-1] += data


@pytest.fixture(autouse=True)
def _matplotlib():
    pytest.importorskip("matplotlib", reason="curves are drawn by matplotlib")


@pytest.fixture
def page(run_dir) -> Page:
    return Page(write_report(run_dir).html.read_text("utf-8"))


def test_a_page_and_a_picture_lie_beside_the_metrics(run_dir):
    files = write_report(run_dir)
    assert files.html == run_dir / "report.html"
    assert files.png.read_bytes().startswith(b"\x89PNG\r\n")


def test_the_page_loads_nothing(page, run_dir):
    assert page.urls
    assert all(url.startswith("data:image/png;base64,") for url in page.urls)
    html = (run_dir / "report.html").read_text("utf-8")
    assert not re.search(r"https?:|//|@import|url\(", re.sub(r'base64,[^"]*', "", html))
    assert "default-src 'none'" in html


def test_what_a_policy_wrote_stays_text(page, run_dir):
    assert "script" not in page.tags
    header, *body = page.tables["rollouts"]
    assert header == ["step", "prompt", "response", "answer", "tokens", "reward", "verdicts"]
    assert len(body) == 12
    assert body[0][1] == SCRIPT
    assert body[0][2] == f"step 1, sample 0 {SCRIPT}"
    assert body[0][3] == SCRIPT
    assert body[0][6] == f"countdown: OUTCOME_0 0{SCRIPT}"


def test_the_numbers_are_those_of_the_file(page, rows):
    header, *body = page.tables["metrics"]
    assert header[:3] == ["metric", "first", "last"]
    table = {row[0]: row[1:] for row in body}
    for name, cells in table.items():
        values = {row.step: row.values[name] for row in rows}
        if name == "actor/entropy":
            assert cells == ["not logged"]
            continue
        finite = {s: v for s, v in values.items() if v == v}
        low, high = min(finite.values()), max(finite.values())
        assert float(cells[0]) == pytest.approx(values[1], rel=1e-5)
        assert float(cells[1]) == pytest.approx(values[30], rel=1e-5)
        assert float(cells[2]) == pytest.approx(low, rel=1e-5)
        assert finite[int(cells[3])] == low
        assert float(cells[4]) == pytest.approx(high, rel=1e-5)
        assert finite[int(cells[5])] == high
        assert cells[6] == ("1" if name == "grad_norm" else "")
    assert set(rows[0].values) - set(table) == {"countdown_outcome/TIMEOUT"}


def test_metrics_with_a_curve_lead_the_table(tmp_path):
    values = dict.fromkeys(["epoch", "grad_norm", "actor/lr", "grpo/rewards/mean"], 1.0)
    append_metrics(tmp_path / "metrics.jsonl", MetricsRow(1, values))
    table = Page(write_report(tmp_path).html.read_text("utf-8")).tables["metrics"]
    assert [row[0] for row in table[1:]] == ["grpo/rewards/mean", "grad_norm", "epoch", "actor/lr"]


def test_results_of_the_caller_come_first(run_dir, tmp_path):
    files = write_report(
        run_dir,
        tmp_path / "new" / "out",
        title=f"A {SCRIPT}",
        summary_rows=[("held-out accuracy", "0.563"), (SCRIPT, "<1>")],
    )
    html = files.html.read_text("utf-8")
    assert Page(html).tables["results"] == [
        ["result", "value"],
        ["held-out accuracy", "0.563"],
        [SCRIPT, "<1>"],
    ]
    assert "script" not in Page(html).tags
    assert files.png.parent == tmp_path / "new" / "out"
    assert not (run_dir / "report.html").exists()


def test_a_long_response_is_cut_and_says_so(run_dir):
    write_jsonl(run_dir / "rollouts.jsonl", [{"response": "é" * 2500, "answer": "1"}])
    page = Page(write_report(run_dir).html.read_text("utf-8"))
    assert page.tables["rollouts"][1][2] == "é" * 2000 + "\n[500 more characters]"


def test_half_a_surrogate_pair_does_not_stop_the_report(run_dir):
    (run_dir / "rollouts.jsonl").write_text('{"response": "a\\ud800b", "answer": "1"}\n')
    page = Page(write_report(run_dir).html.read_text("utf-8"))
    assert page.tables["rollouts"][1][2] == "a?b"


def test_one_step_and_odd_metric_names_are_enough(tmp_path):
    names = ("a$b_{$_rewards/mean", "c_rewards/mean")
    append_metrics(tmp_path / "metrics.jsonl", MetricsRow(1, dict.fromkeys(names, 1.0)))
    assert write_report(tmp_path).png.stat().st_size > 1000


def test_metrics_without_a_curve_are_an_error_and_leave_nothing(tmp_path):
    append_metrics(tmp_path / "metrics.jsonl", MetricsRow(1, {"train/loss": 1.0}))
    with pytest.raises(InputError, match=r"none of the metrics has a curve\n +found: +train/loss"):
        write_report(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_without_matplotlib_the_extra_is_named(run_dir, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"mindspeed-rl-ext\[report\]"):
        write_report(run_dir)
    assert not list(run_dir.glob("report*"))


def test_the_command_prints_what_it_wrote(run_dir, tmp_path, capsys):
    assert main(["report", str(run_dir), "-o", str(tmp_path / "out"), "--title", "T"]) == 0
    assert capsys.readouterr().out.split("\n")[:2] == [
        str(tmp_path / "out" / "report.html"),
        str(tmp_path / "out" / "curves.png"),
    ]


def test_the_command_refuses_what_is_no_run(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "holds no metrics" in capsys.readouterr().err
