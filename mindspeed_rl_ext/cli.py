"""`msrl-ext`: dispatch only.

Covers: the table of subcommands, error messages, exit codes. Each subcommand lives in its room as
a module with `add_arguments(parser)` and `run(args) -> int`, imported when called; it prints its
results to standard output and logs to standard error.
Does not cover: any work of its own.
"""

from __future__ import annotations

import argparse
import errno
import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from mindspeed_rl_ext.errors import (
    EXIT_INTERRUPTED,
    EXIT_MACHINE_FAILED,
    EXIT_WRONG_INPUT,
    ExtError,
    InputError,
    nearest,
)
from mindspeed_rl_ext.version import __version__


@dataclass(frozen=True)
class Command:
    """One subcommand: where it lives and what it does, in one line."""

    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    "quickstart": Command("recipes.quickstart.command", "the whole loop in minutes, on a CPU"),
    "convert": Command("checkpoint.commands.convert", "HuggingFace <-> Megatron-core checkpoints"),
    "inspect": Command("checkpoint.commands.inspect", "what a checkpoint contains"),
    "verify": Command("checkpoint.commands.verify", "prove two checkpoints the same model"),
    "diff": Command("checkpoint.commands.diff", "where two checkpoints differ"),
    "preprocess": Command("preprocess.commands.preprocess", "rows to packed prompt-only files"),
    "preview": Command("preprocess.commands.preview", "packed rows decoded back to text"),
    "merge": Command("preprocess.commands.merge", "join packed files, such as those of shards"),
    "strip": Command("preprocess.commands.strip", "packed instruction files to prompt-only ones"),
    "score": Command("verifiers.command", "score saved rollouts with verifiers"),
    "recipe": Command("recipes.commands.recipe", "list the trainings, show one"),
    "train": Command("recipes.commands.train", "train by a recipe: sample, SFT, EI, GRPO"),
    "evaluate": Command("recipes.evaluation.command", "pass@k of a model on six benchmarks"),
    "report": Command("report.command", "curves and a page from a run's metrics"),
    "doctor": Command("doctor.command", "what is wrong before a run costs money"),
    "resume-config": Command("doctor.commands.resume_config", "the YAML that resumes a run"),
    "run": Command("activation.command", "run a host script with the plugin activated"),
    "init": Command("shipped_command", "copy configs and door scripts out of the package"),
}

MACHINE_ERRNOS = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
        *(errno.EACCES, errno.EPERM, errno.EROFS),
        *(errno.ENOMEM, errno.EIO),
    }
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `msrl-ext`; returns the exit code (0, 1, 2, 3 or 130)."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in _own_words(words)
    if debug:
        words.remove("--debug")
    _print_anything()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s", stream=sys.stderr)
    try:
        return _dispatch(words)
    except KeyboardInterrupt as error:
        left = str(error) or "nothing half-written was left behind"
        print(f"interrupted: {left}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (`| head`) went away; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ExtError, OSError, MemoryError) as error:
        if debug:
            traceback.print_exc()
        print(_message(error), file=sys.stderr)
        return _exit_code(error)


def _print_anything() -> None:
    """Escapes what a terminal cannot show, instead of failing on it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _own_words(words: list[str]) -> list[str]:
    """Words that are ours: those of a script under `run` are not."""
    return words[:1] if words[:1] == ["run"] else words


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_usage())
        return 0 if words else EXIT_WRONG_INPUT
    if words[0] == "--version":
        print(f"mindspeed-rl-ext {__version__}")
        return 0
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        raise InputError(f"unknown command {name!r}", remedy=nearest(name, COMMANDS))
    command = COMMANDS[name]
    module = import_module(f"mindspeed_rl_ext.{command.module}")
    parser = argparse.ArgumentParser(
        prog=f"msrl-ext {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(rest)))


def _usage() -> str:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:<{width}}  {c.summary}" for name, c in COMMANDS.items())
    return (
        f"usage: msrl-ext COMMAND [options]\n\n{rows}\n\n"
        "msrl-ext COMMAND --help describes one; --debug shows a traceback with an error."
    )


def _message(error: BaseException) -> str:
    if isinstance(error, ExtError):
        return f"error: {error}"
    if isinstance(error, MemoryError):
        return "error: out of memory\n  remedy:   fewer --workers, or a machine with more memory"
    return f"error: {error}\n  remedy:   {_os_remedy(error)}"


def _os_remedy(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "free disk space, then run the command again"
    if number == errno.EFBIG:
        return "raise the limit on the size of a file (ulimit -f)"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "check the permissions of the path"
    return "check the path"


def _exit_code(error: BaseException) -> int:
    if isinstance(error, ExtError):
        return error.exit_code
    if isinstance(error, MemoryError) or getattr(error, "errno", None) in MACHINE_ERRNOS:
        return EXIT_MACHINE_FAILED
    return EXIT_WRONG_INPUT


if __name__ == "__main__":
    sys.exit(main())
