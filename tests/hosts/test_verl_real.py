"""The real verl: its own configuration, its own loader of managers, its own reward loop on Ray.

Runs where verl is installed beside this package (its `.pth` or entry point included).
"""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verl", reason="verl is not installed")

BOXED = {"source": "math", "truth": "72", "response": "so \\boxed{72.0}"}
GSM8K = {"source": "openai/gsm8k", "truth": "72", "response": "She sold 72.\n#### 72"}
COUNTDOWN = {
    "source": "countdown",
    "truth": {"target": 49, "numbers": [44, 43, 48]},
    "response": "<answer>44 - 43 + 48</answer>",
}
TABLE = "{openai/gsm8k: [last_answer], countdown: [countdown], math: [boxed_acc]}"


class Bytes:
    """A tokenizer whose tokens are bytes, 0 being padding."""

    pad_token_id = 0

    def decode(self, ids: Any, skip_special_tokens: bool = True) -> str:
        return bytes(int(i) for i in ids if int(i) or not skip_special_tokens).decode()


def configuration(*overrides: str) -> Any:
    """What verl's own hydra makes of its own defaults and these overrides."""
    import verl
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    folder = os.path.join(os.path.dirname(verl.__file__), "trainer", "config")
    with initialize_config_dir(folder, version_base=None):
        return compose("ppo_trainer", overrides=list(overrides))


def batch(rows: list[dict[str, Any]]) -> Any:
    """A batch as verl's rollout leaves it: prompts padded left, responses right."""
    import numpy as np
    import torch
    from verl.protocol import DataProto

    texts = [list(row["response"].encode()) for row in rows]
    width = max(1, *map(len, texts))
    prompts = torch.tensor([[0, 0, *b"why?"]] * len(rows))
    responses = torch.tensor([text + [0] * (width - len(text)) for text in texts])
    mask = torch.cat([prompts, responses], dim=1).ne(0).long()

    def column(values: list[Any]) -> Any:
        made = np.empty(len(values), dtype=object)
        made[:] = values
        return made

    return DataProto.from_dict(
        tensors={"prompts": prompts, "responses": responses, "attention_mask": mask},
        non_tensors={
            "data_source": column([row["source"] for row in rows]),
            "reward_model": column([{"ground_truth": r["truth"], "style": "rule"} for r in rows]),
            "extra_info": column([{"index": i, **r.get("extra", {})} for i, r in enumerate(rows)]),
        },
    )


def score(rows: list[dict[str, Any]], *overrides: str) -> list[dict[str, Any]]:
    """What verl's manager loader and our manager make of rows that are awaited side by side."""
    from verl.trainer.ppo.reward import load_reward_manager

    manager = load_reward_manager(
        configuration("reward.reward_manager.name=msrl_ext", *overrides), Bytes()
    )
    data = batch(rows)

    async def every_row() -> list[dict[str, Any]]:
        awaited = [manager.run_single(data[i : i + 1]) for i in range(len(rows))]
        return list(await asyncio.gather(*awaited))

    return manager.loop.run_until_complete(every_row())


def test_sources_are_scored_by_their_own_verifiers_with_the_same_keys() -> None:
    rows = [GSM8K, BOXED, COUNTDOWN, {**BOXED, "truth": ["71", "72"]}, {**BOXED, "source": "new"}]
    found = score(rows, f"+reward.reward_kwargs.verifiers={TABLE}")
    assert [one["reward_score"] for one in found] == [1.0, 1.0, 1.0, 1.0, 0.0]
    assert len({tuple(one["reward_extra_info"]) for one in found}) == 1
    *judged, unknown = [one["reward_extra_info"]["acc"] for one in found]
    assert judged == [1.0, 1.0, 1.0, 1.0]
    assert unknown is None or math.isnan(unknown)  # None where verl's validation leaves it out


def test_the_shortcuts_of_verls_own_metrics_take_what_the_manager_gives() -> None:
    from verl.trainer.ppo.metric_utils import process_validation_metrics

    rows = [GSM8K, {**BOXED, "response": "\\boxed{1}"}, {**BOXED, "source": "new"}]
    found = score(rows, f"+reward.reward_kwargs.verifiers={TABLE}")
    keys = list(found[0]["reward_extra_info"])
    columns = {key: [one["reward_extra_info"][key] for one in found] for key in keys}
    columns["reward"] = [one["reward_score"] for one in found]
    sources = [row["source"] for row in rows]
    metrics = process_validation_metrics(sources, ["a", "b", "c"], columns)
    assert metrics["openai/gsm8k"]["acc"]["mean@1"] == 1.0
    assert metrics["math"]["acc"]["mean@1"] == 0.0
    unknown = metrics["new"].get("acc", {"mean@1": math.nan})  # no verifier judged it
    assert math.isnan(unknown["mean@1"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((), "needs verifiers"),
        (("+reward.reward_kwargs.verifiers=[simplrl]",), "did you mean simplerl?"),
        (("+reward.reward_kwargs.verifier=[simplerl]",), "did you mean verifiers?"),
    ],
)
def test_a_wrong_configuration_is_our_error(overrides: tuple[str, ...], message: str) -> None:
    from mindspeed_rl_ext.core.errors import InputError

    with pytest.raises(InputError) as error:
        score([BOXED], *overrides)
    assert message in str(error.value)


def test_its_reward_loop_on_ray_finds_the_manager_in_its_workers(tmp_path: Path) -> None:
    """In a process of its own: Ray's workers are Pythons that import verl by themselves."""
    program = tmp_path / "loop.py"
    program.write_text(LOOP.format(folder=str(Path(__file__).parent), name=Path(__file__).stem))
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, timeout=600, check=False,
        cwd=tmp_path, env={**os.environ, "RAY_DEDUP_LOGS": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "[1.0, 0.0, 1.0, -0.5]" in done.stdout


LOOP = """
import sys
sys.path.insert(0, {folder!r})
import {name} as rows_of
import ray
import tokenizers
from transformers import PreTrainedTokenizerFast

if __name__ == "__main__":
    alphabet = {{chr(code): code for code in range(128)}}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(alphabet, unk_token="?"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    model.decoder = tokenizers.decoders.Fuse()
    PreTrainedTokenizerFast(tokenizer_object=model, pad_token=chr(0)).save_pretrained("tokenizer")
    from transformers import Qwen2Config
    sizes = dict(hidden_size=8, num_attention_heads=1, num_hidden_layers=1)
    Qwen2Config(**sizes).save_pretrained("tokenizer")
    ray.init(num_cpus=4, include_dashboard=False)
    from verl.experimental.reward_loop import RewardLoopManager
    manager = RewardLoopManager(rows_of.configuration(
        "actor_rollout_ref.model.path=tokenizer", "reward.num_workers=2",
        "actor_rollout_ref.rollout.name=vllm", "reward.reward_manager.name=msrl_ext",
        "+reward.reward_kwargs.verifiers={{default: [boxed_acc], strict: [simplerl]}}",
    ))
    boxed = rows_of.BOXED
    found = manager.compute_rm_score(rows_of.batch([
        boxed, {{**boxed, "truth": "1"}}, {{**boxed, "source": "strict"}},
        {{**boxed, "source": "strict", "truth": "1"}},
    ]))
    print(found.batch["rm_scores"].sum(1).tolist())
"""
