"""`mindspeed_rl_ext.activate()`: what the `.pth` does, by hand.

Covers: processes whose Python ran without site (`-S`), Ray's `worker_process_setup_hook`, hosts
that were imported before. Once a process; a second call changes nothing.
Does not cover: starting a script; `msrl-ext run` does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from mindspeed_rl_ext.activation.hook import HostFinder, current_finder, install
from mindspeed_rl_ext.hosts.point import Fitted


@dataclass(frozen=True)
class Activation:
    """What activation has done in this process so far.

    Args:
        active: False where MSRL_EXT_DISABLE turns the plugin off.
        already: it was active before this call.
        process: the process id.
        installed: what was put into host modules that are imported.
        watched: host modules that are adapted when they are imported.
    """

    active: bool
    already: bool
    process: int
    installed: tuple[Fitted, ...] = ()
    watched: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.active:
            return "mindspeed-rl-ext is turned off by MSRL_EXT_DISABLE"
        rows = [f"  {fitted}" for fitted in self.installed] or ["  no host module is imported yet"]
        return "\n".join([f"mindspeed-rl-ext is active in process {self.process}", *rows])


def activate() -> Activation:
    """Hooks the hosts in this process and adapts those of their modules that are imported.

    Returns:
        What is installed. Names that host modules and the main script copied out of a host module
        by a from-import are replaced too; copies elsewhere (a default argument, a list) are not.

    Example:
        >>> activate().active
        True
        >>> activate().already
        True
    """
    already = current_finder() is not None
    finder: HostFinder | None = install()
    if finder is None:
        return Activation(active=False, already=False, process=os.getpid())
    finder.adapt_imported()
    return Activation(True, already, os.getpid(), tuple(finder.fitted), tuple(finder.watched))
