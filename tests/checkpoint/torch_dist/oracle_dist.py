"""Run as a script: real megatron-core saves and loads torch_dist checkpoints on the CPU, gloo.

    python oracle_dist.py CASES.json

A case is {"do": "save" | "load", "name", "hf", "mg", "dist", "strict", "metadata"}: `mg` is a
legacy checkpoint whose ranks give layout and weights. `save` writes them with
dist_checkpointing.save to `dist`; `load` loads `dist` into the model of that layout and compares
each tensor with `mg`, bit by bit. Prints a line for each case: its name and "same N" (tensors over
all ranks). Runs with core 0.12 and newer, torch 2.1 and newer.
"""

from __future__ import annotations

import inspect
import json
import os
import socket
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from oracle_megatron import (
    empty_noop_slots,
    shim_cuda,
    shim_experts,
    shim_latent_attention,
    start_groups,
)
from oracle_models import build, names_of_core

_tensor = torch.tensor


def shim_tensor() -> None:
    """Core asks for small tensors on the GPU, and its older versions do not know torch's newer."""

    def tensor(*args, device=None, **more):
        return _tensor(*args, device="cpu" if str(device).startswith("cuda") else device, **more)

    torch.tensor = tensor
    from megatron.core.dist_checkpointing.strategies import filesystem_async

    write = filesystem_async._write_item
    if "serialization_format" in inspect.signature(write).parameters:
        from torch.distributed.checkpoint.filesystem import SerializationFormat

        kind = SerializationFormat.TORCH_SAVE
        filesystem_async._write_item = partial(write, serialization_format=kind)
    torch.cuda.current_device = lambda: torch.device("cpu")


def work(rank: int, world: int, port: int, case: dict) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_RANK": str(rank)}
    torch.set_num_threads(1)
    shim_cuda()
    shim_experts()
    shim_latent_attention()
    shim_tensor()
    dist.init_process_group("gloo", rank=rank, world_size=world)
    root = Path(case["mg"], "iter_0000001")
    args = torch.load(next(root.rglob("*.pt")), map_location="cpu", weights_only=False)["args"]
    tp, pp = args.tensor_model_parallel_size, args.pipeline_model_parallel_size
    _, stage, directory = start_groups(rank, args)
    content = torch.load(
        root / directory / "model_optim_rng.pt", map_location="cpu", weights_only=False
    )
    chunks = build(args, tp, pp, stage)
    empty_noop_slots(chunks, args)
    dtype = next(v.dtype for k in content if k.startswith("model") for v in content[k].values())
    chunks = [chunk.to(dtype) for chunk in chunks]
    states = [content["model" if len(chunks) == 1 else f"model{n}"] for n in range(len(chunks))]
    states = [names_of_core(state, args) for state in states]
    do = {"save": save, "load": load}[case["do"]]
    count = do(case, chunks, states, args)
    total = _tensor([count])
    dist.all_reduce(total)
    if rank == 0:
        sys.stdout.write(f"{case['name']} same {int(total)}\n")
        sys.stdout.flush()
    dist.barrier()
    dist.destroy_process_group()


def sharded(case: dict, chunks: list) -> dict:
    """The sharded state dict of all chunks, as Megatron's training makes it."""
    from megatron.core import parallel_state

    group = parallel_state.get_data_parallel_group(with_context_parallel=True)
    metadata = {"dp_cp_group": group, **case.get("metadata", {})}
    keys = ["model"] if len(chunks) == 1 else [f"model{n}" for n in range(len(chunks))]
    return {
        key: chunk.sharded_state_dict(metadata=dict(metadata))
        for key, chunk in zip(keys, chunks, strict=True)
    }


def save(case: dict, chunks: list, states: list[dict], args) -> int:
    from megatron.core import dist_checkpointing

    for chunk, state in zip(chunks, states, strict=True):
        chunk.load_state_dict(state, strict=True)
    common = {"args": args, "checkpoint_version": 3.0, "iteration": 1}
    if case.get("optimizer"):
        common |= optimizer_of(chunks)
    Path(case["dist"]).mkdir(parents=True, exist_ok=True)
    dist.barrier()
    more = {"content_metadata": case["metadata"]} if case.get("metadata") else {}
    dist_checkpointing.save({**common, **sharded(case, chunks)}, case["dist"], **more)
    return sum(len(state) for state in states)


def optimizer_of(chunks: list) -> dict:
    """Sharded tensors under names as the optimizer's, and a sharded object as the rng state."""
    from megatron.core.dist_checkpointing.mapping import ShardedObject, ShardedTensor

    rank = dist.get_rank()
    found = {
        "rng_state": ShardedObject("rng_state", [1], (dist.get_world_size(),), (rank,)),
        "optimizer": {
            "exp_avg": ShardedTensor.from_rank_offsets(
                "optimizer.state.exp_avg.decoder.final_layernorm.weight",
                torch.zeros(4),
                (0, rank, dist.get_world_size()),
            )
        },
    }
    return found


def load(case: dict, chunks: list, states: list[dict], args) -> int:
    from megatron.core import dist_checkpointing
    from megatron.core.dist_checkpointing.validation import StrictHandling

    strict = StrictHandling(case.get("strict", "raise_all"))
    for chunk in chunks:
        for parameter in chunk.parameters():
            parameter.data.fill_(7)
    found = dist_checkpointing.load(sharded(case, chunks), case["dist"], strict=strict)
    count = 0
    for number, (chunk, state) in enumerate(zip(chunks, states, strict=True)):
        chunk.load_state_dict(
            found["model" if len(chunks) == 1 else f"model{number}"], strict=False
        )
        mine = {k: v for k, v in chunk.state_dict().items() if "_extra_state" not in k}
        assert set(mine) == set(state), set(mine) ^ set(state)
        for name, value in state.items():
            rows = (
                case.get("vocab") if "word_embeddings" in name or "output_layer" in name else None
            )
            if name.endswith("expert_bias"):  # core keeps it in float32
                value = value.float()
            assert mine[name].dtype == value.dtype, name
            same = torch.equal(bits(mine[name])[:rows], bits(value)[:rows])
            assert same, f"{name} differs on rank {dist.get_rank()}"
            count += 1
    return count


def bits(value: torch.Tensor) -> torch.Tensor:
    kinds = {2: torch.int16, 4: torch.int32}
    return value.contiguous().view(kinds[value.element_size()])


def main(path: str) -> None:
    torch.set_num_threads(1)
    for case in json.loads(Path(path).read_text()):
        world = len(list(Path(case["mg"]).rglob("*.pt")))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        try:
            mp.start_processes(work, (world, port, case), nprocs=world, start_method="fork")
        except mp.ProcessRaisedException as error:  # the other cases still say something
            sys.stderr.write(f"{case['name']}: {error}\n")


if __name__ == "__main__":
    main(sys.argv[1])
