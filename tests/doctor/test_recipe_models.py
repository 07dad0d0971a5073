"""The doctor knows what the notes learned about the models and data of our recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.yaml_file import read_yaml
from mindspeed_rl_ext.doctor.readers.rewards.recipe import recipe_subjects
from mindspeed_rl_ext.doctor.rulebook import load_rules

OF_MODELS = {
    "zero-recipe-on-instruct-model",
    "countdown-model-too-small",
    "reward-tags-from-base-model",
}
OF_DATA = {"reward-tags-prompt-asks-box", "reward-prompt-asks-otherwise", "reward-for-other-data"}


def of_recipe(document, model):
    """The findings on a recipe."""
    book = load_rules()
    return [f for subject in recipe_subjects(document, model) for f in book.examine(subject)]


def ids_of(repo_root: Path, recipe: str, model: str | None = None) -> set[str]:
    path = Path(repo_root, "configs/recipes", f"{recipe}.yaml")
    document = read_yaml(path)
    return {found.id for found in of_recipe(document, Path(model) if model else None)}


@pytest.mark.parametrize(
    ("recipe", "model", "rule"),
    [
        ("simplerl_zero", "m/Qwen2.5-Math-7B-Instruct", "zero-recipe-on-instruct-model"),
        ("countdown", "m/Qwen2.5-0.5B", "countdown-model-too-small"),
        ("countdown", "m/qwen25-1.5b-instruct", "countdown-model-too-small"),
        ("r1_zero", "m/Qwen2.5-Math-7B", "reward-tags-from-base-model"),
    ],
)
def test_a_model_that_a_note_warns_of_is_found(repo_root, recipe, model, rule):
    assert ids_of(repo_root, recipe, model) == {rule}


@pytest.mark.parametrize("recipe", ["countdown", "gsm8k_sft", "r1_zero", "simplerl_zero"])
def test_the_models_of_our_recipes_are_not_warned_of(repo_root, recipe):
    assert ids_of(repo_root, recipe) == set()


def test_the_model_that_a_recipe_names_is_looked_at_with_its_line(repo_root, tmp_path):
    text = Path(repo_root, "configs/recipes/simplerl_zero.yaml").read_text("utf-8")
    copy = tmp_path / "mine.yaml"
    copy.write_text(text.replace("qwen25-math-7b", "qwen25-math-7b-instruct"), "utf-8")
    [found] = of_recipe(read_yaml(copy), None)
    assert "instruct" in copy.read_text("utf-8").splitlines()[found.at.line - 1]
    assert found.id == "zero-recipe-on-instruct-model"


ALL = ["countdown", "gsm8k_ei", "gsm8k_grpo", "gsm8k_sft", "r1_zero", "simplerl", "simplerl_zero"]


@pytest.mark.parametrize("recipe", ALL)
def test_verifiers_and_data_of_our_recipes_go_together(repo_root, recipe):
    assert not ids_of(repo_root, recipe) & OF_DATA


@pytest.mark.parametrize(
    ("rule", "recipe", "changes"),
    [
        ("reward-tags-prompt-asks-box", "simplerl_zero", {"verifiers": ["r1_format"]}),
        ("reward-tags-prompt-asks-box", "simplerl", {"sizes/real/verifiers": ["strict_tags"]}),
        (
            "reward-tags-prompt-asks-box",
            "r1_zero",
            {"sizes/real/dataset/options/prompt_type": "qwen_math_r1"},
        ),
        (
            "reward-tags-prompt-asks-box",
            "r1_zero",
            {"sizes/real/dataset": {}, "dataset": {"config": "math_8k"}},
        ),
        (
            "reward-prompt-asks-otherwise",
            "simplerl_zero",
            {"sizes/real/dataset": {"config": "math_17k"}},
        ),
        ("reward-prompt-asks-otherwise", "gsm8k_grpo", {"verifiers": ["math_17k"]}),
        (
            "reward-for-other-data",
            "gsm8k_grpo",
            {"verifiers": ["math_17k"], "sizes/real/dataset/options/prompt_type": "qwen"},
        ),
    ],
)
def test_a_verifier_that_the_data_of_a_recipe_cannot_pay_is_found(spoil, rule, recipe, changes):
    path = spoil(f"recipes/{recipe}", changes)
    [found, *_] = [f for f in of_recipe(read_yaml(path), None) if f.id in OF_DATA]
    assert found.id == rule
    assert found.at.name == str(path)
    assert found.at.key.endswith("verifiers")
    assert "{" not in found.cause.replace("\\boxed{}", "")


def test_a_recipe_without_sizes_and_one_with_packed_data_are_looked_at(tmp_path):
    (tmp_path / "data_report.json").write_text('{"template": "qwen_math_r1"}')
    path = tmp_path / "mine.yaml"
    text = f"verifiers: [NAME]\ndataset: {{packed: {tmp_path / 'data'}}}\n"
    path.write_text(text.replace("NAME", "r1_format"), "utf-8")
    assert [f.id for f in of_recipe(read_yaml(path), None)] == ["reward-tags-prompt-asks-box"]
    path.write_text(text.replace("NAME", "simplerl"), "utf-8")
    assert not [*of_recipe(read_yaml(path), None)]


def test_a_data_recipe_that_is_not_there_is_bad_input(spoil):
    path = spoil("recipes/simplerl_zero", {"sizes/real/dataset/config": "math_9k"})
    with pytest.raises(InputError, match="math_9k"):
        [*of_recipe(read_yaml(path), None)]


@pytest.mark.parametrize("value", [3, "x", None, {"a": 1}, [1, {"a": 2}]])
@pytest.mark.parametrize("key", ["verifiers", "sizes/real/dataset", "sizes/real/dataset/options"])
def test_odd_values_are_left_to_the_recipe_s_own_check(key, value, spoil):
    path = spoil("recipes/simplerl_zero", {key: value})
    assert not {f.id for f in of_recipe(read_yaml(path), Path("Qwen2.5-Math-7B"))} & OF_MODELS


def test_a_size_s_own_verifiers_count(spoil):
    path = spoil("recipes/r1_zero", {"sizes/real/verifiers": ["simplerl"]})
    model = "m/Qwen2.5-Math-7B"
    assert [f.id for f in of_recipe(read_yaml(path), Path(model))].count(
        "reward-tags-from-base-model"
    ) == 1
    both = {"sizes/real/verifiers": ["simplerl"], "sizes/cpu/verifiers": ["simplerl"]}
    found = of_recipe(read_yaml(spoil("recipes/r1_zero", both)), Path(model))
    assert "reward-tags-from-base-model" not in {f.id for f in found}
