"""`msrl-ext migrate`: keys of MindSpeed-RL as keys of verl, and what has no counterpart."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.shipped import shipped_folder
from mindspeed_rl_ext.core.files.yaml_file import Document, parse_yaml, read_yaml
from mindspeed_rl_ext.recipes.migration.options import MigrateOptions
from mindspeed_rl_ext.recipes.migration.rows import Source
from mindspeed_rl_ext.recipes.migration.run import migrate, run_of
from mindspeed_rl_ext.recipes.migration.translate import ROWS, translate
from mindspeed_rl_ext.recipes.migration.writing import as_yaml

CONFIGS = shipped_folder("configs")
SHIPPED = sorted(path.stem for path in (CONFIGS / "msrl").glob("*.yaml"))
ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
MEGATRON = f"{ACTOR}.megatron"


@pytest.fixture
def changed(tmp_path: Path) -> Any:
    """A shipped configuration with other values: `part.key` to value, None takes a key out."""

    def change(name: str = "grpo_qwen25_7b", **values: Any) -> Path:
        shutil.copytree(CONFIGS / "model", tmp_path / "model", dirs_exist_ok=True)
        table = yaml.safe_load((CONFIGS / "msrl" / f"{name}.yaml").read_text("utf-8"))
        for key, value in values.items():
            *outer, last = key.split("__")
            here = table
            for part in outer:
                here = here.setdefault(part, {})
            here.pop(last, None)
            if value is not None:
                here[last] = value
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(table), "utf-8")
        return path

    return change


def overrides(config: Any, **options: Any) -> dict[str, Any]:
    done = migrate(MigrateOptions(config=str(config), to="verl", **options), "en")
    return {one.key: one.value for one in done.found.overrides}


def notes(config: Path) -> str:
    done = migrate(MigrateOptions(config=str(config), to="verl"), "en")
    return "\n".join(note.en for note in done.found.notes)


def test_a_grpo_run_keeps_its_sizes_and_its_algorithm() -> None:
    expected = {
        "data.train_files": "./dataset/dapo/prompts.parquet",
        "data.train_batch_size": 32,
        "data.max_prompt_length": 2048,
        "data.max_response_length": 2048,
        "data.filter_overlong_prompts": True,
        "actor_rollout_ref.model.path": "./model_from_hf/qwen25-7b",
        f"{ACTOR}.ppo_mini_batch_size": 32,
        f"{ACTOR}.ppo_micro_batch_size_per_gpu": 4,
        f"{ACTOR}.optim.lr": 1e-6,
        f"{ACTOR}.optim.betas": [0.9, 0.95],
        f"{ACTOR}.use_kl_loss": True,
        f"{ACTOR}.kl_loss_coef": 0.001,
        f"{ACTOR}.kl_loss_type": "low_var_kl",
        f"{ACTOR}.clip_ratio_low": 0.2,
        f"{ACTOR}.clip_ratio_high": 0.2,
        f"{ACTOR}.loss_agg_mode": "token-mean",
        f"{MEGATRON}.tensor_model_parallel_size": 2,
        f"{MEGATRON}.pipeline_model_parallel_size": 2,
        f"{ROLLOUT}.n": 8,
        f"{ROLLOUT}.temperature": 1.0,
        f"{ROLLOUT}.tensor_model_parallel_size": 1,
        f"{ROLLOUT}.log_prob_micro_batch_size_per_gpu": 4,
        "algorithm.adv_estimator": "grpo",
        "reward.reward_manager.name": "msrl_ext",
        "reward.reward_kwargs.verifiers": ["math_17k"],
        "reward.reward_kwargs.weights": [1.0],
        "trainer.total_training_steps": 500,
        "trainer.save_freq": 100,
        "trainer.resume_mode": "disable",
        "trainer.nnodes": 1,
        "trainer.n_gpus_per_node": 16,
    }
    found = overrides("grpo_qwen25_7b")
    assert {key: found.get(key) for key in expected} == expected


def test_dapo_has_its_clip_its_penalty_and_its_filter_but_no_kl() -> None:
    found = overrides("dapo_qwen25_32b")
    assert found[f"{ACTOR}.use_kl_loss"] is False
    assert found[f"{ACTOR}.clip_ratio_high"] == 0.28
    assert found["reward.reward_kwargs.verifiers"] == [
        "dapo",
        "overlong(max_tokens=2048, buffer=512)",
    ]
    assert found["reward.reward_kwargs.weights"] == [1.0, 1.0]
    assert found["algorithm.filter_groups.metric"] == "acc"
    assert found["data.train_batch_size"] == 32
    assert found["data.gen_batch_size"] == 32


def test_what_a_version_does_not_read_is_named_and_not_written() -> None:
    options = MigrateOptions(config="dapo_qwen25_32b", to="verl", verl_version="0.8")
    found = migrate(options, "en").found
    keys = {one.key: one.value for one in found.overrides}
    assert not [key for key in keys if "filter_groups" in key]
    assert keys["data.train_batch_size"] == 32
    assert "rl_config.filter_groups_enable" in {one.key for one in found.untranslated}


@pytest.mark.parametrize("suffix", [".sh", ".yaml"])
@pytest.mark.parametrize("version", ["0.7", "0.8", "0.9"])
@pytest.mark.parametrize("name", SHIPPED)
def test_the_doctor_finds_nothing_in_what_is_written(
    name: str, version: str, suffix: str, tmp_path: Path
) -> None:
    options = MigrateOptions(
        config=name, to="verl", verl_version=version, output=tmp_path / f"run{suffix}"
    )
    assert not [str(one) for one in migrate(options, "en").findings if one.level != "ok"]


@pytest.mark.parametrize("name", SHIPPED)
def test_each_key_is_translated_or_named(name: str) -> None:
    document = read_yaml(CONFIGS / "msrl" / f"{name}.yaml")
    done = migrate(MigrateOptions(config=name, to="verl"), "en").found
    origins = {key for one in done.overrides for key in one.origin}
    named = {one.key.rpartition(".")[2] for one in done.untranslated}
    parts = {part: table for part, table in document.value.items() if part != "defaults"}
    keys = {key for table in parts.values() for key in table} - {"sampling_config"}
    keys |= set(parts["generate_config"]["sampling_config"])
    assert keys == (origins | named) & keys


def test_each_row_lists_all_keys_that_it_writes(changed: Any) -> None:
    """The documentation's table is made of the rows."""
    ppo = {"megatron_training__stage": "ray_ppo", "rl_config__adv_estimator": "gae"}
    role = {"model": "qwen25-7b", "lr": 5e-6, "weight_decay": 0.0, "clip_grad": 1.0}
    more = {
        "critic_config": role, "rl_config__use_kl_in_reward": True,
        "rl_config__kl_horizon": 10, "rl_config__kl_target": 0.1,
        "rl_config__multi_turn_enable": True, "rl_config__max_tool_calls": 1,
        "rl_config__tool_config_path": "x", "rl_config__tool_parser_format": "hermes",
        "rl_config__max_parallel_calls": 1, "rl_config__max_tool_response_length": 9,
        "rl_config__tool_response_truncate_side": "middle", "rl_config__use_remove_padding": True,
        "rl_config__verifier_timeout": 9,
    }  # fmt: skip
    written: set[str] = set()
    for config in (*SHIPPED, changed(**ppo, **more), changed(rl_config__use_dynamic_bsz=True)):
        done = migrate(MigrateOptions(config=str(config), to="verl"), "en").found
        written |= {one.key for one in done.overrides if one.origin}
    listed = {key for row in ROWS for key in row.verl}
    assert written <= listed


