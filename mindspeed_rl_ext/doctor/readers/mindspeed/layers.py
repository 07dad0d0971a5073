"""Values that several tables give, the first one that has a key wins, each with its place.

Covers: the hosts' precedence (role over training over model) and `-` for `_` in keys.
Does not cover: interpolation; such a value counts as not given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar

from mindspeed_rl_ext.core.files.yaml_file import Document
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers.mindspeed.schema import is_number, is_open


@dataclass(frozen=True)
class Layer:
    """One table: the document and the path of keys that leads to it."""

    document: Document
    path: tuple[str, ...]

    def spelled(self, key: str) -> str | None:
        """How the key is written here; None where it is not."""
        table = self.document.table(*self.path)
        return next((str(k) for k in table if str(k).replace("-", "_") == key), None)


@dataclass(frozen=True)
class Layers:
    """Tables in the order in which they win.

    Args:
        layers: the strongest first.
        defaults: what the host takes where no table has the key.
    """

    layers: tuple[Layer, ...]
    defaults: Mapping[str, Any]

    def has(self, key: str) -> bool:
        """Whether a table gives the key."""
        return self._layer(key) is not None

    def get(self, key: str) -> Any:
        """The value; the host's default where it is not given, None where that is unknown."""
        layer = self._layer(key)
        if layer is None:
            return self.defaults.get(key)
        value = layer.document.table(*layer.path)[layer.spelled(key) or key]
        return None if is_open(value) else value

    def is_open(self, key: str) -> bool:
        """Whether the key is given, but by an interpolation: nothing can be said of it."""
        return self.has(key) and self.get(key) is None

    def number(self, key: str) -> Any:
        """The value if it is a number, else None."""
        value = self.get(key)
        return value if is_number(value) else None

    def size(self, key: str) -> int:
        """The value if it is a whole number above 0, else 1: a parallel size."""
        value = self.number(key)
        return int(value) if value and value > 0 else 1

    def names(self, key: str) -> list[str]:
        """A list of names; text is split at blanks, as the Feb 2025 line does."""
        value = self.get(key)
        if isinstance(value, str):
            return value.split()
        return [str(item) for item in value] if isinstance(value, list) else []

    def place(self, key: str) -> Place:
        """Where the key is given; where it would be given otherwise."""
        layer = self._layer(key)
        if layer is None:
            top = self.layers[0]
            return top.document.place(*top.path, key)
        return layer.document.place(*layer.path, layer.spelled(key) or key)

    def _layer(self, key: str) -> Layer | None:
        return next((layer for layer in self.layers if layer.spelled(key) is not None), None)


class Role(Layers):
    """A model of a run, such as the actor: its part over the common values over the model file."""

    label: ClassVar[Text] = Text("role of a run (actor, critic)", "训练中的角色（actor、critic）")


# Sizes that something is divided by, or into.
POSITIVE = (
    "global_batch_size",
    "micro_batch_size",
    "tensor_model_parallel_size",
    "pipeline_model_parallel_size",
    "context_parallel_size",
    "expert_model_parallel_size",
    "seq_length",
    "n_samples_per_prompt",
    "mini_batch_size",
    "max_prompt_length",
    "infer_tensor_parallel_size",
    "max_model_len",
    "ppo_mini_batch_size",
    "num_samples_per_step",
    "num_gpus_for_train",
    "num_gpus_for_infer",
)


def sizes_not_positive(*parts: Layers) -> Iterator[tuple[Place, str, float]]:
    """Place, key and value of each size that is 0 or less; rules take sizes for positive."""
    for layers in parts:
        for key in POSITIVE:
            value = layers.number(key)
            if layers.has(key) and value is not None and value <= 0:
                yield layers.place(key), key, value


def same_path(one: str, other: str) -> bool:
    """Whether two paths name one place, `./a/` and `a` alike."""
    return PurePosixPath(one) == PurePosixPath(other)
