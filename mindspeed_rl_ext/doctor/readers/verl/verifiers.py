"""The verifiers of ours that a verl run names, as our manager and our function read them.

Covers: `reward_kwargs` of the manager `msrl_ext` and of `pkg://mindspeed_rl_ext.integrations.verl`.
Does not cover: values that a shell or a branch decides; reward functions of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers.verl.known import OPEN_TABLES
from mindspeed_rl_ext.doctor.readers.verl.run import VerlRun
from mindspeed_rl_ext.hosts.verl_points import NAME
from mindspeed_rl_ext.hosts.verl_rewards import read_settings
from mindspeed_rl_ext.verifiers.by_source import Table, build_table, known_table

MANAGER, PATH = "reward.reward_manager.name", "reward.custom_reward_function.path"
FUNCTION = "pkg://mindspeed_rl_ext.integrations.verl"
OF_MANAGER, OF_FUNCTION = OPEN_TABLES


@dataclass(frozen=True)
class OurVerifiers:
    """The verifiers that score a run.

    Args:
        table: by data source; None where the configuration is refused.
        refused: why it is refused.
        remedy: what to do then.
        by_function: whether the function scores, which verl tells less than the manager.
        place: where they are named.
    """

    label: ClassVar[Text] = Text("our verifiers in a verl script", "verl 脚本里我们的打分器")

    table: Table | None
    refused: str
    remedy: str
    by_function: bool
    place: Place


def our_verifiers(run: VerlRun) -> OurVerifiers | None:
    """The verifiers of a run; None where others score it, or a shell decides."""
    by_function = run.text(PATH) == FUNCTION
    if not by_function and (run.text(MANAGER) != NAME or run.has(PATH)):
        return None
    kwargs = OF_FUNCTION if by_function else OF_MANAGER
    given = _below(run, kwargs)
    if given is None:
        return None
    named = f"{kwargs}.verifiers"
    place = run.place(named if run.has(named) else PATH if by_function else MANAGER)
    try:
        table = _of_function(given) if by_function else read_settings(given).table
    except InputError as error:
        found = f" ({error.found})" if error.found else ""
        return OurVerifiers(None, error.what + found, error.remedy, by_function, place)
    return OurVerifiers(table, "", "", by_function, place)


def _of_function(given: Mapping[str, Any]) -> Table:
    if given.get("verifiers") is None:
        return known_table()
    table = build_table(given["verifiers"], given.get("weights"))
    known = {"verifiers", "weights", *table.columns}
    unknown = sorted(set(given) - known)
    if unknown:
        raise InputError(f"no key {unknown[0]}", remedy=nearest(unknown[0], known))
    return table


def _below(run: VerlRun, above: str) -> dict[str, Any] | None:
    """The table below a key; None where any of it is open."""
    whole = run.get(above)
    found: dict[str, Any] = dict(whole) if isinstance(whole, Mapping) else {}
    if run.is_open(above) or not run.complete:
        return None
    for key, setting in run.settings.items():
        if not key.startswith(f"{above}."):
            continue
        if setting.is_open:
            return None
        *outer, last = key.removeprefix(f"{above}.").split(".")
        here = found
        for part in outer:
            here = here.setdefault(part, {})
        here[last] = setting.value
    return found
