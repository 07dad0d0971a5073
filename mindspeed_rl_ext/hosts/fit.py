"""Installs the points of one imported host module, or trip-wires where they do not fit.

Covers: choosing among host lines: the first whose probe holds is applied, for each attribute.
Does not cover: when; `activation.hook` calls this after the module's own code has run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import ModuleType

from mindspeed_rl_ext.core.errors import ExtError
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
    return [_fit_attribute(module, rows) for rows in by_attribute(candidates)]


def by_attribute(candidates: Iterable[tuple[Adapter, Point]]) -> list[list[tuple[Adapter, Point]]]:
    """The points of one module, those of the same attribute together."""
    groups: dict[str, list[tuple[Adapter, Point]]] = {}
    for adapter, point in candidates:
        groups.setdefault(point.attribute, []).append((adapter, point))
    return list(groups.values())


def _fit_attribute(module: ModuleType, rows: list[tuple[Adapter, Point]]) -> Fitted:
    wrong = [misfits(module, point.probe) for _, point in rows]
    fitted = judge(rows, wrong)
    for (_, point), misfit in zip(rows, wrong, strict=True):
        if not misfit:
            try:
                point.apply(module)
            except Exception as error:  # noqa: BLE001  the host must run; the tripwire speaks up
                fitted = replace(fitted, misfit=f"applying it failed: {error!r}")
            break
    if fitted.misfit:
        point = rows[0][1]
        point.tripwire(module, changed_error(point, fitted.misfit))
    return fitted


def judge(rows: Sequence[tuple[Adapter, Point]], wrong: Sequence[Sequence[str]]) -> Fitted:
    """Which adapters fit one attribute, given what each probe found wrong.

    Returns:
        The adapters that fit, and no misfit; where none does, all of them and why.
    """
    fits = [adapter.name for (adapter, _), misfit in zip(rows, wrong, strict=True) if not misfit]
    point = rows[0][1]
    if fits:
        return Fitted(point.module, point.attribute, ", ".join(fits), point.ledger)
    names = [adapter.name for adapter, _ in rows]
    reasons = {", ".join(misfit): name for name, misfit in zip(names, wrong, strict=True)}
    text = "; ".join(f"{name}: {reason}" for reason, name in reasons.items())
    return Fitted(point.module, point.attribute, ", ".join(names), point.ledger, text)


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
