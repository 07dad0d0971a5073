"""A PEFT adapter: adapter_config.json and adapter_model.safetensors.

Covers: `lora_A` and `lora_B` of linear modules, ranks and alphas that differ by module.
Does not cover: adapter_model.bin; tensors of other kinds are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mindspeed_rl_ext.checkpoint.adapters.factors import FLOAT32, Factors
from mindspeed_rl_ext.checkpoint.adapters.settings import (
    CONFIG,
    AdapterSettings,
    check_flag,
    read_peft_settings,
)
from mindspeed_rl_ext.checkpoint.adapters.table import DOWN, PEFT_PREFIX, UP, hf_modules
from mindspeed_rl_ext.checkpoint.dtypes import CASTABLE, Array, cast
from mindspeed_rl_ext.checkpoint.formats.huggingface.safetensors_file import SafetensorsFile
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.tensors import Shape
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError

WEIGHTS = "adapter_model.safetensors"
_NAME = re.compile(r"(.+)\.lora_([AB])\.weight")


def is_peft(folder: Path) -> bool:
    """Whether the directory holds a PEFT adapter."""
    return (folder / CONFIG).is_file()


class PeftAdapter:
    """A PEFT adapter, opened.

    Args:
        folder: its directory.
        rank: `--lora-r`, compared with the adapter's; None where it was not given.
        alpha: `--lora-alpha`, likewise.
        targets: `--lora-target-modules`: no other module may be changed; empty for any.

    Raises:
        InputError: it cannot be read, or is of a variant that is not merged.
    """

    def __init__(
        self,
        folder: Path,
        rank: int | None = None,
        alpha: float | None = None,
        targets: Iterable[str] = (),
    ) -> None:
        self.folder, self._targets = folder, tuple(targets)
        self.settings: AdapterSettings = read_peft_settings(folder)
        check_flag("--lora-r", rank, self.settings.rank, folder / CONFIG)
        check_flag("--lora-alpha", alpha, self.settings.alpha, folder / CONFIG)
        if not (folder / WEIGHTS).is_file():
            other = [path.name for path in sorted(folder.glob("adapter_model*"))]
            raise InputError(
                f"no {WEIGHTS} in {folder}",
                found=some(other) or "no weights",
                remedy="save the adapter again with save_pretrained (safetensors)",
            )
        self._file = SafetensorsFile(folder / WEIGHTS)

    def paths(self) -> list[Path]:
        """Its files."""
        return [self.folder / CONFIG, self.folder / WEIGHTS]

    def base_folder(self) -> Path | None:
        """The directory of the base model, where its configuration names one that is there."""
        found = Path(self.settings.base)
        return found if self.settings.base and (found / "config.json").is_file() else None

    def changes(self, model: Model) -> dict[str, Factors]:
        """What it changes: HuggingFace weight -> factors.

        Raises:
            InputError: a module that the model lacks, another shape, a tensor of another kind.
        """
        shapes = model.shapes()
        modules = self._modules()
        absent = [name for name in modules if f"{name}.weight" not in shapes]
        if absent:
            raise InputError(
                f"the adapter in {self.folder} changes modules that the model does not have",
                found=f"{len(absent)}: {some(sorted(absent))}",
                expected="modules of the model of --load-dir",
                remedy="check that the adapter was trained on this model",
            )
        self._check_targets(model, modules)
        return {f"{name}.weight": self._factors(name, shapes[f"{name}.weight"]) for name in modules}

    def _modules(self) -> list[str]:
        pairs: dict[str, set[str]] = {}
        others = []
        for name in self._file.entries:
            found = _NAME.fullmatch(name.removeprefix(PEFT_PREFIX))
            if found is None:
                others.append(name)
            else:
                pairs.setdefault(found[1], set()).add(found[2])
        if others:
            raise InputError(
                f"{self.folder / WEIGHTS} holds tensors that are no matrices of LoRA",
                found=f"{len(others)}: {some(others)}",
                expected=f"names that end in {DOWN} and {UP}",
                remedy="merge it with PEFT (merge_and_unload), then convert the merged model",
            )
        single = [name for name, kinds in pairs.items() if len(kinds) != 2]
        if single or not pairs:
            raise InputError(
                f"{self.folder / WEIGHTS} lacks matrices",
                found=f"only one of two for {some(single)}" if single else "no tensors",
                expected=f"{DOWN} and {UP} of each module",
                remedy="save the adapter again",
            )
        return list(pairs)

    def _check_targets(self, model: Model, modules: Iterable[str]) -> None:
        allowed = {name for target in self._targets for name in hf_modules(model, target)}
        other = sorted({name.rpartition(".")[2] for name in modules} - allowed)
        if self._targets and other:
            raise InputError(
                "--lora-target-modules does not name all modules that the adapter changes",
                found=f"{some(other)} in {self.folder}",
                expected=some(sorted(allowed), 12),
                remedy="leave the flag out: the adapter's tensors say it",
            )

    def _factors(self, module: str, shape: Shape) -> Factors:
        down, up = (self._file.entries[self._name(module, end)] for end in (DOWN, UP))
        rank = down.shape[0] if down.shape else 0
        if len(shape) != 2 or down.shape != (rank, shape[1]) or up.shape != (shape[0], rank):
            raise InputError(
                f"the adapter's matrices of {module} do not fit the weight",
                found=f"{DOWN} {down.shape}, {UP} {up.shape}",
                expected=f"the product has the weight's shape {shape}",
                remedy="the adapter is of another model",
            )
        if rank != self.settings.rank_of(module):
            raise InputError(
                f"the adapter's matrices of {module} have another rank than {CONFIG} says",
                found=str(rank),
                expected=str(self.settings.rank_of(module)),
                remedy="take both files of one save",
            )
        for entry in (down, up):
            if entry.dtype.name not in CASTABLE:
                raise InputError(
                    f"the adapter's matrices of {module} are {entry.dtype.name}",
                    expected=" or ".join(CASTABLE),
                    remedy="save the adapter again in one of these",
                )
        return Factors(shape, rank, self.settings.scale(module, rank), lambda: self._load(module))

    def _load(self, module: str) -> tuple[Array, Array]:
        up, down = (self._file.view(self._name(module, end)) for end in (UP, DOWN))
        return cast(up.array, up.dtype, FLOAT32), cast(down.array, down.dtype, FLOAT32)

    def _name(self, module: str, end: str) -> str:
        name = PEFT_PREFIX + module + end
        return name if name in self._file.entries else module + end
