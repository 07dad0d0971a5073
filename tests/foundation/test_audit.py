"""The audit: scored batches reach rollouts.jsonl; nothing that happens to it reaches the run."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from mindspeed_rl_ext.core.responses import audit as module
from mindspeed_rl_ext.core.responses.audit import AuditWriter, audit, scoring
from mindspeed_rl_ext.core.responses.rollouts import Rollout, read_rollouts

NODE = socket.gethostname()


@pytest.fixture(autouse=True)
def no_writers():
    module._forget_writers()
    yield
    for writer in module._writers.values():
        writer.close()
    module._forget_writers()


def batch(*texts: str):
    return lambda: [Rollout(response=text, answer="1", reward=1.0) for text in texts]


def close_all() -> int:
    return sum(writer.close() for writer in module._writers.values())


def responses(folder: Path) -> list[str]:
    return [row.response for row in read_rollouts(folder / "rollouts.jsonl")]


def test_it_is_off_unless_the_variable_names_a_directory(monkeypatch):
    monkeypatch.delenv("MSRL_EXT_AUDIT", raising=False)
    audit(batch("a"))
    assert module._writers == {}


def test_batches_are_written_in_order_as_rollouts(monkeypatch, tmp_path):
    monkeypatch.setenv("MSRL_EXT_AUDIT", str(tmp_path / "new" / "folder"))
    audit(batch("a", "é\n\ud800"))
    audit(batch("c"))
    assert close_all() == 0
    folder = tmp_path / "new" / "folder" / NODE
    assert responses(folder) == ["a", "é\n\ud800", "c"]


def test_processes_of_a_node_share_a_file_with_whole_lines(monkeypatch, tmp_path):
    monkeypatch.setenv("MSRL_EXT_AUDIT", str(tmp_path))
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            for _ in range(20):
                audit(batch(*[f"{number}" * 500] * 10))
                while module._writers[str(tmp_path)]._queue.qsize() > 4:
                    time.sleep(0.001)
            os._exit(close_all())
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    found = responses(tmp_path / NODE)
    assert len(found) == 4 * 20 * 10
    assert {len(set(text)) for text in found} == {1}


def test_a_fork_while_the_thread_runs_leaves_both_sides_working(monkeypatch, tmp_path):
    monkeypatch.setenv("MSRL_EXT_AUDIT", str(tmp_path))
    audit(batch("before"))
    child = os.fork()
    if child == 0:
        audit(batch("child"))
        os._exit(close_all())
    audit(batch("parent"))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert close_all() == 0
    assert sorted(responses(tmp_path / NODE)) == ["before", "child", "parent"]


@pytest.mark.parametrize("place", ["a file", "no permission"])
def test_a_directory_that_cannot_be_written_stops_the_audit_and_not_the_run(
    monkeypatch, tmp_path, caplog, place
):
    if place == "a file":
        (tmp_path / "x").write_text("")
    else:
        monkeypatch.setattr(module.Path, "mkdir", _refuse)
    monkeypatch.setenv("MSRL_EXT_AUDIT", str(tmp_path / "x"))
    with caplog.at_level(logging.WARNING):
        audit(batch("a"))
        module._writers[str(tmp_path / "x")]._thread.join(10)
        audit(batch("b"))
        assert close_all() == 2
    assert "2 of 2 batches were not written" in caplog.text
    assert "Error" in caplog.text


def _refuse(*args, **kwargs):
    raise PermissionError(13, "Permission denied")


def test_a_full_disk_leaves_no_half_line(monkeypatch, tmp_path):
    audit_folder = tmp_path / "a"
    writer = AuditWriter(audit_folder)
    writer.put(batch("whole"))
    writer.close()

    class Full:
        """A file of which half is written before the disk is full."""

        def __init__(self, path):
            self.file = open(path, "ab")  # noqa: SIM115  closed below

        def __enter__(self):
            return self

        def __exit__(self, *raised):
            self.file.close()

        def write(self, data):
            self.file.write(data[: len(data) // 2])
            raise OSError(28, "No space left on device")

    real = open
    monkeypatch.setattr(
        module, "open", lambda path, mode: Full(path) if mode == "ab" else real(path, mode),
        raising=False,
    )  # fmt: skip
    writer = AuditWriter(audit_folder)
    writer.put(batch("cut in the middle"))
    assert writer.close() == 1
    assert responses(audit_folder) == ["whole"]


def test_a_mount_that_hangs_costs_the_run_nothing_and_batches_are_counted(monkeypatch, tmp_path):
    hangs = threading.Event()
    monkeypatch.setattr(module, "_append", lambda folder, data: hangs.wait())
    writer = AuditWriter(tmp_path)
    for _ in range(module.MAX_BATCHES + 5):
        writer.put(batch("x"))
    # Those that wait, those that found no place, and the one that hangs.
    assert writer.close(wait_s=0.01) == module.MAX_BATCHES + 5
    hangs.set()


def test_a_batch_that_cannot_be_made_into_rows_is_counted(tmp_path):
    writer = AuditWriter(tmp_path)
    writer.put(lambda: [Rollout(response=1, answer=object())][5])
    assert writer.close() == 1


def test_the_file_is_rotated_and_old_ones_go(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 100)
    monkeypatch.setattr(module, "KEPT_FILES", 2)
    for number in range(6):
        writer = AuditWriter(tmp_path)
        writer.put(batch(f"{number}" * 60))
        assert writer.close() == 0
    names = sorted(path.name for path in tmp_path.glob("*.jsonl"))
    assert names == ["rollouts.000004.jsonl", "rollouts.000005.jsonl", "rollouts.jsonl"]
    assert json.loads((tmp_path / names[-1]).read_text())["response"] == "5" * 60


def test_nothing_is_made_or_written_while_someone_scores(tmp_path):
    made = []

    def make_rows():
        for number in range(3 * module.SLICE_ROWS):
            made.append(number)
            yield Rollout(response=str(number), answer="")

    writer = AuditWriter(tmp_path)
    with scoring(), scoring():
        writer.put(make_rows)
        writer._thread.join(0.05)
        assert made == []
    assert writer.close() == 0
    assert responses(tmp_path) == [str(number) for number in range(3 * module.SLICE_ROWS)]


def test_scoring_that_begins_stops_the_writer_within_a_slice(tmp_path):
    made, begun = [], threading.Event()

    def make_rows():
        for number in range(3 * module.SLICE_ROWS):
            made.append(number)
            if number == 1:
                begun.set()
                go_on.wait(10)
            yield Rollout(response=str(number), answer="")

    go_on = threading.Event()
    writer = AuditWriter(tmp_path)
    writer.put(make_rows)
    assert begun.wait(10)
    with scoring():
        go_on.set()
        writer._thread.join(0.05)
        assert len(made) <= module.SLICE_ROWS
    assert writer.close() == 0
    assert len(responses(tmp_path)) == 3 * module.SLICE_ROWS


def test_a_process_that_always_scores_loses_nothing(tmp_path):
    writer = AuditWriter(tmp_path)
    with scoring():
        for number in range(3 * module.MAX_BATCHES):
            writer.put(batch(str(number)))
            while writer._queue.qsize() >= module.MAX_BATCHES - 1:
                time.sleep(0.001)
        assert writer.close(wait_s=10) == 0
    assert len(responses(tmp_path)) == 3 * module.MAX_BATCHES


def test_a_fork_while_someone_scores_leaves_a_child_that_writes(monkeypatch, tmp_path):
    monkeypatch.setenv("MSRL_EXT_AUDIT", str(tmp_path))
    with scoring():
        child = os.fork()
        if child == 0:
            audit(batch("child"))
            module._writers[str(tmp_path)]._thread.join(0.1)
            os._exit(close_all() or len(responses(tmp_path / NODE)) - 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
