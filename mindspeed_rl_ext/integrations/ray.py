"""Scoring on a Ray cluster: the batch in parts, each in an actor with a pool of its own.

Covers: `score` with the arguments and the result of `verifiers.score`; parts keep the rows of a
group together, so that each reference is read once. A running Ray is used; without one a local
one is started and stopped again.
Does not cover: Ray Data sets; `map_batches` may call `verifiers.score` itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from mindspeed_rl_ext.core.errors import MissingExtraError
from mindspeed_rl_ext.verifiers.api import resolve
from mindspeed_rl_ext.verifiers.checks import check_columns, check_weights, resolve_all
from mindspeed_rl_ext.verifiers.running.batch import score_batch
from mindspeed_rl_ext.verifiers.scoring import Result, combine_scores
from mindspeed_rl_ext.verifiers.spec import split_specs
from mindspeed_rl_ext.verifiers.verdict import Verdict

ROWS_PER_PART = 512
Part = tuple[list[str], dict[str, list[Any]]]


def score(
    responses: Sequence[str],
    answers: Sequence[Any] | None = None,
    *,
    verifiers: Sequence[str],
    weights: Sequence[float] | None = None,
    data: Mapping[str, Sequence[Any]] | None = None,
    modules: Sequence[str] = (),
    rows_per_part: int = ROWS_PER_PART,
) -> Result:
    """Scores a batch on Ray; the rewards are those of `verifiers.score`.

    Args:
        responses: texts, one per rollout.
        answers: reference answers, as many.
        verifiers: specs.
        weights: as many as verifiers; 1 each where left out.
        data: further columns.
        modules: modules that register verifiers, imported by every actor.
        rows_per_part: how many rows an actor gets at once.

    Raises:
        InputError: as `verifiers.score`, before anything is sent.
        MissingExtraError: ray is not installed.
    """
    specs = split_specs(verifiers) if isinstance(verifiers, str) else list(verifiers)
    bound = resolve_all(specs)
    factors = check_weights(weights, bound)
    columns = check_columns(responses, answers, data or {}, bound)
    names = sorted({name for one in bound for name in one.columns if name in columns})
    parts: list[Part] = [
        (
            list(responses[start : start + rows_per_part]),
            {name: list(columns[name][start : start + rows_per_part]) for name in names},
        )
        for start in range(0, len(responses), rows_per_part)
    ]
    replies = _on_ray(parts, specs, list(modules))
    found = {one.name: [v for part in replies for v in part[one.name]] for one in bound}
    return combine_scores(bound, factors, found)


class Scorer:
    """What runs in an actor.

    Args:
        specs: the verifiers.
        modules: what to import first.
    """

    def __init__(self, specs: Sequence[str], modules: Sequence[str]) -> None:
        for module in modules:
            import_module(module)
        self._bound = [resolve(spec) for spec in specs]

    def score(self, part: Part) -> dict[str, list[Verdict]]:
        """The verdicts of one part, by verifier name."""
        return score_batch(self._bound, *part)


def _on_ray(
    parts: Sequence[Part], specs: Sequence[str], modules: Sequence[str]
) -> list[dict[str, list[Verdict]]]:
    try:
        import ray
        from ray.util import ActorPool
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "--engine ray") from error
    started = not ray.is_initialized()
    if started:
        ray.init(include_dashboard=False, log_to_driver=False)
    try:
        cores = int(ray.cluster_resources().get("CPU", 1))
        remote = ray.remote(num_cpus=1)(Scorer)
        count = max(1, min(len(parts), cores))
        actors = [remote.remote(specs, modules) for _ in range(count)]
        # In order: the rows of the result are those of the batch.
        replies = list(ActorPool(actors).map(lambda actor, part: actor.score.remote(part), parts))
        for actor in actors:
            ray.kill(actor)
        return replies
    finally:
        if started:
            ray.shutdown()
