"""verl's data: sources that the default scorer, or the verifiers of ours, do not know.

Covers: parquet files that are here; references that no verifier can read.
Does not cover: what prompts ask for; `rewards.prompts` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.core.rules import At, at
from mindspeed_rl_ext.doctor.readers.verl.data import VerlData
from mindspeed_rl_ext.doctor.readers.verl.verifiers import MANAGER, PATH, our_verifiers
from mindspeed_rl_ext.doctor.rulebook import rule

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
    by_ours = "MSRL_EXT_VERL_DEFAULT" in data.run.exported
    if by_ours or data.run.has(PATH) or data.run.get(MANAGER) not in ("naive", "dapo", "gdpo"):
        return
    for source in data.sources:
        if not _SCORED.fullmatch(source):
            yield at(data.place, path=data.path, source=source)


@rule(
    "verl-source-without-verifier",
    "error",
    on=VerlData,
    en=(
        "{path} has the data source {source}, for which no verifier is named: each of its rows "
        "has the lowest reward",
        "add it to the verifiers, or a default: {near}",
    ),
    zh=(
        "{path} 的 data_source 是 {source}，没有为它指定打分器：它的每一行都得最低奖励",
        "在 verifiers 里加上它，或者加一个 default：{near}",
    ),
)
def sources_of_ours(data: VerlData) -> Iterator[At]:
    """Every row has a verifier."""
    ours = our_verifiers(data.run)
    if ours is None or ours.table is None:
        return
    for source in data.sources:
        if ours.table.mix_of(source) is None:
            close = nearest(source, ours.table.mixes)
            yield at(ours.place, path=data.path, source=source, near=close)


@rule(
    "verl-reference-unread",
    "error",
    on=VerlData,
    en=(
        "{path}: the verifier of {source} can't read {count} of {total} references ({reason}: "
        "{reference}): these rows have the lowest reward, whatever is answered",
        "write reward_model.ground_truth as the verifier wants it, or name another verifier",
    ),
    zh=(
        "{path}：{source} 的打分器读不懂 {total} 条参考答案中的 {count} 条"
        "（{reason}：{reference}）：无论怎么回答，这些行都得最低奖励",
        "按打分器的要求写 reward_model.ground_truth，或换一个打分器",
    ),
)
def references(data: VerlData) -> Iterator[At]:
    """The verifiers can read the references."""
    ours = our_verifiers(data.run)
    if ours is None or ours.table is None:
        return
    for source in data.sources:
        rows = [row for row in data.rows if str(row.get("data_source")) == source]
        bad = list(ours.unread(rows))
        if bad:
            reference, reason = bad[0]
            values = {"count": len(bad), "total": len(rows), "reference": f"{reference!r:.80}"}
            yield at(data.place, path=data.path, source=source, reason=reason, **values)
