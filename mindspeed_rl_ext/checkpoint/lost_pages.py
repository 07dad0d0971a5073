"""Pages of a mapped file that are lost when the file is cut short: zeros instead of a bus error.

The kernel ends a process that touches such a page. Looking at the file's size before each access
leaves a moment between the two, so the signal is caught: the lost pages are replaced by zeros, and
the file is noted, which every reader of it asks for before its values count.

Covers: 64-bit Linux, any thread, also code that does not hold Python's lock.
Does not cover: other systems, where such a file ends the process; signals of other addresses, which
go to the handler that was there before.
"""

from __future__ import annotations

import ctypes
import mmap
import signal
import sys
import threading
import weakref
from typing import Any

import numpy as np

_SUPPORTED = sys.platform == "linux" and sys.maxsize > 2**32
_SA_SIGINFO = 4
_SI_ADDR = 16  # bytes from the start of siginfo_t
_PROT_READ = 1
_MAP_FIXED_PRIVATE_ANONYMOUS = 0x10 | 0x02 | 0x20
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class _SigAction(ctypes.Structure):
    """struct sigaction of 64-bit Linux, in glibc and in musl."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ubyte * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


class Watched:
    """A map whose pages may be lost.

    Args:
        opened: the map; the watch ends with it.

    Attributes:
        lost: some of its pages were asked for and were not there.
    """

    def __init__(self, opened: mmap.mmap) -> None:
        self.lost = False
        self.size = len(opened)
        self.start = int(np.frombuffer(opened, np.uint8).__array_interface__["data"][0])
        _GUARD.add(self)
        weakref.finalize(opened, _GUARD.remove, self)


class _Guard:
    """The maps that are watched, and the handler of the signal.

    The handler is of the process: a fault comes in whichever thread touches the page. It stays once
    it is there, since a view can outlive the checkpoint that it was taken of.
    """

    def __init__(self) -> None:
        # Changed under the lock; the handler reads the tuple as it is, and takes no lock.
        self._lock = threading.Lock()
        self._watched: tuple[Watched, ...] = ()
        self._libc: Any = None
        self._handler: Any = None
        self._before = _SigAction()

    def add(self, watched: Watched) -> None:
        """Watches a map; the first one installs the handler."""
        with self._lock:
            self._watched = (*self._watched, watched)
            if _SUPPORTED and self._handler is None:
                self._install()

    def remove(self, watched: Watched) -> None:
        """Forgets a map that is gone."""
        with self._lock:
            self._watched = tuple(one for one in self._watched if one is not watched)

    def _install(self) -> None:
        self._libc = ctypes.CDLL(None)
        self._libc.mmap.restype = ctypes.c_void_p
        self._libc.mmap.argtypes = (
            *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int),
            ctypes.c_long,
        )
        self._handler = _HANDLER(self._replace)
        action = _SigAction(
            ctypes.cast(self._handler, ctypes.c_void_p), flags=_SA_SIGINFO
        )  # fmt: skip
        self._libc.sigaction(
            int(signal.SIGBUS), ctypes.byref(action), ctypes.byref(self._before)
        )  # fmt: skip

    def _replace(self, number: int, info: int, context: int) -> None:
        """Puts zeros from the page that was asked for to the end of its map."""
        address = ctypes.c_uint64.from_address(info + _SI_ADDR).value
        for watched in self._watched:
            end = watched.start + watched.size
            if watched.start <= address < end:
                watched.lost = True
                page = address - address % mmap.PAGESIZE
                self._libc.mmap(
                    page, end - page, _PROT_READ, _MAP_FIXED_PRIVATE_ANONYMOUS, -1, 0
                )  # fmt: skip
                return
        # Not ours: the access is repeated, and the handler from before gets the signal.
        self._libc.sigaction(number, ctypes.byref(self._before), None)


_GUARD = _Guard()
