"""The points of verl, which its lines share.

Covers: the reward manager in verl's registry; with MSRL_EXT_VERL_DEFAULT=1 the function that scores
where the configuration names neither function nor manager.
Does not cover: `reward.custom_reward_function`; that needs no point (`integrations.verl`).
"""

from __future__ import annotations

import functools
import os
from types import ModuleType
from typing import Any

from mindspeed_rl_ext.hosts.point import Caller, Expect, LedgerRow, Point
from mindspeed_rl_ext.hosts.tripwire import trip_functions

NAME = "msrl_ext"  # reward.reward_manager.name
REGISTRY = "verl.experimental.reward_loop.reward_manager.registry"
SCORES = "verl.utils.reward_score"
REPLACE_DEFAULT = "MSRL_EXT_VERL_DEFAULT"


def register_manager(module: ModuleType) -> None:
    """Registers our manager in verl's registry; a second call changes nothing."""
    from mindspeed_rl_ext.hosts.verl.manager import MsrlExtRewardManager

    vars(module)["register"](NAME)(MsrlExtRewardManager)


def trip_manager(module: ModuleType, error: Exception) -> None:
    """Makes every function of the registry that is given our name raise."""
    trip_functions(module, error, lambda argument: isinstance(argument, str) and argument == NAME)


def replace_default(module: ModuleType) -> None:
    """Scores with our verifiers where nothing else is configured, if the variable asks for it."""
    if os.environ.get(REPLACE_DEFAULT, "0") in ("", "0"):
        return
    original = vars(module)["default_compute_score"]
    if getattr(original, "_msrl_ext", False):
        return

    @functools.wraps(original)
    def default_compute_score(
        data_source: str,
        solution_str: str,
        ground_truth: Any,
        extra_info: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> dict[str, Any]:
        from mindspeed_rl_ext.verifiers.by_source import known_source_fields

        return known_source_fields(data_source, solution_str, ground_truth, extra_info)

    default_compute_score._msrl_ext = True  # type: ignore[attr-defined]
    module.default_compute_score = default_compute_score  # type: ignore[attr-defined]


def leave_default(module: ModuleType, error: Exception) -> None:
    """Raises where the variable asks for our function and verl's can't be replaced."""
    if os.environ.get(REPLACE_DEFAULT, "0") not in ("", "0"):
        raise error


MANAGER_POINT = Point(
    module=REGISTRY,
    attribute="register",
    probe=(Expect("register", ("name",)), Expect("get_reward_manager_cls", ("name",))),
    apply=register_manager,
    tripwire=trip_manager,
    ledger=LedgerRow(
        "VERL-1",
        f"`{REGISTRY}.register` is called with our reward manager, under the name `{NAME}`",
        "the registry is open, and holds only what was registered in the process that looks up",
        "when verl names managers by entry point",
    ),
    callers=(Caller(r"\bget_reward_manager_cls\(", module="verl.trainer.ppo.reward"),),
)
DEFAULT_POINT = Point(
    module=SCORES,
    attribute="default_compute_score",
    probe=(Expect("default_compute_score", ("data_source", "solution_str", "ground_truth")),),
    apply=replace_default,
    tripwire=leave_default,
    ledger=LedgerRow(
        "VERL-2",
        f"`{SCORES}.default_compute_score` is replaced, only where {REPLACE_DEFAULT}=1",
        "scripts that name neither a function nor a manager are scored by it; it raises for a data "
        "source that it does not know",
        "when the default can be configured",
    ),
    required=False,
)
VERL_POINTS = (MANAGER_POINT, DEFAULT_POINT)
