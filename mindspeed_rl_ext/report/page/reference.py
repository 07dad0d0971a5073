"""Throughput that MindSpeed-RL's guide reports, to compare with; none of it was measured by us.

Source: the performance table of the host's GRPO guide. Tokens per second and card, end to end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """One row of the guide's table.

    Args:
        model: the model.
        machine: the machine.
        global_batch_size: prompts per step.
        n_samples: responses per prompt.
        max_prompt_length: in tokens.
        max_tokens: longest response, in tokens.
        e2e_tps: tokens per second and card; on A3 the log's number times two.
    """

    model: str
    machine: str
    global_batch_size: int
    n_samples: int
    max_prompt_length: int
    max_tokens: int
    e2e_tps: float


def is_model(name: str, model: str) -> bool:
    """Whether a model's name or folder means a model of the table.

    Example:
        >>> is_model("./model_from_hf/qwen25-7b-instruct", "Qwen2.5-7B")
        True
        >>> is_model("Qwen2.5-72B", "Qwen2.5-7B"), is_model("", "Qwen2.5-7B")
        (False, False)
    """
    found, wanted = (re.sub(r"[^a-z0-9]", "", text.lower()) for text in (name, model))
    return re.search(re.escape(wanted) + r"(?![0-9])", found) is not None


REFERENCES = (
    Reference("Qwen2.5-7B", "Atlas 900 A3 SuperPoD", 32, 8, 2048, 2048, 220.0),
    Reference("Qwen2.5-32B", "Atlas 900 A3 SuperPoD", 64, 16, 1024, 2048, 220.0),
    Reference("Qwen2.5-32B", "Atlas 900 A2 PODc", 64, 16, 1024, 1024, 100.0),
    Reference("Qwen3-8B", "Atlas 900 A3 SuperPoD", 32, 8, 2048, 8192, 252.0),
    Reference("DeepSeek-R1-671B", "Atlas 900 A3 SuperPoD", 384, 32, 1024, 2048, 210.0),
)
