"""configs/verl as the verl that is installed reads them: composed, resolved, validated.

Runs where verl is installed beside this package.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verl", reason="verl is not installed")

from mindspeed_rl_ext.core.files.shipped import shipped_folder

FOLDER = shipped_folder("configs") / "verl"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
# Tables that take any key.
OPEN = (".reward_kwargs.", ".override_transformer_config.", ".runtime_env.")

# Keys that older versions do not read; the files that have them say so.
SINCE = {"algorithm.filter_groups.": (0, 9), "trainer.validation_data_dir": (0, 8)}


def compose(folder: Path, name: str, *overrides: str) -> Any:
    import hydra
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(folder.resolve()), version_base=None):
        return hydra.compose(name, overrides=list(overrides))


def folder_of_verl() -> Path:
    import verl

    return Path(verl.__file__).parent / "trainer" / "config"


def keys(node: Any, above: str = "") -> Any:
    for key in node:
        inner = node._get_node(key)
        if hasattr(inner, "items"):
            yield from keys(inner, f"{above}{key}.")
        yield f"{above}{key}"


def validate(config: Any) -> None:
    """By verl, for a run without a critic, with a reference where the KL is in the loss."""
    from omegaconf import OmegaConf
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    OmegaConf.to_container(config, resolve=True)  # every interpolation has a value
    reference = need_reference_policy(config)
    validate_config(config, use_reference_policy=reference, use_critic=need_critic(config))
    assert reference == config.actor_rollout_ref.actor.use_kl_loss
    assert not need_critic(config)


@pytest.mark.parametrize("name", NAMES)
def test_verl_composes_and_validates_what_we_ship(name: str) -> None:
    config = compose(FOLDER, name)
    validate(config)
    actor = config.actor_rollout_ref.actor
    engine = "megatron" if name.endswith("megatron") else "fsdp2"
    assert actor.strategy == config.actor_rollout_ref.ref.strategy == engine


@pytest.mark.parametrize("name", NAMES)
def test_every_key_that_we_ship_is_one_that_verl_knows(name: str) -> None:
    """A YAML adds a misspelt key silently, where an override is refused."""
    import verl

    base = "ppo_megatron_trainer" if name.endswith("megatron") else "ppo_trainer"
    known = set(keys(compose(folder_of_verl(), base)))
    version = tuple(map(int, verl.__version__.split(".")[:2]))
    newer = tuple(key for key, since in SINCE.items() if version < since)
    added = (f"{key}." for key in set(keys(compose(FOLDER, name))) - known)
    assert not [
        key for key in added if not any(part in key for part in OPEN) and not key.startswith(newer)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_our_manager_takes_the_rewards_that_we_ship(name: str) -> None:
    from mindspeed_rl_ext.hosts.verl.manager import MsrlExtRewardManager

    manager = MsrlExtRewardManager(compose(FOLDER, name), tokenizer=None)
    assert isinstance(manager, MsrlExtRewardManager)


MIGRATED = sorted(path.stem for path in (shipped_folder("configs") / "msrl").glob("*.yaml"))


@pytest.mark.parametrize("suffix", [".sh", ".yaml"])
@pytest.mark.parametrize("name", MIGRATED)
def test_verl_takes_what_migrate_writes(name: str, suffix: str, tmp_path: Path) -> None:
    import verl

    from mindspeed_rl_ext.cli._dispatch import main

    output, version = tmp_path / f"run{suffix}", ".".join(verl.__version__.split(".")[:2])
    words = ["--to", "verl", "--verl-version", version, "-o", str(output)]
    assert main(["migrate", name, *words]) == 0
    if suffix == ".yaml":
        validate(compose(tmp_path, "run"))
        return
    # As a shell hands them over: python3 stands for itself.
    shown = tmp_path / "python3"
    shown.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    shown.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", output], env={"PATH": path}, capture_output=True, text=True, check=True
    )
    overrides = done.stdout.splitlines()[3:]
    assert len(overrides) > 60
    validate(compose(folder_of_verl(), "ppo_megatron_trainer", *overrides))


@pytest.mark.parametrize("name", ["countdown", "r1_zero", "simplerl", "simplerl_zero"])
def test_verl_takes_the_overrides_of_a_recipe(name: str, tmp_path: Path) -> None:
    from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe
    from mindspeed_rl_ext.recipes.training.verl_engine import verl_overrides

    overrides = verl_overrides(load_recipe(name, "real"), tmp_path)
    validate(compose(folder_of_verl(), "ppo_trainer", *overrides))
