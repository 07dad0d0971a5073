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
from mindspeed_rl_ext.checkpoint.adapters.table import AdapterModel
from mindspeed_rl_ext.checkpoint.formats.huggingface.reader import HuggingFaceReader
from mindspeed_rl_ext.checkpoint.formats.huggingface.writer import shard_file
from mindspeed_rl_ext.checkpoint.formats.protocol import Format, PlannedFile, Target
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST
from mindspeed_rl_ext.checkpoint.mapping.expected import Part
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.plan import Planner
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
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
    assert isinstance(model, AdapterModel)
    settings = model.settings
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
        "target_modules": list(settings.targets),
        "task_type": "CAUSAL_LM",
    }


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
