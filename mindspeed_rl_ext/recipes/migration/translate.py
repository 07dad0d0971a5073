"""From a configuration to overrides: the rows in their order, and what has no counterpart.

Covers: keys that are given, defaults that differ, keys that no row knows, values that only
hydra can fill in. Does not cover: reading and writing files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_keys import OPEN_PARTS
from mindspeed_rl_ext.recipes.migration import rl_keys, rollout_keys, training_keys
from mindspeed_rl_ext.recipes.migration.rows import (
    ACTOR,
    CRITIC,
    GENERATE,
    MEGATRON,
    RL,
    ROLLOUT,
    SAMPLING,
    TRAINING,
    TRANSFORMER,
    VARIABLES,
    KeyRow,
    Pair,
    Source,
)

PARTS = (TRAINING, CRITIC, RL, GENERATE, SAMPLING)
ROWS: tuple[KeyRow, ...] = (*training_keys.ROWS, *rl_keys.ROWS, *rollout_keys.ROWS)
_UNKNOWN = Text(
    f"a flag of Megatron or MindSpeed; where MindSpeed reads it, ++{TRANSFORMER}.KEY sets it",
    f"Megatron 或 MindSpeed 的参数；若 MindSpeed 读取它，用 ++{TRANSFORMER}.KEY 设置",
)
_NO_EFFECT = Text(
    "has no effect with the values of this file: there is nothing to write",
    "在本文件的取值下不起作用，无需写出",
)
_OTHER_PART = Text("a part that is not translated", "不迁移的部分")
_OPEN = Text(
    "an interpolation, which only hydra can fill in: write its value",
    "插值只有 hydra 能解析：请写出值",
)
# What every run of verl on NPUs needs, whatever the configuration says.
FIXED: tuple[tuple[str, Any, Text], ...] = (
    ("trainer.device", "npu", Text("cuda on GPUs", "GPU 上写 cuda")),
    (f"{ROLLOUT}.name", "vllm", Text("the rollout, as before", "推理后端不变")),
    (
        "data.filter_overlong_prompts", True,
        Text("false would cut off the beginning of long prompts", "false 会截掉长 prompt 的开头"),
    ),
    (
        f"{MEGATRON}.use_mbridge", True,
        Text("weights are read from the HuggingFace directory", "直接读取 HuggingFace 权重"),
    ),
    (
        f"{MEGATRON}.vanilla_mbridge", True,
        Text(
            "by the package mbridge, as verl's scripts for NPUs",
            "用 mbridge 包，与 verl 的 NPU 脚本一致",
        ),
    ),
    (
        f"{ROLLOUT}.checkpoint_engine.update_weights_bucket_megabytes", 4096,
        Text("the embedding of a 7B model does not fit 2048", "7B 模型的 embedding 超过 2048"),
    ),
    (
        f"{ACTOR}.calculate_entropy", True,
        Text("actor/entropy is logged, as before", "照常记录 actor/entropy"),
    ),
    (
        f"{VARIABLES}.HCCL_CONNECT_TIMEOUT", "1800",
        Text("seconds until a connection counts as failed", "建立连接的超时秒数"),
    ),
    (
        f"{VARIABLES}.RAY_EXPERIMENTAL_NOSET_ASCEND_RT_VISIBLE_DEVICES", "1",
        Text("verl chooses the cards, not Ray", "由 verl 选卡，而不是 Ray"),
    ),
    (
        f"{VARIABLES}.CUDA_DEVICE_MAX_CONNECTIONS", "1",
        Text(
            "Megatron's overlap of communication and computation needs 1",
            "Megatron 通信计算重叠需要 1",
        ),
    ),
    (
        f"{VARIABLES}.VERL_USE_EXTERNAL_MODULES", "mindspeed_rl_ext",
        Text(
            "verl 0.7 and 0.8 find our reward manager by it",
            "verl 0.7、0.8 由此找到我们的 reward manager",
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Override:
    """One override of verl.

    Args:
        key: of verl.
        value: its value.
        origin: the keys that it comes of; empty for what every run needs.
        text: what it means.
    """

    key: str
    value: Any
    origin: tuple[str, ...]
    text: Text


@dataclass(frozen=True)
class Untranslated:
    """A key without a counterpart.

    Args:
        key: of MindSpeed-RL, with its part.
        place: where it is given.
        text: why.
    """

    key: str
    place: Place
    text: Text


@dataclass(frozen=True)
class Translation:
    """What comes of a configuration.

    Args:
        overrides: in the order of verl's tables.
        untranslated: keys without a counterpart.
        notes: what the reader must know beside them.
    """

    overrides: tuple[Override, ...]
    untranslated: tuple[Untranslated, ...]
    notes: tuple[Text, ...]


def translate(source: Source) -> Translation:
    """Translates a configuration.

    Raises:
        InputError: it can't be: a reward model, an unknown verifier, cards that do not fit.
    """
    found: dict[str, Override] = {}
    missing: list[Untranslated] = []
    for part in PARTS:
        given = source.given(part)
        rows = [row for row in ROWS if row.part == part]
        known = {key for row in rows for key in row.keys}
        for row in rows:
            made = _overrides(source, row, given)
            # The first row of a key wins: the one that its value comes of.
            found.update({key: one for key, one in made.items() if key not in found})
            missing.extend(_without(source, row, given, made))
        unknown = [key for key in given if key not in known and key != "sampling_config"]
        missing.extend(_untranslated(source, part, key, _UNKNOWN) for key in unknown)
    missing.extend(_other_parts(source))
    fixed = {key: Override(key, value, (), text) for key, value, text in FIXED}
    found.update({key: one for key, one in fixed.items() if key not in found})
    order = {name: n for n, name in enumerate(("data", "actor_rollout_ref", "critic", "algorithm"))}
    inner = {name: n for n, name in enumerate(("model", "actor", "ref", "rollout"))}

    def rank(override: Override) -> tuple[int, int, str]:
        top, _, rest = override.key.partition(".")
        return order.get(top, len(order)), inner.get(rest.split(".")[0], 0), top

    return Translation(
        tuple(sorted(found.values(), key=rank)), tuple(missing), tuple(dict.fromkeys(source.notes))
    )


def _overrides(source: Source, row: KeyRow, given: Iterable[str]) -> Mapping[str, Override]:
    named = [key for key in row.keys if key in given]
    if row.convert is None or not (named or row.always) or source.version < row.since:
        return {}
    origin = tuple(named or row.keys[:1])
    pairs: Iterable[Pair] = row.convert(source)
    return {
        key: Override(key, value, origin, row.text) for key, value in pairs if value is not None
    }


def _without(
    source: Source, row: KeyRow, given: Iterable[str], made: Mapping[str, Override]
) -> Iterator[Untranslated]:
    """The keys of a row that nothing comes of."""
    values = source.part(row.part)
    for key in row.keys:
        if key not in given:
            continue
        if values.is_open(key) and row.verl:
            yield _untranslated(source, row.part, key, _OPEN)
        elif not row.verl or source.version < row.since:
            yield _untranslated(source, row.part, key, row.text)
        elif not made:
            yield _untranslated(source, row.part, key, _NO_EFFECT)


def _untranslated(source: Source, part: str, key: str, text: Text) -> Untranslated:
    place = source.part(part).place(key)
    return Untranslated(place.key, place, text)


def _other_parts(source: Source) -> Iterator[Untranslated]:
    read = {*PARTS, "actor_config", "defaults", "hydra"}
    for part in source.run.document.value:
        if part in read or (part in OPEN_PARTS and part == "model"):
            continue
        yield Untranslated(str(part), source.run.document.place(str(part)), _OTHER_PART)