def test_no_key_of_ours_is_left_to_the_row_for_unknown_keys() -> None:
    known = {key for row in ROWS for key in row.keys}
    for name in SHIPPED:
        table = read_yaml(CONFIGS / "msrl" / f"{name}.yaml").value
        keys = {k for part, inner in table.items() if part != "defaults" for k in inner}
        keys |= set(table["generate_config"]["sampling_config"])
        assert keys - known == {"sampling_config"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"rl_config__init_kl_coef": 0}, {f"{ACTOR}.use_kl_loss": False}),
        ({"rl_config__init_kl_coef": None}, {f"{ACTOR}.kl_loss_coef": 0.01}),
        ({"rl_config__n_samples_per_prompt": None}, {f"{ROLLOUT}.n": 1}),
        ({"rl_config__adv_estimator": None}, {"algorithm.adv_estimator": "grpo"}),
        ({"actor_config__lr_decay_style": None}, {f"{ACTOR}.optim.lr_decay_style": "linear"}),
        ({"actor_config__adam_beta2": None}, {f"{ACTOR}.optim.betas": [0.9, 0.999]}),
        ({"actor_config__finetune": False}, {"trainer.resume_mode": "auto"}),
        ({"actor_config__no_save_optim": True},
         {f"{ACTOR}.checkpoint.save_contents": ["model", "extra"]}),
        ({"megatron_training__no_shuffle": True}, {"data.shuffle": False}),
        ({"rl_config__actor_resource__num_npus": 32},
         {"trainer.nnodes": 2, "trainer.n_gpus_per_node": 16}),
        ({"rl_config__actor_resource__num_npus": 8},
         {"trainer.nnodes": 1, "trainer.n_gpus_per_node": 8}),
        ({"actor_config__num_layers_per_virtual_pipeline_stage": 7},
         {f"{MEGATRON}.virtual_pipeline_model_parallel_size": 2}),
        ({"actor_config__num_layer_list": "15,13"},
         {f"{MEGATRON}.override_transformer_config.num_layers_in_first_pipeline_stage": 15}),
        ({"actor_config__expert_model_parallel_size": 4, "actor_config__moe_tp_extend_ep": True},
         {f"{MEGATRON}.expert_model_parallel_size": 8,
          f"{MEGATRON}.expert_tensor_parallel_size": 1}),
        ({"rl_config__use_dynamic_bsz": True, "rl_config__max_packing_token_size": 8192},
         {f"{ACTOR}.use_dynamic_bsz": True, f"{ACTOR}.ppo_max_token_len_per_gpu": 8192,
          f"{ACTOR}.ppo_micro_batch_size_per_gpu": None}),
        ({"rl_config__use_dynamic_bsz": True, "rl_config__max_packing_token_size": 1000},
         {f"{ACTOR}.ppo_max_token_len_per_gpu": 4096}),
        ({"rl_config__mini_batch_size": 64}, {f"{ACTOR}.ppo_mini_batch_size": 32}),
        ({"rl_config__hccl_buffersize": 640},
         {"ray_kwargs.ray_init.runtime_env.env_vars.HCCL_BUFFSIZE": "640"}),
        ({"rl_config__verifier_timeout": 60}, {"reward.reward_kwargs.timeout_s": 60}),
        ({"rl_config__verifier_function": ["acc_for_dapo"]},
         {"reward.reward_kwargs.verifiers": ["dapo"]}),
        ({"generate_config__sampling_config__max_tokens": None}, {"data.max_response_length": 16}),
        ({"generate_config__sampling_config": None}, {"data.max_response_length": 128}),
    ],
    ids=lambda value: ",".join(value) if len(value) < 3 else "several",
)  # fmt: skip
def test_units_and_defaults_are_those_of_the_host(
    values: dict[str, Any], expected: dict[str, Any], changed: Any
) -> None:
    found = overrides(changed(**values))
    assert {key: found.get(key) for key in expected} == expected


