"""Verifiers: reward functions chosen by name, that cannot hang and give a reason for each score.

Covers: the names that users import. Importing this pulls in the standard library only.

Example:
    >>> from mindspeed_rl_ext.verifiers import equivalent
    >>> equivalent("1/2", "0.5").outcome.value
    'CORRECT'
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.api import BoundVerifier, resolve
from mindspeed_rl_ext.verifiers.declaration import Verifier
from mindspeed_rl_ext.verifiers.equivalence import Policy, equivalent
from mindspeed_rl_ext.verifiers.registry import find_verifier, is_ours, registry_names, verifier
from mindspeed_rl_ext.verifiers.scoring import Result, score
from mindspeed_rl_ext.verifiers.spec import parse_spec
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

__all__ = [
    "BoundVerifier",
    "Outcome",
    "Policy",
    "Result",
    "Verdict",
    "Verifier",
    "equivalent",
    "find_verifier",
    "is_ours",
    "parse_spec",
    "registry_names",
    "resolve",
    "score",
    "verifier",
]
