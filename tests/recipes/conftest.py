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
    from mindspeed_rl_ext.recipes.tasks.largest import solutions, split_problems
    from mindspeed_rl_ext.recipes.tiny_model import build_model, build_tokenizer
    from mindspeed_rl_ext.recipes.training.rows.demonstrations import STYLES
    from mindspeed_rl_ext.recipes.training.rows.sft_rows import Example
    from mindspeed_rl_ext.recipes.training.stages.sft import imitate

    use_one_thread()
    folder = tmp_path_factory.mktemp("warm")
    start = folder / "start"
    tokenizer = build_tokenizer(start)
    build_model(tokenizer, seed=0).save_pretrained(start)
    train, _ = split_problems(seed=0)
    examples = [
        Example(p.prompt, STYLES["boxed"](text)) for p, text in solutions(train, 1000, seed=0)
    ]
    trl = {
        "max_steps": 120, "per_device_train_batch_size": 16, "learning_rate": 3e-3,
        "lr_scheduler_type": "cosine", "warmup_steps": 20, "weight_decay": 0.0,
        "save_strategy": "no",
    }  # fmt: skip
    return imitate(start, examples, folder / "sft", trl, seed=0)


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the user press Ctrl-C when the numbers of a step are written."""
    from mindspeed_rl_ext.core.responses import metrics

    write = metrics.append_metrics

    def stop(step: int) -> None:
        def write_and_stop(path: Any, row: Any) -> None:
            write(path, row)
            if row.step == step:
                raise KeyboardInterrupt

        monkeypatch.setattr(metrics, "append_metrics", write_and_stop)

    return stop
