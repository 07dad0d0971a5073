"""A HuggingFace directory as a source of tensors.

Covers: model.safetensors, shards with model.safetensors.index.json; names proven both ways from
the files' own headers, not the index alone; every tensor accounted for, shapes compared; block FP8
and MXFP4 as the numbers they stand for; experts that are packed into one tensor.
Does not cover: .bin files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from mindspeed_rl_ext.checkpoint.copying.byte_check import ByteCheck
from mindspeed_rl_ext.checkpoint.formats.huggingface.block_fp8 import (
    DEQUANTIZED,
    BlockFp8View,
    Blocks,
)
from mindspeed_rl_ext.checkpoint.formats.huggingface.mxfp4 import (
    BLOCKS,
    MXFP4,
    SCALES,
    Mxfp4View,
    dequantized_shape,
)
from mindspeed_rl_ext.checkpoint.formats.huggingface.safetensors_file import SafetensorsFile
from mindspeed_rl_ext.checkpoint.formats.protocol import TensorInfo
from mindspeed_rl_ext.checkpoint.mapping.expected import Part
from mindspeed_rl_ext.checkpoint.mapping.explain import explain_names, explain_shape
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.packed import pack
from mindspeed_rl_ext.checkpoint.mapping.quantization import BLOCK_SCALES, quantization_of
from mindspeed_rl_ext.checkpoint.mapping.sizes import read_config
from mindspeed_rl_ext.checkpoint.mapping.spec import Packed
from mindspeed_rl_ext.checkpoint.tensors import (
    OUTPUT_LAYER,
    Ref,
    Shape,
    TensorSource,
    TensorView,
    whole,
)
from mindspeed_rl_ext.checkpoint.wording import not_tied, some
from mindspeed_rl_ext.core.errors import InputError

INDEX_NAME = "model.safetensors.index.json"
SINGLE_NAME = "model.safetensors"
CONFIG_NAME = "config.json"
_SCALES = f".{BLOCK_SCALES}"


class HuggingFaceReader:
    """The tensors of a HuggingFace directory.

    Args:
        folder: the directory.
        single: the file that holds all tensors where there is no index.

    Raises:
        InputError: no safetensors, a missing or truncated shard, an index that does not fit.
    """

    missing_ranks: Sequence[str] = ()

    def __init__(self, folder: Path, single: str = SINGLE_NAME) -> None:
        self.folder, self.layout = folder, Layout()
        self.args: Mapping[str, Any] = {}
        self._files: dict[str, SafetensorsFile] = {}
        index = _read_index(folder)
        names = sorted(set(index.values())) if index is not None else _single_file(folder, single)
        for file_name in names:
            shard = SafetensorsFile(folder / file_name)
            for tensor in shard.entries:
                if tensor in self._files:
                    raise InputError(
                        f"{tensor} is in two shards of {folder}",
                        found=f"{self._files[tensor].path.name} and {file_name}",
                        remedy="remove the shard that the index does not name",
                    )
                self._files[tensor] = shard
        if index is not None:
            self._check_index(index)
        # Weight -> its scales.
        self._scales = {
            name.removesuffix(_SCALES) + ".weight": name
            for name in self._files
            if name.endswith(_SCALES) and name.removesuffix(_SCALES) + ".weight" in self._files
        }
        self._block = _block_of(folder) if self._scales else (0, 0)
        # What MXFP4 blocks and scales are of.
        self._mxfp4 = {
            name.removesuffix(BLOCKS)
            for name in self._files
            if name.endswith(BLOCKS) and name.removesuffix(BLOCKS) + SCALES in self._files
        } - self._files.keys()

    def paths(self) -> list[Path]:
        """The files."""
        return sorted({shard.path for shard in self._files.values()})

    def tensors(self) -> list[TensorInfo]:
        """All tensors but the scales of others, in file order."""
        scales = self._parts_of_others()
        entries = (
            (name, shard.entries[name]) for name, shard in self._files.items() if name not in scales
        )
        plain = [
            TensorInfo(
                whole(name),
                entry.shape,
                entry.dtype,
                written=DEQUANTIZED if name in self._scales else None,
            )
            for name, entry in entries
        ]
        return plain + [
            TensorInfo(
                whole(name),
                self._shape(name) or (),
                MXFP4,
                written=DEQUANTIZED,
                stored_bytes=sum(
                    self._files[part].entries[part].length for part in self._stored_names(name)
                ),
            )
            for name in sorted(self._mxfp4)
        ]

    def find_config(self) -> Path | None:
        """The directory itself, if it has a config.json."""
        return self.folder if (self.folder / CONFIG_NAME).is_file() else None

    def parts(self, model: Model) -> list[Part]:
        """The model as one part; InputError where names or shapes differ."""
        part = pack(model, self._form)
        # A copy of another tensor may be missing.
        held = [slot for slot in part.slots if not slot.repeats or slot.name in self._files]
        shapes = {slot.name: slot.shape for slot in held}
        self._check(shapes, model.ignored(), model.tied_name())
        return [replace(part, slots=tuple(held))]

    def joined(self, model: Model) -> tuple[TensorSource, list[Part]]:
        """The tensors as they are: none is stored in chunks."""
        return self, self.parts(model)

    def prediction_layers(self, model: Model) -> int:
        """Multi-token-prediction layers in it."""
        return model.held_predictions(self._files)

    def check_shards(self, model: Model, parts: Sequence[Part]) -> None:
        """Nothing: a file of weights has its tensors' names in it."""

    def view(self, ref: Ref) -> TensorView:
        """The tensor of that name, dequantised where it has scales; InputError where it is none."""
        if ref.name in self._mxfp4:
            blocks, scales = (self._stored(ref.name + end) for end in (BLOCKS, SCALES))
            return Mxfp4View(blocks, scales, ref.name)
        if ref.name not in self._files:
            raise InputError(f"{self.folder} has no tensor {ref.name}")
        found = self._stored(ref.name)
        if ref.name not in self._scales:
            return found
        scales = self._stored(self._scales[ref.name])
        if scales.dtype.name != "float32":
            found_format = scales.dtype.name
            raise InputError(
                f"{self._scales[ref.name]} is no float32", found=found_format, expected="float32"
            )
        return BlockFp8View(found, Blocks(scales.array, *self._block), ref.name)

    def prefetch(self, ref: Ref) -> None:
        """Lets the disk read the tensor."""
        for name in self._stored_names(ref.name):
            self._files[name].prefetch(name)

    def release(self, ref: Ref) -> None:
        """Drops the tensor's pages from this process."""
        for name in self._stored_names(ref.name):
            self._files[name].release(name)

    def _stored(self, name: str) -> TensorView:
        """A tensor as its file has it."""
        return self._files[name].view(name)

    def _stored_names(self, name: str) -> list[str]:
        """The large tensors of the files that a tensor is read from."""
        return [name + BLOCKS, name + SCALES] if name in self._mxfp4 else [name]

    def _parts_of_others(self) -> set[str]:
        """Stored tensors that are only read together with others, or as another."""
        blocks = {name + end for name in self._mxfp4 for end in (BLOCKS, SCALES)}
        return {*self._scales.values(), *blocks}

    def _shape(self, name: str) -> Shape | None:
        """A tensor's shape, dequantised; None where it is not stored."""
        if name in self._mxfp4:
            return dequantized_shape(self._files[name + BLOCKS].entries[name + BLOCKS].shape)
        return self._files[name].entries[name].shape if name in self._files else None

    def _form(self, packed: Packed, name: str, member: str) -> bool | None:
        """Whether a packed tensor is stored, or what it would hold; see `pack`."""
        usual = packed.written and member not in self._files
        return name in self._mxfp4 if usual or self._shape(name) is not None else None

    def _check(self, expected: Mapping[str, Shape], ignored: tuple[str, ...], tied: str) -> None:
        """Compares names and shapes with what the model must hold.

        Args:
            expected: name -> shape.
            ignored: patterns of tensors without weights.
            tied: the tensor that an lm_head.weight must equal, in a tied model; else "".

        Raises:
            InputError: a tensor is missing, unknown, or of another shape.
        """
        missing = [name for name in expected if self._shape(name) is None]
        scales = self._parts_of_others()
        extra = [
            name
            for name in self._files
            if name not in expected
            and name not in scales
            and not any(fnmatch(name, p) for p in ignored)
        ]
        if tied and OUTPUT_LAYER in extra and not missing:
            self._check_tied(tied)
            extra.remove(OUTPUT_LAYER)
        self._check_names(missing, extra)
        extra += [name + BLOCKS for name in self._mxfp4 if name not in expected]
        for name, shape in expected.items():
            found = self._shape(name)
            if found is not None and found != shape:
                why = explain_shape(name, found, shape)
                raise InputError(
                    f"{name} has another shape than config.json says",
                    found=f"{found}; {why.what}" if why else str(found),
                    expected=str(shape),
                    remedy=why.remedy if why else "config.json is of another model",
                )

    def _check_names(self, missing: list[str], extra: list[str]) -> None:
        """Says why names are missing or unknown, where some are."""
        quantized = quantization_of(_config_of(self.folder), extra)
        if quantized:
            raise InputError(
                f"{self.folder} holds a quantised model, which is not dequantised here",
                found=quantized,
                expected="bf16, fp16, fp32, or block FP8 with weight_scale_inv",
                remedy="take the unquantised model, or dequantise it with its publisher's script",
            )
        explanation = explain_names(extra, missing)
        if explanation is not None:
            raise InputError(
                f"{self.folder} holds other tensors than the model",
                found=f"{explanation.what}, such as {some(extra, 2)}",
                remedy=explanation.remedy,
            )
        if missing:
            undeclared = missing == [OUTPUT_LAYER] and not extra
            raise InputError(
                f"{self.folder} lacks {len(missing)} tensors of the model",
                found=f"missing {some(missing)}",
                remedy='set "tie_word_embeddings": true in config.json, if the output layer is '
                "the embedding"
                if undeclared
                else "a shard is missing, or config.json is of another model",
            )
        if extra:
            raise InputError(
                f"{self.folder} has {len(extra)} tensors that the model does not",
                found=some(extra),
                remedy="check --model-type-hf; nothing is dropped silently",
            )

    def byte_check(self) -> ByteCheck:
        """Safetensors carry no checksum; lengths were compared when the files were opened."""
        return ByteCheck()

    def _check_tied(self, tied: str) -> None:
        head, embedding = (self.view(whole(name)) for name in (OUTPUT_LAYER, tied))
        if head.shape != embedding.shape or not np.array_equal(
            head.array.view(np.uint8), embedding.array.view(np.uint8)
        ):
            raise not_tied(tied)

    def _check_index(self, index: Mapping[str, str]) -> None:
        absent = [name for name in index if name not in self._files]
        moved = [
            name
            for name, file_name in index.items()
            if name in self._files and self._files[name].path.name != file_name
        ]
        unnamed = [name for name in self._files if name not in index]
        for names, what in (
            (absent, "names tensors that no shard holds"),
            (moved, "names tensors in shards that do not hold them"),
            (unnamed, "does not name tensors that the shards hold"),
        ):
            if names:
                raise InputError(
                    f"{INDEX_NAME} {what}",
                    found=some(names),
                    remedy="download the index and the shards of one revision",
                )


