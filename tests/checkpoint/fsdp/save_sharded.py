"""Run as a script: saves tensors as FSDP and DCP checkpoints, with torch over gloo on the CPU.

    python save_sharded.py CASES.json

A case is {"how", "ranks", "out", "tensors", "prefix"}; `tensors` is a safetensors file. `fsdp`
writes what torch.save makes of each rank's DTensors, under verl's file names; `hybrid` shards on
the second axis of a mesh (2, ranks / 2), `turned` on that of one whose ranks count down the
columns, `middle` on the second of three; `fsdp1` writes the ShardedTensors of FSDP 1; `dcp` saves
with torch.distributed.checkpoint, beside an optimizer, `flat-dcp` the model alone, `dcp-columns`
cut on the second axis; `plain` writes each rank's rows as they are.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from safetensors.torch import load_file


def work(rank: int, world: int, port: int, case: dict) -> None:
    from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world)}
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=world)
    tensors = {case.get("prefix", "") + k: v for k, v in load_file(case["tensors"]).items()}
    how, out = case["how"], Path(case["out"])
    if how == "hybrid":
        mesh = init_device_mesh("cpu", (2, world // 2), mesh_dim_names=("ddp", "fsdp"))
        placements = [Replicate(), Shard(0)]
    elif how == "turned":
        mesh = DeviceMesh("cpu", torch.arange(world).reshape(world // 2, 2).t())
        placements = [Replicate(), Shard(0)]
    elif how == "middle":
        mesh = init_device_mesh("cpu", (1, world, 1))
        placements = [Replicate(), Shard(0), Replicate()]
    else:
        mesh = init_device_mesh("cpu", (world,), mesh_dim_names=("fsdp",))
        placements = [Shard(0)]
    if how == "dcp-columns":  # each rank has columns, so that experts are cut
        state = {
            name: distribute_tensor(v, mesh, [Shard(min(1, v.ndim - 1))])
            for name, v in tensors.items()
        }
    elif how == "fsdp1":
        state = sharded_by_fsdp1(tensors)
    elif how == "plain":
        state = {name: value.chunk(world)[rank].clone() for name, value in tensors.items()}
    else:
        state = {name: distribute_tensor(v, mesh, placements) for name, v in tensors.items()}
    if how == "dcp":
        import torch.distributed.checkpoint as dcp

        moments = {name: {"exp_avg": value * 2, "step": 3} for name, value in state.items()}
        dcp.save({"model": state, "optimizer": {"state": moments}, "epoch": 2}, checkpoint_id=out)
    elif how in ("flat-dcp", "dcp-columns"):
        import torch.distributed.checkpoint as dcp

        dcp.save(state, checkpoint_id=out)
    else:
        torch.save(state, out / f"model_world_size_{world}_rank_{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def sharded_by_fsdp1(tensors: dict[str, torch.Tensor]) -> dict:
    from torch.distributed.fsdp import FullyShardedDataParallel, StateDictType

    module = torch.nn.Module()
    for name, value in tensors.items():
        *path, last = name.split(".")
        inner = module
        for part in path:
            if not hasattr(inner, part):
                inner.add_module(part, torch.nn.Module())
            inner = getattr(inner, part)
        inner.register_parameter(last, torch.nn.Parameter(value.clone()))
    wrapped = FullyShardedDataParallel(module, device_id=torch.device("cpu"))
    with FullyShardedDataParallel.state_dict_type(wrapped, StateDictType.SHARDED_STATE_DICT):
        return wrapped.state_dict()


def main(path: str) -> None:
    for case in json.loads(Path(path).read_text()):
        Path(case["out"]).mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        world = case["ranks"]
        mp.start_processes(work, (world, port, case), nprocs=world, start_method="fork")


if __name__ == "__main__":
    main(sys.argv[1])
