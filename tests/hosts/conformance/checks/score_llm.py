"""MindSpeed-LLM Feb 2025 and 2.0: its reader over our files, then its compute_score."""

import json
from functools import partial
from pathlib import Path

import torch
from audit_faults import scores_under_faults
from mindspeed_llm.tasks.posttrain.rlxf.training import core_algos
from mindspeed_llm.tasks.posttrain.rlxf.utils.protocol import DataProto
from mindspeed_llm.tasks.preprocess.mtf_dataset import MTFDataset
from omegaconf import OmegaConf
from transformers import AutoTokenizer

job = json.loads(Path("job.json").read_text())
tokenizer = AutoTokenizer.from_pretrained(job["tokenizer"])
keys = ["labels", "source"]
reader = MTFDataset("train", job["prefix"], list(range(12)))
rows = [reader[index // 2] for index in range(len(job["responses"]))]


def padded(rows):
    return torch.nn.utils.rnn.pad_sequence(
        [torch.as_tensor(row).long() for row in rows], True, tokenizer.pad_token_id
    )


responses = [tokenizer(text)["input_ids"] for text in job["responses"]]
tensors = {
    "prompts": padded([row["input_ids"] for row in rows]),
    "input_ids": padded([row["input_ids"] for row in rows]),
    "responses": padded(responses),
    "responses_ori_length": torch.tensor([len(row) for row in responses]),
    **{key: padded([row[key] for row in rows]) for key in keys},
}


def compute(names, weights, columns=keys):
    config = OmegaConf.create(
        {
            "training": {
                "tokenizer_name_or_path": job["tokenizer"], "dataset_additional_keys": columns,
            },
            "algorithm": {"verifier_function": names, "verifier_weight": weights},
            "reward": {"verifier": True},
            "actor_rollout_ref": {"actor_rollout": {"n_samples_per_prompt": 2}},
        }
    )  # fmt: skip
    metrics = {}
    scored = core_algos.compute_score(None, DataProto.from_dict(tensors=tensors), metrics, config)
    return scored.batch["token_level_rewards"].sum(-1).tolist(), metrics


def error_of(*args, **kwargs):
    try:
        compute(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  the error is what is looked at
        return f"{type(error).__name__}: {error}"
    return None


def scores_of(names, weights):
    return compute(names, weights)[0]


rewards, metrics = compute(job["names"], job["weights"])
data = {key: tokenizer.batch_decode(tensors[key], skip_special_tokens=True) for key in keys}
original = core_algos.verifier.__wrapped__
given = data if "data" in original.__code__.co_varnames[:5] else data["labels"]
alone = original(
    job["responses"], given,
    OmegaConf.create(
        {"algorithm": {"verifier_function": job["host_names"], "verifier_weight": [1.0]}}
    ),
    {},
)  # fmt: skip
found = {
    "audit": scores_under_faults(
        partial(scores_of, job["names"], job["weights"]),
        partial(scores_of, job["names"][1:], job["weights"][1:]),
    ),
    "prompts": tokenizer.batch_decode(
        [row["input_ids"] for row in rows[::2]], skip_special_tokens=True
    ),
    "labels": data["labels"],
    "lengths": [len(row) for row in responses],
    "alone": alone,
    "rewards": rewards,
    "metrics": metrics,
    "unknown": error_of(["simpleRL"], [1.0]),
    "lengths_differ": error_of(["simplerl", "boxed_acc"], [1.0]),
    "no_labels": error_of(["simplerl"], [1.0], columns=["source"]),
    "no_source": tensors.pop("source").numel()
    and error_of(["conformance_probe"], [1.0], columns=["labels"]),
}
Path("found.json").write_text(json.dumps(found))
