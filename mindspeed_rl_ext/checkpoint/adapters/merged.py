"""A checkpoint with an adapter merged into it, computed where values are read.

Covers: any format and layout of the base: the change of a HuggingFace weight is added to whichever
box of it a tensor holds. Base, product and sum are float32, rounded once to the format that is
written; or rounded three times, as MindSpeed-LLM's converter rounds.
Does not cover: adapters that change more than weights of linear layers; readers refuse those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from mindspeed_rl_ext.checkpoint.adapters.factors import (
    CACHE_BYTES,
    FLOAT32,
    FactorCache,
    Factors,
    add_change,
)
from mindspeed_rl_ext.checkpoint.adapters.record import record_of
from mindspeed_rl_ext.checkpoint.adapters.settings import AdapterSettings
from mindspeed_rl_ext.checkpoint.copying.byte_check import ByteCheck
from mindspeed_rl_ext.checkpoint.dtypes import CASTABLE, Array, DType, cast
from mindspeed_rl_ext.checkpoint.formats.protocol import CheckpointReader, TensorInfo
from mindspeed_rl_ext.checkpoint.mapping.expected import Part
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import Copy
from mindspeed_rl_ext.checkpoint.tensors import (
    Box,
    Ref,
    Shape,
    TensorSource,
    TensorView,
    matrix_shape,
)
from mindspeed_rl_ext.core.errors import InputError

# Measured: the matrices that are held, the steps of sums, and what BLAS takes.
MERGE_BYTES = CACHE_BYTES + (20 << 20)
# What a core's cache holds with all steps of a sum; and rows of a tile of a product.
_BAND_VALUES, _BAND_ROWS = 1 << 16, 16


class Adapter(Protocol):
    """An opened adapter.

    Attributes:
        folder: its directory.
        settings: what scales its products.
    """

    folder: Path
    settings: AdapterSettings

    def paths(self) -> list[Path]:
        """Its files."""

    def changes(self, model: Model) -> dict[str, Factors]:
        """HuggingFace weight -> how it changes."""


class _Area(NamedTuple):
    """A box of a changed weight that a tensor holds."""

    copy: Copy
    factors: Factors


class MergedView(TensorView):
    """A tensor with the changes of an adapter.

    Args:
        base: the tensor.
        areas: the boxes of changed weights that it holds.
        matrix: rows and columns that the boxes count; None for those of the shape.
        like_host: round as MindSpeed-LLM's converter does.
    """

    def __init__(
        self,
        base: TensorView,
        areas: Sequence[_Area],
        matrix: tuple[int, int] | None,
        like_host: bool,
    ) -> None:
        object.__setattr__(self, "dtype", FLOAT32)
        object.__setattr__(self, "_parts", (base, areas, matrix, like_host))

    @property
    def _held(self) -> tuple[TensorView, Sequence[_Area], tuple[int, int] | None, bool]:
        found: tuple[TensorView, Sequence[_Area], tuple[int, int] | None, bool]
        found = self._parts  # type: ignore[attr-defined]
        return found

    @property
    def shape(self) -> Shape:
        """The tensor's shape."""
        return self._held[0].shape

    @property
    def array(self) -> Array:
        """All values, as float32."""
        whole = self.box(slice(None), slice(None), FLOAT32, self._held[2])
        return whole.reshape(self.shape)

    @property
    def in_file(self) -> bool:
        """The file's values are those of the base."""
        return False

    @property
    def written(self) -> DType:
        """The format that the base is written in."""
        return self._held[0].written

    def box(
        self, rows: slice, cols: slice, dtype: DType, matrix: tuple[int, int] | None = None
    ) -> Array:
        """The values of a box, rounded to a format."""
        height, width = matrix or self._held[2] or matrix_shape(self.shape)
        first_row, last_row, _ = rows.indices(height)
        first_col, last_col, _ = cols.indices(width)
        found = np.empty((last_row - first_row, last_col - first_col), dtype.carrier)
        step = max(_BAND_ROWS, _BAND_VALUES // max(1, found.shape[1]) // _BAND_ROWS * _BAND_ROWS)
        row = first_row
        while row < last_row:
            stop = min(last_row, row - row % step + step)
            band = Box(row, stop - row, first_col, found.shape[1])
            found[row - first_row : stop - first_row] = cast(
                self._merged(band, matrix), FLOAT32, dtype
            )
            row = stop
        return found

    def _merged(self, band: Box, matrix: tuple[int, int] | None) -> Array:
        """The values of a few rows, as float32."""
        base, areas, counted, like_host = self._held
        last_row, last_col = band.row + band.rows, band.col + band.cols
        box = slice(band.row, last_row), slice(band.col, last_col)
        values = base.box(*box, FLOAT32, matrix or counted)
        if base.dtype == FLOAT32:  # maybe the file's own
            values = values.copy()
        rounded = base.written if like_host else None
        for copy, factors in areas:
            size = (copy.box.cols, copy.box.rows) if copy.transposed else copy.box[1::2]
            top, left = max(band.row, copy.row), max(band.col, copy.col)
            bottom, right = min(last_row, copy.row + size[0]), min(last_col, copy.col + size[1])
            if top >= bottom or left >= right:
                continue
            at, count = (top - copy.row, left - copy.col), (bottom - top, right - left)
            if copy.transposed:
                at, count = at[::-1], count[::-1]
            product = factors.product(
                Box(copy.box.row + at[0], count[0], copy.box.col + at[1], count[1])
            )
            here = values[top - band.row : bottom - band.row, left - band.col : right - band.col]
            add_change(here, product.T if copy.transposed else product, factors.scale, rounded)
        return values


class MergedSource:
    """Tensors with the changes of an adapter.

    Args:
        base: the tensors.
        parts: what they hold.
        changes: HuggingFace weight -> how it changes.
        like_host: round as MindSpeed-LLM's converter does.
    """

    def __init__(
        self,
        base: TensorSource,
        parts: Sequence[Part],
        changes: Mapping[str, Factors],
        like_host: bool,
    ) -> None:
        self._base, self._like_host = base, like_host
        self._areas: dict[Ref, tuple[list[_Area], tuple[int, int] | None]] = {}
        for part in parts:
            for slot in part.slots:
                areas = [
                    _Area(copy, changes[slot.hf[copy.source]])
                    for copy in slot.copies
                    if slot.hf[copy.source] in changes
                ]
                if areas:
                    self._areas[part.ref(slot)] = (areas, slot.matrix)

    def view(self, ref: Ref) -> TensorView:
        """The tensor of that name, with its change."""
        base = self._base.view(ref)
        if ref not in self._areas:
            return base
        if base.dtype.name not in CASTABLE:
            raise InputError(
                f"an adapter cannot be merged into {ref}",
                found=base.dtype.name,
                expected=" or ".join(CASTABLE),
            )
        return MergedView(base, *self._areas[ref], self._like_host)

    def prefetch(self, ref: Ref) -> None:
        """Lets the disk read the tensor."""
        self._base.prefetch(ref)

    def release(self, ref: Ref) -> None:
        """Drops the tensor's pages from this process."""
        self._base.release(ref)


class MergedReader:
    """A checkpoint with an adapter merged into it; see `formats.protocol.CheckpointReader`.

    Args:
        base: the checkpoint.
        adapter: the adapter.
        like_host: round as MindSpeed-LLM's converter does.
    """

    def __init__(self, base: CheckpointReader, adapter: Adapter, like_host: bool) -> None:
        self._base, self._adapter, self._like_host = base, adapter, like_host
        self.folder, self.layout, self.args = base.folder, base.layout, base.args
        self.missing_ranks = base.missing_ranks
        self._source: TensorSource = base
        self._changes: Mapping[str, Factors] | None = None

    def paths(self) -> list[Path]:
        """The files of both."""
        return sorted({*self._base.paths(), *self._adapter.paths()})

    def tensors(self) -> list[TensorInfo]:
        """The base's tensors."""
        return self._base.tensors()

    def find_config(self) -> Path | None:
        """Where the base's config.json is."""
        return self._base.find_config()

    def parts(self, model: Model) -> list[Part]:
        """What the base holds; the adapter is compared with the model as well."""
        parts = self._base.parts(model)
        self._source = self._merged(self._base, parts, model)
        return parts

    def joined(self, model: Model) -> tuple[TensorSource, list[Part]]:
        """The base's tensors for verifying, with their changes."""
        source, parts = self._base.joined(model)
        return self._merged(source, parts, model), parts

    def prediction_layers(self, model: Model) -> int:
        """How many multi-token-prediction layers the base holds."""
        return self._base.prediction_layers(model)

    def check_shards(self, model: Model, parts: Sequence[Part]) -> None:
        """Checks the base."""
        self._base.check_shards(model, parts)

    def byte_check(self) -> ByteCheck:
        """A check of the base's files."""
        return self._base.byte_check()

    def view(self, ref: Ref) -> TensorView:
        """The tensor of that name, with its change."""
        return self._source.view(ref)

    def prefetch(self, ref: Ref) -> None:
        """Lets the disk read the tensor."""
        self._base.prefetch(ref)

    def release(self, ref: Ref) -> None:
        """Drops the tensor's pages from this process."""
        self._base.release(ref)

    def _merged(self, source: TensorSource, parts: Sequence[Part], model: Model) -> MergedSource:
        return MergedSource(source, parts, self._changes_of(model), self._like_host)

    def record(self, model: Model) -> dict[str, Any]:
        """What a manifest says of the adapter."""
        adapter, changes = self._adapter, self._changes_of(model)
        return record_of(adapter.folder, adapter.settings, changes, self._like_host)

    def _changes_of(self, model: Model) -> Mapping[str, Factors]:
        """How the adapter changes the model, found once: a reader is of one model."""
        if self._changes is None:
            self._changes = FactorCache().cached(self._adapter.changes(model))
        return self._changes
