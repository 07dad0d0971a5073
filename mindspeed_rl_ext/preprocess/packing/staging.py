"""The files of an output prefix, which appear all together or not at all.

Covers: a staging folder beside the prefix, the refusal of files that an earlier run left under the
same prefix; with `overwrite` those stay until all new ones are in place.
Does not cover: how files are locked, moved and put back, `core.files.whole_files.staging` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files import staging as core_staging
from mindspeed_rl_ext.preprocess.packing.packed import files_of

FilesOf = Callable[[Path], Sequence[Path]]


@contextmanager
def staging(
    prefix: Path, *beside: Path, overwrite: bool, files: FilesOf = files_of
) -> Iterator[Path]:
    """A folder beside the prefix whose files replace those of the prefix when the block ends well.

    Args:
        prefix: the output prefix.
        beside: further prefixes in the same directory, replaced together with it.
        overwrite: whether files of that prefix may be replaced; all of them are, so that no key
            of an earlier run remains. Folders that the block made are left out.
        files: the files of a prefix.

    Raises:
        InputError: files of that prefix exist and `overwrite` is not set, or another run is
            writing them.
    """
    prefixes = (prefix, *beside)
    require_free(*prefixes, overwrite=overwrite, files=files)
    with core_staging.staging(
        prefix.parent, writer="run", option="--output-prefix", name=_staging_name(prefix)
    ) as folder:
        yield folder
        old = [path for one in prefixes for path in files(one)]
        there = (path for path in folder.iterdir() if not path.name.startswith("."))
        new = [path for path in there if path.is_file()]
        core_staging.install(
            folder,
            prefix.parent,
            [path.name for path in sorted(new, key=_readers_start)],
            sorted(old, key=_readers_start, reverse=True),
        )


def require_free(*prefixes: Path, overwrite: bool, files: FilesOf = files_of) -> None:
    """Raises InputError where files of a prefix exist and may not be replaced.

    What a killed run has left half in place is put back first.
    """
    for prefix in prefixes:
        core_staging.recover(prefix.parent, _staging_name(prefix))
        stale = files(prefix)
        if stale and not overwrite:
            raise InputError(
                f"{len(stale)} files of prefix {prefix} exist already",
                found=", ".join(path.name for path in stale[:4]) + (", ..." if stale[4:] else ""),
                expected="none: a reader takes every key of a prefix, also those of an earlier run",
                remedy="choose another --output-prefix, or give --overwrite",
            )


def _staging_name(prefix: Path) -> str:
    return f".{prefix.name}.staging"


def _readers_start(path: Path) -> tuple[bool, bool, str]:
    """The order in which files appear: readers start from an .idx and need that of input_ids."""
    return path.suffix == ".idx", path.name.endswith("_input_ids_document.idx"), path.name
