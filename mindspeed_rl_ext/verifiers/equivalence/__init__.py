"""Whether two answers are the same mathematics: a cascade of stages, each of them bounded."""

from mindspeed_rl_ext.verifiers.equivalence.cascade import equivalent
from mindspeed_rl_ext.verifiers.equivalence.policy import Policy

__all__ = ["Policy", "equivalent"]
