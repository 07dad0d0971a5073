"""A recipe as a run of verl: its data, and the overrides of `verl.trainer.main_ppo`.

Covers: the stage grpo of any recipe on verl 0.9 and main (FSDP): model, batches, lengths, learning
rate, clip, KL, rewards through the manager `msrl_ext`, groups without a signal; the commands shown
or executed.
Does not cover: other stages; Megatron; what a recipe of TRL does not say (parallelism, placement):
verl's defaults hold, and further overrides can stand behind the command.

Example:
    >>> from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe
    >>> lines = verl_overrides(load_recipe("countdown", "real"), Path("out"))
    >>> "actor_rollout_ref.rollout.n=8" in lines
    True
"""

from __future__ import annotations

import logging
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, shorten
from mindspeed_rl_ext.core.files.shipped import resolve_config
from mindspeed_rl_ext.core.files.yaml_file import read_yaml
from mindspeed_rl_ext.doctor.readers.verl.known import OUR_MANAGER
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.packing.packed import heldout_prefix
from mindspeed_rl_ext.preprocess.run import preprocess
from mindspeed_rl_ext.preprocess.templates.chat_template import PROMPT_TYPE
from mindspeed_rl_ext.preprocess.templates.template import load_template
from mindspeed_rl_ext.preprocess.verl.chat import text_around
from mindspeed_rl_ext.recipes.hydra_text import hydra_text
from mindspeed_rl_ext.recipes.training.cluster import VERL
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from mindspeed_rl_ext.recipes.training.rows.prompts import preprocess_options
from mindspeed_rl_ext.recipes.training.verl_keys import (
    ROLLOUT,
    trl_overrides,
    without_counterpart,
)

logger = logging.getLogger(__name__)

MODULE = "verl.trainer.main_ppo"
STAGE = "grpo"
_HELD_OUT_FRACTION = 0.02
_MAX_PROMPT = 1024


def verl_commands(recipe: Recipe, output: Path) -> list[list[str]]:
    """The command lines: data first, then the training.

    Args:
        recipe: of the real size, with a stage grpo and a data recipe.
        output: everything is written under it.

    Raises:
        InputError: the recipe has no such stage or data.
    """
    _require_fit(recipe)
    dataset, prefix = recipe.dataset, _prefix(recipe, output)
    options = {"max_prompt_length": _MAX_PROMPT, **dataset.options}
    words = ["msrl-ext", "preprocess", "--config", str(dataset.config), "--format", VERL]
    words += ["--tokenizer-name-or-path", recipe.model, "--output-prefix", str(prefix)]
    words += ["--split", str(_HELD_OUT_FRACTION)]
    for key, value in options.items():
        words += [f"--{key.replace('_', '-')}", str(value)]
    return [words, [sys.executable, "-m", MODULE, *verl_overrides(recipe, output)]]


def verl_overrides(recipe: Recipe, output: Path) -> list[str]:
    """The overrides of `verl.trainer.main_ppo` that a recipe means.

    Args:
        recipe: of the real size, with a stage grpo.
        output: everything is written under it.
    """
    return [f"{key}={hydra_text(value)}" for key, value in _overrides(recipe, output)]


def _overrides(recipe: Recipe, output: Path) -> Iterator[tuple[str, Any]]:
    devices, prefix = _devices(recipe), _prefix(recipe, output)
    trl = dict(trl_overrides(recipe.grpo.trl, devices))
    yield "algorithm.adv_estimator", "grpo"
    yield "data.train_files", f"{prefix}.parquet"
    yield "data.val_files", f"{heldout_prefix(prefix)}.parquet"
    yield "data.max_prompt_length", recipe.dataset.options.get("max_prompt_length", _MAX_PROMPT)
    yield "data.filter_overlong_prompts", True
    yield "data.seed", recipe.seed
    yield "actor_rollout_ref.model.path", recipe.model
    yield f"{ROLLOUT}.name", "vllm"
    yield from trl.items()
    yield "reward.reward_manager.name", OUR_MANAGER
    yield "+reward.reward_kwargs.verifiers", list(recipe.verifiers)
    yield "+reward.reward_kwargs.weights", list(recipe.weights)
    if recipe.grpo.dynamic_sampling is not None:
        yield "algorithm.filter_groups.enable", True
        yield "algorithm.filter_groups.metric", "score"
    yield "trainer.test_freq", trl["trainer.save_freq"]
    yield "trainer.n_gpus_per_node", devices
    yield "trainer.nnodes", 1
    yield "trainer.project_name", "mindspeed-rl-ext"
    yield "trainer.experiment_name", recipe.name
    yield "trainer.logger", ["console", "file"]
    yield "trainer.default_local_dir", str(output / STAGE)
    yield "trainer.rollout_data_dir", str(output / "rollouts")


