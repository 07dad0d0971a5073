"""Models that can't earn what a run pays for, as the notes found out.

Covers: base models and tags, instruct models and SimpleRL-Zero, small models on Countdown.
Does not cover: models whose name tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, at
from mindspeed_rl_ext.doctor.readers.rewards.scoring import (
    COUNTDOWN,
    ZERO,
    TrainedModel,
    billions_of,
)
from mindspeed_rl_ext.doctor.readers.rewards.verifier_reads import reads_tags
from mindspeed_rl_ext.doctor.rulebook import rule

SMALLEST_BILLIONS = 3.0
_BASE_MATH = re.compile(r"Qwen2\.?5[-_]Math[-_][\d.]+B(?!.*Instruct)", re.I)
_INSTRUCT = re.compile(r"instruct", re.I)
_INSTRUCT_MATH = re.compile(r"Math.*Instruct", re.I)


@rule(
    "reward-tags-from-base-model",
    "warning",
    on=TrainedModel,
    en=(
        "the base model {model} can hardly be brought to write tags, which {name} "
        "wants (note on R1-Zero)",
        "take Qwen2.5-7B-Instruct for tags, or simplerl, which wants a box only",
    ),
    zh=(
        "基座模型 {model} 很难被引导写出 {name} 要求的标签（见 R1-Zero 笔记）",
        "要标签就用 Qwen2.5-7B-Instruct；否则用只看 boxed 的 simplerl",
    ),
)
def base_model_and_tags(model: TrainedModel) -> Iterator[At]:
    """A base model is not asked for tags."""
    tagged = [name for name in model.names if reads_tags(name, model.host)]
    if tagged and _BASE_MATH.search(model.path):
        yield at(model.place, model=model.path, name=tagged[0])


@rule(
    "zero-recipe-on-instruct-model",
    "warning",
    on=TrainedModel,
    en=(
        "{model} is an instruct model: with SimpleRL-Zero's recipe its responses do "
        "not grow longer (SimpleRL note)",
        "start from the base model Qwen2.5-Math-7B",
    ),
    zh=(
        "{model} 是 instruct 模型：SimpleRL-Zero 配方下 response length 不会增长（见 "
        "SimpleRL 笔记）",
        "从基座模型 Qwen2.5-Math-7B 开始",
    ),
)
def zero_from_a_base_model(model: TrainedModel) -> Iterator[At]:
    """SimpleRL-Zero starts from a base model."""
    instruct = _INSTRUCT.search(model.name) or _INSTRUCT_MATH.search(model.path)
    if model.recipe == ZERO and instruct:
        yield at(model.place, model=model.path)


@rule(
    "countdown-model-too-small",
    "note",
    on=TrainedModel,
    en=(
        "{model} has {size} B parameters; below 3 B the Datawhale note saw no reasoning on "
        "Countdown",
    ),
    zh=("{model} 为 {size} B 参数；Datawhale 笔记称 3B 以下在 Countdown 上学不会推理",),
)
def countdown_with_a_large_model(model: TrainedModel) -> Iterator[At]:
    """Countdown is learned from 3 B parameters on."""
    billions = billions_of(model.name)
    if model.recipe == COUNTDOWN and billions is not None and billions < SMALLEST_BILLIONS:
        yield at(model.place, model=model.path, size=f"{billions:g}")
