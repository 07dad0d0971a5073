"""Mapped files, opened in turn: a checkpoint of 2,048 rank files has more than a process may open.

Covers: the files used last stay mapped; one that changed since it was first opened is named, also
where it became shorter in the middle of an access.
Does not cover: another change in the middle of one: `convert` looks again when all is read.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections import OrderedDict
from pathlib import Path

from mindspeed_rl_ext.checkpoint.lost_pages import Watched
from mindspeed_rl_ext.core.errors import InputError

_MOST_FILES = 256


class FileState:
    """What a file was when it was first opened.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = os.fspath(path)
        found = os.stat(self._name)
        self.size, self._was = found.st_size, (found.st_size, found.st_mtime_ns, found.st_ino)
        self._watched: list[Watched] = []

    def map(self) -> mmap.mmap:
        """Maps the file."""
        self.check()
        with self.path.open("rb") as file:
            opened = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._watched.append(Watched(opened))
        return opened

    def check_read(self) -> None:
        """Raises InputError where zeros were read in the place of what the file no longer has."""
        if any(watched.lost for watched in self._watched):
            self.check()
            raise self._changed("it became shorter, and whole again")

    def check(self) -> None:
        """Raises InputError where it is another file now."""
        try:
            found = os.stat(self._name)
        except FileNotFoundError:
            found = None
        if found is not None and (found.st_size, found.st_mtime_ns, found.st_ino) == self._was:
            return
        raise self._changed(
            "it is gone" if found is None else f"{found.st_size} bytes, or another time"
        )

    def _changed(self, found: str) -> InputError:
        return InputError(
            f"{self.path} changed while it was read",
            found=found,
            expected=f"{self.size} bytes, as when it was opened",
            remedy="wait until the checkpoint is wholly written, then convert again",
        )


class _OpenMaps:
    """The maps that are open; a map goes when it is not used, views of it keep it."""

    def __init__(self) -> None:
        self._maps: OrderedDict[FileState, mmap.mmap] = OrderedDict()
        # Threads that copy ask for maps at the same time; a finalizer may run inside of one.
        self._lock = threading.RLock()

    def get(self, state: FileState) -> mmap.mmap:
        """The file's map."""
        with self._lock:
            found = self._maps.get(state)
            if found is not None:
                self._maps.move_to_end(state)
                return found
            found = self._maps[state] = state.map()
            most = _most_files()
            while len(self._maps) > most:
                self._maps.popitem(last=False)
        return found

    def drop(self, state: FileState) -> None:
        """Forgets the file's map."""
        with self._lock:
            self._maps.pop(state, None)


def _most_files() -> int:
    """A quarter of what the process may open at most: each map holds its file open."""
    try:
        import resource
    except ImportError:
        return _MOST_FILES
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_FILES if limit == resource.RLIM_INFINITY else max(8, min(_MOST_FILES, limit // 4))


OPEN_MAPS = _OpenMaps()
