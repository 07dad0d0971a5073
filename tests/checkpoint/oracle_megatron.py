"""Run as a script: logits of real megatron-core on the CPU against transformers, fp32.

    python oracle_megatron.py HF_DIR MG_DIR RANKS [HF_DIR MG_DIR RANKS ...]

Prints a line for each case: the largest absolute difference. Megatron expects CUDA in a few
places; the shims below stand in for them in this process only. Ranks are forked, so that the
libraries are imported once.
"""

from __future__ import annotations

import os
import socket
import sys
from functools import partial
from math import lcm
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from oracle_models import build, names_of_core


def shim_cuda() -> None:
    import megatron.core.tensor_parallel.random as tp_random

    torch.cuda.current_device = lambda: "cpu"
    torch.cuda.get_rng_state = lambda *a, **k: torch.get_rng_state()
    torch.cuda.set_rng_state = lambda state, *a, **k: torch.set_rng_state(state)
    torch.cuda.manual_seed = lambda seed: torch.manual_seed(seed)
    torch.cuda.device_count = lambda: 1
    torch.cuda.is_initialized = lambda: True
    torch.cuda.synchronize = lambda *a, **k: None
    torch.Tensor.cuda = lambda self, *a, **k: self
    torch.ones = partial(_on_cpu, torch.ones)  # the mask of a sliding window
    tp_random._set_cuda_rng_state = lambda state, *a, **k: torch.set_rng_state(state)
    tp_random._get_cuda_rng_state = lambda *a, **k: torch.get_rng_state()


def _on_cpu(make, *args, device=None, **more):
    return make(*args, device="cpu" if str(device).startswith("cuda") else device, **more)


def shim_experts() -> None:
    """The CUDA kernel's product, expert by expert; core's own views of the buffers stay."""
    from megatron.core.transformer.moe import experts, moe_utils

    moe_utils.te_general_gemm = None  # core forgets to define it without transformer_engine

    def gmm(rows, weights, counts, trans_b=False):
        parts = torch.split(rows, counts.tolist())
        return torch.cat([part @ weight for part, weight in zip(parts, weights, strict=True)])

    experts.gg = SimpleNamespace(
        assert_grouped_gemm_is_available=lambda: None, ops=SimpleNamespace(gmm=gmm)
    )


class Noop(torch.nn.Module):
    """A slot without a layer."""

    def forward(self, hidden_states, *args, context=None, **kwargs):
        return hidden_states, context


def empty_noop_slots(chunks: list, args) -> None:
    noop = {int(slot) for slot in (args.noop_layers or "").split(",") if slot}
    for chunk in chunks:
        for index, layer in enumerate(chunk.decoder.layers):
            if layer.layer_number - 1 in noop:
                chunk.decoder.layers[index] = Noop()


def shim_latent_attention() -> None:
    """Core asks whether a layer is one of transformer_engine's, which is not there."""
    from megatron.core.transformer import multi_latent_attention as latent

    latent.TELinear = type("TELinear", (), {})


def start_groups(rank: int, args) -> tuple[int, int, str]:
    """Core's groups; ranks of a stage, this rank's stage and its directory."""
    from megatron.core import parallel_state
    from megatron.core.tensor_parallel.random import model_parallel_cuda_manual_seed

    tp, pp = args.tensor_model_parallel_size, args.pipeline_model_parallel_size
    ep = args.expert_model_parallel_size
    # Where TP does not cut experts, a rank has a role in both groups.
    whole = tp > 1 and args.num_experts and args.expert_tensor_parallel_size == 1
    parallel_state.initialize_model_parallel(
        tp,
        pp,
        args.virtual_pipeline_model_parallel_size,
        expert_model_parallel_size=ep,
        expert_tensor_parallel_size=1 if whole else tp,
    )
    model_parallel_cuda_manual_seed(1)
    ranks_of_stage = lcm(tp, ep) if whole else tp * ep
    stage, ep_rank = rank // ranks_of_stage, rank % ep if whole else rank // tp % ep
    directory = f"mp_rank_{rank % tp:02d}"
    directory += (f"_{stage:03d}" if pp > 1 else "") + (f"_{ep_rank:03d}" if ep > 1 else "")
    return ranks_of_stage, stage, directory


def work(rank: int, world: int, port: int, hf_dir: str, mg_dir: str) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    shim_cuda()
    shim_experts()
    shim_latent_attention()
    dist.init_process_group("gloo", rank=rank, world_size=world)
    root = Path(mg_dir, "iter_0000001")
    args = torch.load(next(root.rglob("*.pt")), map_location="cpu", weights_only=False)["args"]
    tp, pp = args.tensor_model_parallel_size, args.pipeline_model_parallel_size
    ranks_of_stage, stage, directory = start_groups(rank, args)
    path = root / directory / "model_optim_rng.pt"
    content = torch.load(path, map_location="cpu", weights_only=False)
    chunks = build(args, tp, pp, stage)
    empty_noop_slots(chunks, args)
    for number, chunk in enumerate(chunks):
        state = content["model" if len(chunks) == 1 else f"model{number}"]
        chunk.load_state_dict(names_of_core(state, args), strict=True)
    tokens = torch.randint(0, args.vocab_size, (2, 16), generator=_seeded())
    logits = forward(chunks, tokens, rank, ranks_of_stage, pp, args.hidden_size)
    if rank == world - 1:
        report(logits[..., : args.vocab_size], tokens, hf_dir, Path(mg_dir).name)
    dist.barrier()
    dist.destroy_process_group()


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


@torch.no_grad()
def forward(chunks: list, tokens, rank: int, ranks_of_stage: int, pp: int, hidden: int):
    """Chunk by chunk over all stages: the first chunk of each, then the second, ..."""
    batch, length = tokens.shape
    stage = rank // ranks_of_stage
    positions = torch.arange(length).expand(batch, length)
    future = torch.ones(1, 1, length, length, dtype=torch.bool).triu(1)
    world = ranks_of_stage * pp
    for number, chunk in enumerate(chunks):
        if stage + number > 0:
            received = torch.empty(length, batch, hidden)
            dist.recv(received, (rank - ranks_of_stage) % world)
            chunk.set_input_tensor(received)
        output = chunk(tokens, positions, future)
        if stage < pp - 1 or number < len(chunks) - 1:
            dist.send(output.contiguous(), (rank + ranks_of_stage) % world)
    return output


def report(logits, tokens, hf_dir: str, mg_name: str) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        hf_dir, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    with torch.no_grad():
        expected = model(tokens).logits
    same = (logits.argmax(-1) == expected.argmax(-1)).float().mean().item()
    spread = expected.abs().max().item()
    difference = (logits - expected).abs().max().item()
    sys.stdout.write(f"{mg_name} max_abs_diff={difference:.3e} argmax={same} max={spread:.3f}\n")
    sys.stdout.flush()


def main(words: list[str]) -> None:
    import transformers.models.llama.modeling_llama
    import transformers.models.qwen2.modeling_qwen2  # noqa: F401

    torch.set_num_threads(1)
    for at in range(0, len(words), 3):
        hf, mg, world = words[at], words[at + 1], int(words[at + 2])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        try:
            mp.start_processes(work, (world, port, hf, mg), nprocs=world, start_method="fork")
        except mp.ProcessRaisedException as error:  # the other cases still say something
            sys.stderr.write(f"{Path(mg).name}: {error}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
