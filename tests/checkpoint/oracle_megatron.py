"""Run as a script: logits of real megatron-core on the CPU against transformers, fp32.

    python oracle_megatron.py HF_DIR MG_DIR TP PP [HF_DIR MG_DIR TP PP ...]

Prints a line for each case: the largest absolute difference. Megatron expects CUDA in a few
places; the shims below stand in for them in this process only. Ranks are forked, so that the
libraries are imported once.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


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
    tp_random._set_cuda_rng_state = lambda state, *a, **k: torch.set_rng_state(state)
    tp_random._get_cuda_rng_state = lambda *a, **k: torch.get_rng_state()


def build(args, tp: int, pp: int, rank: int):
    from megatron.core import parallel_state
    from megatron.core.models.gpt import GPTModel
    from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
    from megatron.core.tensor_parallel.random import model_parallel_cuda_manual_seed
    from megatron.core.transformer import TransformerConfig

    parallel_state.initialize_model_parallel(tp, pp)
    model_parallel_cuda_manual_seed(1)
    config = TransformerConfig(
        num_layers=args.num_layers,
        hidden_size=args.hidden_size,
        ffn_hidden_size=args.ffn_hidden_size,
        num_attention_heads=args.num_attention_heads,
        num_query_groups=args.num_query_groups,
        kv_channels=args.kv_channels,
        tensor_model_parallel_size=tp,
        pipeline_model_parallel_size=pp,
        pipeline_dtype=torch.float32,
        normalization="RMSNorm",
        layernorm_epsilon=args.norm_epsilon,
        gated_linear_unit=True,
        activation_func=torch.nn.functional.silu,
        add_bias_linear=False,
        add_qkv_bias=args.add_qkv_bias,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        use_cpu_initialization=True,
        perform_initialization=False,
        gradient_accumulation_fusion=False,
        bias_activation_fusion=False,
        bias_dropout_fusion=False,
        apply_rope_fusion=False,
        masked_softmax_fusion=False,
        persist_layer_norm=False,
    )
    stage = rank // tp
    return GPTModel(
        config,
        get_gpt_layer_local_spec(normalization="RMSNorm"),
        vocab_size=args.padded_vocab_size,
        max_sequence_length=args.max_position_embeddings,
        pre_process=stage == 0,
        post_process=stage == pp - 1,
        parallel_output=False,
        share_embeddings_and_output_weights=not args.untie_embeddings_and_output_weights,
        position_embedding_type="rope",
        rotary_base=args.rotary_base,
    ).eval()


def work(rank: int, tp: int, pp: int, port: int, hf_dir: str, mg_dir: str) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    shim_cuda()
    dist.init_process_group("gloo", rank=rank, world_size=tp * pp)
    directory = f"mp_rank_{rank % tp:02d}" + (f"_{rank // tp:03d}" if pp > 1 else "")
    path = Path(mg_dir, "iter_0000001", directory, "model_optim_rng.pt")
    content = torch.load(path, map_location="cpu", weights_only=False)
    model = build(content["args"], tp, pp, rank)
    model.load_state_dict(content["model"], strict=True)
    tokens = torch.randint(0, content["args"].vocab_size, (2, 16), generator=_seeded())
    logits = forward(model, tokens, rank, tp, pp, content["args"].hidden_size)
    if rank == tp * pp - 1:
        report(logits[..., : content["args"].vocab_size], tokens, hf_dir, Path(mg_dir).name)
    dist.barrier()
    dist.destroy_process_group()


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


@torch.no_grad()
def forward(model, tokens, rank: int, tp: int, pp: int, hidden: int):
    batch, length = tokens.shape
    if rank >= tp:
        received = torch.empty(length, batch, hidden)
        dist.recv(received, rank - tp)
        model.set_input_tensor(received)
    positions = torch.arange(length).expand(batch, length)
    future = torch.ones(1, 1, length, length, dtype=torch.bool).triu(1)
    output = model(tokens, positions, future)
    if rank // tp < pp - 1:
        dist.send(output.contiguous(), rank + tp)
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
    for at in range(0, len(words), 4):
        hf, mg, tp, pp = words[at], words[at + 1], int(words[at + 2]), int(words[at + 3])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        mp.start_processes(work, (tp, pp, port, hf, mg), nprocs=tp * pp, start_method="fork")


if __name__ == "__main__":
    main(sys.argv[1:])
