"""The points that all lines of MindSpeed-RL share; they differ in the key of their metrics.

Covers: verifiers, the handler, the handler's allow-list and its options.
Does not cover: which lines there are; `lines/` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mindspeed_rl_ext.hosts.adapter import RUN, Behaviour, Evidence
from mindspeed_rl_ext.hosts.point import Caller, Expect, LedgerRow, Point
from mindspeed_rl_ext.hosts.points.batch_columns import leave_alone, remember_batch
from mindspeed_rl_ext.hosts.points.data_options import DATA_CONFIG_POINT
from mindspeed_rl_ext.hosts.points.handler_point import (
    allow_handler,
    set_handler,
    trip_allow_list,
    trip_handler,
)
from mindspeed_rl_ext.hosts.points.verifier_uses import trip_verifier, wrap_verifier

RULES = "mindspeed_rl.models.rule_verifier"
VERIFIER_ROW = LedgerRow(
    "RL-1",
    f"`{RULES}.verifier` is wrapped: names of ours are scored by "
    "`mindspeed_rl_ext.verifiers`, the host's names by the host; an unknown name "
    "raises, and so does a `filter_groups_metric` that no verifier gives",
    "the host's names are a table inside the function, and a name that is not in it "
    "silently scores 0",
    "when the host takes verifiers from a registry or an entry point and refuses unknown names",
)
COLUMNS_ROW = LedgerRow(
    "RL-2",
    f"`{RULES}.compute_verifier_score` is wrapped: its arguments are remembered while "
    "it runs, nothing is changed",
    "the host passes its verifiers neither the prompt nor the length in tokens",
    "when `verifier` is given prompts and lengths",
)
HANDLER_ROW = LedgerRow(
    "RL-3",
    "`mindspeed_rl.datasets.data_handler.AlpacaStylePromptOnlyHandler` is set to our handler",
    "the host looks handlers up by name in that module only",
    "when the host has a registry of handlers",
)
ALLOW_LIST_ROW = LedgerRow(
    "RL-4",
    "`mindspeed_rl.config_cls.validate_config.validate_data_handler_config` is "
    "wrapped: for our handler it sees the name of one of the host's, all its other "
    "checks run",
    "its list of handlers that may have a prompt_type is closed",
    "when the list is open",
)
SCORING = Expect("compute_verifier_score", ("batch", "megatron_config", "rl_config", "tokenizer"))


ALL_RUN: Mapping[str, Evidence] = dict.fromkeys(
    ("handler", "verifiers", "workers", "templates", "configs"), RUN
)
# How the lines differ.
BEFORE_22 = Behaviour(metric_prefix="grpo/", normalises=True, reads_configs=("datasets", "msrl"))
SINCE_22 = Behaviour(filters_groups=True, reads_configs=("datasets", "msrl"))


def mindspeed_rl_points(behaviour: Behaviour) -> tuple[Point, ...]:
    """The points of a line.

    Args:
        behaviour: how the line differs from the others.
    """
    prefix = behaviour.metric_prefix
    verifier = Expect(
        "verifier",
        ("responses", "data", "config"),
        constants=(*((prefix,) * bool(prefix)), "_rewards/mean"),
        no_constants=() if prefix else (BEFORE_22.metric_prefix,),
    )
    return (
        Point(
            module=RULES,
            attribute="verifier",
            probe=(verifier,),
            apply=partial(wrap_verifier, prefix=prefix),
            tripwire=trip_verifier,
            ledger=VERIFIER_ROW,
            callers=(Caller(r"(?<!def )\bverifier\("),),
        ),
        Point(
            module=RULES,
            attribute="compute_verifier_score",
            probe=(verifier, SCORING),
            apply=partial(remember_batch, attribute="compute_verifier_score"),
            tripwire=leave_alone,
            ledger=COLUMNS_ROW,
            callers=(
                Caller(r"\bcompute_verifier_score\(", module="mindspeed_rl.workers.rule_reward"),
            ),
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
            ledger=HANDLER_ROW,
        ),
        Point(
            module="mindspeed_rl.config_cls.validate_config",
            attribute="validate_data_handler_config",
            probe=(Expect("validate_data_handler_config", ("config",)),),
            apply=allow_handler,
            tripwire=trip_allow_list,
            ledger=ALLOW_LIST_ROW,
        ),
        DATA_CONFIG_POINT,
    )
