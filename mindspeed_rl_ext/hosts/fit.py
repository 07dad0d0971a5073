"""Installs the points of one imported host module, or trip-wires where they do not fit.

Covers: choosing among host lines: the first whose probe holds is applied, for each attribute.
Does not cover: when; `activation.hook` calls this after the module's own code has run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import ModuleType

from mindspeed_rl_ext.core.errors import ExtError
from mindspeed_rl_ext.hosts.adapter import Adapter
from mindspeed_rl_ext.hosts.point import Fitted, Point
from mindspeed_rl_ext.hosts.probe import misfits
from mindspeed_rl_ext.hosts.source import uncalled


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
    package = sys.modules.get(module.__name__.partition(".")[0])
    folders = list(getattr(package, "__path__", []))
    wrong = [misfits(module, point.probe) for _, point in rows]
    idle = [uncalled(point, folders) for _, point in rows]
    fitted = choose(rows, wrong, idle)
    for (_, point), misfit, unused in zip(rows, wrong, idle, strict=True):
        if not misfit and not unused:
            try:
                point.apply(module)
            except Exception as error:  # noqa: BLE001  the host must run; the tripwire raises later
                fitted = replace(fitted, misfit=f"applying it failed: {error!r}")
            break
    if fitted.misfit:
        point = rows[0][1]
        point.tripwire(module, changed_error(point, fitted.misfit))
    return fitted


def choose(
    rows: Sequence[tuple[Adapter, Point]],
    wrong: Sequence[Sequence[str]],
    idle: Sequence[str],
) -> Fitted:
    """Which adapters fit one attribute.

    Args:
        rows: the candidates.
        wrong: what each one's probe found wrong.
        idle: why the host never calls what each one touches, or "".

    Returns:
        The adapters that fit, and no misfit. Where some would fit but the host never calls what
        they touch: `unused`, or a misfit where one of them is required. Where none fits, all of
        them and why.
    """
    point = rows[0][1]
    shaped = [
        (row, no_call) for row, bad, no_call in zip(rows, wrong, idle, strict=True) if not bad
    ]
    fits = [adapter.name for (adapter, _), no_call in shaped if not no_call]
    if fits:
        return Fitted(point.module, point.attribute, join_names(fits), point.ledger.id)
    if shaped:
        names = join_names(adapter.name for (adapter, _), _ in shaped)
        required = any(one.required for (_, one), _ in shaped)
        kind = "misfit" if required else "unused"
        reason = {kind: shaped[0][1]}
        return Fitted(point.module, point.attribute, names, point.ledger.id, **reason)
    reasons: dict[str, list[str]] = {}
    for (adapter, _), misfit in zip(rows, wrong, strict=True):
        reasons.setdefault(", ".join(misfit), []).append(adapter.name)
    text = "; ".join(f"{join_names(names)}: {reason}" for reason, names in reasons.items())
    names = join_names(adapter.name for adapter, _ in rows)
    return Fitted(point.module, point.attribute, names, point.ledger.id, text)


def join_names(names: Iterable[str]) -> str:
    """Names of host lines, each host once.

    Example:
        >>> join_names(["MindSpeed-RL 2.0", "MindSpeed-RL 2.1", "verl 0.9"])
        'MindSpeed-RL 2.0, 2.1; verl 0.9'
    """
    versions: dict[str, list[str]] = {}
    for name in names:
        host, _, version = name.partition(" ")
        versions.setdefault(host, []).append(version)
    return "; ".join(f"{host} {', '.join(found)}".strip() for host, found in versions.items())


def changed_error(point: Point, misfit: str) -> HostChangedError:
    """The error that a use of our names raises where a point does not fit."""
    return HostChangedError(
        f"{point.module}.{point.attribute} is not what any adapter of mindspeed-rl-ext knows, "
        "so its names cannot work here",
        found=misfit,
        expected=str(point.ledger),
        remedy="install a version of mindspeed-rl-ext that knows this host, or take its names "
        "(verifiers, handler) out of the configuration",
    )
