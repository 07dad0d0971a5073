"""configs/verl as the verl that is installed reads them: composed, resolved, validated.

Runs where verl is installed beside this package.
"""

from __future__ import annotations

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


def compose(folder: Path, name: str) -> Any:
    import hydra
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(folder.resolve()), version_base=None):
        return hydra.compose(name)


def keys(node: Any, above: str = "") -> Any:
    for key in node:
        inner = node._get_node(key)
        if hasattr(inner, "items"):
            yield from keys(inner, f"{above}{key}.")
        yield f"{above}{key}"


@pytest.mark.parametrize("name", NAMES)
def test_verl_composes_and_validates_what_we_ship(name: str) -> None:
    from omegaconf import OmegaConf
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    config = compose(FOLDER, name)
    OmegaConf.to_container(config, resolve=True)  # every interpolation has a value
    reference = need_reference_policy(config)
    validate_config(config, use_reference_policy=reference, use_critic=need_critic(config))
    actor = config.actor_rollout_ref.actor
    assert reference == actor.use_kl_loss
    assert not need_critic(config)
    engine = "megatron" if name.endswith("megatron") else "fsdp2"
    assert actor.strategy == config.actor_rollout_ref.ref.strategy == engine


@pytest.mark.parametrize("name", NAMES)
def test_every_key_that_we_ship_is_one_that_verl_knows(name: str) -> None:
    """A YAML adds a misspelt key silently, where an override is refused."""
    import verl

    folder = Path(verl.__file__).parent / "trainer" / "config"
    base = "ppo_megatron_trainer" if name.endswith("megatron") else "ppo_trainer"
    known = set(keys(compose(folder, base)))
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
