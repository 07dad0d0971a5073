"""Which version a host is: one replaced file is found in every pair of lines; two copies too."""

from __future__ import annotations

import shutil

import pytest

from mindspeed_rl_ext.hosts.catalog import host_packages, load_adapters
from mindspeed_rl_ext.hosts.identity import compare_marks, file_mark, identify, lines_with_files
from mindspeed_rl_ext.hosts.point import Point

LINES = {package: lines_with_files(package) for package in host_packages()}
PAIRS = [
    pytest.param(one, other, id=f"{one.name} with files of {other.name}")
    for lines in LINES.values()
    for one in lines
    for other in lines
    if one is not other
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_file_of_another_line_is_found_whichever_it_is(one, other):
    lines = LINES[one.package]
    union = {file for line in lines for file in line.files}
    whole = {file: one.files.get(file) for file in union}
    assert compare_marks("host", lines, whole).line == one.name
    replaced = [f for f, mark in other.files.items() if one.files.get(f) != mark]
    assert len(replaced) >= 3  # or one file could turn a line into the other
    for file in replaced:
        found = compare_marks("host", lines, {**whole, file: other.files[file]})
        assert found.line == one.name
        [(named, owners)] = found.foreign
        assert named == file
        assert other.name.split(" ", 1)[1] in owners


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_half_of_another_line_is_found_however_large(one, other):
    lines = LINES[one.package]
    union = sorted({file for line in lines for file in line.files})
    for count in range(1, len(union)):
        now = [other if number < count else one for number in range(len(union))]
        marks = {f: line.files.get(f) for f, line in zip(union, now, strict=True)}
        if any(all(line.files.get(f) == mark for f, mark in marks.items()) for line in lines):
            continue  # what differs between the two is not split here
        found = compare_marks("host", lines, marks)
        assert found.mixed or found.missing, count


def test_every_line_looks_at_each_file_that_its_required_points_touch():
    def file_of(point: Point) -> str:
        return point.module.replace(".", "/")

    for line in load_adapters():
        for point in line.points:
            if point.required:
                stem = file_of(point)
                assert {f"{stem}.py", f"{stem}/__init__.py"} & line.files.keys(), line.name


def test_what_nobody_knows_is_told_from_what_was_edited():
    lines = LINES["mindspeed_rl"]
    line = lines[0]
    half = len(line.files) // 2
    edited = {f: m if n < 2 else line.files[f] for n, (f, m) in enumerate(new(line).items())}
    found = compare_marks("host", lines, edited)
    assert (found.line, found.known, found.unknown, len(found.changed)) == (
        line.name, True, False, 2,
    )  # fmt: skip
    newer = {f: line.files[f] if n < half - 1 else m for n, (f, m) in enumerate(new(line).items())}
    assert compare_marks("host", lines, newer).unknown
    # A package of which hardly anything is there, such as a double, can't be judged.
    few = dict(list(new(line).items())[:3])
    found = compare_marks("host", lines, {**dict.fromkeys(line.files), **few})
    assert not found.unknown
    assert not found.known


def new(line):
    return {file: f"new {mark}" for file, mark in line.files.items()}


def test_line_ends_and_trailing_spaces_do_not_count(tmp_path):
    one, other, third = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    one.write_bytes(b"a = 1\nb = 2\n")
    other.write_bytes(b"a = 1  \r\nb = 2\r\n\r\n")
    third.write_bytes(b"a = 1\n b = 2\n")
    assert file_mark(str(one)) == file_mark(str(other)) != file_mark(str(third))
    assert file_mark(str(tmp_path)) is None


FAKE_LINE = """
from mindspeed_rl_ext.hosts.adapter import Adapter, Versions
ADAPTER = Adapter({name!r}, "mindspeed_rl", (), Versions("9"), files={files!r})
"""


@pytest.fixture
def versions(tmp_path, host):
    """The double in two versions, and code that makes lines of them; returns all three."""
    folder = tmp_path / "lines"
    folder.mkdir()
    roots = []
    for number in "12":
        root = shutil.copytree(host("2.2"), tmp_path / f"v{number}", dirs_exist_ok=True)
        shutil.rmtree(tmp_path / "2.2")
        files = sorted((root / "mindspeed_rl").rglob("*.py"))
        for file in files:
            file.write_text(file.read_text() + f"# {number}\n")
        marks = {f.relative_to(root).as_posix(): file_mark(str(f)) for f in files}
        text = FAKE_LINE.format(name=f"MindSpeed-RL v{number}", files=marks)
        (folder / f"version{number}.py").write_text(text)
        roots.append(root)
    code = f"import mindspeed_rl_ext.hosts.lines as lines\nlines.__path__.append({str(folder)!r})\n"
    return (*roots, code)


def test_a_process_that_imports_a_mixed_host_writes_what_is_mixed(versions, check_python):
    one, other, code = versions
    assert check_python(code + "import mindspeed_rl\n", one) == ""
    name = "mindspeed_rl/models/rule_verifier.py"
    shutil.copy(other / name, one / name)
    written = check_python(code + "import mindspeed_rl\n", one)
    assert f"MindSpeed-RL v1, but has files of another version: {name} (MindSpeed-RL v2)" in written
    assert len(written.splitlines()) == 1
    # What fits is installed all the same: the file of the other version fits too.
    assert check_python(code + "import mindspeed_rl.models.rule_verifier as r\n"
                        "assert r.verifier._msrl_ext\n", one) == written  # fmt: skip


def test_two_copies_on_the_path_are_named_with_the_one_that_is_used(versions, check_python):
    one, other, code = versions
    written = check_python(code + "import mindspeed_rl\n", other, one)
    assert f"{other / 'mindspeed_rl'} (MindSpeed-RL v2) is used" in written
    assert f"{one / 'mindspeed_rl'} (MindSpeed-RL v1) is not" in written
    # The same files twice, or one folder under two names, are no reason to write in each worker.
    copy = shutil.copytree(one, one.parent / "copy")
    assert check_python(code + "import mindspeed_rl\n", one, copy) == ""
    link = one.parent / "link"
    link.symlink_to(one)
    assert check_python(code + "import mindspeed_rl\n", link, one) == ""


def test_an_unreadable_file_is_no_reason_to_fail(tmp_path):
    (tmp_path / "mindspeed_rl" / "models" / "rule_verifier.py").mkdir(parents=True)
    assert identify("mindspeed_rl", [str(tmp_path / "mindspeed_rl")]) is None
    assert identify("mindspeed_rl", [str(tmp_path / "absent")]) is None
    assert identify("elsewhere", [str(tmp_path)]) is None
