"""A verifier with its parameters, ready for responses.

Covers: a spec resolved and its parameters checked, one response scored.
Does not cover: batches, weights and metrics; `scoring` does.

Example:
    >>> resolve("countdown_format(think_prefilled=True)")("a</think> <answer>b</answer>").score
    1.0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mindspeed_rl_ext.verifiers.declaration import Verifier, check_parameter
from mindspeed_rl_ext.verifiers.registry import verifier_named
from mindspeed_rl_ext.verifiers.running.here import check_columns, score_here
from mindspeed_rl_ext.verifiers.running.workers import score_in_workers
from mindspeed_rl_ext.verifiers.spec import Spec, parse_spec
from mindspeed_rl_ext.verifiers.verdict import Verdict


@dataclass(frozen=True)
class BoundVerifier:
    """A verifier with its parameters.

    Example:
        >>> resolve("countdown_format").needs
        ()
    """

    verifier: Verifier
    parameters: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The bare name, without parameters."""
        return self.verifier.name

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that a call takes by keyword."""
        return self.verifier.needs

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a call may take: those of `needs`, and those it does without."""
        return self.verifier.columns

    @property
    def reads(self) -> tuple[str, ...] | None:
        """What must be in a response for it to be paid, with these parameters.

        Example:
            >>> resolve("dapo").reads, resolve("dapo(boxed=True)").reads
            (('answer_line',), ('box',))
        """
        for switch, reads in self.verifier.reads_with.items():
            if self.parameters.get(switch, self.verifier.parameters[switch]):
                return reads
        return self.verifier.reads

    @property
    def wrong_score(self) -> float:
        """The lowest level: what a timeout, an error or an unusable reference scores."""
        return self.verifier.wrong_score

    def __call__(self, response: str, **columns: Any) -> Verdict:
        """Scores one response; a fault of the verifier is a verdict ERROR, not an exception."""
        check_columns(self.verifier, columns)
        if self.verifier.isolated:
            return score_in_workers(self.verifier, self.parameters, [(response, columns)])[0]
        return score_here(self.verifier, self.parameters, response, columns)


def resolve(spec: str | Spec) -> BoundVerifier:
    """Finds a verifier by its spec and binds the parameters.

    Raises:
        InputError: an unknown name or parameter (with the nearest ones), or a value of a wrong
            type.
    """
    wanted = parse_spec(spec) if isinstance(spec, str) else spec
    found = verifier_named(wanted.name)
    for key, value in wanted.parameters.items():
        check_parameter(found, key, value)
    return BoundVerifier(found, dict(wanted.parameters))
