"""verl's console, file logger and dumps, in the formats that its source code writes."""

from __future__ import annotations

import json
import pprint
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.report.load import load_run
from mindspeed_rl_ext.report.throughput import throughput_of

np = pytest.importorskip("numpy")


def metrics_of(step: int) -> dict[str, Any]:
    return {
        "actor/entropy": 0.5 - step / 100,
        "actor/grad_norm": np.float64(1.25),
        "critic/rewards/mean": step / 10,
        "response_length/mean": 100.0,
        "prompt_length/mean": 20.0,
        "timing_s/step": 4.0,
        "timing_s/gen": 2.0,
        "timing_s/update_actor": 1.5,
        "perf/total_num_tokens": 6400,
        "perf/throughput": 200.0,
        "val-core/openai/gsm8k/acc/mean@4": 0.75,
        "training/epoch": 0,
    }


def console_line(step: int) -> str:
    """As verl.utils.logger.aggregate_logger.concat_dict_to_str joins it."""
    parts = [f"step:{step}", *(f"{k}:{pprint.pformat(v)}" for k, v in metrics_of(step).items())]
    return " - ".join(parts)


def plain(values: dict[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in values.items()}


@pytest.fixture
def console(tmp_path: Path) -> Path:
    lines = ["Training Progress:  10%|1 | step:x", "step: 3 of 9"]
    lines += [f"\x1b[36m(TaskRunner pid=12)\x1b[0m {console_line(step)}" for step in (1, 2, 3)]
    (tmp_path / "train.log").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def written(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    rows = ({"step": step, "data": plain(metrics_of(step))} for step in (1, 2, 3))
    lines = (json.dumps(row, separators=(",", ":")) for row in rows)
    (folder / "experiment.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("source", ["console", "written"])
def test_both_logs_come_under_the_same_names(source: str, request: pytest.FixtureRequest) -> None:
    run = load_run(request.getfixturevalue(source))
    assert run.table.steps == (1, 2, 3)
    series = run.series
    assert series["critic/rewards/mean"].values.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert series["timing/all"].values.tolist() == [4.0] * 3
    assert series["timing/rollout"].values.tolist() == [2.0] * 3
    assert series["grad_norm"].values.tolist() == [1.25] * 3
    assert series["eval/openai/gsm8k_rewards/mean"].values.tolist() == [0.75] * 3
    assert not any(log.broken.count for log in run.logs)


def test_a_line_cut_off_by_a_kill_is_counted_not_read(console: Path) -> None:
    log = console / "train.log"
    log.write_text(log.read_text() + console_line(4)[:-5])
    run = load_run(console)
    assert run.table.steps == (1, 2, 3)
    assert run.logs[0].broken.count == 1


def test_throughput_is_computed_again(console: Path) -> None:
    run = load_run(console, {"world_size": 8.0})
    (one,) = [t for t in throughput_of(run) if t.name == "perf/throughput"]
    assert one.by_length == {"mean": 6400 / 4.0 / 8}
    assert (one.mismatches, one.compared) == (0, 3)
    wrong = load_run(console, {"world_size": 4.0})
    (one,) = [t for t in throughput_of(wrong) if t.name == "perf/throughput"]
    assert one.mismatches == 3


def dump(folder: Path, step: int, *, ours: bool = True) -> None:
    """Two prompts, two responses each, and a padding row."""
    folder.mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    for prompt in ("a", "b"):
        for sample in range(2):
            right = sample == 0
            row = {
                "input": f"what is {prompt}?", "output": f"\\boxed{{{sample}}}", "gts": "0",
                "score": float(right), "step": step, "uid": f"{prompt}_{sample}_0",
            }  # fmt: skip
            if ours:
                row |= {"acc": float(right), "outcome": "CORRECT", "reason": "equal"}
                row |= {"simplerl_score": 1.0 if right else -0.5}
                row |= {"simplerl_outcome": "CORRECT" if right else "WRONG"}
            rows.append(row)
    rows.append({"input": "", "output": "", "gts": None, "score": 0.0, "step": step, "uid": "pad0"})
    (folder / f"{step}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_dumps_are_read_with_verdicts_and_padding_is_counted(console: Path) -> None:
    for step in (1, 2, 10):
        dump(console / "rollouts", step)
    dump(console / "validation", 10, ours=False)
    run = load_run(console)
    assert run.rollouts is not None
    assert run.rollouts.path.name == "rollouts"
    assert [of.step for of in run.rollouts.steps] == [1, 2, 10]
    assert (run.rollouts.number, run.rollouts.padding) == (12, 3)
    assert [(of.classes["right"], of.classes["wrong"]) for of in run.rollouts.steps] == [(2, 2)] * 3
    assert len(run.rollouts.steps[0].all_groups) == 2
    assert [path.name for path in run.left_out] == ["validation"]


def test_dumps_alone_are_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for step in (1, 2):
        dump(tmp_path / "dump", step, ours=False)
    assert (
        main(["report", str(tmp_path / "dump"), "-o", str(tmp_path / "out"), "--lang", "en"]) == 0
    )
    printed = capsys.readouterr().out
    assert "2 padding rows" in printed
    assert "0.5" in printed
