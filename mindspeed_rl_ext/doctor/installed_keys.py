"""Keys of a configuration that the MindSpeed-RL of this environment does not have.

Covers: attributes of its configuration classes, read from their source without importing them;
whether it refuses others or only warns. Does not cover: MindSpeed-LLM, whose keys are flags.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.doctor.document import Document, KeyPath
from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.run_rl import RlRun
from mindspeed_rl_ext.doctor.surroundings import Surroundings

PACKAGE = "mindspeed_rl"
MEGATRON, RL, GENERATE = "megatron_config", "rl_config", "generate_config"
PARTS = {
    "megatron_training": MEGATRON,
    "actor_config": MEGATRON,
    "ref_config": MEGATRON,
    "reward_config": MEGATRON,
    "critic_config": MEGATRON,
    "rl_config": RL,
    "generate_config": GENERATE,
}


def keys_of_the_installed_host(run: RlRun, found: Surroundings) -> Iterator[Finding]:
    """Every key is one that the host which will read it has."""
    folder = _config_classes(found.hosts.get(PACKAGE, ()))
    if folder is None:
        return
    known = {name: _attributes(folder / f"{name}.py") for name in (MEGATRON, RL, GENERATE)}
    rule = "R1-key-refused" if _refuses(folder / "base_config.py") else "R1-key-ignored"
    for document, path, kind in _tables(run):
        for key in document.table(*path) if known[kind] else ():
            name = str(key).replace("-", "_")
            if name != "model" and name not in known[kind]:
                values = {"key": key, "host": folder.parent, "nearest": nearest(name, known[kind])}
                yield Finding(rule, document.place(*path, str(key)), values)


def _tables(run: RlRun) -> Iterator[tuple[Document, KeyPath, str]]:
    for part, kind in PARTS.items():
        yield run.document, (part,), kind
    for name, document in run.models.items():
        yield document, (name,), MEGATRON


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
