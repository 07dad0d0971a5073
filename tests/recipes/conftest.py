"""What several files of tests train with: a policy, and a user who stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that answers in boxes, now and then rightly."""
    from mindspeed_rl_ext.recipes.device import use_one_thread
    from mindspeed_rl_ext.recipes.sft import SftSettings, train_sft
    from mindspeed_rl_ext.recipes.tasks.largest import solutions, split_problems
    from mindspeed_rl_ext.recipes.tiny_model import build_model, build_tokenizer
    from mindspeed_rl_ext.recipes.training.rows.demonstrations import STYLES

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


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the user press Ctrl-C when the numbers of a step are written."""
    from mindspeed_rl_ext.core import metrics

    write = metrics.append_metrics

    def stop(step: int) -> None:
        def write_and_stop(path: Any, row: Any) -> None:
            write(path, row)
            if row.step == step:
                raise KeyboardInterrupt

        monkeypatch.setattr(metrics, "append_metrics", write_and_stop)

    return stop
