"""Every real size, as far as a machine without its weights goes.

TRL's and accelerate's configuration objects, the model on the meta device out of its published
sizes, the data recipe on a few rows, and one tokenised batch of them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="TRL's configuration objects are built")

from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe, recipe_names
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from mindspeed_rl_ext.recipes.training.rows.prompts import load_prompts
from mindspeed_rl_ext.recipes.training.rows.sft_rows import of_alpaca, of_solutions, tokenised
from mindspeed_rl_ext.recipes.training.trainer.running import StageRun, make_config, trl_arguments

NAMES = recipe_names()
STAGES = [
    (name, stage)
    for name in NAMES
    for stage in load_recipe(name, "real").stages
    if stage != "sample"
]
# Published config.json: layers, hidden, ffn, heads, kv heads, vocabulary, rope, positions, tied.
PUBLISHED = {
    "qwen25-0.5b": (24, 896, 4864, 14, 2, 151936, 1e6, 32768, True),
    "qwen25-0.5b-instruct": (24, 896, 4864, 14, 2, 151936, 1e6, 32768, True),
    "qwen25-3b-instruct": (36, 2048, 11008, 16, 2, 151936, 1e6, 32768, True),
    "qwen25-math-7b": (28, 3584, 18944, 28, 4, 152064, 1e4, 4096, False),
    "qwen25-7b-instruct": (28, 3584, 18944, 28, 4, 152064, 1e6, 32768, False),
}
# Billions of parameters, as the model cards say.
SIZE = {"qwen25-0.5b": 0.49, "qwen25-0.5b-instruct": 0.49, "qwen25-3b-instruct": 3.09}
SIZE |= {"qwen25-math-7b": 7.61, "qwen25-7b-instruct": 7.61}
QUESTION = "Natalia sold 48 clips in April and half as many in May. How many in all?"
ROWS = {
    "countdown": {"target": 49, "nums": [44, 43, 48]},
    "gsm8k": {"question": QUESTION, "answer": "48/2 = 24. 48+24 = 72.\n#### 72"},
    "math_8k": {"question": QUESTION, "gt_answer": "72", "input": ""},
    "r1_zero": {"question": QUESTION, "ground_truth_answer": "72"},
}


def with_rows(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe on three rows of its data set's columns."""
    config = str(recipe.dataset.config)
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(ROWS[config]) for _ in range(3)) + "\n")
    options = {**recipe.dataset.options, "input": str(path)}
    return replace(recipe, dataset=replace(recipe.dataset, options=options, held_out=0))


@pytest.mark.parametrize(("name", "stage"), STAGES)
def test_trl_takes_the_configuration(name: str, stage: str, tmp_path: Path) -> None:
    from trl import GRPOConfig, SFTConfig

    recipe = load_recipe(name, "real")
    kind = "grpo" if stage == "grpo" else "sft"
    section = getattr(recipe, stage).trl
    arguments = trl_arguments(recipe, kind, section, f"{stage}.trl")
    init = arguments.pop("model_init_kwargs", {})
    config = make_config(StageRun(recipe, tmp_path, tmp_path, None), kind, arguments)
    assert isinstance(config, GRPOConfig if kind == "grpo" else SFTConfig)
    for key, value in section.items():
        if key not in ("tf32", "model_init_kwargs", "gradient_checkpointing_kwargs"):
            assert getattr(config, key) == value, key
    assert config.max_steps > 0
    assert set(init) <= {"attn_implementation"}


@pytest.mark.parametrize("name", NAMES)
def test_eight_processes_hold_whole_groups(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe(name, "real")
    monkeypatch.setenv("WORLD_SIZE", "8")
    if "grpo" in recipe.stages:
        trl_arguments(recipe, "grpo", recipe.grpo.trl, "grpo.trl")


@pytest.mark.parametrize("folder", sorted({Path(load_recipe(n, "real").model).name for n in NAMES}))
def test_the_model_is_built_on_the_meta_device_with_its_size(folder: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    layers, hidden, ffn, heads, groups, vocabulary, rope, positions, tied = PUBLISHED[folder]
    config = Qwen2Config(
        num_hidden_layers=layers,
        hidden_size=hidden,
        intermediate_size=ffn,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        vocab_size=vocabulary,
        rope_theta=rope,
        max_position_embeddings=positions,
        tie_word_embeddings=tied,
    )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    count = sum(p.numel() for p in model.parameters())
    assert all(p.is_meta for p in model.parameters())
    assert count / 1e9 == pytest.approx(SIZE[folder], abs=0.01)


@pytest.fixture(scope="module")
def tokenizer(real_data: Path) -> Any:
    from mindspeed_rl_ext.recipes.training.models import load_tokenizer

    return load_tokenizer(real_data / "qwen2_tokenizer")


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_the_data_set_become_prompts_and_answers(
    name: str, tokenizer: Any, real_data: Path, tmp_path: Path
) -> None:
    recipe = with_rows(load_recipe(name, "real"), tmp_path)
    prompts = load_prompts(recipe, tokenizer, str(real_data / "qwen2_tokenizer"))
    first = prompts.train[0]
    if name == "countdown":
        assert json.loads(first.answer) == {"target": 49, "numbers": [44, 43, 48]}
        assert "[44,43,48]" in first.prompt
    else:
        assert first.answer == "72"
        assert QUESTION in first.prompt
        assert "72" not in first.prompt.replace(QUESTION, "")
    ends = {"gsm8k": "Assistant: <think>"}.get(str(recipe.dataset.config))
    assert first.prompt.endswith(ends or "<|im_start|>assistant\n")
    batch = tokenizer([row.prompt for row in prompts.train], return_tensors="pt", padding=True)
    assert batch["input_ids"].shape[0] == 3
    assert int(batch["input_ids"].max()) < 151936
    assert batch["input_ids"].shape[1] <= recipe.dataset.options.get("max_prompt_length", 1024)


def test_gsm8k_solutions_become_a_batch_whose_loss_is_on_the_response(
    tokenizer: Any, real_data: Path, tmp_path: Path
) -> None:
    from mindspeed_rl_ext.verifiers import score

    recipe = with_rows(load_recipe("gsm8k_sft", "real"), tmp_path)
    prompts = load_prompts(recipe, tokenizer, str(real_data / "qwen2_tokenizer"))
    examples = of_solutions(prompts.solutions, recipe.sft.demonstration)
    (row, *_) = tokenised(examples, tokenizer, 1024)
    learned = [i for i in row["labels"] if i != -100]
    assert row["input_ids"][-len(learned) :] == learned
    assert tokenizer.decode(learned[:-1]) == examples[0].response
    assert learned[-1] == tokenizer.eos_token_id
    assert score([examples[0].response], ["72"], verifiers=["cs336_r1_zero"]).rewards == [1.0]


def test_a_sampled_file_gets_the_template_of_the_data_set(
    tokenizer: Any, real_data: Path, tmp_path: Path
) -> None:
    recipe = with_rows(load_recipe("simplerl", "real"), tmp_path)
    folder = str(real_data / "qwen2_tokenizer")
    path = tmp_path / "alpaca.jsonl"
    row = {"instruction": QUESTION, "input": "", "output": r"So \boxed{72}"}
    path.write_text(json.dumps(row) + "\n")
    (example,) = of_alpaca(path, recipe.dataset, tokenizer, folder)
    assert example.prompt == load_prompts(recipe, tokenizer, folder).train[0].prompt
