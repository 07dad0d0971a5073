"""Every kind of log is read, and what cannot be read is counted, named and skipped."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.report.diagnosis.diagnose import diagnose
from mindspeed_rl_ext.report.load import load_run
from mindspeed_rl_ext.report.sources.console import read_console_log
from mindspeed_rl_ext.report.sources.find import find_sources

TIMES = ["all", "update", "rollout", "old_log_p", "reference_model", "resharding_to_train",
         "resharding_to_infer", "adv", "non_overlap_reference_model", "non_overlap_rule_reward",
         "non_overlap_reward_model", "non_overlap_adv", "rule_reward", "reward_model",
         "ref_onload", "ref_offload", "critic_model", "update_critic"]  # fmt: skip
# Every name of the host's log_metrics page.
HOST_NAMES = [
    *(f"timing/{name}" for name in TIMES),
    *("actor/entropy", "actor/kl_loss", "actor/pg_loss", "actor/pg_clipfrac", "actor/ppo_kl"),
    *("grad_norm", "base_acc_rewards/mean", "actor/lr"),
    *(f"response_length/{kind}" for kind in ("mean", "max", "min")),
    *(f"prompt_length/{kind}" for kind in ("mean", "max", "min")),
    *("global_batch_size", "n_samples_per_prompt", "world_size"),
    *("e2e_tps", "update_tps", "vllm_tps"),
    *(f"grpo/{what}/{kind}" for what in ("score", "rewards") for kind in ("mean", "max", "min")),
    *("critic/lr", "critic/vf_loss", "critic/vf_clipfrac"),
    *(
        f"critic/{what}/{kind}"
        for what in ("score", "rewards", "advantages", "returns", "values")
        for kind in ("mean", "max", "min")
    ),
]  # fmt: skip


def host_line(step: int, values: dict[str, float], before: str = "") -> str:
    """A line as MindSpeed-RL's logger writes it, by its documented format."""
    numbers = " | ".join(
        f"{name} : {value:e}" if "lr" in name else f"{name} : {value:.4f}"
        for name, value in values.items()
    )
    time = "2025-06-01 10:00:00"
    return f"{before}{time},123 - INFO - [{time}] iteration: {step} / 100 | {numbers} \n"


@pytest.mark.parametrize(
    "before",
    ["", "\x1b[36m(RayGRPOTrainer pid=123, ip=10.0.0.1)\x1b[0m "],
    ids=["plain", "through Ray"],
)
def test_all_names_of_the_hosts_page_are_read(tmp_path, before):
    log = tmp_path / "train.log"
    noise = "sync start grpo training at iteration: 0/100 ...\n[ERROR] 2025: | a : b |\n中文\n"
    wanted = [{name: step + i / 8 for i, name in enumerate(HOST_NAMES)} for step in (1, 2)]
    log.write_text(noise + "".join(host_line(i + 1, row, before) for i, row in enumerate(wanted)))
    series = load_run(log).series
    assert set(series) == set(HOST_NAMES)
    for name in HOST_NAMES:
        assert series[name].values.tolist() == pytest.approx([row[name] for row in wanted], 1e-3)


def test_the_february_line_maps_to_the_same_words(tmp_path):
    line = (
        "[2025-02-24 16:07:46] iteration: 3 / 5000 | timing/gen : 10.0 | timing/ref : 2.0 | "
        "timing/adv : 1.0 | timing/update_actor : 5.0 | actor/pg_loss : 0.1 | grad_norm : 1.0 | "
        "grpo/acc_rewards/mean : 0.25 | grpo/rewards/mean : 0.2 | timing/all : 19.0 | \n"
    )
    (tmp_path / "run.log").write_text(line)
    series = load_run(tmp_path).series
    assert {"timing/rollout", "timing/reference_model", "timing/update"} <= set(series)
    assert series["acc_rewards/mean"].values.tolist() == [0.25]
    assert series["grpo/rewards/mean"].values.tolist() == [0.2]


@pytest.mark.parametrize("name", ["reshard_to_train", "resharding_to_train"])
def test_both_spellings_of_resharding_are_one_metric(tmp_path, name):
    (tmp_path / "a.log").write_text(host_line(1, {"timing/all": 2, f"timing/{name}": 1.5}))
    assert load_run(tmp_path).series["timing/resharding_to_train"].values.tolist() == [1.5]


def test_megatrons_own_lines_are_read(tmp_path):
    (tmp_path / "sft.log").write_text(
        " [2025-02-24 10:00:00] iteration       10/    1000 | consumed samples:     80 | "
        "learning rate: 1.000000E-05 | global batch size:     8 | lm loss: 1.5E+00 | "
        "grad norm: 2.5 | number of nan iterations:   0 |\n"
    )
    series = load_run(tmp_path).series
    assert series["lm loss"].values.tolist() == [1.5]
    assert series["actor/lr"].values.tolist() == [1e-5]


