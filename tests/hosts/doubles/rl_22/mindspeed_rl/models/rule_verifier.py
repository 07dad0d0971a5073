"""A double: names in a table inside `verifier`, an unknown name is skipped without a word."""

import functools


def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@timed
def compute_verifier_score(batch, megatron_config, rl_config, tokenizer, ignore_token=-100):
    texts = tokenizer.batch_decode(batch["responses"], skip_special_tokens=True)
    columns = {}
    for key in megatron_config.dataset_additional_keys:
        columns[key] = tokenizer.batch_decode(batch[key], skip_special_tokens=True)
    return verifier(texts, columns, rl_config)


def exact(sequences, answers, **kwargs):
    return [1.0 if text == answer else 0.0 for text, answer in zip(sequences, answers)]  # noqa: B905


def has_digit(sequences, answers, **kwargs):
    return [0.5 if any(map(str.isdigit, text)) else 0.0 for text in sequences]


def verifier(responses, data, config, **kwargs):
    known = {"acc": exact, "format": has_digit}
    labels = data["labels"]
    rewards = [0.0] * len(labels)
    metrics = {}
    for place, name in enumerate(config.verifier_function):
        if name not in known:
            continue
        scores = known[name](sequences=responses, answers=labels)
        metrics[f"{name}_rewards/mean"] = scores
        rewards = [r + s * config.verifier_weight[place] for r, s in zip(rewards, scores)]  # noqa: B905
    return rewards, metrics
