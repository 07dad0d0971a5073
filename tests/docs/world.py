"""A folder that has every file which the documentation's commands name, small and made here.

Covers: models, checkpoints of each format, data sets of every shipped recipe, packed files,
rollouts, runs, configurations, scripts. Nothing is downloaded, nothing real is needed.
Does not cover: what the commands print; `test_commands.py` runs them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.files.jsonlines import write_jsonl
from mindspeed_rl_ext.core.responses.metrics import MetricsRow, append_metrics

# Pages call the same model by many names.
MODELS = (
    "Qwen2.5-7B", "Qwen2.5-0.5B-Instruct", "HF", "HF_DIR", "SRC", "shared/Qwen2.5-7B",
    "model_from_hf/qwen25-7b", "out/hf", "Qwen2.5-Math-7B", "Qwen2.5-7B-Instruct",
)  # fmt: skip
RUNS = (
    "DIR", "RUN_A", "RUN_B", "RUN_C", "DIR/STAGE", "DIR/NODE", "out/grpo", "shared/audit/node1",
    "train_output/countdown/sft", "train_output/countdown/grpo",
)  # fmt: skip
PROBLEMS = [
    (f"Tom has {n} apples and buys {n + 1} more. How many?", str(2 * n + 1)) for n in range(8)
]


def build_world(folder: Path, root: Path) -> None:
    """Fills a folder.

    Args:
        folder: empty.
        root: of the repository.
    """
    for name in ("configs", "scripts"):
        os.symlink(root / name, folder / name)
    _make_models(folder, root)
    _make_checkpoints(folder)
    _make_adapter(folder / "adapter")
    _make_deepseek(folder / "DeepSeek-R1")
    _make_data(folder, root)
    _make_packed(folder)
    _make_rollouts(folder)
    for name in RUNS:
        _make_run(folder / name)
    shutil.copytree(folder / "DIR", folder / "LOG")
    stages = json.dumps({"name": "countdown", "stages": ["sft", "grpo"]})
    (folder / "train_output" / "countdown" / "recipe.json").write_text(stages)
    _make_settings(folder, root)


def _make_models(folder: Path, root: Path) -> None:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from mindspeed_rl_ext.recipes.tiny_model import build_tokenizer

    first = folder / MODELS[0]
    tokenizer = build_tokenizer(first)
    # Whole words, or Countdown's question is longer in bytes than its recipe allows in tokens.
    countdown = (root / "configs" / "datasets" / "countdown.yaml").read_text(encoding="utf-8")
    tokenizer.add_tokens(sorted(set(re.findall(r" ?[a-z]{3,}", countdown))))
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(first)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=32, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=4, tie_word_embeddings=False,
        max_position_embeddings=1024, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(first)
    for name in MODELS[1:]:
        shutil.copytree(first, folder / name)


def _make_adapter(folder: Path) -> None:
    """As PEFT saves one for the models here: a change of each query and value projection."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    kinds, rank, hidden = ("q_proj", "v_proj"), 4, 32
    tensors = {}
    for layer in range(4):
        for kind in kinds:
            start = f"base_model.model.model.layers.{layer}.self_attn.{kind}"
            tensors[f"{start}.lora_A.weight"] = torch.ones(rank, hidden)
            tensors[f"{start}.lora_B.weight"] = torch.ones(hidden, rank)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 8, "target_modules": kinds}
    (folder / "adapter_config.json").write_text(json.dumps(config))


def _make_checkpoints(folder: Path) -> None:
    import torch
    from safetensors.torch import load_file

    source = str(folder / MODELS[0])
    for name, kind, layout in (
        ("DST", "mg", ("2", "1")), ("qwen25-7b-tp2pp2", "mg", ("2", "2")),
        ("ckpt", "torch_dist", ("2", "1")), ("ckpt2", "torch_dist", ("1", "1")),
    ):  # fmt: skip
        words = ["convert", "--load-dir", source, "--save-model-type", kind]
        words += ["--save-dir", str(folder / name), "--target-tensor-parallel-size", layout[0]]
        assert main([*words, "--target-pipeline-parallel-size", layout[1]]) == 0
    actor = folder / "global_step_100" / "actor"
    shutil.copytree(source, actor / "huggingface", ignore=shutil.ignore_patterns("*.safetensors"))
    tensors = load_file(Path(source) / "model.safetensors")
    for rank in range(2):
        state = {name: value.chunk(2)[rank].clone() for name, value in tensors.items()}
        torch.save(state, actor / f"model_world_size_2_rank_{rank}.pt")


