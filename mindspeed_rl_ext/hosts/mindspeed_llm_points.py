"""The points that lines of MindSpeed-LLM share.

Covers: the handler in all of them, verifiers in those that train with GRPO themselves.
Does not cover: master's GRPO, which uses MindSpeed-RL's verifiers.
"""

from __future__ import annotations

from functools import partial

from mindspeed_rl_ext.hosts.handler_point import HANDLER, trip_handler
from mindspeed_rl_ext.hosts.llm_handler import set_llm_handler
from mindspeed_rl_ext.hosts.llm_verifier import PREFIX, wrap_llm_verifier
from mindspeed_rl_ext.hosts.protocol import Expect, Point
from mindspeed_rl_ext.hosts.verifier_point import trip_verifier

HANDLER_POINT = Point(
    module="mindspeed_llm.tasks.preprocess.data_handler",
    attribute=HANDLER,
    probe=(
        Expect("_get_handler_cls", ("handler_name",)),
        Expect("BaseDatasetHandler", ("args", "raw_datasets", "tokenizer", "splitter")),
    ),
    apply=set_llm_handler,
    tripwire=trip_handler,
    ledger="LLM-1",
)


def verifier_point(*, columns: bool) -> Point:
    """The verifier of a line.

    Args:
        columns: it is given a dict of columns, not the labels alone.
    """
    given = "data" if columns else "labels"
    return Point(
        module="mindspeed_llm.tasks.posttrain.rlxf.training.core_algos",
        attribute="verifier",
        probe=(
            Expect("verifier", ("responses", given, "config", "metrics", "infos"), (PREFIX,)),
            Expect("compute_verifier_score", ("batch", "metrics", "config")),
        ),
        apply=partial(wrap_llm_verifier, columns=columns),
        tripwire=trip_verifier,
        ledger="LLM-2",
        required=False,
    )
