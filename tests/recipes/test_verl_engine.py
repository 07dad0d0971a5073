"""A recipe as a run of verl: the same sizes, rewards and data in verl's words."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.shipped import shipped_folder
from mindspeed_rl_ext.core.files.yaml_file import parse_yaml, read_yaml
from mindspeed_rl_ext.doctor.examination import examine
from mindspeed_rl_ext.doctor.options import DoctorOptions
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.recipes.training import verl_keys
from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe, recipe_names
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from mindspeed_rl_ext.recipes.training.verl_engine import (
    differences,
    verl_commands,
    verl_data_options,
    verl_overrides,
)

NAMES = [name for name in recipe_names() if "grpo" in load_recipe(name, "real").stages]


def overrides(recipe: Recipe) -> dict[str, Any]:
    return overrides_at(recipe, Path("out"))


def overrides_at(recipe: Recipe, output: Path) -> dict[str, Any]:
    pairs = (line.partition("=") for line in verl_overrides(recipe, output))
    return {key: parse_yaml(text, Path("override")).value for key, _, text in pairs}


@pytest.mark.parametrize("engine", ["fsdp2", "megatron"])
@pytest.mark.parametrize("name", ["simplerl_zero", "r1_zero", "gsm8k_grpo", "countdown"])
def test_the_shipped_configuration_of_verl_has_the_recipe_s_values(name: str, engine: str) -> None:
    shipped = dict(flat(read_yaml(shipped_folder("configs") / "verl" / f"{name}_{engine}.yaml")))
    differ = {"trainer.experiment_name", "trainer.default_local_dir", "trainer.rollout_data_dir"}
    differ |= {"data.train_files", "data.val_files", "trainer.logger"}
    if name == "gsm8k_grpo":  # verl's prompts are chats: another prompt, another verifier
        differ |= {"reward.reward_kwargs.verifiers"}
    recipe = {key.lstrip("+"): value for key, value in overrides(load_recipe(name, "real")).items()}
    shared = recipe.keys() & shipped.keys() - differ
    assert len(shared) > 20
    of_cards = {key for key in shared if key.endswith(("_utilization", "parallel_size"))}
    assert {key: recipe[key] for key in shared - of_cards} == {
        key: shipped[key] for key in shared - of_cards
    }


def flat(table: Any, above: str = "") -> Any:
    for key, value in getattr(table, "value", table).items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


@pytest.mark.parametrize("name", NAMES)
def test_batches_and_rewards_are_those_of_the_recipe(name: str) -> None:
    recipe = load_recipe(name, "real")
    trl, found = recipe.grpo.trl, overrides(recipe)
    micro = trl["per_device_train_batch_size"] * found["trainer.n_gpus_per_node"]
    group = found["actor_rollout_ref.rollout.n"]
    assert group == trl["num_generations"]
    update = found["actor_rollout_ref.actor.ppo_mini_batch_size"] * group
    assert update == micro * trl["gradient_accumulation_steps"]
    assert (
        found["data.train_batch_size"] % found["actor_rollout_ref.actor.ppo_mini_batch_size"] == 0
    )
    assert found["+reward.reward_kwargs.verifiers"] == list(recipe.verifiers)
    assert found["+reward.reward_kwargs.weights"] == list(recipe.weights)
    assert float(found["actor_rollout_ref.actor.optim.lr"]) == trl["learning_rate"]
    assert found["actor_rollout_ref.actor.use_kl_loss"] is (trl["beta"] > 0)


def test_a_verifier_with_parameters_is_quoted_for_hydra() -> None:
    recipe = load_recipe(
        "countdown", "real", ["verifiers=[countdown, overlong(max_tokens=9)]", "weights=[1, 0.5]"]
    )
    line = next(one for one in verl_overrides(recipe, Path("out")) if ".verifiers=" in one)
    assert line == '+reward.reward_kwargs.verifiers=[countdown,"overlong(max_tokens=9)"]'


@pytest.mark.parametrize("name", [name for name in NAMES if name != "gsm8k_grpo"])
def test_print_shows_data_and_training(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--config", name, "--engine", "verl", "--print", "--output", "o"]) == 0
    shown = capsys.readouterr().out.splitlines()
    data, *training = [line for line in shown if not line.startswith("#")]
    assert shlex.split(data)[:2] == ["msrl-ext", "preprocess"]
    words = shlex.split(" ".join(line.removesuffix("\\") for line in training))
    assert words[1:3] == ["-m", "verl.trainer.main_ppo"]
    assert "algorithm.adv_estimator=grpo" in words
    prefix = shlex.split(data)[shlex.split(data).index("--output-prefix") + 1]
    assert f"data.train_files={prefix}.parquet" in words


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--config", "gsm8k_sft"], "has no stage grpo"),
        (
            ["--config", "gsm8k_grpo"],
            "the prompt type cs336_r1_zero of the recipe",
        ),
        (["--config", "countdown", "--size", "cpu"], "names no data recipe"),
        (["--config", "countdown", "--resume"], "--resume would change nothing"),
        (["--config", "countdown", "--host", "."], "--host would change nothing"),
    ],
)
def test_what_verl_would_not_train_is_refused(
    flags: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *flags, "--engine", "verl", "--print"]) == 2
    assert expected in capsys.readouterr().err


def test_the_remedy_for_a_prompt_that_is_no_chat_works(
    capsys: pytest.CaptureFixture[str],
) -> None:
    changes = ["--set", "dataset.options.prompt_type=qwen_r1", "--set", "verifiers=[r1_acc]"]
    words = ["train", "--config", "gsm8k_grpo", "--engine", "verl", "--print", *changes]
    assert main(words) == 0
    assert "--prompt-type qwen_r1" in capsys.readouterr().out


def test_without_verl_the_command_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mindspeed_rl_ext.recipes.training import verl_engine

    monkeypatch.setattr(verl_engine, "find_spec", lambda name: None)
    assert main(["train", "--config", "countdown", "--engine", "verl"]) == 2
    assert "--print shows the commands" in capsys.readouterr().err


def test_the_data_that_is_printed_is_the_data_that_is_made(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow.parquet", reason="verl reads Parquet")
    from mindspeed_rl_ext.preprocess.run import preprocess
    from mindspeed_rl_ext.recipes.tiny_model import build_tokenizer

    build_tokenizer(tmp_path / "model")
    (tmp_path / "model" / "chat_template.jinja").write_text("{{ messages[-1].content }}")
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f'{{"target": {n + 9}, "nums": [{n}, 4, 5]}}\n' for n in range(60)))
    changes = [f"dataset.options.input={rows}", f"model={tmp_path / 'model'}"]
    recipe = load_recipe("countdown", "real", [*changes, "dataset.options.max_prompt_length=900"])
    options = verl_data_options(recipe, tmp_path / "out")
    preprocess(options)
    found = overrides_at(recipe, tmp_path / "out")
    assert Path(found["data.train_files"]).stat().st_size
    assert Path(found["data.val_files"]).stat().st_size
    words = verl_commands(recipe, tmp_path / "out")[0]
    assert words[words.index("--output-prefix") + 1] == str(options.output_prefix)
    assert words[words.index("--split") + 1] == str(options.split)
    assert words[words.index("--max-prompt-length") + 1] == str(options.max_prompt_length)


@pytest.mark.parametrize("name", NAMES)
def test_each_key_of_trl_is_translated_or_named(name: str) -> None:
    recipe = load_recipe(name, "real")
    named = " ".join(differences(recipe))
    known = {*verl_keys.SAME, *verl_keys.ALWAYS, *verl_keys.JOINT}
    assert {key for key in recipe.grpo.trl if key not in known and key not in named} == set()


def test_what_differs_is_printed_before_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--config", "simplerl", "--engine", "verl", "--print"]) == 0
    shown = capsys.readouterr().out
    assert "# verl trains the stage grpo; sample, sft come before" in shown
    assert "--stage sample --stage sft" in shown
    assert main(["train", "--config", "countdown", "--engine", "verl", "--print"]) == 0
    assert "gradient_checkpointing_kwargs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("trl", "expected"),
    [
        ({"lr_scheduler_type": "cosine", "warmup_steps": 0.03},
         {"optim.lr_scheduler_type": "cosine", "optim.lr_warmup_steps_ratio": 0.03}),
        ({"warmup_steps": 10}, {"optim.lr_warmup_steps": 10}),
        ({"loss_type": "grpo"}, {"loss_agg_mode": "seq-mean-token-mean"}),
        ({}, {"loss_agg_mode": "token-mean", "optim.weight_decay": 0.0, "use_kl_loss": False}),
        ({"max_grad_norm": 0.5}, {"optim.clip_grad": 0.5}),
        ({"epsilon": 0.1, "epsilon_high": 0.3}, {"clip_ratio_low": 0.1, "clip_ratio_high": 0.3}),
    ],
)  # fmt: skip
def test_schedules_losses_and_defaults_are_trls(
    trl: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = dict(verl_keys.trl_overrides({"lr_scheduler_type": "constant", **trl}, 8))
    actor = {key: found.get(f"actor_rollout_ref.actor.{key}") for key in expected}
    assert actor == expected


def test_a_schedule_that_verl_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match="lr_scheduler_type linear"):
        dict(verl_keys.trl_overrides({}, 8))


def test_deviations_from_the_mean_may_be_left_unscaled() -> None:
    given = {"lr_scheduler_type": "constant", "scale_rewards": "none"}
    assert dict(verl_keys.trl_overrides(given, 8))["algorithm.norm_adv_by_std_in_grpo"] is False


@pytest.mark.parametrize("name", [name for name in NAMES if name != "gsm8k_grpo"])
def test_the_doctor_finds_no_fault_in_the_overrides(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("\n".join(verl_overrides(load_recipe(name, "real"), Path("out"))))
    found = examine(DoctorOptions(verl=str(path)), Environment((3, 11, 7), {}))
    ours = [one for one in found if one.at.name == str(path)]
    assert not [str(one) for one in ours if one.level in ("error", "warning")]
