r"""verl's reward loop on 2,000 responses, 1 % of them hostile: our manager beside verl's scorers.

Each scorer runs in verl's own reward loop on a fresh Ray with two workers, row by row as the agent
loop asks, one scorer after the other. A row is lost where no reply comes within the limit, or the
reply is an exception: verl drops it then, or waits for ever. Hostile rows are power towers, nested
factorials, sums of 10^8 terms and hard integrals, each written differently.

    python benchmarks/verl_rewards.py           # needs verl, in the environment that verl runs in
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HANGS = [
    r"{k}^{{9^{{9^{{9}}}}}}",
    r"(({k}!)!)!",
    r"\sum_{{k=1}}^{{{k}00000000}} \frac{{1}}{{k^2}}",
    r"\int_0^{{\infty}} e^{{-x^2}}\sin({k}x^3) dx",
    r"\int_0^{{\infty}} \sin({k}x^2) dx",
    r"\sum_{{n=1}}^{{\infty}} \frac{{\sin {k}n}}{{n^2}}",
]
OURS = ["reward.reward_manager.name=msrl_ext", "+reward.reward_kwargs.verifiers=[{verifier}]"]
FUNCTION = "reward.custom_reward_function."
THEIRS = [f"{FUNCTION}path={{file}}", f"{FUNCTION}name={{scorer}}"]
OUR_FUNCTION = [
    f"{FUNCTION}path=pkg://mindspeed_rl_ext.integrations.verl",
    f"{FUNCTION}name=compute_score",
    f"+{FUNCTION}reward_kwargs.verifiers=[boxed_acc]",
]
SCORERS: dict[str, list[str]] = {
    "msrl_ext boxed_acc": [one.format(verifier="boxed_acc") for one in OURS],
    "msrl_ext dapo": [one.format(verifier="dapo") for one in OURS],
    "our function": OUR_FUNCTION,
    "verl math_dapo": THEIRS,
    "verl prime_math": THEIRS,
    "verl math_verify": THEIRS,
    # A reward of one's own that never returns for a hostile row, here and there.
    "msrl_ext hanging": [one.format(verifier="hanging") for one in OURS],
    "verl hanging": THEIRS,
}
# A reward of one's own, and the same as a verifier of ours in a process of its own.
OWN = r"""
import re
from mindspeed_rl_ext import verifier

