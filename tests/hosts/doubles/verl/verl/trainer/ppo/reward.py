"""A double: a manager is looked up by name; verl binds the default by a from-import."""

from verl.experimental.reward_loop.reward_manager import get_reward_manager_cls
from verl.utils.reward_score import default_compute_score


def load_reward_manager(config, tokenizer):
    cls = get_reward_manager_cls(config.reward["name"])
    return cls(config=config, tokenizer=tokenizer, compute_score=default_compute_score)
