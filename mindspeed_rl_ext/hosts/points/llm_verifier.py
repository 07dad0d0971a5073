"""Wraps the `verifier` of MindSpeed-LLM, whose calls differ from MindSpeed-RL's.

Covers: the lines that train themselves, Feb 2025 (columns as a dict) and 2.0 (labels alone);
metrics are means that are written into the dict that the host passes.
Does not cover: prompts, lengths and further columns; `batch_columns` reads them.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from mindspeed_rl_ext.core.responses.metrics import reward_key
from mindspeed_rl_ext.hosts.mindspeed_llm_points import PREFIX
from mindspeed_rl_ext.hosts.points.overlay import Overlay
from mindspeed_rl_ext.hosts.points.verifier_point import Batch, Metrics, score_batch
from mindspeed_rl_ext.hosts.probe import names_in_table

# What the host takes where its configuration names no verifier.
DEFAULT_NAMES, DEFAULT_WEIGHTS = ["acc"], [1.0]


def wrap_llm_verifier(module: ModuleType, *, columns: bool) -> None:
    """Wraps `verifier(responses, data_or_labels, config, metrics, infos=None)`.

    Args:
        columns: the second argument is a dict of columns, not the list of labels.
    """
    original = module.verifier
    if getattr(original, "_msrl_ext", False):
        return
    host_names = names_in_table(original)

    @functools.wraps(original)
    def verifier(responses: Any, given: Any, config: Any, metrics: Any, infos: Any = None) -> Any:
        def score_by_host(name: str) -> tuple[list[float], Metrics] | None:
            one = Overlay(config.algorithm, verifier_function=[name], verifier_weight=[1.0])
            means: dict[str, float] = {}
            scores = original(responses, given, Overlay(config, algorithm=one), means, infos=infos)
            return (scores, {}) if _keep(means, name, metrics) else None

        names = list(getattr(config.algorithm, "verifier_function", DEFAULT_NAMES))
        weights = list(getattr(config.algorithm, "verifier_weight", DEFAULT_WEIGHTS))
        data = given if columns else {"labels": given}
        rewards, scores = score_batch(
            Batch(responses, data, names, weights), score_by_host, host_names, PREFIX
        )
        metrics.update({key: sum(each) / max(len(each), 1) for key, each in scores.items()})
        return rewards

    verifier._msrl_ext = True  # type: ignore[attr-defined]
    module.verifier = verifier  # type: ignore[attr-defined]


def _keep(means: dict[str, float], name: str, metrics: Any) -> bool:
    """Hands on what the host wrote; False where it wrote nothing for the name."""
    metrics.update(means)
    return PREFIX + reward_key(name) in means