def hanging(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    found = solution_str.rpartition("Answer: ")[2]
    found = re.sub(r"\\frac\{(\d+)\}\{3\}", r"\1/3", found)
    while not re.fullmatch(r"[\d/]+", found):
        pass
    return float(found == ground_truth)

@verifier("hanging", needs=("answer",), levels=(0.0, 1.0), isolated=True, cpu_s=1.0)
def hanging_verifier(response: str, *, answer: str) -> float:
    return hanging("", response, answer)
"""
# As verl's default_compute_score calls them.
FUNCTIONS = """
from own_reward import hanging

def math_dapo(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    from verl.utils.reward_score import math_dapo
    return math_dapo.compute_score(solution_str, ground_truth)

def prime_math(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    from verl.utils.reward_score import prime_math
    return float(prime_math.compute_score(solution_str, ground_truth)[0])

def math_verify(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    from verl.utils.reward_score import math_verify
    return float(math_verify.compute_score(solution_str, ground_truth))
"""


def make_rows(count: int, hostile: int, seed: int = 0) -> list[tuple[str, str, bool]]:
    """Responses with their references, and whether each is right."""
    draw, rows = random.Random(seed), []
    for number in range(count):
        truth = str(draw.randint(2, 9999))
        right = draw.random() < 0.5
        answer = truth if right else str(draw.randint(10_000, 99_999))
        if number % 7 == 0:
            truth, answer = f"{number + 1}/3", f"\\frac{{{number + 1}}}{{3}}"
            right = True
        rows.append((answer, truth, right))
    for number in draw.sample(range(count), hostile):
        answer = HANGS[number % len(HANGS)].format(k=number + 7)
        rows[number] = (answer, str(draw.randint(2, 99)), False)
    reasoning = "Step 1: we count. Step 2: we add. " * 12
    return [
        (f"{reasoning}So it is $\\boxed{{{answer}}}$.\nAnswer: {answer}", truth, right)
        for answer, truth, right in rows
    ]


def make_tokenizer(folder: Path) -> None:
    """A model directory with a tokenizer whose tokens are characters."""
    import tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config

    alphabet = {chr(code): code for code in range(128)}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(alphabet, unk_token="?"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    model.decoder = tokenizers.decoders.Fuse()
    PreTrainedTokenizerFast(tokenizer_object=model, pad_token=chr(0)).save_pretrained(folder)
    Qwen2Config(hidden_size=8, num_attention_heads=1, num_hidden_layers=1).save_pretrained(folder)


def batch(rows: list[tuple[str, str, bool]]) -> Any:
    """A batch as verl's rollout leaves it."""
    import numpy as np
    import torch
    from verl.protocol import DataProto

    texts = [list(response.encode()) for response, _, _ in rows]
    width = max(map(len, texts))
    responses = torch.tensor([text + [0] * (width - len(text)) for text in texts])
    prompts = torch.tensor([list(b"why?")] * len(rows))

    def column(values: list[Any]) -> Any:
        made = np.empty(len(values), dtype=object)
        made[:] = values
        return made

    return DataProto.from_dict(
        tensors={
            "prompts": prompts,
            "responses": responses,
            "attention_mask": torch.cat([prompts, responses], dim=1).ne(0).long(),
        },
        non_tensors={
            "data_source": column(["math"] * len(rows)),
            "reward_model": column([{"ground_truth": t, "style": "rule"} for _, t, _ in rows]),
            "extra_info": column([{"index": i} for i in range(len(rows))]),
        },
    )


def configuration(overrides: list[str]) -> Any:
    """What verl's own hydra makes of overrides."""
    import verl
    from hydra import compose, initialize_config_dir

    folder = os.path.join(os.path.dirname(verl.__file__), "trainer", "config")
    with initialize_config_dir(folder, version_base=None):
        return compose("ppo_trainer", overrides=overrides)


def measure(name: str, count: int, hostile: int, limit_s: float, folder: Path) -> dict[str, Any]:
    """Scores all rows with one scorer; what came back within the limit."""
    import psutil
    import ray

    make_tokenizer(folder / "model")
    functions = folder / "functions.py"
    functions.write_text(FUNCTIONS)
    (folder / "own_reward.py").write_text(OWN)
    # verl imports it in each process of Ray, which registers the verifier there.
    os.environ["VERL_USE_EXTERNAL_MODULES"] = "mindspeed_rl_ext,own_reward"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *sys.path])
    sys.path.append(str(folder))
    scorer = name.removeprefix("verl ")
    chosen = [one.format(file=functions, scorer=scorer) for one in SCORERS[name]]
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="error")
    from verl.experimental.reward_loop import RewardLoopManager

    manager = RewardLoopManager(
        configuration(
            [f"actor_rollout_ref.model.path={folder / 'model'}", "reward.num_workers=2",
             "actor_rollout_ref.rollout.name=vllm", *chosen]
        )
    )  # fmt: skip
    rows, workers = make_rows(count, hostile), manager.reward_loop_workers
    data = batch(rows)
    warm = batch([row for row in rows if row[2]][:8])
    ray.get([workers[i % 2].compute_score.remote(warm[i : i + 1]) for i in range(8)])
    started = time.perf_counter()
    asked = [workers[i % 2].compute_score.remote(data[i : i + 1]) for i in range(count)]
    done, left = ray.wait(asked, num_returns=count, timeout=limit_s)
    seconds = time.perf_counter() - started
    wrong, failed = 0, 0
    for number, reply in enumerate(asked):
        if reply not in done:
            continue
        try:
            score = ray.get(reply)["reward_score"]
        except Exception:  # noqa: BLE001  whatever a scorer raises, verl drops the row
            failed += 1
            continue
        wrong += (score > 0) != rows[number][2]
    # Scorers that hang leave processes behind: they are ours, and end with us.
    processes = psutil.Process().children(recursive=True)
    ray.shutdown()
    for process in processes:
        if process.is_running():
            process.kill()
    return {
        "seconds": seconds, "replies": len(done), "lost": len(left) + failed, "wrong": wrong,
    }  # fmt: skip


def main() -> None:
    """Prints a line for each scorer, without hostile rows and with them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds until a row is lost")
    parser.add_argument("--only", help="one scorer")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--hostile", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(options.one, options.rows, options.hostile, options.limit, Path(folder))
        print(json.dumps(found))
        return
    print(f"{options.rows} rows, two reward workers; a row is lost after {options.limit:g} s")
    print(f"{'scorer':<20} hostile  seconds  rows/s  lost  misjudged")
    for name in SCORERS:
        for hostile in (0, options.rows // 100):
            if options.only and options.only != name:
                continue
            words = [sys.executable, __file__, "--one", name, "--hostile", str(hostile)]
            words += ["--rows", str(options.rows), "--limit", str(options.limit)]
            run = subprocess.run(words, capture_output=True, text=True, check=False)
            if run.returncode:
                print(f"{name:<20} {hostile:>7} failed: {run.stderr.strip().splitlines()[-1]}")
                continue
            found = json.loads(run.stdout.strip().splitlines()[-1])
            rate = found["replies"] / found["seconds"]
            print(
                f"{name:<20} {hostile:>7} {found['seconds']:>8.1f} {rate:>7.0f} "
                f"{found['lost']:>5} {found['wrong']:>9}",
                flush=True,
            )


if __name__ == "__main__":
    main()
