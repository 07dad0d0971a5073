"""Every verifier that is registered: built in, and those of installed packages."""

from __future__ import annotations

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.core.responses.response_parts import describe_condition
from mindspeed_rl_ext.verifiers.declaration import Verifier
from mindspeed_rl_ext.verifiers.registry import registry_names, verifier_named
from reference._markdown import NAME, YES_NO, code, codes, markdown_table

HEAD = (
    NAME,
    Text("scores", "得分"),
    Text("must be in the response", "回复里必须有"),
    Text("judges the answer", "判断答案对错"),
    Text("columns", "需要的列"),
    Text("what it does", "说明"),
)


def render(language: Language, argument: str) -> str:
    """The table."""
    return markdown_table(
        HEAD, (_row(verifier_named(n), language) for n in registry_names()), language
    )


def _columns(one: Verifier, language: Language) -> str:
    """The columns that it needs, and those that it takes where they are there."""
    optional = Text("{} where there", "{}（有则用）").in_language(language)
    wanted = [optional.format(code(name)) for name in one.wants]
    return ", ".join([*filter(None, [codes(one.needs)]), *wanted])


def _row(one: Verifier, language: Language) -> list[str]:
    parameters = ", ".join(f"{name}={value!r}" for name, value in one.parameters.items())
    return [
        code(f"{one.name}({parameters})" if parameters else one.name),
        ", ".join(f"{level:g}" for level in one.levels),
        "; ".join(describe_condition(condition, language) for condition in one.reads or ()),
        YES_NO[one.judges_answer].in_language(language),
        _columns(one, language),
        one.summary.in_language(language),
    ]