def test_ppo_has_its_critic_and_its_kl_in_the_reward(changed: Any) -> None:
    ppo = {"megatron_training__stage": "ray_ppo", "rl_config__adv_estimator": "gae"}
    role = {"model": "qwen25-7b", "lr": 5e-6, "tensor_model_parallel_size": 4}
    found = overrides(changed(**ppo, critic_config=role, rl_config__use_kl_in_reward=True))
    assert found["algorithm.adv_estimator"] == "gae"
    assert found["critic.optim.lr"] == 5e-6
    assert found["critic.megatron.tensor_model_parallel_size"] == 4
    assert found["critic.model.path"] == found["actor_rollout_ref.model.path"]
    assert found["algorithm.use_kl_in_reward"] is True
    assert found[f"{ACTOR}.use_kl_loss"] is False


def test_what_changes_beside_the_names_is_said(changed: Any) -> None:
    assert "lowered to 32" in notes(changed(rl_config__mini_batch_size=64))
    host = notes(changed(rl_config__verifier_function=["base_acc"]))
    assert "base_acc" in host
    assert "becomes boxed_acc" in host
    assert "r1_format + r1_acc" in host
    uneven = notes(
        changed(
            actor_config__num_layer_list="9,8,6,5", actor_config__pipeline_model_parallel_size=4
        )
    )
    assert "no counterpart" in uneven


def test_a_value_that_only_hydra_fills_in_is_named(changed: Any) -> None:
    path = changed(actor_config__lr="${oc.env:LR}")
    done = migrate(MigrateOptions(config=str(path), to="verl"), "en").found
    assert f"{ACTOR}.optim.lr" not in {one.key for one in done.overrides}
    [lr] = [one for one in done.untranslated if one.key == "actor_config.lr"]
    assert "interpolation" in lr.text.en


