"""A double: names to classes; another class under a name that is taken is an error."""

from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

REWARD_MANAGER: dict[str, type[RewardManagerBase]] = {}


def register(name):
    def decorator(cls):
        if name in REWARD_MANAGER and REWARD_MANAGER[name] != cls:
            raise ValueError(f"reward manager {name} has already been registered")
        REWARD_MANAGER[name] = cls
        return cls

    return decorator


def get_reward_manager_cls(name):
    if name not in REWARD_MANAGER:
        raise ValueError(f"Unknown reward manager: {name}")
    return REWARD_MANAGER[name]