def test_broken_lines_of_a_console_log_are_counted_and_named(tmp_path):
    good = host_line(1, {"grpo/score/mean": 0.5, "actor/lr": 1e-6})
    cut = host_line(2, {"grpo/score/mean": 0.5, "actor/lr": 1e-6}).rstrip()[:-22]
    mixed = host_line(3, {"grpo/score/mean": 0.5}).replace("0.5000", "0.5(Worker pid=1) x")
    message = "[2025] iteration: 4 / 100 |  saved a checkpoint\n"
    log = tmp_path / "a.log"
    log.write_text(good + cut + "\n" + mixed + message + host_line(5, {"grpo/score/mean": 0.6}))
    read = read_console_log(log)
    assert [step for step, _ in read.rows] == [1, 5]
    assert read.broken.count == 2
    assert [line for line, _ in read.broken.examples] == [2, 3]


def test_a_line_that_is_still_being_written_is_never_read(tmp_path):
    line = host_line(7, {"grpo/score/mean": 0.1234, "actor/lr": 1e-6, "grad_norm": 1.5})
    log = tmp_path / "a.log"
    for end in range(len(line)):
        log.write_text(line[:end])
        assert len(read_console_log(log).rows) == 0
    log.write_text(line)
    assert len(read_console_log(log).rows) == 1


PRINTED = [
    {"loss": 0.5, "reward": 0.1, "kl": None, "epoch": 0.1},
    {"eval_reward": 0.3, "eval_loss": 0.2, "epoch": 0.1},
    {"loss": float("nan"), "reward": 0.2, "epoch": 0.2},
    {"train_runtime": 3.0, "train_loss": 0.4, "epoch": 0.2},
]


def test_dictionaries_that_trl_prints_are_numbered_in_their_order(tmp_path):
    bar = "  1%|          | 1/100 [00:01<02:00]"
    strings = {"loss": "0.25", "reward": "0.4", "epoch": "0.3"}  # as transformers 5 prints
    text = "\n".join(f"{bar}{row}" for row in [*PRINTED, strings])
    (tmp_path / "out.txt").write_text(text + "\n{'unrelated': 'x'}\n")
    run = load_run(tmp_path)
    assert run.series["grpo/rewards/mean"].steps.tolist() == [1, 2, 3]
    assert run.series["grpo/rewards/mean"].values.tolist() == [0.1, 0.2, 0.4]
    assert run.series["eval/grpo/rewards/mean"].steps.tolist() == [1]
    assert math.isnan(run.series["actor/pg_loss"].values[1])
    assert run.logs[0].numbered
    assert run.logs[0].broken.count == 0


def _state(folder, steps):
    folder.mkdir(parents=True, exist_ok=True)
    history = [{"step": s, "reward": s / 10, "completions/mean_length": 5.0} for s in steps]
    history.append({"step": steps[-1], "train_runtime": 1.0})
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": history}))


def test_the_state_of_the_last_checkpoint_is_read(tmp_path):
    _state(tmp_path / "checkpoint-9", [1, 2])
    _state(tmp_path / "checkpoint-10", [1, 2, 3])
    run = load_run(tmp_path)
    assert run.series["grpo/rewards/mean"].steps.tolist() == [1, 2, 3]
    assert run.logs[0].path.parent.name == "checkpoint-10"
    assert load_run(tmp_path / "checkpoint-9" / "trainer_state.json").table.steps == (1, 2)


def test_a_state_that_was_cut_off_says_so(tmp_path):
    _state(tmp_path, [1])
    path = tmp_path / "trainer_state.json"
    path.write_text(path.read_text()[:30])
    with pytest.raises(InputError, match="no readable trainer state"):
        load_run(path)


def test_our_metrics_come_before_other_logs_which_are_named(tmp_path, run_dir):
    _state(run_dir, [1, 2])
    (run_dir / "train.log").write_text(host_line(1, {"grpo/score/mean": 0.5}))
    run = load_run(run_dir)
    assert [log.kind for log in run.logs] == ["metrics"]
    assert {path.name for path in run.left_out} == {"trainer_state.json", "train.log"}


def test_a_run_some_levels_down_is_found_and_two_runs_are_refused(tmp_path, run_dir):
    assert load_run(run_dir.parent).table.steps[-1] == 30
    other = run_dir.parent / "other"
    other.mkdir()
    (other / "metrics.jsonl").write_text('{"step": 1, "reward": 1}\n')
    with pytest.raises(InputError, match=r"several runs.*\n.*my run, .*other|several runs"):
        load_run(run_dir.parent)


