"""verl's own reward manager calls our function, chosen by verl's own configuration."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("verl", reason="verl is not installed")
pytest.importorskip("torch")

RESPONSES = [
    r"<think>a</think><answer>\boxed{\frac{2}{4}}</answer>",
    r"<think>a</think><answer>\boxed{3}</answer>",
    r"<think>a</think><answer>\boxed{9^{9^{9^{9}}}}</answer>",
    "nothing",
]
ANSWERS = ["0.5", "4", "1", "1"]


class Bytes:
    """A tokenizer whose tokens are bytes, 0 being padding."""

    pad_token_id = 0
    eos_token = "\n"

    def decode(self, ids: Any, skip_special_tokens: bool = True) -> str:
        return bytes(int(i) for i in ids if int(i) or not skip_special_tokens).decode()

    def encode(self, text: str) -> list[int]:
        return list(text.encode())


def rows() -> Any:
    """A small DataProto as verl's rollout leaves it: prompts padded left, responses right."""
    import numpy as np
    import torch
    from verl import DataProto

    width = max(map(len, RESPONSES))
    prompt = torch.tensor([[0, 0, *b"why?"]] * len(RESPONSES))
    said = [list(text.encode()) for text in RESPONSES]
    responses = torch.tensor([ids + [0] * (width - len(ids)) for ids in said])
    mask = torch.cat([prompt, responses], dim=1).ne(0).long()
    return DataProto.from_dict(
        tensors={"prompts": prompt, "responses": responses, "attention_mask": mask},
        non_tensors={
            "reward_model": np.array(
                [{"ground_truth": answer, "style": "rule"} for answer in ANSWERS], dtype=object
            ),
            "data_source": np.array(["math"] * len(RESPONSES), dtype=object),
            "extra_info": np.array([{"index": i} for i in range(len(RESPONSES))], dtype=object),
        },
    )


def configured(**kwargs: Any) -> Any:
    """What verl makes of a configuration; it has moved the section, so both places are filled."""
    from omegaconf import OmegaConf
    from verl.trainer.ppo.reward import get_custom_reward_fn

    section = {
        "custom_reward_function": {
            "path": "pkg://mindspeed_rl_ext.integrations.verl",
            "name": "compute_score",
            "reward_kwargs": kwargs,
        }
    }
    return get_custom_reward_fn(OmegaConf.create({**section, "reward": section}))


def test_the_naive_manager_puts_each_score_on_the_last_token() -> None:
    from verl.workers.reward_manager import get_reward_manager_cls

    manager = get_reward_manager_cls("naive")(
        tokenizer=Bytes(), num_examine=0, compute_score=configured(verifiers="simplerl,r1_format")
    )
    data = rows()
    said = manager(data, return_dict=True)
    tensor, extra = said["reward_tensor"], said["reward_extra_info"]
    assert tensor.sum(dim=1).tolist() == [2.0, 0.5, 0.5, -1.0]
    for i, text in enumerate(RESPONSES):
        assert tensor[i].nonzero().flatten().tolist() == [len(text.encode()) - 1]
    assert extra["simplerl_outcome"] == ["CORRECT", "WRONG", "UNPARSEABLE", "BAD_FORMAT"]
    assert extra["acc"] == [1.0, 0.0, 0.0, 0.0]
    assert {len(column) for column in extra.values()} == {len(RESPONSES)}


def test_the_default_verifier_needs_no_arguments() -> None:
    from verl.workers.reward_manager import get_reward_manager_cls

    manager = get_reward_manager_cls("naive")(Bytes(), 0, compute_score=configured())
    assert manager(rows()).sum(dim=1).tolist() == [1.0, 0.0, 0.0, 0.0]
