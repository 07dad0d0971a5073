"""Bad input and machines that fail: what a user sees, and that nothing is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.packing.packed import files_of, read_packed, rejects_file
from mindspeed_rl_ext.preprocess.packing.staging import staging

MAP_KEYS = '{"prompt":"question","query":"","response":"answer"}'
GOOD = b'{"question": "How many?", "answer": "#### 7"}\n'
NOBODY = 65534


def words(folder: Path, tokenizer_dir: Path, name: str = "rows.jsonl") -> list[str]:
    return [
        *("preprocess", "--input", str(folder / name)),
        *("--tokenizer-name-or-path", str(tokenizer_dir)),
        *("--output-prefix", str(folder / "out" / "data")),
        *("--prompt-type", "qwen", "--map-keys", MAP_KEYS),
    ]


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"", ["is empty", "one row at least"]),
        (b"\n\n", ["has no rows"]),
        (GOOD * 3 + b'{"question": \n', ["line 4 is not readable JSON", "fix or remove the line"]),
        (b'{"question": "", "answer": "1"}\n' * 2, ["all 2 rows", "empty_prompt 2"]),
        (GOOD.decode().encode("utf-16"), ["line 1 is not UTF-8", "byte 0xff", "iconv"]),
        ('{"question": "多少?"}\n'.encode("gb18030"), ["line 1 is not UTF-8", "iconv"]),
        (GOOD + '{"question": "\\ud83d"}\n'.encode("latin-1") + b"\xe9\n", ["line 3 is not UTF-8"]),
    ],
    ids=["empty", "blank", "broken-line", "all-bad", "utf-16", "gb18030", "latin-1-later"],
)
def test_a_file_that_can_not_be_used_is_named_with_the_place_and_leaves_nothing(
    tmp_path: Path,
    tokenizer_dir: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    seen: list[str],
) -> None:
    (tmp_path / "rows.jsonl").write_bytes(content)
    assert cli.main(words(tmp_path, tokenizer_dir)) == 2
    error = capsys.readouterr().err
    assert "rows.jsonl" in error
    for text in seen:
        assert text in error
    out = tmp_path / "out"
    assert not out.exists() or list(out.iterdir()) == []


ANSWERS: list[tuple[Any, str]] = [
    ("#### 7", "7"),
    (7, "7"),
    (7.0, "7"),
    (0.5, "0.5"),
    (["7"], "7"),
    ([1, 2], "[1,2]"),
    ({"ground_truth": {"b": 1, "a": [2.0]}}, '{"a":[2],"b":1}'),
    (None, "missing_answer"),
    ("", "empty_answer"),
    ("7<|im_end|>", "label_not_lossless"),
]


def test_an_answer_column_that_changes_type_is_read_row_by_row(
    tmp_path: Path, tokenizer_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"question": f"Q{n}?", "answer": answer} for n, (answer, _) in enumerate(ANSWERS)]
    rows += [{"question": 5, "answer": "1"}, {"question": ["Q?"], "answer": "1"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert cli.main(words(tmp_path, tokenizer_dir)) == 0
    shown = capsys.readouterr().out
    dropped = "bad_prompt 2, empty_answer 1, label_not_lossless 1, missing_answer 1"
    assert f"5 ({dropped})" in shown
    assert "7 of 12 rows" in shown
    assert cli.main(["preview", str(tmp_path / "out" / "data"), "-n", "9"]) == 0
    shown = capsys.readouterr().out
    for _, label in ANSWERS[:7]:
        assert f"tokens) ---\n{label}\n" in shown


def test_a_lone_surrogate_and_a_long_prompt_are_counted_and_kept_in_the_rejects(
    tmp_path: Path, tokenizer_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"question": q, "answer": "7"} for q in ("Q?", "bad \ud800", "long " * 90)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert cli.main([*words(tmp_path, tokenizer_dir), "--max-prompt-length", "200"]) == 0
    assert "2 (bad_text 1, too_long 1)" in capsys.readouterr().out
    lines = (tmp_path / "out" / "data_rejects.jsonl").read_text().splitlines()
    rejects = [json.loads(line) for line in lines]
    assert [(r["line"], r["reason"]) for r in rejects] == [(2, "bad_text"), (3, "too_long")]
    assert rejects[0]["row"] == rows[1]


def test_a_pattern_that_hangs_is_given_up_after_some_rows(
    tmp_path: Path,
    tokenizer_dir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("regex", reason="extra [data] is not installed")
    monkeypatch.setattr("mindspeed_rl_ext.core.responses.answers.REGEX_TIMEOUT_S", 0.01)
    row = {"question": "Q?", "answer": "a" * 40 + "!"}
    (tmp_path / "rows.jsonl").write_text((json.dumps(row) + "\n") * 30)
    pattern = r"regex:(a|aa|a{1,9})+(?<!!)$"
    assert cli.main([*words(tmp_path, tokenizer_dir), "--label-extractor", pattern]) == 2
    assert "timed out on 20 rows" in capsys.readouterr().err


@pytest.fixture
def open_folder(tokenizer_dir: Path) -> Iterator[Path]:
    """A folder that every user may enter, with rows and a tokenizer."""
    folder = Path(tempfile.mkdtemp(prefix="msrl-ext-"))
    folder.chmod(0o755)
    shutil.copytree(tokenizer_dir, folder / "tokenizer")
    (folder / "tokenizer").chmod(0o755)
    for path in (folder / "tokenizer").iterdir():
        path.chmod(0o644)
    (folder / "rows.jsonl").write_bytes(GOOD)
    yield folder
    for path in folder.iterdir():
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def unprivileged(open_folder: Path) -> Iterator[None]:
    """Root may do everything: be nobody for a while, after a run that imports what is needed."""
    first = words(open_folder, open_folder / "tokenizer")
    assert cli.main([*first, "--overwrite"]) == 0
    shutil.rmtree(open_folder / "out")
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_written_is_named(
    open_folder: Path, unprivileged: None, capsys: pytest.CaptureFixture[str]
) -> None:
    if os.geteuid() != NOBODY:
        open_folder.chmod(0o555)
    assert cli.main(words(open_folder, open_folder / "tokenizer")) == 3
    error = capsys.readouterr().err
    assert str(open_folder / "out") in error
    assert "check the permissions of the path" in error
    assert not (open_folder / "out").exists()


@pytest.mark.parametrize("name", ["rows.jsonl", "closed"])
def test_a_file_or_folder_that_may_not_be_read_is_named(
    open_folder: Path, capsys: pytest.CaptureFixture[str], request: Any, name: str
) -> None:
    (open_folder / "closed").mkdir()
    request.getfixturevalue("unprivileged")
    closed = open_folder / name
    was = os.geteuid()
    os.seteuid(0 if was == NOBODY else was)
    closed.chmod(0)
    (open_folder / "out").mkdir()
    (open_folder / "out").chmod(0o777)
    os.seteuid(was)
    assert cli.main(words(open_folder, open_folder / "tokenizer", name)) == 3
    error = capsys.readouterr().err
    assert str(closed) in error
    assert "check the permissions of the path" in error
    assert list((open_folder / "out").iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_said_and_nothing_is_left_on_it(
    small_disk: Path, tmp_path: Path, tokenizer_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.jsonl").write_bytes(GOOD * 2000)
    command = words(tmp_path, tokenizer_dir)
    command[command.index("--output-prefix") + 1] = str(small_disk / "out" / "data")
    assert cli.main(command) == 3
    error = capsys.readouterr().err
    assert "No space left on device" in error
    assert "free disk space" in error
    assert not (small_disk / "out").exists()


KILLED_IN_THE_MIDDLE = """
import os, signal, sys
from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.preprocess.packing import writer
add_rows, chunks = writer.PackedWriter.add_rows, []
def die(self, rows):
    chunks.append(rows)
    if len(chunks) > 3:
        for file in self._bins.values():
            file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    add_rows(self, rows)
