"""Several runs on one page, and the stages of one training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.responses.metrics import MetricsRow, append_metrics

RUNS = Path(__file__).parent / "runs"


def run_at(folder: Path, reward: float, *, steps: int = 30) -> Path:
    for step in range(1, steps + 1):
        values = {"grpo/rewards/mean": reward * step / steps, "actor/entropy": 0.5}
        append_metrics(folder / "metrics.jsonl", MetricsRow(step, values))
    return folder


def report(*words: object) -> int:
    return main(["report", *map(str, words), "--lang", "en"])


def test_two_runs_share_every_plot_and_keep_their_findings(
    tmp_path: Path, pictures: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(RUNS / "healthy", RUNS / "entropy_up", "-o", tmp_path) == 0
    printed = capsys.readouterr().out
    assert "== healthy" in printed
    assert "== entropy_up" in printed
    assert (tmp_path / "comparison.png").stat().st_size > 1000
    page = (tmp_path / "comparison.html").read_text("utf-8")
    charts = json.loads(page.partition('id="charts">')[2].partition("</script>")[0])
    assert len(charts) > 5
    labels = [[line["label"] for line in chart["lines"]] for chart in charts]
    assert ["healthy", "entropy_up"] in labels
    assert all(set(names) <= {"healthy", "entropy_up"} for names in labels)
    assert "Collapse: entropy jumps" in page
    assert page.index("<h3>healthy</h3>") < page.index("<h3>entropy_up</h3>")


def test_a_run_has_one_colour_in_every_plot(tmp_path: Path) -> None:
    run_at(tmp_path / "first", 0.5)
    other = run_at(tmp_path / "second", 0.9)
    append_metrics(other / "metrics.jsonl", MetricsRow(31, {"simplerl_rewards/mean": 0.5}))
    assert report(tmp_path / "first", other, "-o", tmp_path) == 0
    page = (tmp_path / "comparison.html").read_text("utf-8")
    charts = json.loads(page.partition('id="charts">')[2].partition("</script>")[0])
    colours = {(line["label"], line["colour"]) for chart in charts for line in chart["lines"]}
    assert ["second"] in [[line["label"] for line in chart["lines"]] for chart in charts]
    assert colours == {("first", "c0"), ("second", "c1")}


def test_runs_of_one_name_are_told_apart_by_the_folder_above(tmp_path: Path) -> None:
    runs = [run_at(tmp_path / name / "grpo", 0.5 + n / 4) for n, name in enumerate("ab")]
    assert report(*runs) == 0
    page = (tmp_path / "comparison.html").read_text("utf-8")
    assert "a/grpo – b/grpo" in page
    assert "0.75" in page


def test_the_same_run_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_at(tmp_path / "run", 0.5)
    assert report(run, run) == 2
    assert "a run is given twice" in capsys.readouterr().err


def test_json_has_each_run_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run_at(tmp_path / name, 0.5, steps=n) for name, n in (("a", 9), ("b", 12))]
    assert report(*runs, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: one["steps"]["logged"] for name, one in found.items()} == {"a": 9, "b": 12}


def test_the_stages_of_a_training_are_one_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "my_training"
    for stage in ("sft", "grpo"):
        run_at(output / stage, 0.5)
    recipe = {"name": "x", "stages": ["sft", "grpo"], "model": "qwen25-7b"}
    (output / "recipe.json").write_text(json.dumps(recipe))
    (output / "evaluation").mkdir()
    for name, value in (("start", 0.25), ("grpo", 0.75)):
        (output / "evaluation" / f"{name}.json").write_text(json.dumps({"accuracy": value}))
    assert report(output) == 0
    page = (output / "report.html").read_text("utf-8")
    assert "<h1>Run my_training</h1>" in page
    assert "held-out accuracy: start" in page
    assert "0.750" in page
    assert page.index("<h3>sft</h3>") < page.index("<h3>grpo</h3>")
    assert "== sft" in capsys.readouterr().out


def test_a_stage_is_named_with_its_training(tmp_path: Path) -> None:
    run_at(tmp_path / "mine" / "grpo", 0.5)
    (tmp_path / "mine" / "recipe.json").write_text("{}")
    assert report(tmp_path / "mine" / "grpo") == 0
    page = (tmp_path / "mine" / "grpo" / "report.html").read_text("utf-8")
    assert "<h1>Run mine/grpo</h1>" in page


def test_a_finding_is_marked_at_its_step_on_its_curves(tmp_path: Path) -> None:
    assert report(RUNS / "entropy_up", "-o", tmp_path) == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    assert 'id="finding-1"' in page
    assert page.count('href="#finding-1"') == 2  # reward and entropy
    assert 'title="Collapse: entropy jumps' in page


def test_curves_that_are_zero_throughout_are_folded_away(tmp_path: Path) -> None:
    for step in range(1, 10):
        values = {"grpo/rewards/mean": 0.5 + step / 100, "actor/kl_loss": 0.0}
        append_metrics(tmp_path / "metrics.jsonl", MetricsRow(step, values))
    assert report(tmp_path) == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    before, _, folded = page.partition("Curves that are 0 throughout: 1")
    assert "Drift of the policy" not in before.partition("<main>")[2].partition("Drift")[0]
    assert "Drift of the policy" in folded
    assert "Reward" in before


@pytest.mark.parametrize(("flag", "same"), [("0", True), ("10", False)])
def test_the_running_mean_is_as_wide_as_asked(tmp_path: Path, flag: str, same: bool) -> None:
    from mindspeed_rl_ext.report.load import load_run

    for step in range(1, 41):
        row = MetricsRow(step, {"grpo/rewards/mean": float(step % 2)})
        append_metrics(tmp_path / "metrics.jsonl", row)
    line = load_run(tmp_path, smooth=int(flag)).series["grpo/rewards/mean"]
    assert (line.smooth.tolist() == line.values.tolist()) is same
    assert report(tmp_path, "--smooth", flag) == 0
