"""Installs the points of one imported host module, or trip-wires where they do not fit.

Covers: choosing among host lines: the first whose probe holds is applied, for each attribute.
Does not cover: when; `activation.hook` calls this after the module's own code has run.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from mindspeed_rl_ext.errors import ExtError
from mindspeed_rl_ext.hosts.ledger import ledger_row
from mindspeed_rl_ext.hosts.probe import misfits
from mindspeed_rl_ext.hosts.protocol import Adapter, Fitted, Point


class HostChangedError(ExtError):
    """A name of ours was used in a host that no adapter fits. Exit code 2."""


def fit_module(module: ModuleType, candidates: Iterable[tuple[Adapter, Point]]) -> list[Fitted]:
    """Applies to a module the points that fit; never raises because of the host.

    Returns:
        One entry for each attribute that any candidate touches.
    """
    by_attribute: dict[str, list[tuple[Adapter, Point]]] = {}
    for adapter, point in candidates:
        by_attribute.setdefault(point.attribute, []).append((adapter, point))
    return [_fit_attribute(module, rows) for rows in by_attribute.values()]


def _fit_attribute(module: ModuleType, rows: list[tuple[Adapter, Point]]) -> Fitted:
    reasons: list[str] = []
    for adapter, point in rows:
        wrong = misfits(module, point.probe)
        if not wrong:
            try:
                point.apply(module)
            except Exception as error:  # noqa: BLE001  the host must run; the tripwire speaks up
                wrong = [f"applying it failed: {error!r}"]
            else:
                return Fitted(module.__name__, point.attribute, adapter.name, point.ledger)
        reasons.append(f"{adapter.name}: {', '.join(wrong)}")
    point = rows[0][1]
    misfit = "; ".join(reasons)
    names = ", ".join(adapter.name for adapter, _ in rows)
    point.tripwire(module, changed_error(point, misfit))
    return Fitted(module.__name__, point.attribute, names, point.ledger, misfit)


def changed_error(point: Point, misfit: str) -> HostChangedError:
    """The error that a use of our names raises where a point does not fit."""
    return HostChangedError(
        f"{point.module}.{point.attribute} is not what any adapter of mindspeed-rl-ext knows, "
        "so its names cannot work here",
        found=misfit,
        expected=ledger_row(point.ledger),
        remedy="install a version of mindspeed-rl-ext that knows this host, or take its names "
        "(verifiers, handler) out of the configuration",
    )
