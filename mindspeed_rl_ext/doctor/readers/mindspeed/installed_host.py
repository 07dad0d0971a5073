"""The keys that the MindSpeed-RL of this environment knows, from its source.

Covers: attributes of its configuration classes, read without importing them; whether it refuses
others or only warns. Does not cover: MindSpeed-LLM, whose keys are flags.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mindspeed_rl_ext.core.files.yaml_file import Document, KeyPath
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RlRun

PACKAGE = "mindspeed_rl"
MEGATRON, RL, GENERATE = "megatron_config", "rl_config", "generate_config"
# Part of a configuration to the module of the class that reads it.
PARTS = {
    "megatron_training": MEGATRON,
    "actor_config": MEGATRON,
    "ref_config": MEGATRON,
    "reward_config": MEGATRON,
    "critic_config": MEGATRON,
    "rl_config": RL,
    "generate_config": GENERATE,
}


@dataclass(frozen=True)
class InstalledHost:
    """A configuration beside the MindSpeed-RL that will read it.

    Args:
        run: the configuration.
        folder: the host's package.
        keys: module of its configuration classes to the keys that they know.
        refuses: whether it raises on other keys; the oldest line only warns.
    """

    label: ClassVar[Text] = Text(
        "configuration beside the installed MindSpeed-RL", "配置与已安装的 MindSpeed-RL"
    )

    run: RlRun
    folder: Path
    keys: Mapping[str, frozenset[str]]
    refuses: bool

    def tables(self) -> Iterator[tuple[Document, KeyPath, frozenset[str]]]:
        """Each table that the host reads, with the keys that it knows there."""
        for part, kind in PARTS.items():
            yield self.run.document, (part,), self.keys[kind]
        for name, document in self.run.models.items():
            yield document, (name,), self.keys[MEGATRON]


def installed_host(run: RlRun, environment: Environment) -> InstalledHost | None:
    """The host of this environment; None where there is none."""
    folder = _config_classes(environment.hosts.get(PACKAGE, ()))
    if folder is None:
        return None
    keys = {name: _attributes(folder / f"{name}.py") for name in (MEGATRON, RL, GENERATE)}
    return InstalledHost(run, folder.parent, keys, _refuses(folder / "base_config.py"))


def _config_classes(folders: Sequence[str]) -> Path | None:
    found = (Path(folder) / "config_cls" for folder in folders)
    return next((folder for folder in found if folder.is_dir()), None)


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text("utf-8", errors="replace"))
    except (OSError, SyntaxError):
        return ast.Module([], [])


def _attributes(path: Path) -> frozenset[str]:
    """Names that a file assigns as `self.NAME = ...`."""
    return frozenset(
        target.attr
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id == "self"
    )


def _refuses(path: Path) -> bool:
    """Whether `update` raises on a key that it does not know; the oldest line only warns."""
    updates: Mapping[str, ast.FunctionDef] = {
        node.name: node for node in ast.walk(_parsed(path)) if isinstance(node, ast.FunctionDef)
    }
    update = updates.get("update")
    return update is None or any(isinstance(node, ast.Raise) for node in ast.walk(update))
