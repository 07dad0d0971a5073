"""What `defaults: - model: NAME` names, found where hydra would look for it.

Covers: NAME or a list of names under `model`, the folders `model/` beside the file and one above
(our layout: `hydra.searchpath` in the launch scripts). Does not cover: other groups, overrides.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.files.yaml_file import Document, read_yaml

GROUP = "model"


def model_names(document: Document) -> list[str]:
    """The names that the defaults list gives for the group `model`."""
    defaults = document.value.get("defaults")
    if defaults is None:
        return []
    if not isinstance(defaults, list):
        raise InputError(
            f"{document.place('defaults')} is not a list",
            found=repr(defaults),
            expected="defaults:\n  - model:\n      - NAME",
        )
    names: list[str] = []
    for entry in defaults:
        given = entry.get(GROUP) if isinstance(entry, Mapping) else None
        names += given if isinstance(given, list) else [given] if given else []
    return [str(name) for name in names]


def read_models(document: Document) -> dict[str, Document]:
    """The model files of a configuration, by the name of the table inside.

    Raises:
        InputError: a file is not there, or holds no table of a model.
    """
    found: dict[str, Document] = {}
    for name in model_names(document):
        model = read_yaml(_model_file(document, name))
        for inner, table in model.value.items():
            if not isinstance(table, Mapping):
                raise InputError(
                    f"{model.place(str(inner))} is not a table",
                    found=repr(table),
                    expected=f"{name}:\n    num_layers: ...",
                )
            found[str(inner)] = model
    return found


def _model_file(document: Document, name: str) -> Path:
    here = document.path.resolve().parent
    folders = [here / GROUP, here.parent / GROUP]
    stem = name.removesuffix(".yaml")
    for folder in folders:
        if (folder / f"{stem}.yaml").is_file():
            return folder / f"{stem}.yaml"
    known = {path.stem for folder in folders for path in folder.glob("*.yaml")}
    raise InputError(
        f"{document.place('defaults')}: model {name!r} has no file",
        found=f"no {stem}.yaml in {' or '.join(map(str, folders))}",
        remedy=f"copy the model's YAML there, or correct the name: {nearest(stem, known)}",
    )
