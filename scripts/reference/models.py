"""Every model family that is converted."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec
from mindspeed_rl_ext.checkpoint.models import models
from mindspeed_rl_ext.checkpoint.models.not_converted import HOST_NAMES, NOT_CONVERTED
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
HYBRID = Text("linear, grouped queries in some layers", "线性注意力，部分层为分组查询")
MISSING = Text("what is missing", "缺少什么")
SPARSE, DENSE = Text("experts", "专家"), Text("dense", "稠密")


def render(language: Language, argument: str) -> str:
    """The table of what is converted, or with the argument "refused" of what is not."""
    if argument == "refused":
        head = (HEAD[2], HEAD[1], MISSING)
        rows = (_refused(model_type) for model_type in sorted(NOT_CONVERTED))
        return markdown_table(head, rows, language)
    registry = models()
    specs = {spec.name: spec for spec in map(registry.get, registry)}
    return markdown_table(HEAD, (_row(specs[name], language) for name in sorted(specs)), language)


def _attention(spec: ModelSpec) -> Text:
    if spec.linear:
        return HYBRID
    return MLA if spec.mla else GROUPED


def _refused(model_type: str) -> list[str]:
    names = [name for name, of in HOST_NAMES.items() if of == model_type and name != of]
    return [code(model_type), codes(names), NOT_CONVERTED[model_type]]


def _row(spec: ModelSpec, language: Language) -> list[str]:
    return [
        code(spec.name),
        codes(spec.aliases),
        codes(spec.model_types),
        _attention(spec).in_language(language),
        (SPARSE if spec.sparse else DENSE).in_language(language),
    ]
