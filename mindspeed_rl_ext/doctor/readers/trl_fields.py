"""Which keys the installed TRL and accelerate take, read from their source without importing it.

Covers: annotated fields of their dataclasses, wherever a version keeps them; importing trl takes
seconds, reading it a fraction of one. Does not cover: fields that are made at run time.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

# Module to the classes whose fields a file of that kind may set.
_COMMON = {
    "transformers.training_args": ("TrainingArguments",),
    "trl.trainer.base_config": ("_BaseConfig", "BaseConfig"),
}
GRPO: Mapping[str, Sequence[str]] = {
    **_COMMON,
    "trl.trainer.grpo_config": ("GRPOConfig",),
    "trl.trainer.model_config": ("ModelConfig",),
    "trl.scripts.utils": ("ScriptArguments", "DatasetMixtureConfig"),
    "trl.scripts.grpo": ("GRPOScriptArguments",),
}
SFT: Mapping[str, Sequence[str]] = {**_COMMON, "trl.trainer.sft_config": ("SFTConfig",)}
ACCELERATE: Mapping[str, Sequence[str]] = {
    "accelerate.commands.config.config_args": ("BaseConfig", "ClusterConfig", "SageMakerConfig")
}


def fields(classes: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The fields of all these classes; empty where the first package is not installed."""
    return frozenset(
        name for module, names in classes.items() for name in _fields_of(module, names)
    )


def installed(package: str) -> bool:
    """Whether a package can be imported; it is not."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _fields_of(module: str, classes: Sequence[str]) -> list[str]:
    path = _source(module)
    if path is None:
        return []
    tree = ast.parse(path.read_text("utf-8", errors="replace"))
    return [
        statement.target.id
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in classes
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]


def _source(module: str) -> Path | None:
    package, *inner = module.split(".")
    # Only the top package is looked up: for an inner one Python would import what is above it.
    spec = importlib.util.find_spec(package) if installed(package) else None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, *inner).with_suffix(".py")
        if path.is_file():
            return path
    return None
