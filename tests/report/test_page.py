"""The page holds what the files hold, loads nothing and runs nothing of a policy's."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.jsonlines import write_jsonl
from mindspeed_rl_ext.core.responses.metrics import MetricsRow, append_metrics
from mindspeed_rl_ext.report.diagnosis.diagnose import RULES
from mindspeed_rl_ext.report.page.data import script_json
from mindspeed_rl_ext.report.run import write_report

SCRIPT = "<script>alert('x')</script>"  # what the fixture's policy wrote


class Page(HTMLParser):
    """Tags, attributes, table cells and embedded data, as a browser's parser sees them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: dict[str, str] = {}
        self.urls: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text = ""
        self._table: list[list[str]] = []
        self._in_cell = False
        self._script: str | None = None
        self.feed(html)

    @property
    def rollouts(self):
        return json.loads(self.scripts["rollouts"])

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given_attributes = dict(attrs)
        self.urls += [v for k, v in attrs if k in ("src", "href", "srcset", "data", "action")]
        if tag == "script":
            self._script = given_attributes.get("id", "main")
            self.scripts[self._script] = ""
        elif tag == "table":
            self._table = self.tables.setdefault(given_attributes["class"], [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._in_cell = False
        if tag == "script":
            self._script = None

    def handle_data(self, data):
        if self._script is not None:
            self.scripts[self._script] += data
        else:
            self.text += data
        if self._in_cell:
            self._table[-1][-1] += data


def html_of(run_dir, **options) -> str:
    return write_report(run_dir, **options).html.read_text("utf-8")


@pytest.fixture
def page(run_dir) -> Page:
    return Page(html_of(run_dir))


@pytest.mark.usefixtures("pictures")
def test_a_page_and_a_picture_lie_beside_the_metrics(run_dir):
    files = write_report(run_dir)
    assert files.html == run_dir / "report.html"
    assert files.png.read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("value", [float("nan"), 0.0, 1e300])
def test_any_number_can_be_drawn_as_a_picture(tmp_path, value):
    for step in range(1, 30):
        values = {"a$b_{$_rewards/mean": value, "grad_norm": 1.0}
        append_metrics(tmp_path / "metrics.jsonl", MetricsRow(step, values))
    assert write_report(tmp_path).png.stat().st_size > 1000


def test_without_matplotlib_there_is_a_page_and_no_picture(run_dir):
    files = write_report(run_dir)
    assert files.png is None
    assert [p.name for p in run_dir.glob("report*")] == ["report.html"]


def test_the_page_loads_nothing(page, run_dir):
    assert all(url.startswith("#") for url in page.urls)
    html = (run_dir / "report.html").read_text("utf-8")
    assert not re.search(r"https?:|//\w|@import|url\(|fetch\(|XMLHttp|import\(", html)
    assert "default-src 'none'" in html


def test_only_the_pages_own_script_may_run(page, run_dir):
    html = (run_dir / "report.html").read_text("utf-8")
    digest = hashlib.sha256(page.scripts["main"].encode()).digest()
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}'" in html
    assert list(page.scripts) == ["charts", "words", "rollouts", "main"]
    assert "innerHTML" not in page.scripts["main"]
    assert not re.search(r"\son\w+=", html.split("<script")[0])


def test_what_a_policy_wrote_stays_text(page):
    assert page.tags.count("script") == 4
    rollouts = page.rollouts
    assert len(rollouts["rows"]) == 40
    first = rollouts["rows"][0]
    assert first["response"] == f"step 1, sample 0 {SCRIPT}"
    assert first["answer"] == SCRIPT
    assert rollouts["prompts"] == [SCRIPT]
    assert first["verdicts"] == [["countdown", "OUTCOME_0", "0", SCRIPT]]


BREAKERS = ["</script>", "</SCRIPT >", "<!--", "<!--<script>", "]]>", "</style>", "\u2028", "\\",
            '"', "&lt;/script&gt;", "\ud800", "\x00", "'"]  # fmt: skip


@given(st.lists(st.sampled_from(BREAKERS) | st.text(max_size=5), max_size=12).map("".join))
def test_no_text_breaks_out_of_its_script_element(text):
    html = f'<script type="application/json" id="d">{script_json({"t": text})}</script><p>after'
    html.encode("utf-8")
    page = Page(html)
    assert page.tags == ["script", "p"]
    clean = text.encode("utf-8", "replace").decode()
    assert json.loads(page.scripts["d"]) == {"t": clean}


def test_text_that_breaks_pages_comes_back_from_the_page(run_dir):
    rows = [
        {"response": f"{text} response", "answer": text, "prompt": f"{text}?", "id": text}
        for text in BREAKERS
        if text != "\ud800"
    ]
    write_jsonl(run_dir / "rollouts.jsonl", rows)
    page = Page(html_of(run_dir, title="".join(BREAKERS)))
    assert [row["response"] for row in page.rollouts["rows"]] == [r["response"] for r in rows]
    assert page.tags.count("script") == 4


def test_names_of_metrics_and_verifiers_are_escaped(tmp_path):
    name = f"{SCRIPT}_rewards/mean"
    rows = [MetricsRow(s, {name: 0.5, "grpo/rewards/mean": 0.1, SCRIPT: 1.0}) for s in range(1, 5)]
    for row in rows:
        append_metrics(tmp_path / "metrics.jsonl", row)
    page = Page(html_of(tmp_path))
    assert page.tags.count("script") == 4
    assert name in [row[0] for row in page.tables["metrics"]]


def test_the_numbers_are_those_of_the_file(page, rows):
    _, *body = page.tables["metrics"]
    table = {row[0]: row[1:] for row in body}
    for name, cells in table.items():
        if name.startswith("reward_hack/"):
            continue  # counted in the rollouts
        values = {row.step: row.values[name] for row in rows}
        if name == "actor/entropy":
            assert cells == ["not logged (constant 0)"]
            continue
        finite = {s: v for s, v in values.items() if v == v}
        low, high = min(finite.values()), max(finite.values())
        assert float(cells[0]) == pytest.approx(values[1], rel=1e-3)
        assert float(cells[1]) == pytest.approx(values[30], rel=1e-3)
        assert float(cells[2]) == pytest.approx(low, rel=1e-3)
        assert finite[int(cells[3])] == low
        assert float(cells[4]) == pytest.approx(high, rel=1e-3)
        assert finite[int(cells[5])] == high
        assert cells[6] == ("1" if name == "grad_norm" else "")
    assert set(rows[0].values) - set(table) == {"countdown_outcome/TIMEOUT"}


def test_curves_under_the_pointer_are_the_files_numbers(page, rows):
    charts = json.loads(page.scripts["charts"])
    lines = {line["label"]: line for chart in charts for line in chart.get("lines", ())}
    line = lines["response_length/mean"]
    assert line["steps"] == [row.step for row in rows]
    assert line["values"] == [row.values["response_length/mean"] for row in rows]
    assert lines["grad_norm"]["values"][1] is None  # NaN


def test_results_of_the_caller_are_on_the_page(run_dir, tmp_path):
    files = write_report(
        run_dir,
        tmp_path / "new" / "out",
        title=f"A {SCRIPT}",
        summary_rows=[("held-out accuracy", "0.563"), (SCRIPT, "<1>")],
    )
    page = Page(files.html.read_text("utf-8"))
    assert page.tables["results"] == [
        ["result", "value"],
        ["held-out accuracy", "0.563"],
        [SCRIPT, "<1>"],
    ]
    assert files.html.parent == tmp_path / "new" / "out"
    assert not (run_dir / "report.html").exists()


def test_a_long_response_is_cut_and_says_so(run_dir):
    write_jsonl(run_dir / "rollouts.jsonl", [{"response": "é" * 4500, "answer": "1"}])
    (row,) = Page(html_of(run_dir)).rollouts["rows"]
    assert row["response"] == "é" * 4000 + "\n[500 more characters]"


def test_half_a_surrogate_pair_does_not_stop_the_report(run_dir):
    (run_dir / "rollouts.jsonl").write_text('{"response": "a\\ud800b", "answer": "1"}\n')
    assert Page(html_of(run_dir)).rollouts["rows"][0]["response"] == "a?b"


def test_many_rollouts_are_sampled_over_all_steps_and_the_page_says_how_many(run_dir):
    rows = [{"response": f"r{i}", "answer": "1", "step": 1 + i // 100} for i in range(5000)]
    write_jsonl(run_dir / "rollouts.jsonl", rows)
    page = Page(html_of(run_dir))
    shown = page.rollouts["rows"]
    assert len(shown) <= 2000
    assert {row["step"] for row in shown} == set(range(1, 51))
    assert f"{len(shown)} of 5000 rollouts are in this page" in page.text


def test_long_rollouts_do_not_make_the_page_too_large_to_open(run_dir):
    rows = [{"response": "x" * 9000, "answer": "1", "step": 1 + i // 20} for i in range(2000)]
    write_jsonl(run_dir / "rollouts.jsonl", rows)
    html = html_of(run_dir)
    assert len(html) < 9_000_000
    assert len({row["step"] for row in Page(html).rollouts["rows"]}) == 100


def test_a_long_run_is_thinned(tmp_path):
    lines = "".join(f'{{"step": {i}, "grpo/rewards/mean": {i % 97}}}\n' for i in range(20_000))
    (tmp_path / "metrics.jsonl").write_text(lines)
    assert len(html_of(tmp_path)) < 200_000


def test_a_page_in_chinese_says_so(run_dir):
    html = html_of(run_dir, language="zh")
    assert '<html lang="zh">' in html
    assert "诊断" in html
    assert "Diagnosis" not in html


def test_one_step_and_odd_metric_names_are_enough(tmp_path):
    names = ("a$b_{$_rewards/mean", "c_rewards/mean")
    append_metrics(tmp_path / "metrics.jsonl", MetricsRow(1, dict.fromkeys(names, 1.0)))
    assert "a$b_{$" in html_of(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, 1e300, -1e300])
def test_any_number_can_be_drawn(tmp_path, value):
    for step in range(1, 30):
        row = MetricsRow(
            step, {"grpo/rewards/mean": value if step > 5 else 0.5, "grad_norm": value}
        )
        append_metrics(tmp_path / "metrics.jsonl", row)
    html = html_of(tmp_path)
    assert not re.search(r'd="[^"]*(nan|inf)', html)


def test_metrics_without_a_curve_are_an_error_and_leave_nothing(tmp_path):
    append_metrics(tmp_path / "metrics.jsonl", MetricsRow(1, {"train/odd": 1.0}))
    with pytest.raises(InputError, match=r"none of the metrics has a curve\n +found: +train/odd"):
        write_report(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_a_log_that_tells_little_is_not_called_healthy(tmp_path):
    append_metrics(tmp_path / "metrics.jsonl", MetricsRow(1, {"grpo/rewards/mean": 0.5}))
    html = html_of(tmp_path)
    assert f"1 of {len(RULES)} rules could be checked" in html
    assert 'class="finding note"' in html
    assert 'class="finding fine"' not in html


def test_restarts_and_broken_lines_are_said_on_the_page(run_dir):
    with (run_dir / "metrics.jsonl").open("a") as file:
        file.write('{"step": 20, "grpo/rewards/mean": 9}\n{"st\n')
    text = Page(html_of(run_dir)).text
    assert "1 steps were logged again after a restart" in text
    assert "steps 21 to 30 are of the attempt before the last restart" in text
    assert "metrics.jsonl: 1 lines could not be read and were skipped (line 32" in text
