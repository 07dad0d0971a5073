"""What is done to a host's `verifier`, with the verifiers imported when it is done and not before.

Covers: the same functions as in `verifier_point` and `llm_verifier`, for the points. A host of
another kind, such as verl, must not pay for them when it is imported.
Does not cover: any work of its own.
"""

from __future__ import annotations

from types import ModuleType


def wrap_verifier(module: ModuleType, *, prefix: str) -> None:
    """`verifier_point.wrap_verifier`."""
    from mindspeed_rl_ext.hosts.points import verifier_point

    verifier_point.wrap_verifier(module, prefix=prefix)


def wrap_llm_verifier(module: ModuleType, *, columns: bool) -> None:
    """`llm_verifier.wrap_llm_verifier`."""
    from mindspeed_rl_ext.hosts.points import llm_verifier

    llm_verifier.wrap_llm_verifier(module, columns=columns)


def trip_verifier(module: ModuleType, error: Exception) -> None:
    """`verifier_point.trip_verifier`."""
    from mindspeed_rl_ext.hosts.points import verifier_point

    verifier_point.trip_verifier(module, error)
