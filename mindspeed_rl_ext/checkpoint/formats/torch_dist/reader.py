"""A torch_dist checkpoint as a source of tensors.

Covers: what Megatron core 0.12 to 0.16 and its hosts save, trained checkpoints too; all spellings
in `names`; args of `common.pt`.
Does not cover: optimizer and run state, which are left out and counted; the zarr backend.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.formats.dcp.chunked import Chunked, Found
from mindspeed_rl_ext.checkpoint.formats.dcp.reader import COMMON, MEGATRON_METADATA
from mindspeed_rl_ext.checkpoint.formats.torch_dist.names import left_out, place_slots
from mindspeed_rl_ext.checkpoint.formats.torch_dist.places import checkpoint_dir
from mindspeed_rl_ext.checkpoint.formats.torch_file.archive import TorchArchive
from mindspeed_rl_ext.checkpoint.formats.torch_file.unpickle import Attributes
from mindspeed_rl_ext.checkpoint.manifest import recorded_cfg_dir
from mindspeed_rl_ext.checkpoint.mapping.check_args import check_args
from mindspeed_rl_ext.checkpoint.mapping.expected import expected_parts
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.options import ConvertOptions, parse_numbers
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.options import declared_options

EMBEDDING = "embedding.word_embeddings.weight"
BACKEND = "torch_dist"
_MTP = re.compile(r"mtp\.layers\.(\d+)\.")


class TorchDistReader(Chunked):
    """An opened torch_dist checkpoint.

    Args:
        folder: the directory with the tracker, an iteration, or one that verl made.

    Raises:
        InputError: no checkpoint, a missing or broken file.
    """

    def __init__(self, folder: Path) -> None:
        place = checkpoint_dir(folder)
        _check_backend(place)
        super().__init__(place)
        self.args: Mapping[str, Any] = _args_of(place)
        embedding = self.metadata.tensors.get(EMBEDDING)
        self.layout = Layout(
            padded_vocab=embedding.shape[0] if embedding and embedding.shape else 0,
            noop_layers=tuple(sorted(parse_numbers(self.args.get("noop_layers")))),
            mm_split=any(".linear_qk_nope." in name for name in self.metadata.tensors),
            mtp=len({found[1] for found in map(_MTP.match, self.metadata.tensors) if found}),
        )

    def left_out(self, name: str) -> str:
        """Optimizer, `_extra_state` and run state."""
        return left_out(name) or ("" if name in self.metadata.tensors else "other objects")

    def find_config(self) -> Path | None:
        """The directory that manifest.json names, or verl's `huggingface` beside the chunks."""
        for folder in (self.folder.parent, self.folder):
            found = recorded_cfg_dir(folder)
            if found is not None:
                return found
        beside = (folder / "huggingface" for folder in self.folder.parents[:2])
        return next((folder for folder in beside if (folder / "config.json").is_file()), None)

    def prediction_layers(self, model: Model) -> int:
        """Multi-token-prediction layers in it."""
        return self.layout.mtp

    def place(self, model: Model) -> Found:
        """The model's tensors by Megatron's names, in whichever of its dialects."""
        check_args(model, self.args, self.layout, str(self.folder))
        tensors = self.metadata.tensors
        least: list[str] | None = None
        for dialect in declared_options(ConvertOptions)["mcore_dialect"].option.choices or ():
            layout = replace(self.layout, dialect=dialect)
            if layout.kinds & set(model.spec.refused_layouts):
                continue
            slots = expected_parts(model.spec, model.sizes, layout)[0].slots
            placed, missing = place_slots(slots, tensors)
            if not missing:
                known = {item.tensor for item in placed}
                unknown = [n for n in tensors if n not in known and not self.left_out(n)]
                return Found(placed, unknown)
            least = missing if least is None or len(missing) < len(least) else least
        raise self._lacks(least or [])

    def _lacks(self, missing: list[str]) -> InputError:
        weights = [name for name in self.metadata.tensors if not self.left_out(name)]
        return InputError(
            f"{self.folder} lacks {len(missing)} tensors of the model",
            found=f"missing {some(missing)}; there are {some(weights, 3) or 'no weights'}",
            expected="Megatron core's names",
            remedy="check --model-type-hf and --hf-cfg-dir"
            if weights
            else "this part of a checkpoint has no model; verl keeps it in model/dist_ckpt",
        )


def _check_backend(folder: Path) -> None:
    path = folder / MEGATRON_METADATA
    if not path.is_file():
        raise InputError(
            f"no {MEGATRON_METADATA} in {folder}",
            found="a checkpoint whose saving was not finished, or not wholly copied",
            remedy="copy the file as well, or take an earlier checkpoint",
        )
    try:
        backend = json.loads(path.read_text("utf-8"))["sharded_backend"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is broken", found=str(error), remedy="copy it again") from error
    if backend != BACKEND:
        raise InputError(
            f"{folder} was saved with the backend {backend}, which is not read",
            expected=BACKEND,
            remedy=f"save it again with --ckpt-format {BACKEND}",
        )


def _args_of(folder: Path) -> dict[str, Any]:
    """Megatron's args of `common.pt`; {} where it has none, as verl's."""
    content = TorchArchive(folder / COMMON).content
    if not isinstance(content, dict):
        raise InputError(
            f"{folder / COMMON} is broken",
            found=f"{content!r}"[:200],
            expected="a dict",
            remedy="copy the file again",
        )
    args = content.get("args")
    return dict(vars(args)) if isinstance(args, Attributes) else {}
