"""Which file is of which kind: the YAML files that a user names, read and sorted.

Covers: configurations of both hosts, dataset YAMLs, TRL files and recipes, accelerate files; a bare
name for every shipped file that has it. Does not cover: files that are no YAML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.files.shipped import shipped_folder
from mindspeed_rl_ext.core.files.yaml_file import Document, read_yaml
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.doctor.options import DoctorOptions
from mindspeed_rl_ext.doctor.readers.accelerate import (
    AccelerateFile,
    is_accelerate,
    load_accelerate,
)
from mindspeed_rl_ext.doctor.readers.dataset import ReadingRun, check_keys, is_dataset
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Role
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RlRun, RolloutRun, load_rl
from mindspeed_rl_ext.doctor.readers.mindspeed.rlxf_run import RlxfRun, load_rlxf
from mindspeed_rl_ext.doctor.readers.trl_part import is_trl

CONFIG_FOLDERS = ("msrl", "rlxf", "datasets", "trl", "recipes", "accelerate")
KINDS = "MindSpeed-RL, rlxf of MindSpeed-LLM, dataset, TRL or recipe, accelerate"


@dataclass(frozen=True)
class NamedFiles:
    """The shipped files that one name means.

    Args:
        name: as the user gave it.
        paths: all of them.
    """

    label: ClassVar[Text] = Text("name of shipped files", "自带文件的名字")

    name: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Opened:
    """The YAML files of a question, by kind."""

    rl: list[RlRun] = field(default_factory=list)
    rlxf: list[RlxfRun] = field(default_factory=list)
    datasets: list[Document] = field(default_factory=list)
    trl: list[Document] = field(default_factory=list)
    accelerate: list[AccelerateFile] = field(default_factory=list)
    names: list[NamedFiles] = field(default_factory=list)

    @property
    def roles(self) -> dict[str, Role]:
        """The roles of the first training configuration, the actor first."""
        if self.rl:
            return {"actor_config": self.rl[0].actor}
        return dict(self.rlxf[0].roles) if self.rlxf else {}

    @property
    def runs(self) -> tuple[ReadingRun, ...]:
        """Each training configuration, as far as it says something of its data."""
        rl = [
            ReadingRun(run.actor, run.rl if isinstance(run, RolloutRun) else None)
            for run in self.rl
        ]
        return (*rl, *(ReadingRun(run.actor, run.actor) for run in self.rlxf))

    @property
    def npus(self) -> int | None:
        """Cards that the first MindSpeed-RL configuration asks for."""
        return self.rl[0].npus() if self.rl else None

    @property
    def max_prompt_length(self) -> int | None:
        """The longest prompt that the first training configuration takes."""
        parts = [*(run.rl for run in self.rl), *(run.actor for run in self.rlxf)]
        return parts[0].number("max_prompt_length") if parts else None


def open_files(options: DoctorOptions) -> Opened:
    """Reads the YAML files.

    Raises:
        InputError: a file that is missing, broken, or of no known kind.
    """
    opened = Opened()
    for name in options.config:
        paths = locate(name)
        opened.names.append(NamedFiles(name, tuple(paths)))
        for path in paths:
            _sort(read_yaml(path), opened)
    if options.trl is not None:
        opened.trl.append(read_yaml(options.trl))
    if options.accelerate is not None:
        opened.accelerate.append(load_accelerate(read_yaml(options.accelerate)))
    return opened


def locate(name: str) -> list[Path]:
    """The files that a name means: itself, or every shipped file of that name.

    Raises:
        InputError: there is none.
    """
    path = Path(name)
    if path.is_file():
        return [path]
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 2:
        raise _no_file(path)
    root = shipped_folder("configs")
    # `recipes/r1_zero` means one file; a bare name each that has it, none of them shadowed.
    wanted = [root / f"{name}.yaml"]
    if len(path.parts) == 1:
        wanted = [root / folder / f"{name}.yaml" for folder in CONFIG_FOLDERS]
    found = [candidate for candidate in wanted if candidate.is_file()]
    if not found:
        raise _no_file(path)
    return found


def _no_file(path: Path) -> InputError:
    beside = [p.name for p in path.parent.glob("*.yaml")] if path.suffix else []
    ours = {p.stem for f in CONFIG_FOLDERS for p in (shipped_folder("configs") / f).glob("*.yaml")}
    return InputError(
        f"no configuration {path}",
        found="neither a file nor the name of a shipped one",
        remedy=nearest(path.name, beside) if beside else nearest(path.stem, ours),
    )


def _sort(document: Document, opened: Opened) -> None:
    parts = document.value
    if "megatron_training" in parts or "rl_config" in parts:
        opened.rl.append(load_rl(document))
    elif "actor_rollout_ref" in parts:
        opened.rlxf.append(load_rlxf(document))
    elif is_trl(document):
        opened.trl.append(document)
    elif is_accelerate(document):
        opened.accelerate.append(load_accelerate(document))
    elif is_dataset(document):
        check_keys(document)
        opened.datasets.append(document)
    else:
        raise InputError(
            f"{document.path} is of no kind that doctor knows",
            found=f"the keys {', '.join(map(str, parts)) or 'none'}",
            expected=KINDS,
            remedy="--runtime-env, --launch name other files",
        )