def _make_deepseek(folder: Path) -> None:
    """61 layers and a prediction layer, as the page's layout needs; 32 experts of two rows."""
    size, heads, experts = 16, 8, 32
    config = {
        "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3",
        "hidden_size": size, "intermediate_size": 16, "moe_intermediate_size": 8,
        "num_hidden_layers": 61, "first_k_dense_replace": 3, "moe_layer_freq": 1,
        "num_attention_heads": heads, "num_key_value_heads": heads, "n_routed_experts": experts,
        "n_shared_experts": 1, "num_experts_per_tok": 2, "num_nextn_predict_layers": 1,
        "kv_lora_rank": 8, "q_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4,
        "v_head_dim": 4, "vocab_size": 64, "rms_norm_eps": 1e-6, "rope_theta": 10000,
        "hidden_act": "silu", "max_position_embeddings": 64, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "scoring_func": "sigmoid", "topk_method": "noaux_tc",
        "n_group": 8, "topk_group": 4, "routed_scaling_factor": 2.5, "norm_topk_prob": True,
    }  # fmt: skip
    attention = {
        "q_a_proj": (8, size), "q_a_layernorm": (8,), "q_b_proj": (heads * 8, 8),
        "kv_a_proj_with_mqa": (12, size), "kv_a_layernorm": (8,), "kv_b_proj": (heads * 8, 8),
        "o_proj": (size, heads * 4),
    }  # fmt: skip
    shapes = {"model.embed_tokens.weight": (64, size), "model.norm.weight": (size,)}
    shapes["lm_head.weight"] = (64, size)
    for layer in range(62):
        start = f"model.layers.{layer}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"{start}{name}.weight"] = (size,)
        shapes |= {f"{start}self_attn.{n}.weight": shape for n, shape in attention.items()}
        if layer < 3:
            shapes |= _mlp(f"{start}mlp.", size, 16)
            continue
        shapes[f"{start}mlp.gate.weight"] = (experts, size)
        shapes[f"{start}mlp.gate.e_score_correction_bias"] = (experts,)
        for name in ("shared_experts", *(f"experts.{n}" for n in range(experts))):
            shapes |= _mlp(f"{start}mlp.{name}.", size, 8)
    last = "model.layers.61."
    shapes |= {f"{last}{name}.weight": (size,) for name in ("enorm", "hnorm", "shared_head.norm")}
    shapes[f"{last}eh_proj.weight"] = (size, 2 * size)
    for name in ("embed_tokens", "shared_head.head"):
        shapes[f"{last}{name}.weight"] = (64, size)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    _write_zeros(folder / "model.safetensors", shapes)


def _mlp(start: str, size: int, width: int) -> dict[str, tuple[int, ...]]:
    shape = {"gate_proj": (width, size), "up_proj": (width, size), "down_proj": (size, width)}
    return {f"{start}{name}.weight": value for name, value in shape.items()}


