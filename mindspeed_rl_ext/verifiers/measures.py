"""The numbers of a verifier's verdicts, by the name of the metric that is their mean.

Covers: scores, every outcome, the stages that a verifier counts. Every name is there for every
batch: hosts average over the batches that wrote a name.
Does not cover: prefixes of a host; its adapter adds them.

Example:
    >>> from mindspeed_rl_ext.verifiers.registry import verifier_named
    >>> verdicts = [Verdict(Outcome.CORRECT, 1.0), Verdict(Outcome.WRONG, -0.5)]
    >>> numbers = measures(verifier_named("simplerl"), verdicts)
    >>> numbers["simplerl_rewards/mean"], numbers["simplerl_outcome/WRONG"]
    ([1.0, -0.5], [0.0, 1.0])
"""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.core.responses.metrics import count_key, outcome_key, reward_key
from mindspeed_rl_ext.verifiers.declaration import Verifier
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict


def measures(verifier: Verifier, verdicts: Sequence[Verdict]) -> dict[str, list[float]]:
    """One number per verdict for each metric.

    Args:
        verifier: whose verdicts these are.
        verdicts: of a batch.
    """
    name = verifier.name
    found = {reward_key(name): [verdict.score for verdict in verdicts]}
    for outcome in Outcome:
        found[outcome_key(name, outcome.value)] = [float(v.outcome is outcome) for v in verdicts]
    for stage in verifier.counts:
        found[count_key(name, stage)] = [float(v.stage == stage) for v in verdicts]
    return found
