"""The command is quiet about Ctrl-C even while its own modules are being imported."""

from __future__ import annotations

INTERRUPTED = """
import sys

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == AT:
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
from mindspeed_rl_ext.cli.__main__ import main
sys.argv = ["msrl-ext", "doctor"]
sys.exit(main())
"""


def test_an_interrupt_during_the_first_imports_is_quiet(run_python):
    done = run_python("AT = 'mindspeed_rl_ext.cli._dispatch'\n" + INTERRUPTED)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_an_interrupt_while_a_command_is_imported_is_told_by_the_command_line(run_python):
    done = run_python("AT = 'mindspeed_rl_ext.cli.doctor'\n" + INTERRUPTED)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
