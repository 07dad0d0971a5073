"""MindSpeed-LLM's own parsing and validation of each role over our YAML files."""

import json
import os
import sys
from pathlib import Path

job = json.loads(Path("job.json").read_text())
folder = Path(job["folder"])

import megatron.training.arguments as arguments  # noqa: E402
from hydra import compose, initialize_config_dir  # noqa: E402
from mindspeed_llm.tasks.posttrain.rlxf.training.initialize import (  # noqa: E402
    parse_args_from_config,
)
from mindspeed_llm.training.arguments import parse_args_decorator  # noqa: E402

DEFAULTS = {"no_load_rng": True, "no_load_optim": True}
POOLS = {"actor_rollout": "actor_rollout", "ref": "ref"}


def role(config, name):
    """Parses and validates the command line that the host makes for a role's worker."""
    os.environ["WORLD_SIZE"] = str(sum(config.resource_pool[POOLS[name]]))
    os.environ["RANK"] = "0"
    os.environ["CUDA_DEVICE_MAX_CONNECTIONS"] = "1"
    sys.argv = [sys.argv[0]]
    parse_args_from_config(name, config)
    args = parse_args_decorator(arguments.parse_args)(None, False)
    args.role = name
    arguments.validate_args(args, DEFAULTS)
    return args.data_parallel_size


def outcome(path):
    try:
        with initialize_config_dir(str(path.parent), version_base=None):
            config = compose(path.stem, overrides=[f"hydra.searchpath=[file://{folder}]"])
        return {name: role(config, name) for name in POOLS}
    except (Exception, SystemExit) as error:  # noqa: BLE001  the error is what is looked at
        return f"{type(error).__name__}: {error}"


found = {f"rlxf/{p.stem}": outcome(p) for p in sorted(folder.glob("rlxf/*.yaml"))}
Path("found.json").write_text(json.dumps(found))
