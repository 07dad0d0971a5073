"""`doctor --verl`: what is read of a shell script, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.readers.verl.run import load_verl
from mindspeed_rl_ext.doctor.readers.verl.shell import read_commands

BARE = Environment((3, 11, 7), {})
GOOD = """\
#!/usr/bin/env bash
set -x
export HCCL_CONNECT_TIMEOUT=1500
train_batch_size=${TRAIN_BATCH_SIZE:-256}  # prompts
max_response_length=$((1024 * 3))
DATA=(
    algorithm.adv_estimator=grpo
    # Long prompts are left out.
    data.filter_overlong_prompts=True
    data.train_batch_size=${train_batch_size}
    data.max_prompt_length=1024
    "data.max_response_length=$max_response_length"
)
ACTOR="actor_rollout_ref.actor.ppo_mini_batch_size=64 \
    actor_rollout_ref.rollout.n=8"
python3 -m verl.trainer.main_ppo \
    "${DATA[@]}" \
    $ACTOR trainer.save_freq=20 trainer.n_gpus_per_node=8 $@
"""


@pytest.fixture
def of_script(tmp_path, findings):
    def examine(text, **options):
        path = tmp_path / "run.sh"
        path.write_text(text)
        return {f.id: f for f in findings(verl=str(path), **options)}

    return examine


def texts(script):
    [command] = read_commands(script, "trainer")
    return [word.text for word in command.words]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("x trainer a=1 b='2 3' c=\"4 5\"", ["x", "trainer", "a=1", "b=2 3", "c=4 5"]),
        ("N=8\nx trainer a=$N b=${N} c='$N'", ["x", "trainer", "a=8", "b=8", "c=$N"]),
        ("x trainer a=${N:-4} b=${N-5}", ["x", "trainer", "a=4", "b=5"]),
        ("N=2\nx trainer a=${N:-4}", ["x", "trainer", "a=2"]),
        ("N=2\nM=$((N * 3 + 1))\nx trainer a=$M", ["x", "trainer", "a=7"]),
        ("A=$(nproc)\nx trainer a=$A", ["x", "trainer", None]),
        ("A=`nproc`\nx trainer a=$A", ["x", "trainer", None]),
        ("x trainer \\\n  a=1 # low\n", ["x", "trainer", "a=1"]),
        ("L=(a=1\n #n\n b=2)\nL+=(c=3)\nx trainer ${L[@]}", ["x", "trainer", "a=1", "b=2", "c=3"]),
        ("S=\"a=1 b=2\"\nx trainer $S", ["x", "trainer", "a=1", "b=2"]),
        ("S=\"a=1 b=2\"\nx trainer \"$S\"", ["x", "trainer", "a=1 b=2"]),
        ("S=\"a=1 b=$(date)\"\nx trainer $S", ["x", "trainer", "a=1", None]),
        ("N=1\nif [ -d x ]; then N=2; fi\nx trainer a=$N", ["x", "trainer", None]),
        ("N=1\n[ -d x ] && N=2\nx trainer a=$N", ["x", "trainer", None]),
        ("case $A in\n b | c) N=1 ;;\nesac\nN=3\nx trainer a=$N", ["x", "trainer", "a=3"]),
        ("echo \"trainer's\" > /dev/null; x trainer a=1 || exit", ["x", "trainer", "a=1"]),
    ],
)  # fmt: skip
def test_a_script_is_read_as_a_shell_would(script, words):
    commands = [c for c in read_commands(script, r"^trainer$")]
    assert [word.text for word in commands[-1].words] == words


def test_a_good_script_has_no_finding_and_each_key_has_its_line(of_script, tmp_path):
    found = of_script(GOOD)
    assert not [f for f in found.values() if f.level == "error"]
    [run] = load_verl(str(tmp_path / "run.sh"), BARE, None, {})
    assert run.number("data.train_batch_size") == 256
    assert run.number("data.max_response_length") == 3072
    assert run.number("actor_rollout_ref.rollout.n") == 8
    assert run.place("data.train_batch_size").line == 10
    assert "HCCL_CONNECT_TIMEOUT" in run.exported


def test_a_fault_is_named_with_its_line(of_script):
    found = of_script(GOOD.replace("rollout.n=8", "rollout.n=1"))["verl-group-of-one"]
    assert found.at.key == "actor_rollout_ref.rollout.n"
    assert found.level == "error"


@pytest.mark.parametrize(
    "text",
    [
        "N=8\nif [ -d x ]; then N=1; fi\nA=(actor_rollout_ref.rollout.n=$N)",
        "A=()\nif [ -d x ]; then A+=(actor_rollout_ref.rollout.n=1); fi",
        "A=(actor_rollout_ref.rollout.n=$(cat n))",
        "A=(actor_rollout_ref.rollout.n=1 distillation.enabled=True)",
    ],
)
def test_what_a_branch_or_a_command_decides_is_left_alone(text, of_script):
    script = text + "\npython3 -m verl.trainer.main_ppo algorithm.adv_estimator=grpo "
    assert "verl-group-of-one" not in of_script(script + '"${A[@]}"\n')


def test_an_override_that_a_branch_hides_leaves_defaults_alone(of_script):
    text = 'A=""\nif [ -d x ]; then A="actor_rollout_ref.rollout.n=8"; fi\n'
    script = text + "python3 -m verl.trainer.main_ppo algorithm.adv_estimator=grpo $A\n"
    assert "verl-group-of-one" not in of_script(script)


def test_every_start_of_a_trainer_is_looked_at(of_script, tmp_path):
    start = "python3 -m verl.trainer.main_ppo algorithm.adv_estimator=grpo"
    text = f"{start} actor_rollout_ref.rollout.n=8\n{start} actor_rollout_ref.rollout.n=1\n"
    assert of_script(text)["verl-group-of-one"].at.line == 2
    assert len(load_verl(str(tmp_path / "run.sh"), BARE, None, {})) == 2


OVERRIDES = "algorithm.adv_estimator=grpo actor_rollout_ref.rollout.n=1"
NESTED = "algorithm: {adv_estimator: grpo}\nactor_rollout_ref: {rollout: {n: 1}}\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run.txt", "# ours\n" + OVERRIDES.replace(" ", "\n")),
        ("run.overrides", OVERRIDES.replace(" ", " \\\n")),
        ("run.yaml", NESTED),
    ],
)
def test_a_file_of_overrides_and_a_yaml_are_read_alike(name, text, tmp_path, findings):
    path = tmp_path / name
    path.write_text(text)
    assert "verl-group-of-one" in {f.id for f in findings(verl=str(path))}


def test_overrides_themselves_are_read(findings):
    assert "verl-group-of-one" in {f.id for f in findings(verl=OVERRIDES)}


def test_a_yaml_needs_no_plus(tmp_path, findings):
    path = tmp_path / "run.yaml"
    path.write_text("reward: {reward_kwargs: {verifiers: [simplerl]}}\n")
    assert "verl-kwargs-without-plus" not in {f.id for f in findings(verl=str(path))}


@pytest.mark.parametrize(("version", "found"), [("0.8", False), ("0.9", True), ("0.10.1", True)])
def test_old_reward_keys_are_an_error_since_0_9(version, found, of_script):
    script = GOOD.replace(
        "trainer.save_freq", "custom_reward_function.path=/x.py trainer.save_freq"
    )
    ids = of_script(script, verl_version=version)
    assert ("verl-reward-key-moved" in ids) == found
    if found:
        assert ids["verl-reward-key-moved"].remedy == "write reward.custom_reward_function.path"


def test_the_installed_version_counts_where_none_is_given(of_script):
    script = GOOD.replace("trainer.save_freq", "sandbox_fusion.url=http://x trainer.save_freq")
    old = Environment((3, 11, 7), {"verl": "0.8.0"})
    assert "verl-reward-key-moved" not in of_script(script, around=old)
    assert "verl-reward-key-moved" in of_script(script)


def test_another_entry_than_main_ppo_still_reads_old_reward_keys(of_script):
    script = GOOD.replace("verl.trainer.main_ppo", "verl.experimental.fully_async_main")
    script = script.replace("trainer.save_freq", "reward_model.enable=True trainer.save_freq")
    assert "verl-reward-key-moved" not in of_script(script)


def test_a_plugin_s_manager_is_left_alone_where_a_module_is_named(of_script):
    script = GOOD.replace("trainer.save_freq", "reward.reward_manager.name=mine trainer.save_freq")
    assert "verl-reward-manager-unknown" in of_script(script)
    script = script.replace("set -x", "export VERL_USE_EXTERNAL_MODULES=mine")
    assert "verl-reward-manager-unknown" not in of_script(script)


@pytest.mark.parametrize(
    ("verifier", "path", "found"),
    [
        ("simplerl", "$HOME/data/gsm8k/train.parquet", True),
        ("last_answer", "$HOME/data/gsm8k/train.parquet", False),
        ("dapo", "/data/dapo-math-17k.parquet", False),
        ("simplerl", "/data/dapo-math-17k.parquet", True),
    ],
)
def test_a_verifier_of_ours_reads_what_verl_s_prompts_ask_for(verifier, path, found, of_script):
    added = f"+reward.reward_kwargs.verifiers=[{verifier}] reward.reward_manager.name=msrl_ext"
    path = path.replace("$HOME", "/home/me")
    script = GOOD.replace("trainer.save_freq", f"data.train_files={path} {added} trainer.save_freq")
    assert ("reward-prompt-asks-otherwise" in of_script(script)) == found


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("no.sh", None, "no file"),
        ("run.sh", "echo hi\n", "starts no trainer"),
        ("run.txt", "hello world\n", "is no override"),
        ("run.yaml", "- a\n", "not a table"),
    ],
)
def test_other_files_are_bad_input(name, text, words, tmp_path):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=words):
        load_verl(str(path), BARE, None, {})


def test_the_command_prints_the_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.sh"
    path.write_text(GOOD.replace("rollout.n=8", "rollout.n=1"))
    assert cli.main(["doctor", "--verl", str(path), "--verl-version", "0.9", "--lang", "zh"]) == 1
    assert "rollout.n 为 1" in capsys.readouterr().out


@pytest.mark.parametrize("recipe", ["countdown", "r1_zero", "simplerl_zero"])
def test_what_our_recipes_print_for_verl_passes(recipe, tmp_path, findings, capsys):
    assert cli.main(["train", "--config", recipe, "--engine", "verl", "--print"]) == 0
    path = tmp_path / "run.sh"
    path.write_text(capsys.readouterr().out)
    found = findings(verl=str(path))
    assert not [f for f in found if f.id.startswith("verl-") and f.level in ("error", "warning")]


BY_MANAGER = "reward.reward_manager.name=msrl_ext +reward.reward_kwargs."
BY_FUNCTION = "reward.custom_reward_function.path=pkg://mindspeed_rl_ext.integrations.verl "
KWARGS = "+reward.custom_reward_function.reward_kwargs."


@pytest.mark.parametrize(
    ("overrides", "cause"),
    [
        (BY_MANAGER + "verifiers=[simplerl]", None),
        (BY_MANAGER + "verifiers='{gsm8k: [last_answer], default: [simplerl]}'", None),
        (BY_MANAGER + "verifiers=[$V]", None),  # only the caller knows
        (BY_MANAGER + "verifiers=[simplerl] +reward.reward_kwargs.weights=[1,2]", "in number"),
        (BY_MANAGER + "verifier=[simplerl]", "unknown key 'verifier'"),
        (BY_MANAGER + "verifiers=[simplrl]", "simplrl"),
        ("reward.reward_manager.name=msrl_ext", "needs verifiers"),
        (BY_FUNCTION, None),
        (BY_FUNCTION + KWARGS + "verifiers=[simplerl]", None),
        (BY_FUNCTION + KWARGS + f"verifiers=[simplerl] {KWARGS}weigths=[1]", "no key weigths"),
    ],
)
def test_what_our_reward_would_refuse_is_found(overrides, cause, of_script):
    found = of_script(GOOD.replace("trainer.save_freq", f"{overrides} trainer.save_freq"))
    refused = found.get("verl-verifiers-refused")
    assert (refused is None) if cause is None else (refused and cause in refused.cause)


@pytest.mark.parametrize(
    ("defaults", "megatron", "other"),
    [
        ("[ppo_trainer, _self_]", False, False),
        ("[ppo_megatron_trainer, _self_]", True, False),
        ("[ppo_trainer, {override model_engine: megatron}, _self_]", True, False),
        ("[ppo_trainer, {override model_engine: veomni}, _self_]", False, True),
        ("[{model: mine}, _self_]", False, False),
        ("ppo_trainer", False, False),
    ],
)
def test_a_yaml_says_on_which_configuration_and_engine_it_builds(
    defaults, megatron, other, tmp_path
):
    path = tmp_path / "run.yaml"
    path.write_text(f"defaults: {defaults}\ndata: {{seed: 1}}\n")
    [run] = load_verl(str(path), BARE, None, {})
    assert (run.is_megatron, run.is_other_engine) == (megatron, other)
    assert not run.has("defaults")


def test_variables_of_ray_s_processes_count_as_exported(of_script):
    start = "python3 -m verl.trainer.main_ppo trainer.device=npu "
    assert "verl-npu-variables-unset" in of_script(start + "data.seed=1\n")
    names = ("HCCL_CONNECT_TIMEOUT", "RAY_EXPERIMENTAL_NOSET_ASCEND_RT_VISIBLE_DEVICES")
    given = [f"+ray_kwargs.ray_init.runtime_env.env_vars.{name}=1" for name in names]
    assert "verl-npu-variables-unset" not in of_script(start + " ".join(given) + "\n")


def test_a_shipped_configuration_goes_by_its_name():
    [run] = load_verl("dapo_17k_megatron", BARE, None, {})
    assert run.is_megatron
    assert run.npu
    with pytest.raises(InputError, match="dapo_17k_megatron"):
        load_verl("dapo_17k_megatro", BARE, None, {})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_lines_of_the_page_on_verl_are_a_script_without_faults(language, of_script):
    page = Path(__file__).resolve().parents[2] / "docs" / language / "hosts_verl.md"
    script = page.read_text("utf-8").split("<<'END'\n")[1].split("END\n")[0]
    assert "reward.reward_manager.name=msrl_ext" in script
    found = of_script(script).values()
    assert not [str(one) for one in found if one.level in ("error", "warning")]


def test_a_yaml_that_has_no_key_of_verl_is_refused(tmp_path):
    path = tmp_path / "other.yaml"
    path.write_text("a: 1\nrl_config: {lr: 1}\n")
    with pytest.raises(InputError, match="is no configuration of verl"):
        load_verl(str(path), BARE, None, {})
