"""The points that lines of MindSpeed-LLM share.

Covers: the handler in all of them, verifiers in those that train with GRPO themselves.
Does not cover: master's GRPO, which uses MindSpeed-RL's verifiers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.hosts.adapter import MINDSPEED_RL_URL, Checkout
from mindspeed_rl_ext.hosts.point import Caller, Expect, LedgerRow, Point
from mindspeed_rl_ext.hosts.points.batch_columns import leave_alone, remember_batch
from mindspeed_rl_ext.hosts.points.handler_point import HANDLER, trip_handler
from mindspeed_rl_ext.hosts.points.llm_handler import set_llm_handler
from mindspeed_rl_ext.hosts.points.verifier_uses import trip_verifier, wrap_llm_verifier

HANDLER_POINT = Point(
    module="mindspeed_llm.tasks.preprocess.data_handler",
    attribute=HANDLER,
    probe=(
        Expect("_get_handler_cls", ("handler_name",)),
        Expect("BaseDatasetHandler", ("args", "raw_datasets", "tokenizer", "splitter")),
    ),
    apply=set_llm_handler,
    tripwire=trip_handler,
    ledger=LedgerRow(
        "LLM-1",
        "`mindspeed_llm.tasks.preprocess.data_handler.AlpacaStylePromptOnlyHandler` is set to our "
        "handler; where `preprocess_data.py` runs, its `validate_args` is wrapped when it parses "
        "its arguments, and sees the name of one of the host's for ours",
        "handlers are looked up by name in that module, an unknown one silently becomes "
        "GeneralPretrainHandler; the list of handlers that may have a prompt type is closed, in "
        "the script itself",
        "when the host has a registry of handlers and its list is open",
    ),
)


# What the lines from 26.0 on leave to MindSpeed-RL.
RL_DOES_IT: Mapping[str, Text] = {"verifiers": Text("MindSpeed-RL's", "用 MindSpeed-RL 的")}
# The MindSpeed-RL that their `preprocess_prompt.py` and `rlhf_gpt.py` were run with.
RL_CHECKOUT = Checkout("rl_23", MINDSPEED_RL_URL, "2.3.0", "branch")
# What these lines write before `{name}_rewards/mean`.
PREFIX = "grpo/"
ALGORITHMS = "mindspeed_llm.tasks.posttrain.rlxf.training.core_algos"
VERIFIER_ROW = LedgerRow(
    "LLM-2",
    f"`{ALGORITHMS}.verifier` is wrapped, as RL-1 (Feb 2025 and 2.0; later lines have none)",
    "as RL-1",
    "as RL-1",
)
COLUMNS_ROW = LedgerRow(
    "LLM-5",
    f"`{ALGORITHMS}.compute_verifier_score` is wrapped, as RL-2; prompts are decoded with the "
    "tokenizer of the configuration",
    "as RL-2; 2.0 passes its verifiers the labels alone",
    "as RL-2",
)
CALLERS = (Caller(r"(?<!def )\bverifier\("),)
SCORING_CALLERS = (Caller(r"(?<!def )\bcompute_verifier_score\("),)


def verifier_points(*, columns: bool) -> tuple[Point, ...]:
    """The points of the verifiers of a line.

    Args:
        columns: they are given a dict of columns, not the labels alone.
    """
    given = "data" if columns else "labels"
    verifier = Expect("verifier", ("responses", given, "config", "metrics", "infos"), (PREFIX,))
    scoring = Expect("compute_verifier_score", ("batch", "metrics", "config"))
    return (
        Point(
            module=ALGORITHMS,
            attribute="verifier",
            probe=(verifier, scoring),
            apply=partial(wrap_llm_verifier, columns=columns),
            tripwire=trip_verifier,
            ledger=VERIFIER_ROW,
            required=False,
            callers=CALLERS,
        ),
        Point(
            module=ALGORITHMS,
            attribute="compute_verifier_score",
            probe=(verifier, scoring),
            apply=partial(remember_batch, attribute="compute_verifier_score"),
            tripwire=leave_alone,
            ledger=COLUMNS_ROW,
            required=False,
            callers=SCORING_CALLERS,
        ),
    )
