"""verl's data: sources that the default scorer does not know.

Covers: parquet files that are here. Does not cover: what prompts ask for; `rewards.prompts` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, at
from mindspeed_rl_ext.doctor.readers.verl.data import VerlData
from mindspeed_rl_ext.doctor.rulebook import rule
from mindspeed_rl_ext.doctor.rules.verl.rewards import MANAGER, PATH

# utils/reward_score/__init__.py, default_compute_score.
_SCORED = re.compile(
    r"openai/gsm8k|lighteval/MATH|DigitalLearningGmbH/MATH-lighteval|HuggingFaceH4/MATH-500|"
    r"math_dapo|math|math_dapo_reasoning|aime.*|numina_.*|codecontests|apps|codeforces|taco|"
    r"hiyouga/geometry3k|searchR1_.*"
)


@rule(
    "verl-data-source-unknown",
    "error",
    on=VerlData,
    en=(
        "{path} has the data source {source}, which verl's default scorer does not know: each of "
        "its rows ends in NotImplementedError, and the V1 trainer drops it",
        "+reward.reward_kwargs.verifiers with reward.reward_manager.name=msrl_ext, or a "
        "reward.custom_reward_function",
    ),
    zh=(
        "{path} 的 data_source 是 {source}，verl 默认打分函数不认识：每行都 NotImplementedError，"
        "V1 trainer 会丢掉它",
        "用 reward.reward_manager.name=msrl_ext 与 +reward.reward_kwargs.verifiers，或 "
        "reward.custom_reward_function",
    ),
)
def sources(data: VerlData) -> Iterator[At]:
    """Every row can be scored."""
    if data.run.has(PATH) or data.run.get(MANAGER) not in ("naive", "dapo", "gdpo"):
        return
    for source in data.sources:
        if not _SCORED.fullmatch(source):
            yield at(data.place, path=data.path, source=source)