def differences(recipe: Recipe) -> list[str]:
    """What of a recipe verl does not take: earlier stages, keys of TRL without a counterpart."""
    earlier = recipe.stages[: recipe.stages.index(STAGE)] if STAGE in recipe.stages else ()
    found = []
    if earlier:
        found.append(
            f"verl trains the stage {STAGE}; {', '.join(earlier)} come before: "
            f"msrl-ext train --config {recipe.name} --size real "
            f"{' '.join(f'--stage {stage}' for stage in earlier)}, then --set model=DIR"
        )
    if recipe.grpo.dynamic_sampling is not None:
        found.append("verl draws until the batch is full, however many rounds that takes")
    keys = without_counterpart(recipe.grpo.trl)
    if keys:
        found.append(f"verl has nothing for these keys of TRL: {', '.join(keys)}")
    return found


def as_shell(recipe: Recipe, output: Path) -> str:
    """The commands as one would type them."""
    data, training = verl_commands(recipe, output)
    lines = [" ".join(map(shlex.quote, training[:3]))]
    lines += [f"    {shlex.quote(word)}" for word in training[3:]]
    return "\n".join(
        [
            "# NPUs: add trainer.device=npu. Further overrides stand behind the last line.",
            *(f"# {line}" for line in differences(recipe)),
            shlex.join(data),
            " \\\n".join(lines),
        ]
    )


def run_verl(recipe: Recipe, output: Path) -> int:
    """Makes the data where it is not there, then trains; returns the exit code.

    Raises:
        InputError: verl is not installed here.
    """
    if find_spec(VERL) is None:
        raise InputError(
            "verl is not installed here",
            expected="the environment that verl runs in, with mindspeed-rl-ext in it",
            remedy="--print shows the commands",
        )
    training = verl_commands(recipe, output)[-1]
    for line in differences(recipe):
        logger.warning("%s", line)
    options = verl_data_options(recipe, output)
    if not Path(f"{options.output_prefix}.parquet").is_file():
        preprocess(options)
    return subprocess.run(training, check=False).returncode


def verl_data_options(recipe: Recipe, output: Path) -> PreprocessOptions:
    """What `verl_commands` preprocesses, as options."""
    found: PreprocessOptions = preprocess_options(recipe.dataset, recipe.model)
    changes: dict[str, Any] = {
        "format": VERL,
        "output_prefix": _prefix(recipe, output),
        "split": _HELD_OUT_FRACTION,
        "max_prompt_length": found.max_prompt_length or _MAX_PROMPT,
    }
    return replace(found, **changes)


def _require_fit(recipe: Recipe) -> None:
    if STAGE not in recipe.stages:
        raise InputError(
            f"the recipe {recipe.name} has no stage {STAGE}, which is what verl trains here",
            found=f"stages: {', '.join(recipe.stages)}",
            remedy="train it with --engine trl",
        )
    if recipe.dataset.config is None:
        raise InputError(
            f"the recipe {recipe.name} names no data recipe",
            found=f"size {recipe.size}: {recipe.dataset.task or recipe.dataset.packed}",
            remedy="choose --size real, or give --set dataset.config=NAME",
        )
    _require_chat(recipe)


def _require_chat(recipe: Recipe) -> None:
    """verl puts the model's chat template around each prompt: a text that goes on is none."""
    options = preprocess_options(recipe.dataset, recipe.model)
    if options.prompt_type == PROMPT_TYPE:
        return
    template = load_template(options.prompt_type, options.prompt_type_path)
    slots = (slot if isinstance(slot, str) else getattr(slot, "text", "") for slot in template.user)
    user = "".join(slots)
    if text_around(user) is None:
        raise InputError(
            f"the prompt type {options.prompt_type} of the recipe {recipe.name} is no chat, and "
            "verl puts the model's chat template around each prompt",
            found=shorten(user),
            remedy="--set dataset.options.prompt_type=qwen_r1 --set 'verifiers=[r1_acc]', or train "
            "it with --engine trl",
        )


def _prefix(recipe: Recipe, output: Path) -> Path:
    return output / "data" / str(recipe.dataset.config)


def _devices(recipe: Recipe) -> int:
    """How many processes the recipe's accelerate file starts."""
    table = read_yaml(resolve_config(recipe.accelerate, "accelerate")).value
    return int(table.get("num_processes", 1))
