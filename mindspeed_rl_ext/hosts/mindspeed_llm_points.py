"""The points that lines of MindSpeed-LLM share.

Covers: the handler in all of them, verifiers in those that train with GRPO themselves.
Does not cover: master's GRPO, which uses MindSpeed-RL's verifiers.
"""

from __future__ import annotations

from functools import partial

from mindspeed_rl_ext.hosts.batch_columns import leave_alone, remember_batch
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


ALGORITHMS = "mindspeed_llm.tasks.posttrain.rlxf.training.core_algos"


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
            ledger="LLM-2",
            required=False,
        ),
        Point(
            module=ALGORITHMS,
            attribute="compute_verifier_score",
            probe=(verifier, scoring),
            apply=partial(remember_batch, attribute="compute_verifier_score"),
            tripwire=leave_alone,
            ledger="LLM-5",
            required=False,
        ),
    )
