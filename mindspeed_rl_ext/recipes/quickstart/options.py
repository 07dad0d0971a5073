"""The options of `msrl-ext quickstart`, and the recipe that they come to.

Covers: both modes, the loop and the user's own data; which flags belong to which.
Does not cover: the numbers of the training; `configs/recipes/countdown.yaml` holds those.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.options import check_options, declared_options, option
from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe

DEFAULT_OUTPUT = Path("quickstart_output")
RECIPE = "countdown"
LOOP, OWN_DATA = "the loop", "your own data"
# What the loop changes of the recipe: it evaluates more, and leaves no checkpoints.
_CHANGES = (
    "weights=[0.8,0.2]", "report_to=[none]", "evaluation.samples_per_prompt=4",
    "sft.trl.save_strategy=no", "grpo.trl.save_strategy=no",
)  # fmt: skip


def _map_keys(text: str) -> dict[str, str]:
    try:
        keys = json.loads(text)
    except ValueError as error:
        raise InputError(
            "--map-keys is not readable JSON",
            found=f"{text} ({error})",
            expected='{"prompt":"question","response":"answer"}',
            remedy="quote it with single quotes for the shell",
        ) from error
    if not isinstance(keys, dict):
        raise InputError("--map-keys is not a JSON object", found=text)
    return keys


@dataclass(frozen=True)
class QuickstartOptions:
    """What `msrl-ext quickstart` was asked for."""

    output: Path | None = option(
        f"default: {DEFAULT_OUTPUT}, where an earlier run is replaced",
        f"默认为 {DEFAULT_OUTPUT}，其中早先的结果会被替换",
        default=None,
        metavar="DIR",
    )
    overwrite: bool = option(
        "replace an earlier quickstart in DIR", "替换 DIR 中早先的结果", default=False
    )
    seed: int | None = option(
        "of the task, the model, the training and the sampling (default: 1)",
        "任务、模型、训练与采样的随机种子（默认 1）",
        default=None,
        minimum=0,
        group=LOOP,
    )
    control: bool = option(
        "train a control too, whose rewards are permuted within each group",
        "同时训练对照组：组内打乱奖励",
        default=False,
        group=LOOP,
    )
    sft_steps: int | None = option(
        "of the warm start", "热身微调的步数", default=None, minimum=1, metavar="N", group=LOOP
    )
    grpo_steps: int | None = option(
        "of the reinforcement learning", "强化学习的步数", default=None, minimum=1, metavar="N",
        group=LOOP,
    )  # fmt: skip
    input: Path | None = option(
        "rows to preprocess and score", "要预处理并打分的数据", default=None, metavar="FILE",
        group=OWN_DATA,
    )  # fmt: skip
    map_keys: Mapping[str, str] | None = option(
        'such as {"prompt":"q","response":"a"}', '例如 {"prompt":"q","response":"a"}',
        default=None, metavar="JSON", group=OWN_DATA, parse=_map_keys,
    )  # fmt: skip
    tokenizer_name_or_path: str | None = option(
        "default: the tiny one", "默认使用内置的小分词器", default=None, metavar="DIR",
        group=OWN_DATA,
    )  # fmt: skip
    prompt_type: str | None = option(
        "default: qwen_math_r1", "默认 qwen_math_r1", default=None, metavar="NAME", group=OWN_DATA
    )
    label_extractor: str | None = option(
        "default: auto", "默认 auto", default=None, metavar="NAME", group=OWN_DATA
    )
    verifier: str | None = option(
        "default: simplerl", "默认 simplerl", default=None, metavar="NAME", group=OWN_DATA
    )

    def __post_init__(self) -> None:
        check_options(self)
        self._refuse_the_other_mode()

    def _refuse_the_other_mode(self) -> None:
        """Flags of the other mode would have no effect: an error names them."""
        mode, other = ("with", LOOP) if self.input is not None else ("without", OWN_DATA)
        given = [
            str(one.flag)
            for name, one in declared_options(type(self)).items()
            if one.option.group == other and name != "input" and getattr(self, name) != one.default
        ]
        if given:
            raise InputError(
                f"{', '.join(given)} has no effect {mode} --input", remedy="leave it out"
            )


def loop_recipe(options: QuickstartOptions) -> Recipe:
    """The recipe of the loop: that of Countdown's CPU size, with what the flags change."""
    changes = [*_CHANGES, f"seed={1 if options.seed is None else options.seed}"]
    for stage, steps in (("sft", options.sft_steps), ("grpo", options.grpo_steps)):
        if steps is not None:
            changes.append(f"{stage}.trl.max_steps={steps}")
    return load_recipe(RECIPE, "cpu", changes)


def is_full_length(recipe: Recipe) -> bool:
    """Whether a recipe trains as long as the loop does by default: a shorter run proves nothing."""
    default = loop_recipe(QuickstartOptions())
    pairs = ((recipe.sft, default.sft), (recipe.grpo, default.grpo))
    return all(mine.trl["max_steps"] >= full.trl["max_steps"] for mine, full in pairs)
