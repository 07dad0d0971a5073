"""TRL's keys, as a TRL file or a recipe of ours has them: one part per stage.

Covers: a plain file, every `trl` table of a recipe, the accelerate file and the model beside them,
the keys that the installed TRL knows. Does not cover: keys of a recipe outside of `trl`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mindspeed_rl_ext.core.files.shipped import resolve_config
from mindspeed_rl_ext.core.files.yaml_file import Document, KeyPath, read_yaml
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers import trl_fields
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.readers.rewards.scoring import COUNTDOWN, TrainedModel

# Stage of a recipe to what its keys may be; another stage may have the keys of both.
CLASSES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "sft": trl_fields.SFT,
    "grpo": trl_fields.GRPO,
}
# Keys that only a file which TRL itself reads has.
TRL_MARKS = ("num_generations", "max_completion_length", "per_device_train_batch_size")


@dataclass(frozen=True)
class TrlPart:
    """One table of TRL's keys: a whole file, or a `trl` of a recipe.

    Args:
        document: the file.
        path: keys that lead to the table; empty for a plain file.
        kind: its stage: sft, grpo, or another of a recipe.
        known: keys of the installed TRL; empty where it is not installed.
        environment: the Python that would run it.
        accelerate: the accelerate file beside it.
        model: the directory that takes the place of the file's model.
    """

    label: ClassVar[Text] = Text("TRL file, recipe", "TRL 文件、配方")

    document: Document
    path: KeyPath
    kind: str
    known: frozenset[str]
    environment: Environment
    accelerate: Document | None
    model: Path | None

    @property
    def table(self) -> Mapping[str, Any]:
        """Keys and values."""
        return self.document.table(*self.path)

    @property
    def model_name_or_path(self) -> str:
        """The model: the one that a user names, or that of the file."""
        return str(self.model or self.table.get("model_name_or_path") or "")

    def number(self, key: str, default: Any) -> Any:
        """A number, or the default where it is none."""
        value = self.table.get(key, default)
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return value if fits else default

    def place(self, *keys: str) -> Place:
        """Where a key is."""
        return self.document.place(*self.path, *keys)


def is_trl(document: Document) -> bool:
    """Whether a YAML is a TRL file or a recipe with TRL's keys."""
    return any(mark in document.value for mark in TRL_MARKS) or bool(_tables(document))


def trl_subjects(
    document: Document,
    environment: Environment,
    accelerate: Document | None = None,
    model: Path | None = None,
) -> Iterator[TrlPart | TrainedModel]:
    """What rules look at in a TRL file or a recipe.

    Args:
        document: the file.
        environment: the Python that would run it.
        accelerate: the accelerate file that a user names; it wins over a recipe's own.
        model: the directory that takes the place of the file's model.

    Raises:
        InputError: a recipe names an accelerate file that is not there.
    """
    tables = _tables(document) or [((), "grpo")]
    known = _known({kind for _, kind in tables})
    for path, kind in tables:
        started = accelerate or _own_accelerate(document, path)
        # A recipe names its model outside of TRL's keys.
        named = None if path else model
        part = TrlPart(document, path, kind, known[kind], environment, started, named)
        yield part
        # A plain file is the Datawhale note's: GRPO on Countdown.
        if kind == "grpo" and part.model_name_or_path:
            place = Place(str(model)) if named else part.place("model_name_or_path")
            yield TrainedModel(part.model_name_or_path, place, COUNTDOWN, (), {})


def _tables(document: Document) -> list[tuple[KeyPath, str]]:
    """Every `trl` table of a recipe, with its stage."""
    return [
        (path, path[-2] if len(path) > 1 and path[-2] in CLASSES else "stage")
        for path in document.lines
        if path[-1] == "trl" and document.table(*path)
    ]


def _own_accelerate(document: Document, path: KeyPath) -> Document | None:
    """The file under configs/accelerate that a recipe, or its size, names."""
    for end in range(len(path) - 1, -1, -1):
        name = document.table(*path[:end]).get("accelerate")
        if path and isinstance(name, str):
            return read_yaml(resolve_config(name, "accelerate"))
    return None


def _known(kinds: Set[str]) -> dict[str, frozenset[str]]:
    """Kind of a part to the keys of the installed TRL; empty sets without one."""
    if not trl_fields.installed("trl"):
        return dict.fromkeys(kinds, frozenset())
    wanted = kinds if kinds <= set(CLASSES) else set(CLASSES)
    known = {kind: trl_fields.fields(CLASSES[kind]) for kind in wanted}
    both = frozenset().union(*known.values())
    return {kind: known.get(kind, both) for kind in kinds}
