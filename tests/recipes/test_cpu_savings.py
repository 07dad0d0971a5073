"""What a CPU run saves changes no number: sampling without ended rows, losses without padding."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="the extra [train] brings TRL")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from mindspeed_rl_ext.recipes.tasks.largest import split_problems
from mindspeed_rl_ext.recipes.training.trainer.compacted import compacted
from mindspeed_rl_ext.recipes.training.trainer.trimmed import TrimmedLogProbs


@pytest.fixture(scope="module")
def policy(warm: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(warm).eval()


@pytest.fixture(scope="module")
def prompts(warm: Path) -> dict[str, Any]:
    tokenizer = AutoTokenizer.from_pretrained(warm, padding_side="left")
    texts = [problem.prompt for problem in split_problems(seed=0)[1][:100]]
    return dict(tokenizer(texts, padding=True, return_tensors="pt"))


def config_of(policy: Any, **changes: Any) -> GenerationConfig:
    ends = policy.generation_config.eos_token_id or policy.config.eos_token_id
    settings = {"max_new_tokens": 40, "do_sample": False, "eos_token_id": ends, "pad_token_id": 0}
    return GenerationConfig(**{**settings, **changes})


class Counted:
    """A model's generate and how many rows each call had."""

    def __init__(self, policy: Any) -> None:
        self.policy, self.rows = policy, []

    def __call__(self, **given: Any) -> Any:
        self.rows.append(len(given["input_ids"]))
        return self.policy.generate(**given)


def test_the_likeliest_responses_are_those_of_transformers(policy: Any, prompts: Any) -> None:
    counted, config = Counted(policy), config_of(policy)
    with torch.no_grad():
        expected = policy.generate(**prompts, generation_config=config)
        found = compacted(counted)(**prompts, generation_config=config)
    assert torch.equal(found, expected)
    assert counted.rows[0] == 100
    assert all(a > b for a, b in zip(counted.rows, counted.rows[1:], strict=False))
    assert len(counted.rows) > 1, "nothing was dropped"
    assert config.max_new_tokens == 40


def test_every_sampled_response_ends_or_is_as_long_as_allowed(policy: Any, prompts: Any) -> None:
    config = config_of(policy, do_sample=True, temperature=1.5, top_k=0)
    torch.manual_seed(0)
    with torch.no_grad():
        found = compacted(policy.generate)(**prompts, generation_config=config)
    new = found[:, prompts["input_ids"].shape[1] :]
    ends = torch.tensor(config.eos_token_id).view(-1)
    for row in new:
        at = torch.isin(row, ends).nonzero().flatten().tolist()
        assert at or len(row) == 40
        assert not at or (row[at[0] + 1 :] == 0).all()


@pytest.mark.parametrize(
    "changes", [{"num_return_sequences": 2, "do_sample": True}, {"min_new_tokens": 9}]
)
def test_what_is_no_plain_sampling_is_left_to_transformers(
    policy: Any, prompts: Any, changes: dict[str, Any]
) -> None:
    counted = Counted(policy)
    with torch.no_grad():
        compacted(counted)(**prompts, generation_config=config_of(policy, **changes))
    assert counted.rows == [100]


def test_log_probabilities_and_gradients_are_those_of_trl(
    policy: Any, prompts: Any, tmp_path: Path, warm: Path
) -> None:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    class Ours(TrimmedLogProbs, GRPOTrainer):
        pass

    trainer = Ours(
        model=deepcopy(policy),
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=GRPOConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none"),
        train_dataset=Dataset.from_list([{"prompt": "1"}]),
        processing_class=AutoTokenizer.from_pretrained(warm),
    )
    torch.manual_seed(0)
    width = 24
    lengths = torch.randint(0, width + 1, (100,))
    mask = (torch.arange(width) < lengths[:, None]).long()
    ids = torch.cat([prompts["input_ids"], torch.randint(5, 60, (100, width))], dim=1)
    weight = torch.randn(100, width) * mask
    found = {}
    for kind in (Ours, GRPOTrainer):
        trainer.model.zero_grad()
        log_probs, entropy, *_ = kind._get_per_token_logps_and_entropies(
            trainer, trainer.model, ids, torch.cat([prompts["attention_mask"], mask], dim=1), width,
            compute_entropy=True,
        )  # fmt: skip
        (log_probs * weight).sum().backward()
        gradients = [p.grad.clone() for p in trainer.model.parameters()]
        found[kind] = (log_probs.detach() * mask, entropy.detach() * mask, *gradients)
    assert found[Ours][0].shape == (100, width)
    for ours, theirs in zip(*found.values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5)
