"""Which test proves which direction of which family; the page checkpoint_evidence is made of it.

Covers: the tests, and the table of each that names the families it runs with, read from its source.
Does not cover: running them; `test_evidence.py` checks that they are there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mindspeed_rl_ext.checkpoint.models import models

HERE = Path(__file__).parent
THERE, BACK = "hf -> mg", "mg -> hf"
TO_DIST, FROM_DIST = "hf -> torch_dist", "torch_dist -> hf"
RESHARD, SHARDED = "mg -> mg", "fsdp, dcp -> hf"
DIRECTIONS = (THERE, BACK, RESHARD, TO_DIST, FROM_DIST, SHARDED)


@dataclass(frozen=True)
class Proof:
    """One test.

    Args:
        kind: what it compares with; a key of the page's legend.
        directions: what it converts.
        test: the file below this folder, and the function.
        table: the file and name of the table of its families; "" where `families` says.
        families: names of model types, of tests that have no table.
        slow: most of its cases run with MSRL_EXT_SLOW=1 only, or need a host's checkout.
    """

    kind: str
    directions: tuple[str, ...]
    test: str
    table: str = ""
    families: tuple[str, ...] = ()
    slow: bool = False


PROOFS = (
    Proof("expected bytes", (THERE, BACK), "test_grid.py::test_every_model_in_every_layout",
          "grid_expectation.py::MODELS"),
    Proof("expected bytes", (RESHARD,), "test_grid.py::test_any_layout_becomes_any_other",
          "grid_expectation.py::MODELS"),
    Proof("host's bytes", (THERE,), "test_host_converter.py::test_families_of_the_host_are_ours",
          "test_host_converter.py::HOST_NAMES", slow=True),
    Proof("host's bytes", (THERE, BACK),
          "test_host_converter.py::test_layouts_of_the_host_are_ours",
          "test_host_converter.py::LAYOUTS", slow=True),
    Proof("host's bytes", (THERE, BACK),
          "test_host_converter.py::test_the_prediction_layer_of_qwen3_next_is_the_hosts",
          families=("qwen3_next",), slow=True),
    Proof("core's logits", (THERE,), "test_megatron.py::test_logits_are_those_of_transformers",
          "test_megatron.py::CASES", slow=True),
    Proof("transformers' logits", (THERE, BACK),
          "test_transformers.py::test_a_model_comes_back_with_the_same_logits",
          "test_transformers.py::FAMILIES"),
    Proof("core loads", (TO_DIST,),
          "torch_dist/test_core.py::test_core_loads_what_we_write_strictly_and_bit_by_bit",
          "torch_dist/test_core.py::LOADED", slow=True),
    Proof("core saved", (FROM_DIST,),
          "torch_dist/test_core.py::test_what_core_saves_comes_back_bit_by_bit",
          "torch_dist/test_core.py::SAVED", slow=True),
    Proof("source's bytes", (TO_DIST, FROM_DIST),
          "test_transformers.py::test_what_comes_back_from_torch_dist_is_the_source",
          "test_transformers.py::FAMILIES"),
    Proof("published formula", (THERE, BACK, TO_DIST, FROM_DIST),
          "test_quantized.py::test_a_shrunken_r1_goes_through_every_format",
          families=("deepseek3",)),
    Proof("torch saved", (SHARDED,),
          "fsdp/test_fsdp.py::test_a_sharded_checkpoint_comes_back_bit_by_bit",
          families=("qwen2",)),
    Proof("torch saved", (SHARDED,),
          "fsdp/test_fsdp.py::test_a_sharded_checkpoint_comes_back_bit_by_bit",
          families=("gpt_oss",)),
    Proof("torch saved", (SHARDED,),
          "fsdp/test_fsdp.py::test_experts_that_transformers_keeps_in_one_tensor_are_told_apart",
          families=("qwen3_moe",)),
)  # fmt: skip


def families_of(proof: Proof) -> tuple[str, ...]:
    """Names of the families that a test runs with, sorted."""
    if not proof.table:
        return proof.families
    return tuple(sorted({spec_name(found) for found in _rows(proof.table)}))


def proofs_of(family: str, direction: str) -> Iterator[Proof]:
    """The tests that prove a direction of a family."""
    for proof in PROOFS:
        if direction in proof.directions and family in families_of(proof):
            yield proof


def spec_name(found: str) -> str:
    """The family that a test calls by model type, by a host's name, or by transformers' class."""
    registry = models()
    plain = found.partition("-")[0] if found not in registry else found
    by_class = {
        kind.replace("_", ""): registry.get(name).name
        for name in registry
        for kind in registry.get(name).model_types
    }
    key = plain.lower().replace("_", "")
    if plain in registry:
        return registry.get(plain).name
    return by_class[key] if key in by_class else by_class[f"{key}text"]  # of a model with vision


@cache
def _rows(table: str) -> tuple[str, ...]:
    """What a table's rows name: the first text of the value, or else the key."""
    file, _, name = table.partition("::")
    for node in ast.parse((HERE / file).read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            assert isinstance(node.value, ast.Dict), table
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return tuple(_first_text(value) or _text(key) for key, value in pairs)
    raise LookupError(table)


def _first_text(value: ast.expr) -> str:
    inner = value.elts if isinstance(value, ast.Tuple) else getattr(value, "args", [])
    return next((_text(item) for item in inner if _text(item)), "")


def _text(node: ast.expr | None) -> str:
    constant = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if constant else ""
