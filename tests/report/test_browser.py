"""The page in a real browser, at desktop and phone width: what runs, what fits, what filters.

Needs Chromium on PATH, as `chromium`, `chromium-browser` or `google-chrome`. A wrapper page, served
from this process, shows the report in a frame of the wanted width, drives it and writes down what
it saw; Chromium prints the wrapper's document.
"""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import threading
from functools import partial
from html import unescape
from pathlib import Path

import pytest

from mindspeed_rl_ext.core.files.jsonlines import write_jsonl
from mindspeed_rl_ext.report.run import write_report

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")

RUNS = Path(__file__).parent / "runs"
WIDTHS = {"desktop": 1280, "phone": 375}
ATTACKS = [
    "</script><script>parent.document.title='owned'</script>",
    "<img src=x onerror=\"parent.document.title='owned'\">",
    "<!--<script>", "--></script>", "]]><svg/onload=parent.document.title='owned'>",
]  # fmt: skip

WRAPPER = """<!DOCTYPE html><title>clean</title><iframe id="page" style="width:%dpx;height:900px;
border:0" src="report.html"></iframe><pre id="seen"></pre><script>
document.getElementById('page').onload = () => {
  const page = document.getElementById('page').contentDocument;
  const get = id => page.getElementById(id);
  const count = () => get('count').textContent;
  const pick = (id, value) => {
    get(id).value = value; get(id).dispatchEvent(new Event('input')); return count();
  };
  const seen = {};
  seen.width = page.documentElement.scrollWidth;
  seen.wider = [...page.querySelectorAll('main *, header *')].filter(node =>
    node.getBoundingClientRect().right > page.documentElement.clientWidth + 1 &&
    !node.closest('.wide') && !node.closest('svg') && !node.closest('.xs')
  ).map(node => node.tagName + '.' + node.className);
  seen.small = [...page.querySelectorAll('button, select, input')].filter(node =>
    node.offsetHeight > 0 && node.offsetHeight < 36).map(node => node.id);
  seen.all = count();
  seen.cards = page.querySelectorAll('.rollout').length;
  seen.first = page.querySelector('.rollout').textContent;
  seen.correct = pick('by-outcome', 'CORRECT');
  seen.verifier = pick('by-verifier', page.querySelector('#by-verifier option:nth-child(2)').value);
  pick('by-outcome', ''); pick('by-verifier', '');
  seen.step = pick('by-step', '1');
  pick('by-step', '');
  seen.class = pick('by-class', 'right');
  pick('by-class', '');
  seen.text = pick('by-text', %s);
  seen.marked = page.querySelectorAll('mark').length;
  seen.nothing = pick('by-text', 'no such text anywhere');
  pick('by-text', '');
  get('more').click();
  seen.after_more = page.querySelectorAll('.rollout').length;
  const area = page.querySelector('.chart .area');
  const box = area.getBoundingClientRect();
  area.dispatchEvent(new page.defaultView.PointerEvent('pointermove', {
    clientX: box.left + box.width, clientY: box.top + 5, bubbles: true}));
  seen.tip = page.querySelector('.tip').textContent;
  get('theme').click();
  seen.theme = page.documentElement.dataset.theme;
  seen.title = document.title;
  seen.scripts = page.scripts.length;
  seen.images = page.images.length;
  document.getElementById('seen').textContent = JSON.stringify(seen);
};
</script>"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def look(folder: Path, width: int, text: str) -> dict[str, object]:
    """What the wrapper saw of `report.html` in a folder."""
    wrapper = WRAPPER % (width, json.dumps(text).replace("<", "\\u003c"))
    (folder / "wrapper.html").write_text(wrapper)
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/wrapper.html"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"]
        command = [CHROMIUM, *flags, f"--user-data-dir={folder / 'profile'}",
                   "--virtual-time-budget=8000", "--dump-dom", url]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        server.shutdown()
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.S)
    assert found is not None
    assert found[1], f"the page's script failed: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    return json.loads(unescape(found[1]))


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_page_fits_filters_and_answers_the_pointer(tmp_path, width):
    write_report(RUNS / "healthy", tmp_path)
    rows = [
        json.loads(line) for line in (RUNS / "healthy" / "rollouts.jsonl").read_text().splitlines()
    ]
    seen = look(tmp_path, width, rows[3]["response"])

    def number(predicate):
        return str(sum(map(predicate, rows)))

    def outcomes(row):
        return [verdict["outcome"] for verdict in row["verdicts"].values()]

    assert seen["width"] <= width
    assert seen["wider"] == []
    assert seen["small"] == []
    assert (seen["all"], seen["cards"]) == (f"20 of {len(rows)}", 20)
    assert rows[0]["response"] in seen["first"]
    assert seen["correct"].endswith(" of " + number(lambda row: "CORRECT" in outcomes(row)))
    assert seen["step"].endswith(" of " + number(lambda row: row["step"] == 1))
    assert seen["class"].endswith(" of " + number(lambda row: set(outcomes(row)) == {"CORRECT"}))
    assert seen["text"].endswith(
        " of " + number(lambda row: rows[3]["response"] in row["response"])
    )
    assert seen["marked"] >= 1
    assert seen["nothing"] == "0 of 0"
    assert seen["after_more"] == 40
    assert seen["tip"].startswith("step 80")
    assert seen["theme"] in ("dark", "light")


def test_a_hostile_rollout_runs_nothing_and_is_shown_as_it_is(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "metrics.jsonl").write_bytes((RUNS / "healthy" / "metrics.jsonl").read_bytes())
    verdicts = {a: {"score": 1.0, "outcome": "CORRECT", "reason": a} for a in ATTACKS}
    hostile = "".join(ATTACKS)
    row = {"response": hostile, "answer": hostile, "prompt": hostile, "id": hostile, "step": 1,
           "verdicts": verdicts}  # fmt: skip
    write_jsonl(run / "rollouts.jsonl", [row] * 45)
    write_report(run, title=hostile)
    seen = look(run, 1280, ATTACKS[0])
    assert seen["title"] == "clean"
    assert (seen["scripts"], seen["images"]) == (4, 0)
    assert seen["first"].count(hostile) == 4
    assert seen["text"] == "20 of 45"
    assert seen["wider"] == []
