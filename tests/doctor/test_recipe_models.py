"""The doctor knows what the notes learned about the models of our recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindspeed_rl_ext.doctor import recipe_rules
from mindspeed_rl_ext.doctor.yaml_file import read

OF_MODELS = {"S0-5", "S3-2", "S4-2"}


def told(repo_root: Path, recipe: str, model: str | None = None) -> set[str]:
    path = Path(repo_root, "configs/recipes", f"{recipe}.yaml")
    document = read(path)
    return {found.id for found in recipe_rules.rules(document, Path(model) if model else None)}


@pytest.mark.parametrize(
    ("recipe", "model", "rule"),
    [
        ("simplerl_zero", "m/Qwen2.5-Math-7B-Instruct", "S0-5"),
        ("countdown", "m/Qwen2.5-0.5B", "S3-2"),
        ("countdown", "m/qwen25-1.5b-instruct", "S3-2"),
        ("r1_zero", "m/Qwen2.5-Math-7B", "S4-2"),
    ],
)
def test_a_model_that_a_note_warns_of_is_told(repo_root, recipe, model, rule):
    assert told(repo_root, recipe, model) == {rule}


@pytest.mark.parametrize("recipe", ["countdown", "gsm8k_sft", "r1_zero", "simplerl_zero"])
def test_the_models_of_our_recipes_are_not_warned_of(repo_root, recipe):
    assert told(repo_root, recipe) == set()


def test_the_model_that_a_recipe_names_is_looked_at_with_its_line(repo_root, tmp_path):
    text = Path(repo_root, "configs/recipes/simplerl_zero.yaml").read_text("utf-8")
    copy = tmp_path / "mine.yaml"
    copy.write_text(text.replace("qwen25-math-7b", "qwen25-math-7b-instruct"), "utf-8")
    [found] = recipe_rules.rules(read(copy), None)
    assert "instruct" in copy.read_text("utf-8").splitlines()[found.at.line - 1]
    assert found.id == "S0-5"