writer.PackedWriter.add_rows = die
cli.main(sys.argv[1:])
"""


@pytest.mark.parametrize("overwrite", [False, True], ids=["first-run", "over-an-earlier-run"])
def test_a_killed_run_leaves_nothing_that_a_trainer_globs_and_an_earlier_run_whole(
    tmp_path: Path,
    tokenizer_dir: Path,
    repo_root: Path,
    overwrite: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    prefix = tmp_path / "out" / "data"
    before: dict[Path, bytes] = {}
    if overwrite:
        (tmp_path / "rows.jsonl").write_bytes(GOOD)
        assert cli.main(words(tmp_path, tokenizer_dir)) == 0
        before = {path: path.read_bytes() for path in files_of(prefix)}
    (tmp_path / "rows.jsonl").write_bytes(GOOD * 9000)
    command = [*words(tmp_path, tokenizer_dir), *(["--overwrite"] * overwrite)]
    ended = subprocess.run(
        [sys.executable, "-c", KILLED_IN_THE_MIDDLE, *command],
        env={**os.environ, "PYTHONPATH": str(repo_root)},
        capture_output=True,
    )
    assert ended.returncode == -signal.SIGKILL
    assert (prefix.parent / ".data.staging").is_dir()  # it was in the middle
    assert {path: path.read_bytes() for path in files_of(prefix)} == before
    taken = set(prefix.parent.glob("*_packed_*_document*"))
    assert taken == {path for path in before if "_packed_" in path.name}
    again = [*words(tmp_path, tokenizer_dir), "--overwrite"]
    assert cli.main(again) == 0
    assert len(read_packed(prefix)) == 9000
    assert not (prefix.parent / ".data.staging").exists()
    assert "what a killed run had left" in caplog.text


def test_the_folder_of_a_run_that_is_still_going_is_left_alone(tmp_path: Path) -> None:
    with staging(tmp_path / "data", overwrite=False) as first:
        (first / "data_report.json").write_text("{}")
        with (
            pytest.raises(InputError, match="another run is writing"),
            staging(tmp_path / "data", overwrite=False),
        ):
            pytest.fail("two runs write the same files")
        with staging(tmp_path / "other", overwrite=False) as other:
            (other / "other_report.json").write_text("{}")
        assert first.is_dir()
    assert (tmp_path / "data_report.json").read_text() == "{}"


def test_a_row_with_nan_is_kept_in_the_rejects_as_strict_json(
    tmp_path: Path, tokenizer_dir: Path
) -> None:
    (tmp_path / "rows.jsonl").write_bytes(GOOD + b'{"question": "?", "answer": NaN}\n')
    assert cli.main(words(tmp_path, tokenizer_dir)) == 0

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    (line,) = rejects_file(tmp_path / "out" / "data").read_text().splitlines()
    assert "nan" in json.loads(line, parse_constant=refuse)["row"]


def test_where_all_rows_are_rejected_the_first_is_named_and_no_folder_is_left(
    tmp_path: Path, tokenizer_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b'\n{"question": "?", "answer": null}\n' * 3)
    assert cli.main(words(tmp_path, tokenizer_dir)) == 2
    error = capsys.readouterr().err
    assert "missing_answer 3; line 2: missing_answer: the response column is null" in error
    assert not (tmp_path / "out").exists()


# Stands in each sub-process: it waits there when its first rows are written.
WAITING = """
import sys, time
from pathlib import Path
if any(word.endswith("processes:run_shard") for word in sys.orig_argv):
    from mindspeed_rl_ext.preprocess.packing import writer
    def wait(self, rows):
        Path(self._prefix).with_name("waiting").touch()
        time.sleep(600)
    writer.PackedWriter.add_rows = wait
"""


def test_sub_processes_end_with_the_run_that_started_them(
    tmp_path: Path, tokenizer_dir: Path, repo_root: Path
) -> None:
    (tmp_path / "rows.jsonl").write_bytes(GOOD * 2000)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WAITING)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "mindspeed_rl_ext.cli"),
            *words(tmp_path, tokenizer_dir),
            *("--n-subs", "2"),
        ],
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{repo_root}"},
        stderr=subprocess.PIPE,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.parent.exists():
        process.kill()
        pytest.skip("no /proc here")
    while len(list((tmp_path / "out").rglob(".data_part*.staging/waiting"))) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    pids = children.read_text().split()
    assert len(pids) == 2
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert not any(Path("/proc", pid).exists() for pid in pids)
    assert not (tmp_path / "out").exists()
