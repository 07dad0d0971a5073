"""Configurations with one fault, made from the shipped ones."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mindspeed_rl_ext.core.rules import Finding
from mindspeed_rl_ext.doctor.examination import subjects
from mindspeed_rl_ext.doctor.opened import open_files
from mindspeed_rl_ext.doctor.options import DoctorOptions
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.rulebook import load_rules

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
ROOT = Path(__file__).resolve().parents[2]
GONE = object()


def changed(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A table with values at dotted keys replaced; GONE takes a key away."""
    result = copy.deepcopy(dict(table))
    for dotted, value in changes.items():
        *outer, last = dotted.split("/")
        here = result
        for key in outer:
            here = here.setdefault(key, {})
        if value is GONE:
            del here[last]
        else:
            here[last] = value
    return result


@pytest.fixture
def gone() -> object:
    return GONE


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """A copy of the shipped configs that a test may spoil."""
    folder = tmp_path / "configs"
    shutil.copytree(ROOT / "configs", folder)
    return folder


Spoil = Callable[..., Path]


@pytest.fixture
def spoil(configs: Path) -> Spoil:
    """Writes a changed copy of a shipped file beside it; keys are separated by `/`."""

    def write(name: str, changes: Mapping[str, Any]) -> Path:
        path = configs / f"{name}.yaml"
        table = yaml.load(path.read_text(encoding="utf-8"), LOADER)
        spoiled = path.with_stem(f"{path.stem}_spoiled")
        spoiled.write_text(yaml.dump(changed(table, changes), Dumper=DUMPER, sort_keys=False))
        return spoiled

    return write


@pytest.fixture
def findings() -> Callable[..., list[Finding]]:
    """The findings of the rules on files; the machine is bare unless it is given."""
    book = load_rules()

    def examine(*paths: Path, around: Environment | None = None, **other: Any) -> list[Finding]:
        options = DoctorOptions(config=tuple(str(path) for path in paths), **other)
        found = subjects(options, open_files(options), around or Environment((3, 11, 7), {}))
        return [finding for subject in found for finding in book.examine(subject)]

    return examine
