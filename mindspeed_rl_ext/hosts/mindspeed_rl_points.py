"""The points that all lines of MindSpeed-RL share; they differ in the key of their metrics.

Covers: verifiers, the handler, the handler's allow-list and its options.
Does not cover: which lines there are; `lines/` does.
"""

from __future__ import annotations

from functools import partial

from mindspeed_rl_ext.hosts.batch_columns import leave_alone, remember_batch
from mindspeed_rl_ext.hosts.data_options import DATA_CONFIG_POINT
from mindspeed_rl_ext.hosts.handler_point import (
    allow_handler,
    set_handler,
    trip_allow_list,
    trip_handler,
)
from mindspeed_rl_ext.hosts.protocol import Expect, Point
from mindspeed_rl_ext.hosts.verifier_point import trip_verifier, wrap_verifier

RULES = "mindspeed_rl.models.rule_verifier"
SCORING = Expect("compute_verifier_score", ("batch", "megatron_config", "rl_config", "tokenizer"))


def mindspeed_rl_points(*, prefix: str) -> tuple[Point, ...]:
    """The points of a line.

    Args:
        prefix: what the line writes before `{name}_rewards/mean`: `grpo/` or nothing.
    """
    keys: dict[str, tuple[str, ...]] = (
        {"constants": ("grpo/", "_rewards/mean")}
        if prefix
        else {"constants": ("_rewards/mean",), "no_constants": ("grpo/",)}
    )
    verifier = Expect("verifier", ("responses", "data", "config"), **keys)
    return (
        Point(
            module=RULES,
            attribute="verifier",
            probe=(verifier,),
            apply=partial(wrap_verifier, prefix=prefix),
            tripwire=trip_verifier,
            ledger="RL-1",
        ),
        Point(
            module=RULES,
            attribute="compute_verifier_score",
            probe=(verifier, SCORING),
            apply=partial(remember_batch, attribute="compute_verifier_score"),
            tripwire=leave_alone,
            ledger="RL-2",
        ),
        Point(
            module="mindspeed_rl.datasets.data_handler",
            attribute="AlpacaStylePromptOnlyHandler",
            probe=(
                Expect("_get_handler_cls", ("handler_name",)),
                Expect("BaseDatasetHandler", ("args", "raw_datasets", "tokenizer", "splitter")),
            ),
            apply=set_handler,
            tripwire=trip_handler,
            ledger="RL-3",
        ),
        Point(
            module="mindspeed_rl.config_cls.validate_config",
            attribute="validate_data_handler_config",
            probe=(Expect("validate_data_handler_config", ("config",)),),
            apply=allow_handler,
            tripwire=trip_allow_list,
            ledger="RL-4",
        ),
        DATA_CONFIG_POINT,
    )
