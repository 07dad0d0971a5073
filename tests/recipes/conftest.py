"""A policy that several files of tests train on."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that answers in boxes, now and then rightly."""
    from mindspeed_rl_ext.recipes.device import use_one_thread
    from mindspeed_rl_ext.recipes.largest import solutions, split_problems
    from mindspeed_rl_ext.recipes.sft import SftSettings, train_sft
    from mindspeed_rl_ext.recipes.tiny_model import build_model, build_tokenizer
    from mindspeed_rl_ext.recipes.training.demonstrations import STYLES

    use_one_thread()
    folder = tmp_path_factory.mktemp("warm")
    tokenizer = build_tokenizer(folder)
    model = build_model(tokenizer, seed=0)
    train, _ = split_problems(seed=0)
    rows = [
        {"instruction": p.prompt, "output": STYLES["boxed"](text)}
        for p, text in solutions(train, 1000, seed=0)
    ]
    train_sft(model, tokenizer, rows, SftSettings(steps=120, batch_size=16))
    model.save_pretrained(folder)
    return folder
