r"""A whole GRPO run of the real verl on a CPU, from a random model to the evaluated checkpoint.

    python tests/hosts/conformance/grpo_verl.py OUT [--steps 25] [--ranks 1]

in an environment that holds verl 0.9 and mindspeed-rl-ext[verify,data]; six minutes on two
idle cores. OUT/figures.json holds the figures, OUT/run.log what verl printed.

Covers: a warm start (a Qwen2 of 0.4 million parameters that names the largest of three numbers, and
guesses every other time); prompts as verl's parquet; verl's default trainer with its
agent loop, TransferQueue, FSDP2 and a checkpoint; rewards by the manager `msrl_ext`; the shards
back to HuggingFace; the same held-out problems before and after; the report of the run.
Does not cover: vLLM, NCCL, an accelerator: `stand_ins/verl_on_cpu` stands there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.recipes.tasks.table import TASKS
from mindspeed_rl_ext.recipes.tiny_model import build_model, build_tokenizer

HERE = Path(__file__).parent
OURS = (sys.executable, "-m", "mindspeed_rl_ext.cli")
SEED, HELD_OUT, MAX_TOKENS = 336, 128, 32
PROMPTS, GROUP = 16, 8
WARM_STEPS, WARM_ROWS = 180, 32
# The prompt is the question alone, as the warm start saw it.
CHAT_TEMPLATE = "{%- for message in messages -%}{{ message['content'] }}{%- endfor -%}"
ENVIRONMENT = {
    "VERL_USE_EXTERNAL_MODULES": "verl_on_cpu",
    "VERL_ENGINE_DEVICE": "cuda",  # what its FSDP engine is registered for; the platform is ours
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}


def run(*words: Any, log: Path | None = None, **env: str) -> str:
    """Runs a command; its output, or its log file's where one is named."""
    with log.open("w") if log else nullcontext(subprocess.PIPE) as stdout:
        done = subprocess.run(
            list(map(str, words)), env={**os.environ, **env}, text=True, check=False,
            stdout=stdout, stderr=subprocess.STDOUT if log else None,
        )  # fmt: skip
    text = log.read_text() if log else done.stdout
    if done.returncode:
        sys.exit(f"{text[-6000:]}\nexit code {done.returncode}: {' '.join(map(str, words))}")
    return text


