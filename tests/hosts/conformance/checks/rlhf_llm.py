"""MindSpeed-LLM's rlhf_gpt.py: its parser over a YAML with our names, its rule reward's scoring."""

import json
import os
import sys
from pathlib import Path

import torch

job = json.loads(Path("job.json").read_text())
sys.path.insert(0, job["checkout"])
sys.argv = ["rlhf_gpt.py"]

import ray  # noqa: E402
import rlhf_gpt  # noqa: E402
from hydra import compose, initialize_config_dir  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  Ray's 15 starves workers on a busy machine
ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
tokenizer = AutoTokenizer.from_pretrained(job["tokenizer"])
folder = Path(job["checkout"], "configs", "rlhf")


def parsed(names):
    overrides = [f"++rl_config.{key}={value}" for key, value in (
        ("rule_reward", "true"), ("verifier_function", f"[{','.join(names)}]"),
        ("verifier_weight", str([1.0] * len(names))),
    )]  # fmt: skip
    with initialize_config_dir(str(folder), version_base=None):
        config = compose("grpo_qwen25_7b_A3", overrides=overrides)
    return rlhf_gpt.parse_training_config(config, "grpo")


def padded(texts):
    rows = [torch.tensor(tokenizer(text)["input_ids"]) for text in texts]
    return torch.nn.utils.rnn.pad_sequence(rows, True, tokenizer.pad_token_id)


# What the actor calls: the name in its own module, whose class rlhf_gpt.py starts.
scoring = sys.modules["mindspeed_rl.workers.rule_reward"].compute_verifier_score


def score(names):
    configs = parsed(names)
    actor, rl = configs["actor_config"], configs["rl_config"]
    actor.dataset_additional_keys = ["labels"]
    batch = {
        "prompts": padded(job["prompts"]), "responses": padded(job["responses"]),
        "response_length": torch.tensor([[len(tokenizer(text)["input_ids"])]
                                         for text in job["responses"]]),
        "labels": padded(job["labels"]),
    }  # fmt: skip
    rewards, metrics = scoring(batch, actor, rl, tokenizer, tokenizer.pad_token_id)
    return rewards.reshape(-1).tolist(), sorted(metrics)


def error_of(names):
    try:
        score(names)
    except Exception as error:  # noqa: BLE001  the error is what is looked at
        return f"{type(error).__name__}: {error}"
    return None


rewards, metrics = score(job["names"])
found = {"rewards": rewards, "metrics": metrics, "unknown": error_of(["simpleRL"])}
Path("found.json").write_text(json.dumps(found))
