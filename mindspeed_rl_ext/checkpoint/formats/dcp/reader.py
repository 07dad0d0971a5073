"""A directory of torch's distributed checkpoint that holds a transformers model.

Covers: any names before the model's own (`model.`), as MindSpeed-LLM's FSDP2 backend and plain
`torch.distributed.checkpoint.save` write them; optimizers are left out and counted.
Does not cover: Megatron's names; `torch_dist` reads those.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.formats.dcp.chunked import Chunked, Found
from mindspeed_rl_ext.checkpoint.formats.dcp.metadata import METADATA
from mindspeed_rl_ext.checkpoint.formats.dcp.running_model import find_model, is_optimizer
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.model import Model

# Beside these the directory is one of Megatron's.
COMMON, MEGATRON_METADATA = "common.pt", "metadata.json"


class DcpReader(Chunked):
    """An opened DCP checkpoint.

    Args:
        folder: the directory with `.metadata`.
    """

    layout = Layout()
    args: Mapping[str, Any] = {}

    def left_out(self, name: str) -> str:
        """Optimizers, and what is no tensor."""
        if is_optimizer(name):
            return "optimizer"
        return "" if name in self.metadata.tensors else "other objects"

    def find_config(self) -> Path | None:
        """The directory itself, or a `huggingface` directory in it or beside it."""
        places = (self.folder, self.folder / "huggingface", self.folder.parent / "huggingface")
        return next((place for place in places if (place / "config.json").is_file()), None)

    def place(self, model: Model) -> Found:
        """The model's tensors by their names in transformers."""
        stored = [name for name in self.metadata.tensors if not self.left_out(name)]
        return find_model(model, stored, self.folder)


def is_dcp(folder: Path) -> bool:
    """Whether the directory holds a DCP checkpoint that is not Megatron's."""
    beside = (folder / COMMON).exists() or (folder / MEGATRON_METADATA).exists()
    return not beside and ((folder / METADATA).is_file() or any(folder.glob("*.distcp")))
