"""What proves each direction of each model family, and the tests that do."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from mindspeed_rl_ext.checkpoint.models import models
from mindspeed_rl_ext.core.language import Language, Text
from reference._markdown import code, markdown_table

KINDS = {
    "expected bytes": Text(
        "names, shapes and bytes of an expectation written from the format's description",
        "名字、形状、字节与按格式说明独立写出的期望一致",
    ),
    "host's bytes": Text(
        "bytes of MindSpeed-LLM master's `convert_ckpt_v2.py`",
        "与 MindSpeed-LLM master 的 `convert_ckpt_v2.py` 逐字节相同",
    ),
    "core's logits": Text(
        "logits of Megatron core with our shards are those of transformers",
        "Megatron core 加载我们的分片后的 logits 与 transformers 一致",
    ),
    "transformers' logits": Text(
        "what comes back has the logits that the model had in transformers",
        "往返之后在 transformers 中的 logits 不变",
    ),
    "core loads": Text(
        "Megatron core loads it strictly, bit by bit", "Megatron core 严格加载，逐位相同"
    ),
    "core saved": Text(
        "what Megatron core saved comes back bit by bit", "Megatron core 保存的内容逐位还原"
    ),
    "source's bytes": Text(
        "what comes back has the bytes of the source", "往返之后与来源逐字节相同"
    ),
    "published formula": Text(
        "block FP8 by the published formula, through all formats",
        "按公开公式反量化分块 FP8，经过所有格式",
    ),
    "torch saved": Text(
        "what torch saved on several ranks comes back bit by bit",
        "torch 在多个 rank 上保存的内容逐位还原",
    ),
}  # fmt: skip
FAMILY, PROOF = Text("model type", "模型类型"), Text("proof", "证明方式")
MEANING, TESTS = Text("what is compared", "比较什么"), Text("test", "测试")


def render(language: Language, argument: str) -> str:
    """The matrix, or with the argument "legend" what its words mean."""
    evidence = _evidence()
    if argument == "legend":
        return markdown_table(
            (PROOF, MEANING, TESTS), _legend(evidence, language), language
        )  # fmt: skip
    head = (FAMILY, *(Text(code(name), code(name)) for name in evidence.DIRECTIONS))
    names = sorted({models().get(name).name for name in models()})
    return markdown_table(head, (_row(evidence, name) for name in names), language)


def _row(evidence: ModuleType, family: str) -> list[str]:
    cells = []
    for direction in evidence.DIRECTIONS:
        kinds = [proof.kind for proof in evidence.proofs_of(family, direction)]
        cells.append(", ".join(dict.fromkeys(kinds)) or "-")
    return [code(family), *cells]


def _legend(evidence: ModuleType, language: Language) -> list[list[str]]:
    rows = []
    for kind, meaning in KINDS.items():
        tests = dict.fromkeys(
            f"{proof.test}{' (slow)' if proof.slow else ''}"
            for proof in evidence.PROOFS
            if proof.kind == kind
        )
        rows.append([kind, meaning.in_language(language), ", ".join(map(code, tests))])
    return rows


def _evidence() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "tests/checkpoint/evidence.py"
    spec = importlib.util.spec_from_file_location("evidence", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault("evidence", importlib.util.module_from_spec(spec))
    if not hasattr(module, "PROOFS"):
        spec.loader.exec_module(module)
    return module