def test_an_unknown_flag_of_megatron_is_named(changed: Any) -> None:
    path = changed(megatron_training__use_tp_pp_dp_mapping=True)
    done = migrate(MigrateOptions(config=str(path), to="verl"), "en").found
    keys = {one.key: one.text.en for one in done.untranslated}
    assert "override_transformer_config" in keys["megatron_training.use_tp_pp_dp_mapping"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rl_config__verifier_function": ["simplrl"]}, "simplerl"),
        ({"rl_config__verifier_function": ["step"]}, "no counterpart among our verifiers"),
        ({"rl_config__verifier_weight": [1.0, 2.0]}, "2 weights for 1 verifiers"),
        ({"rl_config__rule_reward": False}, "rewards come from a model"),
        ({"rl_config__actor_resource": None}, "how many cards"),
        ({"rl_config__actor_resource__num_npus": 24}, "--npus-per-node"),
        ({"rl_config__adv_estimator": "reinforce"}, "none of MindSpeed-RL's"),
        ({"rl_config__n_sample_per_prompt": 8}, "n_samples_per_prompt"),
        ({"rl_config": None}, "no rl_config"),
        ({"megatron_training__global_batch_size": math.nan}, "wrong type"),
        ({"actor_config__lr": math.inf}, "wrong type"),
        ({"actor_config__num_layers_per_virtual_pipeline_stage": 5}, "virtual stages"),
    ],
)
def test_what_verl_cannot_be_told_is_refused(
    values: dict[str, Any], words: str, changed: Any
) -> None:
    with pytest.raises(InputError, match=words):
        overrides(changed(**values))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("no_such_file.yaml", "no file"),
        ("grpo_qwen25_7", "did you mean grpo_qwen25_7b"),
        (str(CONFIGS / "rlxf" / "grpo_qwen25_math_7b.yaml"), "rlxf file of MindSpeed-LLM"),
        (str(CONFIGS / "verl" / "simplerl_zero_fsdp2.yaml"), "a configuration of verl"),
        (str(CONFIGS / "datasets" / "gsm8k.yaml"), "no reinforcement learning"),
        (__file__, "not readable YAML"),
    ],
)
def test_other_files_are_refused_with_what_they_are(config: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        overrides(config)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_script_hands_verl_each_override_through_a_real_shell(
    name: str, tmp_path: Path
) -> None:
    script = tmp_path / "run.sh"
    done = migrate(MigrateOptions(config=name, to="verl", output=script), "zh")
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    python.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    shown = subprocess.run(
        ["bash", script, "trainer.nnodes=3"],
        env={"PATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    words = shown.stdout.splitlines()
    assert words[:3] == ["-m", "verl.trainer.main_ppo", "--config-name=ppo_megatron_trainer"]
    assert words[-1] == "trainer.nnodes=3"
    given = [word.lstrip("+").partition("=") for word in words[3:-1]]
    spelled = {key: parse_yaml(text.replace(",", ", "), Path("x")).value for key, _, text in given}
    assert spelled == {
        one.key: [name.replace(",", ", ") for name in one.value] if one.key.endswith("verifiers")
        else one.value for one in done.found.overrides
    }  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_the_yaml_says_what_the_script_says(name: str, tmp_path: Path) -> None:
    output = tmp_path / "run.yaml"
    done = migrate(MigrateOptions(config=name, to="verl", output=output), "en")
    table = read_yaml(output).value
    assert table["defaults"] == ["ppo_megatron_trainer", "_self_"]
    for one in done.found.overrides:
        here = table
        for part in one.key.split("."):
            here = here[part]
        assert here == one.value, one.key


def test_the_command_writes_a_file_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "run.sh"
    words = ["migrate", "grpo_qwen25_7b", "--to", "verl", "-o", str(output), "--lang", "en"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "rl_config.blocking" in shown
    assert "0 errors" in shown
    before = output.read_text("utf-8")
    assert main(words) == 2
    assert "is there already" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--verl-version", "0.8"]) == 0
    assert output.read_text("utf-8") != before
    missing = [*words[:-4], "-o", str(tmp_path / "none" / "run.sh")]
    assert main(missing) == 2
    assert "no directory" in capsys.readouterr().err


def test_without_a_file_the_script_is_printed_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["migrate", "grpo_qwen25_7b", "--to", "verl", "--lang", "zh"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("#!/usr/bin/env bash\n")
    assert shown.out.endswith('"$@"\n')
    assert "没有对应的键" in shown.out
    assert "doctor" in shown.err


def test_an_error_of_the_doctor_is_the_exit_code(
    changed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(generate_config__max_model_len=3000)
    assert main(["migrate", str(path), "--to", "verl", "--lang", "en"]) == 1
    assert "verl-window-below-prompt-and-response" in capsys.readouterr().err


# What a file may hold by mistake, in the place of any value.
MISTAKES = (
    None,
    "x",
    [],
    {},
    -1,
    0,
    10**400,
    1.5,
    True,
    'a\'b "c" $(x) #d',
    "${oc.env:X}",
    math.nan,
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda value: repr(value)[:12])
def test_any_value_anywhere_is_translated_or_refused_and_written_as_it_is(
    mistake: Any, tmp_path: Path
) -> None:
    path = CONFIGS / "msrl" / "dapo_qwen25_32b.yaml"
    table = read_yaml(path).value
    for part in ("megatron_training", "actor_config", "rl_config", "generate_config"):
        for key in table[part]:
            changed = {**table, part: {**table[part], key: mistake}}
            document = Document(path, changed)
            try:
                found = translate(Source(run_of(document), (0, 9), 16))
            except InputError:
                continue
            written = parse_yaml(as_yaml(found, path, "0.9", "en", "x"), Path("x")).value
            for one in found.overrides:
                here = written
                for name in one.key.split("."):
                    here = here[name]
                assert here == one.value, (part, key)
