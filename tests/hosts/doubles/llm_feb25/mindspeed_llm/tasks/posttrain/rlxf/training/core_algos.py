"""A double: names in a table, means written into the metrics that are passed."""


def compute_verifier_score(batch, metrics, config):
    return verifier(batch["responses"], batch["columns"], config, metrics, infos=None)


def compute_score(batch, metrics, config):
    return compute_verifier_score(batch, metrics, config)


def exact(sequences, answers):
    return [1.0 if text == answer else -1.0 for text, answer in zip(sequences, answers)]  # noqa: B905


def verifier(responses, data, config, metrics, infos=None):
    known = {"acc": exact}
    labels = data["labels"]
    scores = [0.0] * len(labels)
    names = getattr(config.algorithm, "verifier_function", ["acc"])
    weights = getattr(config.algorithm, "verifier_weight", [1.0])
    for name, weight in zip(names, weights):  # noqa: B905
        if name not in known:
            continue
        each = known[name](sequences=responses, answers=labels)
        metrics[f"grpo/{name}_rewards/mean"] = sum(each) / max(len(each), 1)
        scores = [total + weight * one for total, one in zip(scores, each)]  # noqa: B905
    return scores
