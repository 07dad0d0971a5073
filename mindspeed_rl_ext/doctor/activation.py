"""Checks of the activation: does a Python that starts here adapt the hosts, and do they fit.

Covers: the `.pth`, the hook in this process, the switch, the probes on the hosts' source text.
Does not cover: Ray workers on other machines.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from mindspeed_rl_ext.activation.hook import current_finder, disabled, startup_waits
from mindspeed_rl_ext.activation.pth import PTH_NAME
from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.surroundings import Surroundings
from mindspeed_rl_ext.hosts.ledger import ledger_row
from mindspeed_rl_ext.hosts.locate import probe_source

BY_HAND = "start scripts with `msrl-ext run SCRIPT`"


def pth_files(found: Surroundings) -> Iterator[Finding]:
    """Exactly one copy of our `.pth` in the folders that this Python reads."""
    copies = [f / PTH_NAME for f in found.site_folders if (f / PTH_NAME).is_file()]
    if not copies:
        yield Finding(
            "error" if found.ours else "warning",
            f"no {PTH_NAME}: host scripts and Ray workers start without the plugin",
            ", ".join(map(str, found.site_folders)) or "no site-packages",
            f"pip install --force-reinstall --no-deps mindspeed-rl-ext, or {BY_HAND}",
        )
    elif len(copies) > 1:
        yield Finding(
            "warning",
            f"{len(copies)} copies of {PTH_NAME}; the first on the path is used",
            ", ".join(map(str, copies)),
            "uninstall all but one: pip uninstall mindspeed-rl-ext",
        )
    else:
        yield Finding("info", "the activation .pth is there once", str(copies[0]))


def switch(found: Surroundings) -> Iterator[Finding]:
    """MSRL_EXT_DISABLE turns everything off, and a host then scores our names 0 in silence."""
    if disabled():
        yield Finding(
            "error",
            "the plugin is turned off: hosts score our verifiers' names 0 without a word",
            f"MSRL_EXT_DISABLE={found.variables.get('MSRL_EXT_DISABLE')}",
            "unset MSRL_EXT_DISABLE",
        )


def hook(found: Surroundings) -> Iterator[Finding]:
    """This process, which started like any other, waits for a host or is adapted already."""
    if startup_waits() or current_finder() is not None:
        yield Finding("info", "the import hook is active", "this process")
    elif not disabled():
        without = (
            "this Python runs without site (-S)" if sys.flags.no_site else "the .pth did not run"
        )
        yield Finding(
            "error" if found.ours else "warning",
            f"the import hook is not active: {without}",
            "this process",
            f"install the package into the environment of this Python, or {BY_HAND}",
        )


def hosts(found: Surroundings) -> Iterator[Finding]:
    """Each host that could be imported has what our adapters touch."""
    if not found.hosts:
        yield Finding("info", "neither MindSpeed-LLM nor MindSpeed-RL is importable", "path")
    for package, folders in found.hosts.items():
        results = probe_source(package, folders)
        if not results:
            yield Finding("info", f"{package}: this version has no adapter", ", ".join(folders))
        for fitted in results:
            place = f"{fitted.module}.{fitted.attribute}"
            if fitted.misfit:
                yield Finding(
                    "error",
                    f"{place} is not what any adapter knows: {fitted.misfit}",
                    ledger_row(fitted.ledger),
                    "install a version of mindspeed-rl-ext that knows this host; until then using "
                    "our names there raises",
                )
            else:
                yield Finding("info", f"{place} fits {fitted.adapter}", fitted.ledger)
