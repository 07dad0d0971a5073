"""An adapter as a PEFT directory that a conversion writes: tensors and adapter_config.json.

Covers: what `--save-lora-to-hf` writes; reading it back to verify it.
Does not cover: merging (`peft` opens adapters for that); adapters of multi-token-prediction layers,
which no HuggingFace model has modules for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.adapters.peft import WEIGHTS, is_peft
from mindspeed_rl_ext.checkpoint.adapters.settings import CONFIG
from mindspeed_rl_ext.checkpoint.adapters.table import PEFT_PREFIX, UP, AdapterModel
from mindspeed_rl_ext.checkpoint.formats.huggingface.reader import HuggingFaceReader
from mindspeed_rl_ext.checkpoint.formats.huggingface.writer import shard_file
from mindspeed_rl_ext.checkpoint.formats.protocol import Format, PlannedFile, Target
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST
from mindspeed_rl_ext.checkpoint.mapping.expected import Part
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.plan import Planner
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic


class PeftWriter:
    """Writes adapters as PEFT does; see `formats.protocol.CheckpointWriter`."""

    marker = CONFIG
    uses: frozenset[str] = frozenset()

    def existing(self, destination: Path) -> list[Path]:
        """What makes the destination an adapter already, its configuration first."""
        names = (CONFIG, MANIFEST, WEIGHTS, "adapter_model.bin")
        return [destination / name for name in names if (destination / name).exists()]

    def layout(self, model: Model, options: ConvertOptions) -> Layout:
        """An adapter of PEFT is not sharded."""
        _check_experts(model)
        if model.mtp:
            raise InputError(
                "adapters of multi-token-prediction layers are not written for PEFT",
                found=f"{model.mtp} layers, which HuggingFace models have no modules for",
                remedy="merge it into its base model with --lora-load",
            )
        return Layout()

    def parts(self, model: Model, layout: Layout) -> list[Part]:
        """All matrices."""
        return [model.whole()]

    def files(self, target: Target, parts: Sequence[Part], planner: Planner) -> list[PlannedFile]:
        """One safetensors file: PEFT reads no other."""
        plans = [plan for part in parts for plan in planner.plan(part)]
        return [PlannedFile(WEIGHTS, plans, partial(shard_file, plans))]

    def finish(self, staged: Path, target: Target, files: Sequence[PlannedFile]) -> list[str]:
        """Writes adapter_config.json."""
        config = adapter_config(target.model)
        write_text_atomic(staged / CONFIG, json.dumps(config, indent=2, ensure_ascii=False) + "\n")
        return [WEIGHTS]


def adapter_config(model: Model) -> dict[str, Any]:
    """The adapter_config.json of an adapter, with the keys that every version of PEFT has.

    Args:
        model: an `AdapterModel`.
    """
    settings = _as_adapter(model).settings
    alpha = settings.alpha
    return {
        "auto_mapping": None,
        "base_model_name_or_path": str(model.folder),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "layers_pattern": None,
        "layers_to_transform": None,
        "lora_alpha": int(alpha) if alpha == int(alpha) else alpha,
        "lora_dropout": 0.0,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": settings.rank,
        "revision": None,
        "target_modules": _target_modules(_as_adapter(model)),
        "task_type": "CAUSAL_LM",
    }


def _changed(model: Model) -> set[str]:
    """The modules that an adapter changes."""
    names = (slot.name for slot in model.whole().slots if slot.name.endswith(UP))
    return {name.removeprefix(PEFT_PREFIX).removesuffix(UP) for name in names}


def _target_modules(model: AdapterModel) -> list[str]:
    """What PEFT calls the modules that an adapter changes.

    PEFT takes a name for every module that ends in it, so whole names are given where the base
    model has more modules of that end than the adapter changes.
    """
    changed = _changed(model)
    ends = {_end(name) for name in changed}
    suffix = ".weight"
    modules = (name.removesuffix(suffix) for name in model.base.shapes() if name.endswith(suffix))
    implied = {name for name in modules if _end(name) in ends}
    return sorted(ends if implied == changed else changed)


def _check_experts(model: Model) -> None:
    """Refuses adapters of experts that PEFT would drop silently.

    transformers 5 has all experts in two parameters, and PEFT then maps every target that is named
    as a routed expert's module to them: a dense or a shared layer of that name loses its adapter,
    and so does the one parameter (gate and up) where the other (down) has none.
    """
    adapter = _as_adapter(model)
    experts = {
        _end(hf.name.removesuffix(".weight"))
        for row in adapter.base.spec.rows
        if row.grouped
        for hf in row.hf
    }
    changed = _changed(model)
    lost = [name for name in changed if _end(name) in experts and ".experts." not in name]
    routed = [row for row in model.spec.rows if row.grouped]
    if routed and all(len(row.hf) > 1 for row in routed):
        lost = [name for name in changed if ".experts." in name]
    if lost:
        raise InputError(
            "PEFT does not load this adapter of a model with experts: it drops matrices silently",
            found=f"{len(lost)} modules: {some(sorted(lost))}",
            expected="an adapter of attention; of experts only all of their modules, and no dense "
            "or shared layer named as they are",
            remedy="merge it into its base model with --lora-load",
        )


def _as_adapter(model: Model) -> AdapterModel:
    """The model, which is an adapter's: nothing else is planned for this format."""
    assert isinstance(model, AdapterModel)
    return model


def _end(name: str) -> str:
    return name.rpartition(".")[2]


def open_peft(folder: Path) -> HuggingFaceReader:
    """The tensors of a PEFT adapter under their own names; see `HuggingFaceReader`."""
    return HuggingFaceReader(folder, single=WEIGHTS)


PEFT = Format(
    name="peft",
    title="a PEFT adapter",
    recognise=is_peft,
    open=open_peft,
    writer=PeftWriter(),
)
