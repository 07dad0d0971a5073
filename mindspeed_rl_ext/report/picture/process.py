"""The PNG, drawn in a process of its own: importing matplotlib takes as long as reading a log.

Covers: starting that process beside the reading, handing it the panels, taking the picture.
Does not cover: drawing; `curves` does.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import IO

from mindspeed_rl_ext.core.errors import MachineError
from mindspeed_rl_ext.core.python_process import start_python
from mindspeed_rl_ext.report.series import Panel, Series

_FUNCTION = "mindspeed_rl_ext.report.picture.process:serve"


class CurvesProcess:
    """A process that draws one picture.

    Args:
        process: the one started by `curves_process`.
        faults: where it writes what goes wrong.
    """

    def __init__(self, process: subprocess.Popen[bytes], faults: IO[bytes]) -> None:
        self._process, self._faults = process, faults

    def send(
        self, panels: list[tuple[Panel, dict[str, Series]]], series: dict[str, Series]
    ) -> None:
        """Hands over what is drawn; returns before it is.

        Args:
            panels: from `panels_of`, at least one.
            series: all metrics; the bands of the panels are among them.
        """
        bounds = {name for panel, _ in panels for name in panel.bounds or ()}
        needed = {name: line for name, line in series.items() if name in bounds}
        stdin = self._process.stdin
        assert stdin is not None
        # A process that has ended has no reader; `picture` says why it ended.
        with suppress(BrokenPipeError), stdin:
            pickle.dump((panels, needed), stdin, protocol=pickle.HIGHEST_PROTOCOL)

    def picture(self) -> bytes:
        """Waits for the PNG file.

        Raises:
            MachineError: the process failed.
        """
        stdout = self._process.stdout
        assert stdout is not None
        png = stdout.read()
        status = self._process.wait()
        if status == 0:
            return png
        self._faults.seek(0)
        lines = self._faults.read().decode("utf-8", "replace").strip().splitlines()
        raise MachineError(
            "the curves could not be drawn",
            found=lines[-1] if lines else f"exit status {status}",
            remedy="see whether this works: python -c 'import matplotlib.figure'",
        )


@contextmanager
def curves_process() -> Iterator[CurvesProcess | None]:
    """Starts the process, which imports matplotlib at once; leaving the block ends it.

    Yields:
        The process; None where matplotlib is not installed.

    Raises:
        MachineError: no process can be started.
    """
    if find_spec("matplotlib") is None:
        yield None
        return
    with tempfile.TemporaryFile() as faults:
        process = start_python(
            _FUNCTION,
            purpose="the process that draws the curves",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=faults,
        )
        try:
            yield CurvesProcess(process, faults)
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):  # what is left to send has no reader
                        stream.close()


def serve() -> None:
    """Runs in the process: panels in on stdin, the picture out on stdout."""
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401 - it takes its time before the panels come

    from mindspeed_rl_ext.report.picture.curves import draw_curves

    panels, series = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(draw_curves(panels, series))
