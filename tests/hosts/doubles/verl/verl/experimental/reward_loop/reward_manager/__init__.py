"""A double: the registry, then managers."""

from verl.experimental.reward_loop.reward_manager.registry import get_reward_manager_cls, register

__all__ = ["get_reward_manager_cls", "register"]
