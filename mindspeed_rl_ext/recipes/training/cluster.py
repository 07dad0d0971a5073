"""The same training on a cluster: the host's trainer, after the doctor had a look.

Covers: MindSpeed-RL on Ray and MindSpeed-LLM of February 2025; the exact command and environment,
shown or executed; the shipped YAML by name or a file of one's own.
Does not cover: starting Ray on other nodes, sending code and weights there.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mindspeed_rl_ext.core.errors import EXIT_DONE, CheckFailedError, InputError, nearest
from mindspeed_rl_ext.core.files.shipped import resolve_config, shipped_folder
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe


@dataclass(frozen=True)
class Engine:
    """A host's trainer.

    Args:
        script: relative to the host's checkout.
        kind: the folder under configs/ of its YAML.
        environment: variables that its launch scripts set.
    """

    script: str
    kind: str
    environment: Mapping[str, str] = field(default_factory=dict)


_COMMON = {"CUDA_DEVICE_MAX_CONNECTIONS": "1", "HCCL_CONNECT_TIMEOUT": "1800"}
# Of no checkout and no file of ours: `verl_engine` translates the recipe.
VERL = "verl"
ENGINES: Mapping[str, Engine] = {
    "mindspeed-rl": Engine("cli/train_grpo.py", "msrl", {**_COMMON, "HYDRA_FULL_ERROR": "1"}),
    "mindspeed-llm-feb25": Engine("ray_gpt.py", "rlxf", _COMMON),
}


@dataclass(frozen=True)
class ClusterCommand:
    """What is executed.

    Args:
        config: the host's YAML.
        arguments: the program and its arguments.
        environment: variables set besides those that are there.
        folder: the working directory, the host's checkout.
    """

    config: Path
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path

    def as_shell(self) -> str:
        """The command as one would type it."""
        return "\n".join(
            [
                f"# doctor: msrl-ext doctor --config {shlex.quote(str(self.config))}",
                f"cd {shlex.quote(str(self.folder))}",
                *(f"export {key}={shlex.quote(text)}" for key, text in self.environment.items()),
                shlex.join(self.arguments),
            ]
        )


# Stands for the checkout of a host in a command that is only shown.
PLACEHOLDER = "/path/to/{name}"


def cluster_command(
    recipe: Recipe, name: str, host: Path | None, *, shown: bool = False
) -> ClusterCommand:
    """The command of a recipe on an engine.

    Args:
        recipe: its `cluster` names the YAML of each engine.
        name: the engine.
        host: the host's checkout; where None, the working directory must be one.
        shown: the command is only shown: a placeholder stands for a checkout that is not named.

    Raises:
        InputError: the recipe has no YAML for that engine, or the checkout is none.
    """
    engine = ENGINES[name]
    if name not in recipe.cluster:
        raise InputError(
            f"the recipe {recipe.name} has no configuration for {name}",
            found=f"cluster: {', '.join(recipe.cluster) or 'none'} (size {recipe.size})",
            expected=f"cluster: {{{name}: a file under configs/{engine.kind}}}",
            remedy=nearest(name, recipe.cluster)
            if recipe.cluster
            else "choose --size real, or give one with --set cluster.ENGINE=FILE",
        )
    config = resolve_config(recipe.cluster[name], engine.kind).resolve()
    folder = (host or Path.cwd()).expanduser().resolve()
    is_checkout = (folder / engine.script).is_file()
    if shown and host is None and not is_checkout:
        folder = Path(PLACEHOLDER.format(name=name))
    elif not is_checkout:
        raise InputError(
            f"{folder} is no checkout of {name}",
            found=f"no {engine.script} there",
            remedy="give --host DIR, or start in the host's directory",
        )
    arguments = (
        sys.executable,
        engine.script,
        "--config-path",
        str(config.parent),
        "--config-name",
        config.stem,
        # Model files lie beside: configs/model.
        f"hydra.searchpath=[file://{shipped_folder('configs').resolve()}]",
    )
    missing = {key: text for key, text in engine.environment.items() if key not in os.environ}
    return ClusterCommand(config, arguments, missing, folder)


def run_cluster(command: ClusterCommand, *, doctor: Callable[[Path], int] | None) -> int:
    """Asks the doctor, then runs the host's trainer; returns its exit code.

    Args:
        command: what to run.
        doctor: looks at a configuration and returns an exit code; None starts without it.

    Raises:
        CheckFailedError: the doctor found an error.
    """
    if doctor is not None and doctor(command.config) != EXIT_DONE:
        raise CheckFailedError(
            f"the doctor found errors in {command.config}: the run was not started",
            remedy="fix what it names above, or give --skip-doctor",
        )
    finished = subprocess.run(
        command.arguments,
        cwd=command.folder,
        env={**os.environ, **command.environment},
        check=False,
    )
    return finished.returncode
