"""Starting another Python that imports what this one does, and runs one function.

Covers: the same interpreter and the same `sys.path`, whatever made it so; no fork of a process with
threads, no second run of a user's `__main__`; a start that fails as an error; errors as JSON, so
that the caller raises what the other process raised.
Does not cover: pools, pipes, when the process ends; callers keep the handle.

Example:
    >>> process = start_python("builtins:print", "done", purpose="a", stdout=subprocess.PIPE)
    >>> process.communicate()[0].strip(), process.returncode
    (b'done', 0)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from mindspeed_rl_ext.core.errors import CheckFailedError, ExtError, InputError, MachineError

_CODE = (
    "import sys; from importlib import import_module; "
    "where, count = sys.argv[1], int(sys.argv[2]) + 3; "
    "arguments = sys.argv[3:count]; sys.path[:] = sys.argv[count:]; "
    "module, _, name = where.partition(':'); getattr(import_module(module), name)(*arguments)"
)
_KINDS = {kind.exit_code: kind for kind in (InputError, CheckFailedError, MachineError)}


def python_command(function: str, *arguments: str) -> list[str]:
    """The command line of a Python with our path that calls a function and ends.

    Args:
        function: "module:name".
        arguments: its arguments, as text.
    """
    path = [os.path.abspath(folder) for folder in sys.path]
    return [sys.executable, "-c", _CODE, function, str(len(arguments)), *arguments, *path]


def start_python(
    function: str, *arguments: str, purpose: str, **popen: Any
) -> subprocess.Popen[bytes]:
    """Starts a Python with our path that calls a function and ends.

    Args:
        function: "module:name".
        arguments: its arguments, as text.
        purpose: what the process is for, such as "the process that draws the curves".
        popen: further arguments of `subprocess.Popen`.

    Raises:
        MachineError: no process can be started.
    """
    try:
        return subprocess.Popen(python_command(function, *arguments), **popen)
    except OSError as error:
        raise MachineError(
            f"{purpose} cannot be started",
            found=f"{sys.executable}: {error}",
            remedy="free memory or processes",
        ) from error


def error_to_json(error: ExtError | OSError | MemoryError) -> str:
    """An error as text for another process of ours.

    Example:
        >>> raise error_from_json(error_to_json(InputError("no such file")))
        Traceback (most recent call last):
        ...
        mindspeed_rl_ext.core.errors.InputError: no such file
    """
    if isinstance(error, ExtError):
        parts = [error.what, error.found, error.expected, error.remedy]
        return json.dumps({"exit_code": error.exit_code, "parts": parts})
    if isinstance(error, OSError) and error.errno is not None:
        name = None if error.filename is None else os.fsdecode(error.filename)
        return json.dumps({"errno": error.errno, "text": error.strerror, "file": name})
    parts = [str(error) or "out of memory", "", "", ""]
    return json.dumps({"exit_code": MachineError.exit_code, "parts": parts})


def error_from_json(text: str) -> ExtError | OSError:
    """The error that `error_to_json` wrote; of subclasses, the one with that exit code."""
    table = json.loads(text)
    if "errno" in table:
        place = [table["file"]] if table["file"] is not None else []
        return OSError(table["errno"], table["text"], *place)
    what, found, expected, remedy = table["parts"]
    kind = _KINDS[table["exit_code"]]
    return kind(what, found=found, expected=expected, remedy=remedy)
