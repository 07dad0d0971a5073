"""MindSpeed-RL: its data set reader and loader over our files, then compute_verifier_score."""

import json
from pathlib import Path
from types import SimpleNamespace

import torch
from mindspeed_rl.config_cls.rl_config import RLConfig
from mindspeed_rl.datasets.build_dataset import build_train_valid_test_datasets
from mindspeed_rl.datasets.dataloader import PromptDataLoader
from mindspeed_rl.datasets.prompt_dataset import PromptDataset
from mindspeed_rl.models import rule_verifier
from transformers import AutoTokenizer

job = json.loads(Path("job.json").read_text())
tokenizer = AutoTokenizer.from_pretrained(job["tokenizer"])
keys = ["labels", "source"]
extra = SimpleNamespace(
    max_prompt_length=512, is_pairwise_dataset=False, dataset_additional_keys=keys,
    prompt_type=None, prompt_type_path=None, enable_thinking=False,
)  # fmt: skip
train, _, _ = build_train_valid_test_datasets(
    data_prefix=[job["prefix"]], splits_string="100,0,0", seq_length=512,
    train_valid_test_num_samples=(12, 0, 0), dataset_cls=PromptDataset, tokenizer=tokenizer,
    parallel_state=None, full_shuffle_instruction_dataset=False, no_shuffle=True, seed=42,
    extra_param=extra,
)  # fmt: skip
rows = next(iter(PromptDataLoader(train, len(job["responses"]) // 2, 0, 42, keys, True)))


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


rewards, metrics = compute(job["names"], job["weights"])
data = {key: tokenizer.batch_decode(batch[key], skip_special_tokens=True) for key in keys}
alone, _ = rule_verifier.verifier.__wrapped__(
    job["responses"], data, rl_config(job["host_names"], [1.0])
)
found = {
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
