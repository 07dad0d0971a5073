"""Every shipped training recipe, with what it is at its real size."""

from __future__ import annotations

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe, recipe_names
from reference._markdown import codes, markdown_table

HEAD = (
    Text("recipe", "配方"),
    Text("what", "内容"),
    Text("stages (real size)", "阶段（真实规模）"),
    Text("verifiers", "打分器"),
)


def render(language: Language, argument: str) -> str:
    """The table."""
    return markdown_table(HEAD, (_row(name, language) for name in recipe_names()), language)


def _row(name: str, language: Language) -> list[str]:
    recipe = load_recipe(name, "real")
    summary = recipe.summary_zh if language == "zh" else recipe.summary
    return [f"`{name}`", summary, ", ".join(recipe.stages), codes(recipe.verifiers)]
