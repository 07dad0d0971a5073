"""Runs a Python script with the plugin activated, as `python SCRIPT ARGS` would run it.

For a Python without site (`-S`), or an environment where the package's .pth cannot be installed.
Ray workers need `worker_process_setup_hook: mindspeed_rl_ext.activate` then; see
configs/envs/runtime_env.yaml.
"""

from __future__ import annotations

import argparse
import os
import runpy
import sys
import zipfile
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType

from mindspeed_rl_ext.activation.activate import activate
from mindspeed_rl_ext.core.errors import EXIT_INTERRUPTED, InputError

DESCRIPTION_ZH = """激活插件后运行 Python 脚本，效果同 `python SCRIPT ARGS`。

用于没有 site 的 Python（`-S`），或装不了本包 .pth 的环境。此时 Ray 的工作进程还需要
`worker_process_setup_hook: mindspeed_rl_ext.activate`，见 configs/envs/runtime_env.yaml。
"""

UNCAUGHT = 1  # python's own exit code for an uncaught exception


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `msrl-ext run`."""
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="SCRIPT ARGS",
        help="a Python file, or a directory or archive with __main__.py, and its own arguments",
    )


def run(args: argparse.Namespace) -> int:
    """Activates, then runs the script; its output and exit code are passed through."""
    if not args.words:
        raise InputError("no script is given", remedy="msrl-ext run SCRIPT ARGS")
    script = args.words[0]
    if not os.path.exists(script):
        raise InputError(f"no such script: {script}", remedy="check the path")
    activate()
    sys.argv = list(args.words)
    try:
        _run_as_main(script)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001  what python does with an uncaught exception
        sys.excepthook(type(error), error, _inside_script(error.__traceback__))
        return EXIT_INTERRUPTED if isinstance(error, KeyboardInterrupt) else UNCAUGHT
    return 0


def _run_as_main(script: str) -> None:
    path_given = getattr(sys.flags, "safe_path", False) or sys.flags.isolated
    if os.path.isdir(script) or zipfile.is_zipfile(script):
        if not path_given:
            del sys.path[0]
        runpy.run_path(script, run_name="__main__")  # puts the folder or archive on the path
        return
    if not path_given:
        sys.path[0] = os.path.dirname(os.path.realpath(script))
    # runpy would change sys.argv[0] and __file__, and take __main__ away before atexit functions.
    path = os.path.join(os.getcwd(), script)
    loader = SourceFileLoader("__main__", path)
    main = ModuleType("__main__")
    main.__file__, main.__loader__ = path, loader
    sys.modules["__main__"] = main
    exec(loader.source_to_code(loader.get_data(path), path), vars(main))


def _inside_script(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that starts in the script; none where its code never ran."""
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _is_ours(file: str) -> bool:
    return file in (__file__, runpy.__file__) or file.startswith("<frozen ")