def warm_start(out: Path) -> Path:
    """Makes the policy that the run starts from; verl 0.9.1 starts only where there is no TRL."""
    import torch

    policy = out / "policy"
    tokenizer = build_tokenizer(policy)
    model = build_model(tokenizer, SEED).train()
    shown = [(row.question, row.solution.replace("#### ", r"\boxed{") + "}" + tokenizer.eos_token)
             for row in TASKS["largest"](SEED).solutions]  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, WARM_STEPS, pct_start=0.1)
    for step in range(WARM_STEPS):
        batch = shown[step * WARM_ROWS : (step + 1) * WARM_ROWS]
        ids, labels = zip(*(_example(tokenizer, *one) for one in batch), strict=True)
        pad = torch.nn.utils.rnn.pad_sequence
        loss = model(pad(ids, True, tokenizer.pad_token_id), labels=pad(labels, True, -100)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.save_pretrained(policy)
    (policy / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    return policy


def _example(tokenizer: Any, prompt: str, response: str) -> tuple[Any, Any]:
    """The ids of a demonstration, and its labels: the prompt is not imitated."""
    import torch

    prompt_ids, response_ids = (tokenizer(text)["input_ids"] for text in (prompt, response))
    labels = [-100] * len(prompt_ids) + response_ids
    return torch.tensor(prompt_ids + response_ids), torch.tensor(labels)


def make_data(out: Path, policy: Path) -> None:
    """Prompts as verl's parquet, and the held-out problems as a benchmark file."""
    task = TASKS["largest"](SEED)
    for name, rows in (("train", task.train), ("gsm8k/test", task.held_out[:HELD_OUT])):
        file = out / "problems" / f"{name}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [{"question": row.question, "answer": f"#### {row.answer}"} for row in rows]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        run(*OURS, "preprocess", "--format", "verl", "--input", file, "--data-source", "largest",
            "--tokenizer-name-or-path", policy, "--output-prefix", out / "data" / file.stem,
            "--map-keys", '{"prompt":"question","response":"answer"}',
            "--max-prompt-length", 32)  # fmt: skip


def overrides(out: Path, policy: Path, steps: int, ranks: int) -> dict[str, Any]:
    """verl's configuration, where it differs from its defaults."""
    model, actor, rollout = (f"actor_rollout_ref.{part}" for part in ("model", "actor", "rollout"))
    return {
        "algorithm.adv_estimator": "grpo",
        "data.train_files": out / "data" / "train.parquet",
        "data.val_files": out / "data" / "test.parquet",
        "data.train_batch_size": PROMPTS,
        "data.max_prompt_length": 32,
        "data.max_response_length": MAX_TOKENS,
        "data.filter_overlong_prompts": True,
        "data.dataloader_num_workers": 0,
        "data.seed": SEED,
        f"{model}.path": policy,
        f"{model}.use_remove_padding": False,  # needs flash-attn
        f"+{model}.override_config.attn_implementation": "sdpa",
        f"{actor}.strategy": "fsdp2",
        f"{actor}.fsdp_config.dtype": "float32",
        f"{actor}.use_torch_compile": False,
        f"{actor}.optim.lr": 4e-4,
        f"{actor}.ppo_mini_batch_size": PROMPTS,
        f"{actor}.ppo_micro_batch_size_per_gpu": PROMPTS * GROUP // ranks,
        f"{rollout}.name": "transformers",
        f"{rollout}.n": GROUP,
        f"{rollout}.tensor_model_parallel_size": 1,
        f"{rollout}.log_prob_micro_batch_size_per_gpu": PROMPTS * GROUP // ranks,
        f"{rollout}.agent.num_workers": 1,
        f"{rollout}.val_kwargs.do_sample": True,
        f"{rollout}.val_kwargs.temperature": 1.0,
        "reward.num_workers": 1,
        "reward.reward_manager.name": "msrl_ext",
        "+reward.reward_kwargs.verifiers": "{largest: [simplerl]}",
        "trainer.n_gpus_per_node": ranks,
        "trainer.total_training_steps": steps,
        "trainer.save_freq": steps,
        "trainer.test_freq": steps,
        "trainer.logger": "[console,file]",
        "trainer.default_local_dir": out / "checkpoints",
        "trainer.validation_data_dir": out / "validation",
        "trainer.rollout_data_dir": out / "rollouts",
        "ray_kwargs.ray_init.num_cpus": 32,  # slots, not cores: most of its actors wait
        "+ray_kwargs.ray_init.num_gpus": ranks,
    }


def train(out: Path, policy: Path, steps: int, ranks: int) -> Path:
    """Runs verl's trainer; the folder of the actor's shards."""
    given = overrides(out, policy, steps, ranks).items()
    path = [str(HERE / "stand_ins"), *filter(None, [os.getenv("PYTHONPATH")])]
    run(sys.executable, "-W", "ignore", "-m", "verl.trainer.main_ppo",
        *(f"{key}={value}" for key, value in given), log=out / "run.log",
        PYTHONPATH=os.pathsep.join(path), VERL_FILE_LOGGER_PATH=str(out / "metrics.jsonl"),
        **ENVIRONMENT)  # fmt: skip
    return out / "checkpoints" / f"global_step_{steps}" / "actor"


def convert(shards: Path, policy: Path, out: Path) -> Path:
    """The shards as a HuggingFace directory that can be loaded, every tensor verified."""
    hf = out / "hf"
    run(*OURS, "convert", "--load-model-type", "fsdp", "--save-model-type", "hf",
        "--load-dir", shards, "--save-dir", hf, "--hf-cfg-dir", policy, "--verify")  # fmt: skip
    return hf


def evaluate(policy: Path, out: Path, when: str) -> float:
    """The fraction of held-out problems that sampled responses solve."""
    (policy / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    text = run(*OURS, "evaluate", "--benchmark", "gsm8k", "--data-dir", out / "problems",
               "--backend", "hf", "--model", policy, "--prompt-type", "tokenizer", "--n", 2,
               "--temperature", 1.0, "--max-tokens", MAX_TOKENS, "--batch-size", 64,
               "--output", out / "evaluation" / when, "--json")  # fmt: skip
    summary = json.loads(text)
    return float(summary["benchmarks"]["gsm8k"]["strict"]["pass@1"]["value"])


def rewards(out: Path) -> Iterator[float]:
    """The mean reward of each step, as verl logged it."""
    for line in (out / "metrics.jsonl").read_text().splitlines():
        data = json.loads(line)["data"]
        if "critic/rewards/mean" in data:
            yield data["critic/rewards/mean"]


def main(words: list[str]) -> int:
    """Runs it all; the exit code is 1 where the policy did not improve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--ranks", type=int, default=1, help="training processes")
    options = parser.parse_args(words)
    out = options.out.resolve()
    out.mkdir(parents=True)
    policy = warm_start(out)
    make_data(out, policy)
    before = evaluate(policy, out, "before")
    shards = train(out, policy, options.steps, options.ranks)
    after = evaluate(convert(shards, policy, out), out, "after")
    run(*OURS, "report", out, "-o", out / "report")
    curve = list(rewards(out))
    figures = {"rewards": curve, "accuracy before": before, "accuracy after": after}
    (out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    sys.stdout.write(f"reward of each step: {' '.join(f'{one:.2f}' for one in curve)}\n"
                     f"held-out accuracy {before:.3f} -> {after:.3f}\n")  # fmt: skip
    return 0 if after > before + 0.2 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