def test_rollouts_alone_give_their_metrics(run_dir):
    (run_dir / "metrics.jsonl").unlink()
    run = load_run(run_dir)
    assert run.table.steps == (1, 2, 3, 4, 5)
    assert run.series["countdown_rewards/mean"].values.tolist() == [3.5] * 5
    assert run.series["response_length/max"].values.tolist() == [7.0] * 5


def test_an_event_file_without_tensorboard_says_what_to_install(tmp_path, monkeypatch):
    import sys

    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"\x00" * 40)
    monkeypatch.setitem(sys.modules, "tensorboard.backend.event_processing", None)
    with pytest.raises(InputError, match="pip install tensorboard"):
        load_run(tmp_path)


def test_event_files_of_tensorboard_are_read(tmp_path):
    pytest.importorskip("tensorboard", reason="event files are written and read by tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path))
    for step in (1, 2, 3):
        for tag in ("train/grpo/score/mean", "train/actor/entropy"):
            value = Summary.Value(tag=tag, simple_value=step / 4)
            writer.add_event(Event(step=step, summary=Summary(value=[value])))
    writer.close()
    series = load_run(tmp_path).series
    assert series["grpo/score/mean"].values.tolist() == [0.25, 0.5, 0.75]
    assert series["actor/entropy"].steps.tolist() == [1, 2, 3]


def test_a_path_that_is_not_there_and_a_directory_without_logs_are_errors(tmp_path):
    with pytest.raises(InputError, match="no such file or directory"):
        find_sources(tmp_path / "nowhere")
    (tmp_path / "weights.bin").write_bytes(b"x")
    with pytest.raises(InputError, match=r"holds no log of a run\n +found: +weights\.bin"):
        find_sources(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("metrics.jsonl", b"\n", "no line that is a step"),
        ("metrics.jsonl", b"", "an empty file"),
        ("metrics.jsonl", b'{"step": 1, "a"\n[1]\n{"a": 1}\n', "line 1: no readable JSON"),
        ("a.log", b"\x00\xff\xfe" * 999, "no line that is a step"),
        ("a.log", b"nothing of interest\n", "no line that is a step"),
    ],
    ids=["blank", "empty", "all broken", "binary", "no steps"],
)
def test_a_log_without_a_readable_step_is_an_error(tmp_path, name, content, found):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=found):
        load_run(tmp_path / name)


def test_broken_lines_of_metrics_are_skipped(run_dir, rows):
    path = run_dir / "metrics.jsonl"
    lines = path.read_bytes().splitlines()
    lines[3] = lines[3][:20]
    lines[5] = b"\xff\xfe"
    lines[7] = b'{"step": "eight", "reward": 1}'
    lines[8] = b'{"step": 9, "reward": [1]}'
    path.write_bytes(b"\n".join(lines))
    run = load_run(run_dir)
    assert run.logs[0].broken.count == 4
    assert [line for line, _ in run.logs[0].broken.examples] == [4, 6, 8]
    assert run.table.steps == tuple(s for s in range(1, 31) if s not in (4, 6, 8, 9))


def test_broken_rollouts_are_skipped(run_dir):
    with (run_dir / "rollouts.jsonl").open("a") as file:
        file.write('{"response": 1, "answer": "2"}\n{"response"\n')
    scan = load_run(run_dir).rollouts
    assert scan.number == 40
    assert [line for line, _ in scan.broken.examples] == [41, 42]


def test_an_empty_metrics_file_does_not_hide_the_log(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("")
    (tmp_path / "train.log").write_text(host_line(3, {"grpo/score/mean": 0.5}))
    assert load_run(tmp_path).table.steps == (3,)


NAMES = ["metrics.jsonl", "a.log", "trainer_state.json", "rollouts.jsonl", "notes.txt"]
PIECES = [b'{"step": 1, "reward": ', b"1e999", b"9" * 400, b"}\n", b"iteration: 1 / 2 | a : ",
          b" | ", b"nan", b"\n", b"{'loss': ", b"'0.5'", b"null", b"[" * 3000, b'"step"', b": ",
          b'{"response": "x", "answer": "y"}', b"\xff\x00", b"-", b"3",
          b'{"log_history": [']  # fmt: skip


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(PIECES) | st.binary(max_size=4)))
def test_no_file_whatever_it_holds_is_more_than_an_input_error(name, pieces):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(b"".join(pieces))
        for given_path in (path, Path(folder)):
            try:
                run = load_run(given_path)
            except InputError:
                continue
            diagnose(run)
            assert run.table.steps
