"""What commands print for people, in the language of the process.

Covers: lines of output, error messages, log records. Does not cover: JSON and other files' text,
which commands print as they are, with `print`.
"""

from __future__ import annotations

import errno
import logging
import sys

from mindspeed_rl_ext.core.catalog import translate, translate_lines
from mindspeed_rl_ext.core.errors import (
    ExtError,
    InputError,
    MachineError,
)
from mindspeed_rl_ext.core.language import Text, current_language

MACHINE_ERRNOS = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
        *(errno.EACCES, errno.EPERM, errno.EROFS),
        *(errno.ENOMEM, errno.EIO, errno.EMFILE, errno.ENFILE),
    }
)
_ERROR = Text("error: ", "错误：")
_LEVELS = {
    "INFO": Text("INFO: ", "提示："),
    "WARNING": Text("WARNING: ", "警告："),
    "ERROR": Text("ERROR: ", "错误："),
}


def show(text: str, *, to_stderr: bool = False) -> None:
    """Prints a text of one or more lines, each in the reader's language.

    Args:
        text: composed in English.
        to_stderr: whether it is no result.
    """
    stream = sys.stderr if to_stderr else sys.stdout
    print(translate_lines(text, current_language()), file=stream, flush=True)


def show_error(error: BaseException) -> int:
    """Prints the message of an error to standard error; returns the exit code that it means."""
    ours = as_ours(error)
    language = current_language()
    print(_ERROR.in_language(language) + ours.in_language(language), file=sys.stderr)
    return ours.exit_code


def as_ours(error: BaseException) -> ExtError:
    """An error of the machine or of a file as an error of this package."""
    if isinstance(error, ExtError):
        return error
    if isinstance(error, MemoryError):
        return MachineError(
            "out of memory", remedy="fewer --workers, or a machine with more memory"
        )
    number = getattr(error, "errno", None)
    kind = MachineError if number in MACHINE_ERRNOS else InputError
    name = getattr(error, "filename", None)
    reason = getattr(error, "strerror", None) or str(error)
    what = f"{name}: {reason}" if name is not None else reason
    return kind(what, remedy=_os_remedy(number))


def _os_remedy(number: int | None) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "free disk space, then run the command again"
    if number == errno.EFBIG:
        return "raise the limit on the size of a file (ulimit -f)"
    if number in (errno.EMFILE, errno.ENFILE):
        return "raise the limit on open files (ulimit -n), or fewer --workers"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "check the permissions of the path"
    return "check the path"


class LogFormatter(logging.Formatter):
    """Log records in the reader's language."""

    def format(self, record: logging.LogRecord) -> str:
        """The level and the message."""
        language = current_language()
        level = _LEVELS.get(record.levelname)
        name = level.in_language(language) if level else f"{record.levelname}: "
        text = name + translate(record.getMessage(), language)
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


def log_to_stderr() -> None:
    """Sends log records to standard error, where no program has set logging up before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
