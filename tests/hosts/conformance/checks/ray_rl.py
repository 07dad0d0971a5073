"""MindSpeed-RL's RuleReward actor and transfer dock in a real local Ray, as in its trainer."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import ray
import torch
from transformers import AutoTokenizer

job = json.loads(Path("job.json").read_text())
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  Ray's 15 starves workers on a busy machine
runtime_env = {"env_vars": {"IS_MULTIMODAL": "False"}}
if job["hook"]:
    runtime_env["worker_process_setup_hook"] = job["hook"]
ray.init(
    address="local", num_cpus=16, include_dashboard=False, log_to_driver=False,
    runtime_env=runtime_env,
)  # fmt: skip

from mindspeed_rl.config_cls.rl_config import RLConfig  # noqa: E402
from mindspeed_rl.trainer.utils.transfer_dock import GRPOTransferDock  # noqa: E402
from mindspeed_rl.utils.metrics import Metric  # noqa: E402
from mindspeed_rl.utils.tokenizer import get_tokenizer  # noqa: E402
from mindspeed_rl.workers.rule_reward import RuleReward  # noqa: E402

hf_tokenizer = AutoTokenizer.from_pretrained(job["tokenizer"])


def ids(texts):
    return [torch.tensor(hf_tokenizer(text)["input_ids"]) for text in texts]


keys = ["labels", "source"]
responses = ids(job["responses"])
experience = {
    "prompts": ids(job["prompts"]),
    "responses": responses,
    "response_length": [torch.tensor([len(row)]) for row in responses],
    **{key: ids(job[key]) for key in keys},
}
config = {
    "verifier_function": job["names"], "verifier_weight": job["weights"],
    "n_samples_per_prompt": 2, "reward_dispatch_size": 4,
}  # fmt: skip
dock_size = {}
if hasattr(RLConfig({}), "filter_groups_enable"):  # from 2.2 on
    dock_size = {"GBS_train": 2}
    config |= {"filter_groups_enable": True, "filter_groups_metric": "simplerl_rewards/mean"}
megatron = SimpleNamespace(
    dataset_additional_keys=keys, tokenizer_name_or_path=job["tokenizer"], global_batch_size=2
)
columns = [*keys, "metric_for_dapo"]
dock = GRPOTransferDock.remote(2, 2, Metric(), addition_columns=columns, **dock_size)
ray.get(dock.put_experience.remote(data_dict=experience, indexes=[0, 1, 2, 3]))
actor = RuleReward.remote()
ray.get(actor.initialize.remote(megatron, RLConfig(config), get_tokenizer(job["tokenizer"])))
ray.get(actor.init_transfer_dock.remote(dock))
found = {"error": None}
try:
    ray.get(actor.compute_rm_score.remote(), timeout=400)
except Exception as error:  # noqa: BLE001  the error is what is looked at
    found["error"] = str(error)
data = ray.get(dock.get_experience_data.remote())


def numbers(column):
    return [None if row is None else float(row) for row in data[column]]


found["rewards"] = numbers("rm_scores")
found["filtered_by"] = numbers("metric_for_dapo")
found["metrics"] = {
    key: value for key, value in ray.get(dock.get_metrics.remote()).metric.items()
    if "time" not in key
}  # fmt: skip
Path("found.json").write_text(json.dumps(found))
