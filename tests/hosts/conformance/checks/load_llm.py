"""MindSpeed-LLM's own model and its load_checkpoint over our shards, on ranks over gloo."""

import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

import cuda_on_cpu

job = json.loads(Path("job.json").read_text())
# The hosts' own torch is older than 2.6, which made reading args from a checkpoint an error.
os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
cuda_on_cpu.install()
sys.path.insert(0, job["checkout"])
# `import mindspeed_llm` reads the command line, and patches what its flags ask for.
sys.argv = ["pretrain_gpt.py", *job["words"]]
import pretrain_gpt  # noqa: E402
import torch  # noqa: E402


def use_torch_rms_norm():
    """RMSNorm of torch for the kernels of apex, which plain Megatron has for its local layers."""
    from megatron.core.models.gpt import gpt_layer_specs
    from megatron.core.transformer import transformer_block

    class Norm:
        """Makes torch's own; Megatron calls classes only."""

        def __new__(cls, config, hidden_size, eps=1e-5, **others):
            return torch.nn.RMSNorm(hidden_size, eps)

    gpt_layer_specs.LNImpl = transformer_block.LayerNormImpl = Norm


if job.get("plain"):
    use_torch_rms_norm()

LAYOUT = {"tp": "--tensor-model-parallel-size", "pp": "--pipeline-model-parallel-size"}


def words_of(case):
    sizes = [str(word) for name, flag in LAYOUT.items() for word in (flag, case[name])]
    own = ["--ckpt-format", case["format"]] if "format" in case else []
    return [*job["words"], *sizes, *own, "--load", case["load"], "--save", case["save"]]


def ranks_of(case):
    return case["tp"] * case["pp"]


def work(rank, case, port):
    """Builds the model, loads strictly, saves: a rank of the host before its first step."""
    world = ranks_of(case)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_RANK": str(rank),
                   "CUDA_DEVICE_MAX_CONNECTIONS": "1",
                   "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}  # fmt: skip
    sys.argv = ["pretrain_gpt.py", *words_of(case)]
    from megatron.core import mpu
    from megatron.core.datasets import utils
    from megatron.training import get_args, initialize
    from megatron.training.checkpointing import load_checkpoint, save_checkpoint

    # Indices of data sets, in C++; lines of 2025 compile them in a function of their own.
    utils.compile_helpers = initialize._compile_dependencies = lambda *args: None
    initialize.initialize_megatron()
    model = pretrain_gpt.model_provider(
        mpu.is_pipeline_first_stage(), mpu.is_pipeline_last_stage()
    ).bfloat16()
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter.data, 7)
    load_checkpoint([model], None, None, strict=True)
    # Core 0.12 saves torch_dist through functions of torch that have changed since its own torch.
    get_args().ckpt_format, get_args().use_dist_ckpt = "torch", False
    save_checkpoint(1, [model], None, None, 0)
    return sorted(name for name, _ in model.named_parameters())


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def rank_in_child(rank, case, port, file):
    """A rank in a process of its own; its error comes back as text. Returns the process's id."""
    child = os.fork()
    if not child:
        try:
            file.write_text(json.dumps(work(rank, case, port)))
        except BaseException:  # noqa: BLE001  the error is what is looked at
            file.write_text(json.dumps(traceback.format_exc()[-3000:]))
            os._exit(1)
        os._exit(0)
    return child


def fork(case):
    """What every rank found; after a rank's error the others, which would wait, are ended."""
    files = [Path(f"{case['name']}.rank{rank}.json") for rank in range(ranks_of(case))]
    port = free_port()
    children = {rank_in_child(rank, case, port, file) for rank, file in enumerate(files)}
    while children:
        child, status = os.wait()
        children.discard(child)
        if status:
            for other in children:
                os.kill(other, signal.SIGKILL)
    return [json.loads(file.read_text()) if file.exists() else "ended" for file in files]


found = {case["name"]: fork(case) for case in job["cases"]}
Path("found.json").write_text(json.dumps(found))
