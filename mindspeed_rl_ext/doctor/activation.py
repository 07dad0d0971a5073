"""Checks of the activation: does a Python that starts here adapt the hosts, and do they fit.

Covers: the `.pth`, the hook in this process, the switch, the probes on the hosts' source text.
Does not cover: Ray workers on other machines.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from mindspeed_rl_ext.activation.hook import current_finder, disabled, startup_waits
from mindspeed_rl_ext.activation.pth import PTH_NAME
from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.doctor.surroundings import Surroundings
from mindspeed_rl_ext.hosts.ledger import ledger_row
from mindspeed_rl_ext.hosts.locate import probe_source


def pth_files(found: Surroundings) -> Iterator[Finding]:
    """Exactly one copy of our `.pth` in the folders that this Python reads."""
    copies = [f / PTH_NAME for f in found.site_folders if (f / PTH_NAME).is_file()]
    values = {"pth": PTH_NAME, "count": len(copies)}
    if not copies:
        place = ", ".join(map(str, found.site_folders)) or "no site-packages"
        yield Finding(
            "A-pth-missing" if found.ours else "A-pth-not-installed", Place(place), values
        )
    else:
        place = ", ".join(map(str, copies))
        yield Finding("A-pth" if len(copies) == 1 else "A-pth-copies", Place(place), values)


def switch(found: Surroundings) -> Iterator[Finding]:
    """MSRL_EXT_DISABLE turns everything off, and a host then scores our names 0 in silence."""
    if disabled():
        value = found.variables.get("MSRL_EXT_DISABLE")
        yield Finding("A-disabled", Place(f"MSRL_EXT_DISABLE={value}"))


def hook(found: Surroundings) -> Iterator[Finding]:
    """This process, which started like any other, waits for a host or is adapted already."""
    if startup_waits() or current_finder() is not None:
        yield Finding("A-hook", Place("this process"))
    elif not disabled():
        said, said_zh = (
            ("this Python runs without site (-S)", "这个 Python 以 -S 运行，没有 site")
            if sys.flags.no_site
            else ("the .pth did not run", ".pth 没有运行")
        )
        yield Finding(
            "A-hook-missing" if found.ours else "A-hook-not-installed",
            Place("this process"),
            {"because": said, "because_zh": said_zh},
        )


def hosts(found: Surroundings) -> Iterator[Finding]:
    """Each host that could be imported has what our adapters touch."""
    if not found.hosts:
        yield Finding("A-no-host", Place("path"))
    for package, folders in found.hosts.items():
        results = probe_source(package, folders)
        if not results:
            yield Finding("A-unknown-host", Place(", ".join(folders)), {"package": package})
        for fitted in results:
            values = {"point": f"{fitted.module}.{fitted.attribute}", "adapter": fitted.adapter}
            if fitted.misfit:
                row = Place(ledger_row(fitted.ledger))
                yield Finding("A-misfit", row, {**values, "misfit": fitted.misfit})
            else:
                yield Finding("A-fits", Place(fitted.ledger), values)