def is_huggingface(folder: Path) -> bool:
    """Whether the directory holds a HuggingFace model."""
    return (folder / INDEX_NAME).is_file() or any(folder.glob("*.safetensors"))


def _config_of(folder: Path) -> Mapping[str, Any]:
    """config.json, where the directory has one."""
    return read_config(folder) if (folder / CONFIG_NAME).is_file() else {}


def _block_of(folder: Path) -> tuple[int, int]:
    """Rows and columns of a block of FP8 weights that share a scale."""
    declared = _config_of(folder).get("quantization_config") or {}
    block = declared.get("weight_block_size") if isinstance(declared, Mapping) else None
    if block is None:
        return 128, 128
    if (
        not isinstance(block, list)
        or len(block) != 2
        or not all(isinstance(size, int) and size > 0 for size in block)
    ):
        raise InputError(
            f"config.json of {folder} has no usable weight_block_size",
            found=repr(block),
            expected="two positive integers",
        )
    return block[0], block[1]


def _read_index(folder: Path) -> dict[str, str] | None:
    path = folder / INDEX_NAME
    if not path.is_file():
        return None
    try:
        index: dict[str, str] = json.loads(path.read_text("utf-8"))["weight_map"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no index of shards", found=str(error), expected='{"weight_map": {...}}'
        ) from error
    good = isinstance(index, dict) and all(isinstance(name, str) for name in index.values())
    if not good or not index:
        raise InputError(f"{path} names no shards", expected='{"weight_map": {...}}')
    outside = [name for name in index.values() if Path(name).name != name]
    if outside:
        raise InputError(f"{path} names files outside its directory", found=some(outside))
    return index


def _single_file(folder: Path, single: str) -> list[str]:
    found = sorted(path.name for path in folder.glob("*.safetensors"))
    if single in found or len(found) == 1:
        return [single] if single in found else found
    if found:
        # Torch's distributed checkpoints in safetensors: each file has parts of the tensors.
        parts = all(name.startswith("shard-") for name in found)
        raise InputError(
            f"{folder} has {len(found)} shards and no {INDEX_NAME}",
            found=some(found),
            remedy="these are ranks' parts, as torch's HuggingFaceStorageWriter saves them: save "
            "the model again with its enable_consolidation=True"
            if parts
            else "download the index as well",
        )
    others = sorted(path.name for path in folder.glob("*.bin"))
    raise InputError(
        f"no safetensors in {folder}",
        found=some(others) if others else "no weights",
        expected=f"{SINGLE_NAME} or {INDEX_NAME} with its shards",
        remedy="save the model again with save_pretrained" if others else "check --load-dir",
    )