def _write_zeros(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    header: dict[str, Any] = {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * _count(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


def _count(shape: Iterable[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _make_data(folder: Path, root: Path) -> None:
    """The file that each shipped data recipe reads, with the columns that it maps."""
    rows = [
        {"question": question, "problem": question, "answer": f"So #### {answer}"}
        for question, answer in PROBLEMS
    ]
    tests = [f"eval/data/{name}/test.jsonl" for name in ("gsm8k", "math500")]
    for name in ("train.jsonl", "gsm8k/train.jsonl", *tests):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_jsonl(folder / name, rows)
    for file in sorted((root / "configs" / "datasets").glob("*.yaml")):
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
        _write_rows(folder / config["input"], list(map(_row_of, [config] * 8, PROBLEMS)))
    shutil.copy(folder / "dataset/dapo/data/dapo-math-17k.parquet", folder)


def _row_of(config: dict[str, Any], problem: tuple[str, str]) -> dict[str, Any]:
    question, answer = problem
    keys = config["map_keys"]
    if "derive" in config:
        return {"nums": [int(answer), 1, 2], "target": int(answer)}
    given: Any = f"So #### {answer}" if config.get("label_extractor") == "gsm8k" else answer
    if keys["response"] == "reward_model":
        given = {"ground_truth": answer, "style": "rule"}
        return {keys["prompt"]: [{"role": "user", "content": question}], "reward_model": given}
    return {keys["prompt"]: question, keys["response"]: given}


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text(json.dumps(rows), encoding="utf-8")


def _make_packed(folder: Path) -> None:
    """PREFIX in two parts, dapo's prompts, and an instruction file with responses in it."""
    from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

    words = ["preprocess", "--config", "gsm8k", "--input", str(folder / "train.jsonl")]
    words += ["--tokenizer-name-or-path", str(folder / MODELS[0]), "--output-prefix"]
    for part in ("1/2", "2/2"):
        for prefix in ("PREFIX", "dataset/gsm8k"):
            assert main([*words, str(folder / prefix), "--shard", part]) == 0
    for name in ("dataset/a", "dataset/b", "dataset/math_17k/data"):
        assert main([*words, str(folder / name)]) == 0
    for name in ("instruct", "gsm8k_instruct"):
        _pack_with_responses(folder / "dataset" / name, load_tokenizer(folder / MODELS[0]))


def _pack_with_responses(prefix: Path, tokenizer: Any) -> None:
    from mindspeed_rl_ext.preprocess.packing.staging import staging
    from mindspeed_rl_ext.preprocess.packing.writer import PackedWriter

    with staging(prefix, overwrite=True) as stage:
        writer = PackedWriter(stage, prefix.name, ("input_ids", "attention_mask", "labels"))
        for question, answer in PROBLEMS:
            prompt, response = tokenizer.encode(f"Q: {question}\nA:"), tokenizer.encode(answer)
            ids, labels = prompt + response, [-100] * len(prompt) + response
            writer.add({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels})
        writer.finish()


def _make_rollouts(folder: Path) -> None:
    from mindspeed_rl_ext.recipes.quickstart.workspace import prepare

    prepare(folder / "quickstart_output", overwrite=False)
    rows = [
        {
            "response": f"<think>{n}</think><answer>\\boxed{{{answer}}}</answer>",
            "answer": answer if n % 2 else "7", "prompt": question, "group": n // 2, "step": 1,
            "num_tokens": 9,
        }
        for n, (question, answer) in enumerate(PROBLEMS)
    ]  # fmt: skip
    for name in ("rollouts.jsonl", "recorded.jsonl", "quickstart_output/grpo/rollouts.jsonl"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_jsonl(folder / name, rows)
    made = [
        {"benchmark": "gsm8k", "index": n, "responses": [f"so \\boxed{{{answer}}}"]}
        for n, (_, answer) in enumerate(PROBLEMS)
    ]
    write_jsonl(folder / "made.jsonl", made)
    package = folder / "my_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "rewards.py").write_text(MY_REWARDS)


def _make_run(folder: Path) -> None:
    for step in range(1, 13):
        values = {
            "grpo/rewards/mean": 0.05 * step, "simplerl_rewards/mean": 0.05 * step,
            "response_length/mean": 20.0 + step, "grad_norm": 1.0 / step,
        }  # fmt: skip
        append_metrics(folder / "metrics.jsonl", MetricsRow(step, values))
    rows = [
        {"response": "so", "answer": "1", "step": step, "reward": 0.0, "num_tokens": 3}
        for step in range(1, 13)
    ]
    write_jsonl(folder / "rollouts.jsonl", rows)


def _make_settings(folder: Path, root: Path) -> None:
    configs = root / "configs"
    for name, source in (
        ("my.yaml", "msrl/grpo_qwen25_7b.yaml"),
        ("grpo.yaml", "msrl/grpo_qwen25_7b.yaml"),
        ("my_grpo.yaml", "msrl/grpo_qwen25_7b.yaml"),
        ("IN", "msrl/grpo_qwen25_7b.yaml"),
        ("grpo_qwen25_7b.yaml", "msrl/grpo_qwen25_7b.yaml"),
        ("start.sh", "msrl/launch_multi_node.sh"),
        ("runtime_env.yaml", "envs/runtime_env.yaml"), ("countdown.yaml", "trl/countdown_3b.yaml"),
        ("zero3.yaml", "accelerate/zero3.yaml"), ("my_recipe.yaml", "recipes/gsm8k_grpo.yaml"),
    ):  # fmt: skip
        shutil.copy(configs / source, folder / name)
    shutil.copytree(configs / "model", folder / "model")
    trainer = folder / "MindSpeed-RL" / "cli" / "train_grpo.py"
    trainer.parent.mkdir(parents=True)
    trainer.touch()
    (folder / "SCRIPT").write_text("print('run by msrl-ext')\n")
    for name in ("run_qwen.sh", "run_qwen3.sh"):
        (folder / name).write_text(VERL_SCRIPT)


CHAT = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
MY_REWARDS = '''"""A verifier of a user's package."""

from mindspeed_rl_ext import verifier


@verifier("mine", needs=("answer",))
def mine(response: str, *, answer: str) -> float:
    """1 where the answer stands in the response."""
    return float(answer in response)
'''
VERL_SCRIPT = """python -m verl.trainer.main_ppo \\
    algorithm.adv_estimator=grpo \\
    data.train_batch_size=256 \\
    actor_rollout_ref.model.path=./Qwen2.5-7B \\
    actor_rollout_ref.actor.ppo_mini_batch_size=64 \\
    actor_rollout_ref.rollout.n=8 \\
    reward.reward_manager.name=msrl_ext \\
    '+reward.reward_kwargs.verifiers=[simplerl]'
"""
