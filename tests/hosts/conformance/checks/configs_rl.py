"""MindSpeed-RL's own parsing and validation over our YAML files, as its scripts call them."""

import importlib
import json
import os
import sys
from pathlib import Path

job = json.loads(Path("job.json").read_text())
folder = Path(job["folder"])
sys.path.insert(0, str(Path(job["checkout"], "cli")))

import ray  # noqa: E402
from hydra import compose, initialize_config_dir  # noqa: E402
from mindspeed_rl.config_cls.data_handler_config import DataHandlerConfig  # noqa: E402
from mindspeed_rl.config_cls.validate_config import validate_data_handler_config  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402

os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  Ray's 15 starves workers on a busy machine
# The trainer parses inside Ray; from 2.2 on it counts the nodes.
ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)


def dataset(path):
    """The keys that the host does not know."""
    config = OmegaConf.load(path)
    args = DataHandlerConfig(config)
    os.makedirs(os.path.dirname(args.output_prefix), exist_ok=True)
    validate_data_handler_config(args)
    return [k for k in config if not hasattr(args, k) and k not in args.msrl_ext_options]


def training(path):
    """The same of each part of a training configuration, which the trainer's own parser reads."""
    with initialize_config_dir(str(path.parent), version_base=None):
        config = compose(path.stem, overrides=[f"hydra.searchpath=[file://{folder}]"])
    module = "train_dapo" if path.stem.startswith("dapo") else "train_grpo"
    if not Path(job["checkout"], "cli", module + ".py").exists():
        return None
    parsed = importlib.import_module(module).parse_training_config(config)
    names = ("actor_config", "rl_config", "generate_config")
    # Before 2.2 the function gives a tuple, in this order.
    parts = parsed if isinstance(parsed, dict) else dict(
        zip(("actor_config", "ref_config", "reward_config", "rl_config", "generate_config"), parsed,
            strict=False)
    )  # fmt: skip
    given = {
        "actor_config": {**config.megatron_training, **config.actor_config},
        "rl_config": config.rl_config,
        "generate_config": config.generate_config,
    }
    return [
        f"{name}.{key}" for name in names for key in given[name]
        if key != "model" and not hasattr(parts[name], key.replace("-", "_"))
    ]  # fmt: skip


def outcome(read, path):
    try:
        return read(path)
    except (Exception, SystemExit) as error:  # noqa: BLE001  the error is what is looked at
        return f"{type(error).__name__}: {error}"


found = {
    **{f"datasets/{p.stem}": outcome(dataset, p) for p in sorted(folder.glob("datasets/*.yaml"))},
    **{f"msrl/{p.stem}": outcome(training, p) for p in sorted(folder.glob("msrl/*.yaml"))},
}
Path("found.json").write_text(json.dumps(found))
