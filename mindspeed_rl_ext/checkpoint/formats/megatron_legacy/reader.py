"""A Megatron-core checkpoint as a source of tensors.

Covers: tracker or iteration directory, `release`, all rank files of the layout that `args` say,
virtual stages, experts, both dialects, local and transformer-engine names; trained checkpoints
without Megatron.
Does not cover: torch_dist checkpoints (refused by name).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.copying.byte_check import ByteCheck
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.places import (
    iteration_dir,
    torch_dist_hint,
)
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.rank_files import check_ranks
from mindspeed_rl_ext.checkpoint.formats.protocol import TensorInfo
from mindspeed_rl_ext.checkpoint.formats.torch_file.archive import TorchArchive, byte_check_of
from mindspeed_rl_ext.checkpoint.formats.torch_file.unpickle import Attributes, LazyTensor
from mindspeed_rl_ext.checkpoint.manifest import recorded_cfg_dir
from mindspeed_rl_ext.checkpoint.mapping.check_args import (
    check_args,
    warn_of_differences,
)
from mindspeed_rl_ext.checkpoint.mapping.expected import Part, expected_parts
from mindspeed_rl_ext.checkpoint.mapping.explain import explain_names
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.layout_args import layout_of_args
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.plan import slot_table
from mindspeed_rl_ext.checkpoint.mapping.spec import CORE, HOSTS
from mindspeed_rl_ext.checkpoint.parts.manifests import layout_of_part
from mindspeed_rl_ext.checkpoint.parts.ranks import ranks_text
from mindspeed_rl_ext.checkpoint.tensors import Ref, Shape, TensorSource, TensorView
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError

RANK_FILE = "model_optim_rng.pt"
_EMBEDDING = "embedding.word_embeddings.weight"
# More than any cluster has; args of a broken file may say any number.
_MOST_RANKS = 100_000
_SIZE_ARGS = tuple(f"{kind}_model_parallel_size" for kind in ("tensor", "pipeline", "expert"))
# Parts of names that only one way of naming has.
_TE_MARKS = (".layer_norm_weight", ".experts.linear_fc1.weight")
_GROUPED_MARKS = (".experts.weight1", ".experts.linear_fc1.weight")
_DIALECT_MARKS = (
    ("core", ("linear_kv_down_proj", ".softmax_offset", ".self_attention.in_proj.")),
    ("0.12", ("linear_kv_up_proj", "kv_layernorm", "shared_experts.gate_weight")),
)
_MM_SPLIT_MARKS = ("linear_qk_nope",)
_DOWN = ".linear_kv_down_proj.weight"
# What PEFT adds to names: of a layer with an adapter, and of the adapter called "default".
_WRAPPED = ".base_layer."
_ADAPTER = re.compile(r"\.lora_([AaBb])(\.default)?\.weight$")
_GROUPED_ADAPTER = re.compile(r"weight[12]_lora_[ab]$")


class MegatronReader:
    """The tensors of a Megatron-core checkpoint.

    Args:
        folder: the directory with the tracker, or an iteration directory.

    Raises:
        InputError: no checkpoint, a missing or broken rank file, args that do not fit the files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = iteration_dir(folder)
        ranks = sorted(self.folder.glob(f"mp_rank_*/{RANK_FILE}"))
        if not ranks:
            raise InputError(
                f"no mp_rank_*/{RANK_FILE} in {self.folder}",
                remedy=torch_dist_hint(self.folder) or "check --load-dir",
            )
        self._archives: dict[str, TorchArchive] = {}
        self._tensors: dict[Ref, LazyTensor] = {}
        self.adapter_tensors: set[str] = set()
        self.args: Mapping[str, Any] = self._open(ranks[0].parent.name)
        layout = layout_of_args(self.args, str(ranks[0]))
        found = {path.parent.name for path in ranks}
        part = layout_of_part(self.folder, found)
        if part is None:
            self._check_directories(found, layout)
        for path in ranks[1:]:
            self._check_same_sizes(path.parent.name, self._open(path.parent.name))
        self.missing_ranks: Sequence[str] = ()
        if part is not None:
            # Its tensors alone do not tell how the others are named.
            self.layout = part
            self.missing_ranks = sorted(part.rank_dirs() - found)
            return
        self.layout = replace(
            layout,
            padded_vocab=self._padded_vocab(layout),
            transformer_impl="transformer_engine" if self._any(_TE_MARKS) else "local",
            grouped=self._any(_GROUPED_MARKS),
            dialect=next((name for name, marks in _DIALECT_MARKS if self._any(marks)), "0.8"),
            mm_split=self._any(_MM_SPLIT_MARKS),
            whole_down=self._any(_TE_MARKS) and self._holds_whole_down(),
            mtp=len({ref.name.split(".")[2] for ref in self._tensors if _is_prediction(ref.name)}),
        )

    def paths(self) -> list[Path]:
        """The rank files."""
        return sorted(archive.path for archive in self._archives.values())

    def tensors(self) -> list[TensorInfo]:
        """All weights, `_extra_state` entries left out."""
        return [TensorInfo(ref, t.shape, t.dtype) for ref, t in self._tensors.items()]

    def find_config(self) -> Path | None:
        """The HuggingFace directory that manifest.json names, if it is there unchanged."""
        for folder in (self.folder.parent, self.folder):
            found = recorded_cfg_dir(folder)
            if found is not None:
                return found
        return None

    def parts(self, model: Model) -> list[Part]:
        """What the ranks must hold, compared with args, names and shapes."""
        if self.adapter_tensors:
            check_not_grouped(self.folder, self.adapter_tensors)
            raise InputError(
                f"{self.folder} holds an adapter beside its weights",
                found=f"{len(self.adapter_tensors)} tensors: {some(sorted(self.adapter_tensors))}",
                remedy="--lora-r and --lora-alpha merge it",
            )
        check_args(model, self.args, self.layout, str(self.folder))
        missing = set(self.missing_ranks)
        # Without a layer that tells them apart, names are those of the only loader that there is.
        only_core = HOSTS in model.spec.refused_layouts
        layout = replace(self.layout, dialect=CORE) if only_core else self.layout
        expected = expected_parts(model.spec, model.sizes, layout)
        parts = [part for part in expected if part.shard not in missing]
        self._check(parts)
        return parts

    def without_adapter(self) -> MegatronReader:
        """The checkpoint without the adapter that lies in the same files."""
        found = copy.copy(self)
        found.adapter_tensors = set()
        return found

    def joined(self, model: Model) -> tuple[TensorSource, list[Part]]:
        """The tensors as they are: none is stored in chunks."""
        return self, self.parts(model)

    def prediction_layers(self, model: Model) -> int:
        """Multi-token-prediction layers in it."""
        return self.layout.mtp

    def check_shards(self, model: Model, parts: Sequence[Part]) -> None:
        """Each rank's file is that rank's (see `rank_files`); warns of other settings."""
        self.check_whole()
        warn_of_differences(model, self.args, str(self.folder))
        recorded = {ref: self._recorded(ref) for ref in self._tensors}
        check_ranks(self.folder, recorded, parts)

    def check_whole(self) -> None:
        """Raises InputError where it is only a part of a checkpoint."""
        if self.missing_ranks:
            raise InputError(
                f"{self.folder.parent} is only a part of a checkpoint",
                found=ranks_text(self.layout, self._archives),
                expected=f"also {some(self.missing_ranks)}",
                remedy="convert the missing ranks into the same directory, or copy the rank "
                "directories and the manifests of the other nodes beside them",
            )

    def view(self, ref: Ref) -> TensorView:
        """The tensor of that name; InputError where there is none."""
        if ref not in self._tensors:
            raise InputError(f"{self.folder} has no tensor {ref}")
        return self._archives[ref.shard].view(self._tensors[ref])

    def prefetch(self, ref: Ref) -> None:
        """Lets the disk read the tensor."""
        self._archives[ref.shard].prefetch(self._tensors[ref])

    def release(self, ref: Ref) -> None:
        """Drops the tensor's pages from this process."""
        self._archives[ref.shard].release(self._tensors[ref])

    def _recorded(self, ref: Ref) -> tuple[Shape, int]:
        """A tensor's shape, and the CRC-32 that its file has of its storage."""
        tensor = self._tensors[ref]
        archive = self._archives[ref.shard]
        return tensor.shape, archive.recorded_crc32(tensor)

    def byte_check(self) -> ByteCheck:
        """A check of the bytes of all rank files, not begun."""
        return byte_check_of(self._archives, self._tensors)

    def _check(self, parts: Sequence[Part]) -> None:
        """Compares names and shapes of all ranks with what the checkpoint must hold.

        Raises:
            InputError: a tensor is missing, unknown, or of another shape.
        """
        expected = slot_table(parts)
        missing = [ref for ref in expected if ref not in self._tensors]
        extra = [ref for ref in self._tensors if ref not in expected]
        why = explain_names([ref.name for ref in extra], {ref.name for ref in missing})
        if why is not None:
            raise InputError(
                f"{self.folder} holds other tensors than the model",
                found=f"{why.what}, such as {extra[0]}",
                remedy=why.remedy,
            )
        for refs, what in ((missing, "lacks tensors"), (extra, "has unknown tensors")):
            if refs:
                raise InputError(
                    f"{self.folder} {what}",
                    found=f"{len(refs)}: {some(map(str, refs))}",
                    expected="the tensors that its args and config.json imply",
                    remedy="check --model-type-hf and --hf-cfg-dir; nothing is dropped silently",
                )
        for ref, slot in expected.items():
            shape = self._tensors[ref].shape
            if shape != slot.shape:
                raise InputError(
                    f"{ref} has another shape than config.json and args imply",
                    found=str(shape),
                    expected=str(slot.shape),
                    remedy="check --hf-cfg-dir",
                )

    def _open(self, directory: str) -> Mapping[str, Any]:
        """Opens a rank file, notes its tensors and returns its args."""
        path = self.folder / directory / RANK_FILE
        archive = TorchArchive(path)
        content = archive.content
        args = content.get("args") if isinstance(content, dict) else None
        if not isinstance(args, Attributes):
            raise InputError(
                f"{path} is no Megatron checkpoint",
                found=f"{sorted(map(str, content))[:8]}"
                if isinstance(content, dict)
                else type(content).__name__,
                expected="a dict with args and model",
            )
        self._archives[directory] = archive
        keys = [key for key in content if key == "model" or _is_virtual(key)]
        for key in keys:
            self._note(directory, key, content[key])
        if not keys:
            raise InputError(f"{path} has no model", found=", ".join(map(str, content)))
        return dict(vars(args))

    def _note(self, shard: str, chunk: str, model: Any) -> None:
        if not isinstance(model, dict):
            found = type(model).__name__
            raise InputError(f"{shard}/{chunk} is no dict of tensors", found=found)
        for name, value in model.items():
            if str(name).endswith("_extra_state"):
                continue
            known = _ADAPTER.sub(_plain_adapter_name, str(name).replace(_WRAPPED, "."))
            if not self._keeps(known):
                continue
            ref = Ref(shard, chunk, known)
            if not isinstance(value, LazyTensor):
                raise InputError(f"{ref} is no tensor", found=type(value).__name__)
            self._tensors[ref] = value

    def _keeps(self, name: str) -> bool:
        """Whether a tensor of that name is one of the model; others are noted."""
        if is_adapter_name(name):
            self.adapter_tensors.add(name)
            return False
        return True

    def _check_directories(self, found: set[str], layout: Layout) -> None:
        count = layout.tp * layout.pp * layout.ep
        expected = layout.rank_dirs() if count <= _MOST_RANKS else set()
        if found != expected:
            raise InputError(
                f"the rank directories of {self.folder} do not fit its args",
                found=f"missing {some(sorted(expected - found)) or 'none'}; "
                f"unexpected {some(sorted(found - expected)) or 'none'}",
                expected=f"TP {layout.tp} x PP {layout.pp} x EP {layout.ep}",
                remedy="copy the missing rank directories, or remove foreign ones",
            )

    def _check_same_sizes(self, directory: str, args: Mapping[str, Any]) -> None:
        for name in _SIZE_ARGS:
            if args.get(name) != self.args.get(name):
                raise InputError(
                    f"{directory} belongs to another checkpoint",
                    found=f"{name}={args.get(name)}",
                    expected=str(self.args.get(name)),
                )

    def _padded_vocab(self, layout: Layout) -> int:
        """Rows of the embedding: by the tensor itself, which args may not know."""
        for ref, tensor in self._tensors.items():
            if ref.name == _EMBEDDING and tensor.shape:
                return tensor.shape[0] * layout.tp
        names = [*(ref.name for ref in self._tensors), *self.adapter_tensors]
        why = explain_names(names, {_EMBEDDING})
        raise InputError(
            f"no embedding in {self.folder}",
            found=why.what if why else some(map(str, self._tensors)),
            expected=_EMBEDDING,
            remedy=why.remedy if why else "a rank file is missing",
        )

    def _holds_whole_down(self) -> bool:
        """Whether TP does not cut the downward projections, by the tensors and args."""
        ends = ("kv_lora_rank",), ("qk_pos_emb_head_dim", "qk_rope_head_dim")
        found = [next((self.args[n] for n in names if self.args.get(n)), 0) for names in ends]
        rows = {t.shape[0] for ref, t in self._tensors.items() if _DOWN in ref.name and t.shape}
        return all(found) and rows == {sum(map(int, found))}

    def _any(self, marks: tuple[str, ...]) -> bool:
        return any(mark in ref.name for ref in self._tensors for mark in marks)


def _is_prediction(name: str) -> bool:
    return name.startswith("mtp.layers.")


def is_adapter_name(name: str) -> bool:
    """Whether a tensor is a matrix of an adapter."""
    return bool(_ADAPTER.search(name) or _GROUPED_ADAPTER.search(name))


def check_not_grouped(folder: Path, names: Iterable[str]) -> None:
    """Checks that no adapter is one of grouped experts, which is not merged.

    Args:
        folder: the checkpoint, for the message.
        names: names of tensors.

    Raises:
        InputError: one of the names is a matrix of such an adapter.
    """
    grouped = sorted({name for name in names if _GROUPED_ADAPTER.search(name)})
    if grouped:
        raise InputError(
            f"{folder} holds an adapter of grouped experts, which is not merged",
            found=f"{len(grouped)} tensors: {some(grouped)}",
            expected="adapters of linear layers (lora_A.weight, lora_B.weight)",
            remedy="merge it in the host, then convert the merged model",
        )


def _plain_adapter_name(found: re.Match[str]) -> str:
    return f".lora_{found[1].upper()}.weight"


def _is_virtual(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("model") and key[5:].isdigit()
