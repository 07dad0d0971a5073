"""MindSpeed-RL: its data set reader and loader over our files, then compute_verifier_score."""

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
from audit_faults import scores_under_faults
from mindspeed_rl.config_cls.rl_config import RLConfig
from mindspeed_rl.models import rule_verifier
from rl_data import read_rows
from transformers import AutoTokenizer

job = json.loads(Path("job.json").read_text())
tokenizer = AutoTokenizer.from_pretrained(job["tokenizer"])
keys = ["labels", "source"]
rows = read_rows(job["prefix"], tokenizer, keys, len(job["responses"]) // 2)


def padded(rows):
    return torch.nn.utils.rnn.pad_sequence(
        [torch.as_tensor(row) for row in rows], True, tokenizer.pad_token_id
    )


def twice(rows):
    return [row for row in rows for _ in range(2)]


responses = [tokenizer(text)["input_ids"] for text in job["responses"]]
batch = {
    "prompts": padded(twice(rows["prompts"]) if job["prompt_rows"] == "each" else rows["prompts"]),
    "responses": padded(responses),
    "response_length": torch.tensor([[len(row)] for row in responses]),
    **{key: padded(twice(rows[key])) for key in keys},
}


def rl_config(names, weights, **more):
    config = {"verifier_function": names, "verifier_weight": weights, "n_samples_per_prompt": 2}
    return RLConfig({**config, **more})


def compute(names, weights, columns=keys, **more):
    return rule_verifier.compute_verifier_score(
        batch, SimpleNamespace(dataset_additional_keys=columns), rl_config(names, weights, **more),
        tokenizer, tokenizer.pad_token_id,
    )  # fmt: skip


def error_of(*args, **kwargs):
    try:
        compute(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  the error is what is looked at
        return f"{type(error).__name__}: {error}"
    return None


def scores_of(names, weights):
    return compute(names, weights)[0].reshape(-1).tolist()


rewards, metrics = compute(job["names"], job["weights"])
data = {key: tokenizer.batch_decode(batch[key], skip_special_tokens=True) for key in keys}
alone, _ = rule_verifier.verifier.__wrapped__(
    job["responses"], data, rl_config(job["host_names"], [1.0])
)
found = {
    "audit": scores_under_faults(
        partial(scores_of, job["names"], job["weights"]),
        partial(scores_of, job["names"][1:], job["weights"][1:]),
    ),
    "prompts": tokenizer.batch_decode(rows["prompts"], skip_special_tokens=True),
    "labels": data["labels"],
    "lengths": [len(row) for row in responses],
    "alone": alone,
    "rewards": rewards.reshape(-1).tolist(),
    "metrics": {key: value for key, value in metrics.items() if "time" not in key},
    "unknown": error_of(["simpleRL"], [1.0]),
    "lengths_differ": error_of(["simplerl", "boxed_acc"], [1.0]),
    "no_labels": error_of(["simplerl"], [1.0], columns=["source"]),
    "no_source": batch.pop("source").numel()
    and error_of(["conformance_probe"], [1.0], columns=["labels"]),
}
Path("found.json").write_text(json.dumps(found))
