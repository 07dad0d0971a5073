"""MindSpeed-RL's GRPO data path in a local Ray: our packed files, a recorded rollout, advantages.

Its reader, loader, transfer dock, RuleReward actor and compute_advantage; vLLM's place is taken by
the responses of the job.
"""

import inspect
import json
import os
from pathlib import Path
from types import SimpleNamespace

import ray
import torch
from rl_data import read_rows
from transformers import AutoTokenizer

job = json.loads(Path("job.json").read_text())
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  Ray's 15 starves workers on a busy machine
ray.init(
    address="local", num_cpus=16, include_dashboard=False, log_to_driver=False,
    runtime_env={"env_vars": {"IS_MULTIMODAL": "False"}},
)  # fmt: skip

from mindspeed_rl.config_cls.rl_config import RLConfig  # noqa: E402
from mindspeed_rl.trainer.utils import compute_utils, transfer_dock  # noqa: E402
from mindspeed_rl.utils.metrics import Metric  # noqa: E402
from mindspeed_rl.utils.tokenizer import get_tokenizer  # noqa: E402
from mindspeed_rl.workers.rule_reward import RuleReward  # noqa: E402

KEYS, SAMPLES = ["labels", "source"], 2
host_tokenizer = get_tokenizer(job["tokenizer"])
tokenizer = AutoTokenizer.from_pretrained(job["tokenizer"])
prompts = len(job["responses"]) // SAMPLES
rows = list(range(len(job["responses"])))

dock = transfer_dock.GRPOTransferDock.remote(
    prompts, SAMPLES, Metric(), addition_columns=[*KEYS, "metric_for_dapo"],
    **({"GBS_train": prompts} if hasattr(RLConfig({}), "filter_groups_enable") else {}),
)  # fmt: skip
batch = read_rows(job["prefix"], tokenizer, KEYS, prompts)
if hasattr(transfer_dock, "put_prompts_experience"):  # from 2.2 on
    data, indexes = transfer_dock.put_prompts_experience(batch, SAMPLES, KEYS)
    ray.get(dock.put_experience.remote(data_dict=data, indexes=indexes, is_prompt=True))
else:
    ray.get(dock.put_prompts_experience.remote(batch, KEYS))

responses = [torch.tensor(tokenizer(text)["input_ids"]) for text in job["responses"]]
lengths = [torch.tensor([len(row)]) for row in responses]
rollout = {"responses": responses, "response_length": lengths}
ray.get(dock.put_experience.remote(data_dict=rollout, indexes=rows))

config = RLConfig(
    {
        "verifier_function": job["names"], "verifier_weight": [1.0],
        "n_samples_per_prompt": SAMPLES, "reward_dispatch_size": len(rows),
    }
)  # fmt: skip
megatron = SimpleNamespace(
    dataset_additional_keys=KEYS, tokenizer_name_or_path=job["tokenizer"],
    global_batch_size=prompts,
)  # fmt: skip
actor = RuleReward.remote()
ray.get(actor.initialize.remote(megatron, config, host_tokenizer))
ray.get(actor.init_transfer_dock.remote(dock))
ray.get(actor.compute_rm_score.remote(), timeout=400)

# Ray would have to carry the stand-ins of the function's module; here it runs beside the dock.
estimate = compute_utils.compute_advantage._function
own = inspect.signature(inspect.unwrap(estimate)).parameters
more = {"n_sample_per_prompt": SAMPLES} if "n_sample_per_prompt" in own else {}
estimate(
    dock, 1.0, 0.95, adv_estimator="group_norm", experience_count=len(rows),
    tokenizer=host_tokenizer, global_batch_size=len(rows), guarantee_order=False, **more,
)  # fmt: skip
data = ray.get(dock.get_experience_data.remote())
found = {
    "prompts": [tokenizer.decode(row, skip_special_tokens=True) for row in data["prompts"]],
    "lengths": [len(row) for row in responses],
    "advantages": [row.tolist() for row in data["advantages"]],
}
Path("found.json").write_text(json.dumps(found))
