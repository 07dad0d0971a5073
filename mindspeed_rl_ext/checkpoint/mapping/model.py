"""A model as its config.json describes it: the family's table with the numbers filled in.

Covers: what a HuggingFace directory of the model must hold, and what of it is left out.
Does not cover: shards; `expected` spreads the model over a layout.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.checkpoint.mapping.expected import Part, hf_part
from mindspeed_rl_ext.checkpoint.mapping.sizes import Sizes, read_config, sizes_of_config
from mindspeed_rl_ext.checkpoint.mapping.spec import EMBEDDING, ModelSpec
from mindspeed_rl_ext.checkpoint.models import choose_model
from mindspeed_rl_ext.checkpoint.tensors import Shape


@dataclass(frozen=True)
class Model:
    """One model.

    Args:
        spec: its family.
        sizes: its sizes.
        folder: the directory of config.json and the tokenizer.
        mtp: multi-token-prediction layers that are converted.
    """

    spec: ModelSpec
    sizes: Sizes
    folder: Path
    mtp: int = 0

    def whole(self) -> Part:
        """All HuggingFace tensors, each made of itself."""
        return hf_part(self.spec, self.sizes, self.mtp)

    def shapes(self) -> dict[str, Shape]:
        """Every HuggingFace tensor's shape by name, in the model's order."""
        return {slot.name: slot.shape for slot in self.whole().slots}

    def ignored(self) -> tuple[str, ...]:
        """Patterns of HuggingFace tensors that are left out: no weights, prediction layers."""
        if self.spec.mtp_names:
            return (*self.spec.ignored, *(() if self.mtp else ("mtp.*",)))
        left_out = range(self.mtp, self.prediction_layers)
        return (*self.spec.ignored, *(f"model.layers.{self.sizes.layers + n}.*" for n in left_out))

    @property
    def prediction_layers(self) -> int:
        """Multi-token-prediction layers that config.json names."""
        key = self.spec.mtp_key
        return int(self.sizes.config.get(key) or 0) if key else 0

    def first_prediction(self) -> str:
        """How the names of the first prediction layer's tensors begin."""
        own = self.spec.mtp_names
        return (own.format(layer=0) if own else f"model.layers.{self.sizes.layers}.").rstrip(".")

    def held_predictions(self, names: Iterable[str]) -> int:
        """How many prediction layers HuggingFace names are of."""
        own = self.spec.mtp_names
        start = own.partition("{")[0] or "model.layers."
        first, found = 0 if own else self.sizes.layers, set()
        for name in names:
            number = name.removeprefix(start).partition(".")[0]
            if name.startswith(start) and number.isdigit() and int(number) >= first:
                found.add(int(number))
        return len(found) if own else min(len(found), self.prediction_layers)

    def tied_name(self) -> str:
        """The embedding that the output layer is in a tied model; "" in others."""
        if not self.sizes.tied:
            return ""
        return next(row.hf[0].name for row in self.spec.rows if row.place == EMBEDDING)


def read_model(folder: Path, name: str = "auto", add_qkv_bias: bool = False, mtp: int = 0) -> Model:
    """The model that config.json of a directory describes.

    Args:
        folder: the directory.
        name: a model type, or "auto" for what config.json says.
        add_qkv_bias: with `llama2`, how older hosts spell Qwen2.
        mtp: multi-token-prediction layers that are converted.

    Raises:
        InputError: no readable config.json, or a model that is not converted.
    """
    config = read_config(folder)
    spec = choose_model(name, config, add_qkv_bias)
    return Model(spec, sizes_of_config(spec, config), folder, mtp)
