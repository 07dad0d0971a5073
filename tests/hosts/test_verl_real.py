"""The real verl: its own configuration, its own loader of managers, its own reward loop on Ray.

Runs where verl is installed beside this package (its `.pth` or entry point included).
"""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.verifiers import verifier

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
            "reward_model": column(
                [r.get("reward_model", {"ground_truth": r["truth"], "style": "rule"}) for r in rows]
            ),
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


CALLS: list[str] = []


@verifier("real_raises", needs=("answer",))
def real_raises(response: str, *, answer: str) -> float:
    """Raises for one response."""
    if "raise" in response:
        raise RuntimeError("broken verifier")
    return 1.0


@verifier("real_hangs", needs=("answer",))
def real_hangs(response: str, *, answer: str) -> float:
    """Hangs for one response."""
    if "hang" in response:
        threading.Event().wait(60)
    return 1.0


@verifier("real_nan", needs=("answer",))
def real_nan(response: str, *, answer: str) -> float:
    """No number for one response."""
    return math.nan if "nan" in response else 1.0


@verifier("real_counts", needs=("answer",))
def real_counts(response: str, *, answer: str) -> float:
    """Counts its calls."""
    CALLS.append(response)
    return 1.0


@verifier("real_level", needs=("answer", "level"))
def real_level(response: str, *, answer: str, level: str) -> float:
    """Needs a column of the data."""
    return float(level == "hard")


def outcomes(found: list[dict[str, Any]]) -> list[tuple[float, str]]:
    return [(one["reward_score"], one["reward_extra_info"]["outcome"]) for one in found]


def test_a_reference_of_any_kind_costs_no_row() -> None:
    right = "so \\boxed{72}"
    rows = [
        {**BOXED, "response": right, "truth": truth}
        for truth in ("72", 72, ["71", "72"], {"a": 1}, None, "", [], math.nan)
    ]
    rows.append({**BOXED, "response": right, "reward_model": {"style": "rule"}})
    rows.append({**BOXED, "response": right, "reward_model": None})
    found = outcomes(score(rows, "+reward.reward_kwargs.verifiers=[boxed_acc]"))
    assert found[:3] == [(1.0, "CORRECT")] * 3
    assert {outcome for _, outcome in found[3:]} <= {"BAD_REFERENCE", "UNPARSEABLE"}
    assert [reward for reward, _ in found[3:]] == [0.0] * 7


def test_an_empty_response_and_one_of_a_megabyte_are_scored() -> None:
    rows = [
        {**BOXED, "response": ""},
        {**BOXED, "response": "we go on and on " * 65_536 + "\\boxed{72}"},
        {**BOXED, "response": "\\boxed{" * 131_072},
    ]
    found = score(rows, "+reward.reward_kwargs.verifiers=[boxed_acc]")
    assert [one["reward_score"] for one in found] == [0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("name", "word", "outcome"),
    [
        ("real_raises", "raise", "ERROR"),
        ("real_nan", "nan", "ERROR"),
        ("real_hangs", "hang", "TIMEOUT"),
    ],
)
def test_a_verifier_that_fails_on_a_row_costs_that_row_alone(
    name: str, word: str, outcome: str
) -> None:
    rows = [{**BOXED, "response": text} for text in ("fine", word, "good")]
    kwargs = [f"+reward.reward_kwargs.verifiers=[{name}]", "+reward.reward_kwargs.timeout_s=2"]
    found = outcomes(score(rows, *kwargs))
    assert found[1][1] == outcome
    assert found[1][0] <= 0.0
    if name != "real_hangs":  # its batch ends together
        assert found[0] == found[2] == (1.0, "SCORED")


def test_a_column_that_a_row_lacks_costs_that_row_alone() -> None:
    rows = [{**BOXED, "extra": {"level": "hard"}}, BOXED]
    found = score(rows, "+reward.reward_kwargs.verifiers=[real_level]")
    assert [one["reward_score"] for one in found] == [1.0, 0.0]
    assert "level" in found[1]["reward_extra_info"]["reason"]
    assert tuple(found[0]["reward_extra_info"]) == tuple(found[1]["reward_extra_info"])


def test_equal_responses_of_a_group_are_judged_once() -> None:
    CALLS.clear()
    rows = [{**BOXED, "response": text} for text in ["same"] * 7 + ["other"]]
    found = score(rows, "+reward.reward_kwargs.verifiers=[real_counts]")
    assert [one["reward_score"] for one in found] == [1.0] * 8
    assert sorted(CALLS) == ["other", "same"]


def test_acc_stands_only_where_a_verifier_judges_the_answer() -> None:
    rows = [BOXED, {**BOXED, "source": "style"}]
    table = "{math: [boxed_acc], style: [r1_format]}"
    judged, styled = score(rows, f"+reward.reward_kwargs.verifiers={table}")
    assert judged["reward_extra_info"]["acc"] == 1.0
    unjudged = styled["reward_extra_info"]["acc"]
    assert unjudged is None or math.isnan(unjudged)
    [alone] = score([BOXED], "+reward.reward_kwargs.verifiers=[r1_format]")
    assert "acc" not in alone["reward_extra_info"]


DEFAULT = """
import sys
sys.path.insert(0, {folder!r})
import {name} as rows_of
from verl.trainer.ppo.reward import load_reward_manager
import asyncio
manager = load_reward_manager(rows_of.configuration(), rows_of.Bytes())
rows = [rows_of.GSM8K, rows_of.BOXED, rows_of.COUNTDOWN, {{**rows_of.BOXED, "source": "new"}}]
data = rows_of.batch(rows)

async def every_row():
    return [await manager.run_single(data[i : i + 1]) for i in range(len(rows))]

found = manager.loop.run_until_complete(every_row())
keys = {{tuple(one["reward_extra_info"]) for one in found}}
print([one["reward_score"] for one in found], len(keys))
"""


def test_verls_default_function_is_replaced_where_the_variable_asks(tmp_path: Path) -> None:
    program = tmp_path / "default.py"
    program.write_text(DEFAULT.format(folder=str(Path(__file__).parent), name=Path(__file__).stem))
    asked = {**os.environ, "MSRL_EXT_VERL_DEFAULT": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=False, env=asked
    )
    assert "[1.0, 1.0, 1.0, 1.0] 1" in done.stdout, done.stderr[-3000:]


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
