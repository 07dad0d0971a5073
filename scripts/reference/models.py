"""Every model family that is converted."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec
from mindspeed_rl_ext.checkpoint.models import models
from mindspeed_rl_ext.core.language import Language, Text
from reference._markdown import NAME, code, codes, markdown_table

HEAD = (
    NAME,
    Text("other names for `--model-type-hf`", "`--model-type-hf` 的其他写法"),
    Text("`model_type` of config.json", "config.json 的 `model_type`"),
    Text("attention", "注意力"),
    Text("layers", "层"),
)
MLA = Text("multi-head latent (MLA)", "多头潜在注意力（MLA）")
GROUPED = Text("grouped queries", "分组查询")
SPARSE, DENSE = Text("experts", "专家"), Text("dense", "稠密")


def render(language: Language, argument: str) -> str:
    """The table."""
    registry = models()
    specs = {spec.name: spec for spec in map(registry.get, registry)}
    return markdown_table(HEAD, (_row(specs[name], language) for name in sorted(specs)), language)


def _row(spec: ModelSpec, language: Language) -> list[str]:
    return [
        code(spec.name),
        codes(spec.aliases),
        codes(spec.model_types),
        (MLA if spec.mla else GROUPED).in_language(language),
        (SPARSE if spec.sparse else DENSE).in_language(language),
    ]
