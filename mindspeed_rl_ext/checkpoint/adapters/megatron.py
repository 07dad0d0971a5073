"""An adapter in rank files of the hosts, alone (`--lora-ckpt-filter`) or beside its base model.

Covers: names with and without the adapter's own (`lora_A.default.weight`); any layout of rank
files, whatever the layout of the base model; `lora_fusion`, which changes no tensor.
Does not cover: adapters of grouped experts (`weight1_lora_a`), and those saved as torch_dist.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from mindspeed_rl_ext.checkpoint.adapters.factors import FLOAT32, Factors
from mindspeed_rl_ext.checkpoint.adapters.settings import AdapterSettings, check_flag, is_number
from mindspeed_rl_ext.checkpoint.adapters.table import (
    DOWN,
    PEFT_PREFIX,
    UP,
    AdapterModel,
    adapter_model,
    layer_path,
)
from mindspeed_rl_ext.checkpoint.copying.assembled import Assembled
from mindspeed_rl_ext.checkpoint.copying.compare import equal_boxes
from mindspeed_rl_ext.checkpoint.dtypes import Array, cast
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.reader import (
    MegatronReader,
    check_not_grouped,
    is_adapter_name,
)
from mindspeed_rl_ext.checkpoint.mapping.expected import Part, expected_parts
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.plan import held_boxes, slot_table
from mindspeed_rl_ext.checkpoint.tensors import Shape, whole
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError

log = logging.getLogger(__name__)

_DIALECTS = ("0.8", "0.12", "core")


class MegatronAdapterReader(MegatronReader):
    """The adapter's tensors of a Megatron checkpoint; what else it holds is left out.

    Args:
        folder: the directory with the tracker, or an iteration directory.
        rank: `--lora-r`; None takes what the checkpoint's args say.
        alpha: `--lora-alpha`, likewise.
        targets: `--lora-target-modules`: no other layer may be changed; empty for any.

    Attributes:
        settings: what scales its products.
        config: the directory of the model's config.json, where something else knows it.

    Raises:
        InputError: no adapter, or rank and alpha are not known.
    """

    config: Path | None = None

    def __init__(
        self,
        folder: Path,
        rank: int | None = None,
        alpha: float | None = None,
        targets: Iterable[str] = (),
    ) -> None:
        if any(folder.glob("*.distcp")) or any(folder.glob("*/*.distcp")):
            raise InputError(
                f"{folder} holds an adapter as torch_dist, which is not read",
                remedy="save it again with --ckpt-format torch, or merge it in the host",
            )
        self._loading = threading.Lock()
        super().__init__(folder)
        self.check_whole()
        check_not_grouped(self.folder, (ref.name for ref in self._tensors))
        self._check_targets(tuple(targets))
        self.settings = AdapterSettings(
            int(self._setting("--lora-r", "lora_r", rank)),
            self._setting("--lora-alpha", "lora_alpha", alpha),
            targets=tuple(sorted(self._layers)),
        )

    def find_config(self) -> Path | None:
        """The HuggingFace directory of the base model, where it is known."""
        return self.config or super().find_config()

    def adapter_model(self, model: Model) -> AdapterModel:
        """The adapter's tensors, as the base model's table implies them."""
        paths = {layer_path(ref.name) for ref in self._tensors}
        return adapter_model(model, paths, self.settings, self.layout.mtp)

    def parts(self, model: Model) -> list[Part]:
        """What the ranks must hold of an adapter; names and shapes compared."""
        layout = self._layout(model)
        parts = expected_parts(model.spec, model.sizes, layout)
        self._check(parts)
        return parts

    def check_shards(self, model: Model, parts: Sequence[Part]) -> None:
        """Nothing: matrices that were not trained yet are equal on all ranks."""

    def changes(self, model: Model) -> dict[str, Factors]:
        """What it changes: HuggingFace weight -> factors.

        Raises:
            InputError: layers that the model lacks, or other shapes.
        """
        wanted = self.adapter_model(model)
        parts = self.parts(wanted)
        copies = held_boxes(parts)[1]
        drifted = sorted({pair.name for pair in copies if not equal_boxes(self, pair)})
        if drifted:
            log.warning("copies of the adapter differ, the first is taken: %s", some(drifted))
        source = Assembled(self, parts, wanted.whole())
        shapes = model.shapes()
        found = {}
        for slot in wanted.whole().slots:
            if slot.name.endswith(UP):
                module = slot.name.removeprefix(PEFT_PREFIX).removesuffix(UP)
                found[f"{module}.weight"] = self._factors(
                    source, module, shapes[f"{module}.weight"]
                )
        return found

    def _factors(self, source: Assembled, module: str, shape: Shape) -> Factors:
        rank = self.settings.rank

        def load() -> tuple[Array, Array]:
            found = []
            # All threads that copy share `source`, which drops a tensor that another may be using.
            with self._loading:
                for end in (UP, DOWN):
                    ref = whole(PEFT_PREFIX + module + end)
                    view = source.view(ref)
                    found.append(cast(view.array, view.dtype, FLOAT32))
                    source.release(ref)
            return found[0], found[1]

        return Factors(shape, rank, self.settings.scale(module, rank), load)

    def _layout(self, model: Model) -> Layout:
        """The layout, with the names that the adapter's tensors have."""
        held = set(self._tensors)
        for dialect in _DIALECTS:
            layout = replace(self.layout, dialect=dialect, grouped=False)
            if {*slot_table(expected_parts(model.spec, model.sizes, layout))} == held:
                return layout
        return replace(self.layout, grouped=False)

    def _check(self, parts: Sequence[Part]) -> None:
        """Compares names and shapes with what the base model implies."""
        expected = slot_table(parts)
        missing = [ref for ref in expected if ref not in self._tensors]
        extra = [ref for ref in self._tensors if ref not in expected]
        for refs, what in ((extra, "does not have"), (missing, "has, and the adapter lacks")):
            if refs:
                raise InputError(
                    f"the adapter in {self.folder} is of another model",
                    found=f"{len(refs)} matrices of layers that the model {what}: "
                    f"{some(map(str, refs))}",
                    expected="an adapter of the model that config.json describes",
                    remedy="check --lora-load and --hf-cfg-dir",
                )
        for ref, slot in expected.items():
            if self._tensors[ref].shape != slot.shape:
                raise InputError(
                    f"the adapter in {self.folder} is of another model",
                    found=f"{ref} {self._tensors[ref].shape}",
                    expected=str(slot.shape),
                    remedy="check --lora-load and --hf-cfg-dir",
                )

    def _check_targets(self, targets: tuple[str, ...]) -> None:
        other = sorted(self._layers - set(targets))
        if targets and other:
            raise InputError(
                "--lora-target-modules does not name all layers that the adapter changes",
                found=f"{some(other)} in {self.folder}",
                expected=some(targets, 12),
                remedy="leave the flag out: the adapter's tensors say it",
            )

    def _setting(self, flag: str, name: str, given: float | None) -> float:
        if given is not None and not is_number(given):
            raise InputError(f"{flag} is no number", found=str(given))
        recorded = self.args.get(name)
        known = recorded if is_number(recorded) and recorded > 0 else None
        held = self._rank() if name == "lora_r" else None
        check_flag(flag, given, held, self.folder)
        if given is None and held is not None and known is not None and held != known:
            raise InputError(
                f"the args of {self.folder} are of another adapter than its matrices",
                found=f"rank {held}, and args with {name} {known:g}",
                remedy=f"{flag} {held:g} and --lora-alpha with what it was trained with",
            )
        if held is None:
            check_flag(flag, given, known, self.folder)
        found = next((value for value in (given, held, known) if value is not None), None)
        if found is None:
            raise InputError(
                f"{self.folder} does not say {name} of its adapter",
                remedy=f"{flag} with the value that it was trained with",
            )
        return found

    def _rank(self) -> int | None:
        downs = (tensor for ref, tensor in self._tensors.items() if ref.name.endswith(DOWN))
        return next((tensor.shape[0] for tensor in downs if tensor.shape), None)

    @cached_property
    def _layers(self) -> set[str]:
        ends = (DOWN, UP)
        names = (ref.name for ref in self._tensors if ref.name.endswith(ends))
        return {name.removesuffix(DOWN).removesuffix(UP).rpartition(".")[2] for name in names}

    def _keeps(self, name: str) -> bool:
        return is_adapter_name(name)

    def _padded_vocab(self, layout: Layout) -> int:
        """Rows of the embedding, which an adapter of the output layer alone asks for."""
        if not self._tensors:
            raise InputError(
                f"no adapter in {self.folder}",
                found="no tensors with lora_A and lora_B in their names",
                expected="a checkpoint that was trained with --lora-target-modules",
                remedy="check --lora-load",
            )
        return int(self.args.get("padded_vocab_size") or 0)
