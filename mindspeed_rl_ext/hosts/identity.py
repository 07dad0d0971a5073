"""Which line a host on disk is, by the content of its files, and which files are of another line.

Covers: a host that was updated by half, one that no line knows, one that was edited. A line lists
the files that it looks at (`Adapter.files`); line ends and trailing spaces do not count.
Does not cover: whether a point fits; `probe` does, whatever line the host is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mindspeed_rl_ext.hosts.adapter import Adapter
from mindspeed_rl_ext.hosts.catalog import load_adapters
from mindspeed_rl_ext.hosts.fit import join_names

DIGITS = 10  # hexadecimal, of a SHA-256


@dataclass(frozen=True)
class Identity:
    """What line the files of a host are.

    Args:
        folder: the host's top-level package.
        line: the line or lines that have most of the files just so.
        same: how many files are as that line has them.
        changed: files that no line has so.
        missing: files that the line has and that are not there.
        foreign: files that only other lines have so, with the names of those.
        marks: `file_mark` of every file that is there.
    """

    folder: str
    line: str
    same: int
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    foreign: tuple[tuple[str, str], ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def count(self) -> int:
        """How many files were compared."""
        return self.same + len(self.changed) + len(self.missing) + len(self.foreign)

    @property
    def mixed(self) -> bool:
        """Whether files of lines that contradict stand together."""
        return bool(self.foreign)

    @property
    def known(self) -> bool:
        """Whether at least half of the files are as the line has them."""
        return 2 * self.same >= self.count

    @property
    def unknown(self) -> bool:
        """Whether it is none of the lines, though most of their files are there."""
        there = len(self.changed) + self.same
        return not self.mixed and not self.known and there > len(self.missing)

    def same_files(self, other: Identity) -> bool:
        """Whether files that both have are the same; one of them may lack the scripts."""
        both = self.marks.keys() & other.marks.keys()
        return all(self.marks[file] == other.marks[file] for file in both)

    def describe_foreign(self) -> str:
        """The files of other lines.

        Example:
            >>> Identity("/", "A 1", 3, foreign=(("a", "A 2"), ("b", "A 2"))).describe_foreign()
            'a, b (A 2)'
        """
        by_lines: dict[str, list[str]] = {}
        for file, names in self.foreign:
            by_lines.setdefault(names, []).append(file)
        return "; ".join(f"{', '.join(files)} ({names})" for names, files in by_lines.items())


def file_mark(path: str) -> str | None:
    """A mark of what a file holds; None where it can't be read.

    Args:
        path: a source file.
    """
    try:
        with open(path, "rb") as file:
            lines = [line.rstrip() for line in file.read().splitlines()]
    except OSError:
        return None
    return hashlib.sha256(b"\n".join(lines).rstrip(b"\n")).hexdigest()[:DIGITS]


def identify(
    package: str, folders: Iterable[str], adapters: Sequence[Adapter] | None = None
) -> Identity | None:
    """Compares a host's files with those of its lines.

    Args:
        package: its top-level package.
        folders: where that lies.
        adapters: the lines; all that there are where None.

    Returns:
        None where no line lists files, or none of them is there.
    """
    lines = lines_with_files(package, adapters)
    folder = next((one for one in folders if os.path.isdir(one)), None)
    if folder is None or not lines:
        return None
    marks = {file: file_mark(path) for file, path in _paths(lines, folder)}
    return compare_marks(folder, lines, marks)


def lines_with_files(package: str, adapters: Iterable[Adapter] | None = None) -> list[Adapter]:
    """The lines of a package that can be recognised.

    Args:
        adapters: the lines to choose from; all that there are where None.
    """
    given = load_adapters() if adapters is None else adapters
    return [line for line in given if line.package == package and line.files]


def compare_marks(
    folder: str, lines: Sequence[Adapter], marks: Mapping[str, str | None]
) -> Identity | None:
    """Which line has these files.

    Args:
        folder: the host's top-level package.
        lines: those that it may be.
        marks: `file_mark` by file; None for a file that is not there.

    Returns:
        None where no file is there.
    """
    there = {file: mark for file, mark in marks.items() if mark is not None}
    owners = {
        file: [line for line in lines if line.files.get(file) == mark]
        for file, mark in there.items()
    }
    if not owners:
        return None
    same = {line.name: sum(line in found for found in owners.values()) for line in lines}
    most = max(same.values())
    nearest = [line for line in lines if same[line.name] == most]
    best = nearest[0]
    foreign = [(f, found) for f, found in owners.items() if found and best not in found]
    return Identity(
        folder,
        best.name if foreign else join_names(line.name for line in nearest),
        most,
        tuple(f for f, found in owners.items() if not found and f in best.files),
        tuple(f for f in best.files if f in marks and marks[f] is None),
        tuple((f, join_names(line.name for line in found)) for f, found in foreign),
        there,
    )


def differing_copies(used: Identity, folders: Iterable[str]) -> list[Identity]:
    """Other copies of a host, of which some file that is looked at differs from the used one.

    Args:
        used: the copy that is imported.
        folders: all copies.
    """
    package = os.path.basename(used.folder)
    others = (identify(package, [folder]) for folder in folders)
    return [one for one in others if one is not None and not one.same_files(used)]


def _paths(lines: Sequence[Adapter], folder: str) -> Iterator[tuple[str, str]]:
    """The files of all lines with their paths; scripts only where the host is a checkout."""
    root = os.path.dirname(os.path.abspath(folder))
    package = lines[0].package + "/"
    files = {f: os.path.join(root, *f.split("/")) for line in lines for f in line.files}
    is_checkout = any(
        os.path.isfile(path) for f, path in files.items() if not f.startswith(package)
    )
    for file, path in files.items():
        if file.startswith(package) or is_checkout:
            yield file, path
