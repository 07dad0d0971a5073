"""TRL files, recipes and accelerate files, against versions made for the test and the real ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.doctor.readers import trl_fields
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.readers.trl_part import TrlPart, trl_subjects
from mindspeed_rl_ext.doctor.rules.trl import keys

GOOD = {
    "model_name_or_path": "./Qwen2.5-3B-Instruct",
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 8,
    "num_generations": 8,
    "max_steps": 100,
    "save_steps": 100,
    "bf16": True,
}
MACHINES = {"compute_environment": "LOCAL_MACHINE", "num_processes": 2, "mixed_precision": "bf16"}
# The note's keys that TRL 1.16 does not know (facts, measured).
OF_THE_NOTE = [
    "torch_dtype",
    "dataset_id_or_path",
    "swanlab",
    "workspace",
    "experiment_name",
    "warmup_ratio",
    "max_prompt_length",
    "vllm_device",
]


@pytest.fixture
def fake_trl(tmp_path, monkeypatch):
    """A trl that fails when it is imported, whose source has the fields of GOOD."""

    def write(*fields: str) -> None:
        folder = tmp_path / "site"
        for module, name in (
            ("trl/trainer/grpo_config", "GRPOConfig"),
            ("transformers/training_args", "TrainingArguments"),
        ):
            path = folder / f"{module}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [f"    {field}: int = 1" for field in fields] or ["    pass"]
            path.write_text("\n".join([f"class {name}:", *rows, "    x = 3", ""]))
            (folder / module.split("/")[0] / "__init__.py").write_text(
                "raise SystemExit('imported')"
            )
        monkeypatch.syspath_prepend(str(folder))
        for name in ("trl", "transformers"):
            monkeypatch.delitem(sys.modules, name, raising=False)

    return write


@pytest.fixture
def findings_on(tmp_path, findings):
    def examine(trl, accelerate=None, around=None):
        path, other = tmp_path / "trl.yaml", None
        path.write_text(yaml.safe_dump(trl))
        if accelerate is not None:
            other = tmp_path / "accelerate.yaml"
            other.write_text(yaml.safe_dump(accelerate))
        return findings(trl=path, accelerate=other, around=around)

    return examine


def ids(found):
    return {f.id for f in found}


def test_fields_are_read_without_importing(fake_trl):
    fake_trl("num_generations", "steps_per_generation")
    assert {"num_generations", "steps_per_generation"} <= trl_fields.fields(trl_fields.GRPO)
    assert "x" not in trl_fields.fields(trl_fields.GRPO)


def test_unknown_and_moved_keys_are_found(fake_trl, findings_on):
    fake_trl(*GOOD, "steps_per_generation")
    assert ids(findings_on(GOOD, MACHINES)) >= {
        "trl-keys-known",
        "trl-group-whole",
        "accelerate-processes",
    }
    found = findings_on({**GOOD, "num_generation": 4, "vllm_device": "cuda:2"})
    [unknown] = [f for f in found if f.id == "trl-key-unknown"]
    assert "num_generations" in unknown.remedy
    [moved] = [f for f in found if f.id == "trl-key-vllm-device"]
    assert "vllm_mode" in moved.remedy
    assert "vllm_mode" in moved.words("zh").remedy


@pytest.mark.parametrize(
    ("rule", "trl", "accelerate"),
    [
        ("trl-group-not-whole", {"num_generations": 7}, MACHINES),
        ("trl-group-not-whole", {"gradient_accumulation_steps": 2}, MACHINES),
        ("countdown-model-too-small", {"model_name_or_path": "Qwen2.5-0.5B"}, MACHINES),
        ("trl-save-disk-use", {"save_steps": 10}, MACHINES),
        ("trl-tf32-on-cpu", {"tf32": True, "use_cpu": True}, MACHINES),
        ("trl-tf32-needs-ampere", {"tf32": True}, MACHINES),
        ("trl-flash-attention-absent", {"attn_implementation": "flash_attention_2"}, MACHINES),
        ("accelerate-unknown-environment", {}, {**MACHINES, "compute_environment": "MULTI_NODE"}),
        ("accelerate-processes-not-multiple", {}, {**MACHINES, "num_machines": 3}),
        ("accelerate-precision-differs", {}, {**MACHINES, "mixed_precision": "fp16"}),
    ],
)
def test_a_fault_is_found_and_the_clean_file_is_silent(rule, trl, accelerate, findings_on):
    assert rule not in ids(findings_on(GOOD, MACHINES))
    assert rule in ids(findings_on({**GOOD, **trl}, accelerate))


def test_flash_attention_and_tf32_on_an_npu_are_errors(findings_on):
    npu = Environment((3, 11, 7), {"torch-npu": "2.7.1", "flash-attn": "2.8"})
    wanted = {**GOOD, "attn_implementation": "flash_attention_2", "tf32": True}
    assert ids(findings_on(wanted, around=npu)) >= {"trl-flash-attention-on-npu", "trl-tf32-on-npu"}
    assert not ids(findings_on(GOOD, around=npu)) & {
        "trl-flash-attention-on-npu",
        "trl-tf32-on-npu",
    }


def test_old_versions_do_not_count_accumulation(fake_trl, findings_on):
    """The note's n - 1 processes: 2 x 1 for a group of 8."""
    fake_trl(*GOOD)
    assert "trl-group-not-whole" in ids(findings_on(GOOD, MACHINES))
    fake_trl(*GOOD, "steps_per_generation")
    assert ids(findings_on(GOOD, MACHINES)) >= {"trl-group-whole", "trl-group-of-old-versions"}
    assert "trl-group-of-old-versions" not in ids(
        findings_on(GOOD, {**MACHINES, "num_processes": 8})
    )
    assert "trl-group-of-old-versions" not in ids(findings_on(GOOD))


def test_the_note_s_eight_keys_are_named_with_the_real_trl(findings_on):
    if not trl_fields.installed("trl") or not trl_fields.installed("transformers"):
        pytest.skip("TRL is not installed")
    table = {**GOOD, **dict.fromkeys(OF_THE_NOTE, "x")}
    wrong = [f for f in findings_on(table) if f.id.startswith("trl-key-")]
    assert sorted(f.at.key for f in wrong) == sorted(OF_THE_NOTE)
    assert "trl-key-unknown" not in ids(wrong)


@pytest.mark.parametrize("key", sorted(keys.OLD_KEYS))
def test_an_old_key_is_found_how_it_is_written_today(key, fake_trl, findings_on):
    fake_trl(*GOOD, "steps_per_generation")
    [finding] = [f for f in findings_on({**GOOD, key: "x"}) if f.at.key == key]
    assert finding.id != "trl-key-unknown"
    assert finding.rule.words["zh"].remedy


def test_without_trl_the_keys_are_not_judged(findings_on, monkeypatch):
    monkeypatch.setattr(trl_fields, "installed", lambda package: False)
    assert "trl-not-installed" in ids(findings_on({**GOOD, "anything": 1}))


@pytest.mark.parametrize("kind", ["recipes", "trl", "accelerate"])
def test_no_shipped_file_has_an_error(kind, repo_root, findings):
    paths = sorted((repo_root / "configs" / kind).glob("*.yaml"))
    assert paths
    for path in paths:
        assert not [str(f) for f in findings(path) if f.level == "error"]


REAL = "sizes/real/grpo/trl"
ONE_STEP = {f"{REAL}/gradient_accumulation_steps": 1}


def of_the_real_size(found):
    return {f.id for f in found if f.at.key.startswith("sizes.real")}


def test_a_recipe_s_own_accelerate_file_says_how_many_processes(spoil, findings, gone):
    """zero3 has 8: one response each is a group of 8."""
    assert "trl-group-not-whole" not in of_the_real_size(
        findings(spoil("recipes/countdown", ONE_STEP))
    )
    [finding] = [
        f
        for f in findings(spoil("recipes/countdown", {**ONE_STEP, f"{REAL}/num_generations": 16}))
        if f.id == "trl-group-not-whole"
    ]
    assert finding.values["processes"] == 8
    at_the_top = {**ONE_STEP, "sizes/real/accelerate": gone, "accelerate": "zero3"}
    assert "trl-group-not-whole" not in of_the_real_size(
        findings(spoil("recipes/countdown", at_the_top))
    )
    alone = {**at_the_top, "accelerate": "cpu"}
    assert "trl-group-not-whole" in of_the_real_size(findings(spoil("recipes/countdown", alone)))


def test_an_accelerate_file_that_a_user_names_wins(spoil, findings, tmp_path):
    other = tmp_path / "two.yaml"
    other.write_text(yaml.safe_dump(MACHINES))
    run = spoil("recipes/countdown", ONE_STEP)
    assert "trl-group-not-whole" in of_the_real_size(findings(run, accelerate=other))


def test_an_accelerate_file_that_is_not_there_is_bad_input(spoil, findings):
    with pytest.raises(InputError, match="zero4"):
        findings(spoil("recipes/countdown", {"sizes/real/accelerate": "zero4"}))


def test_shipped_recipes_are_not_told_of_groups_that_are_whole(repo_root, findings):
    for path in sorted((repo_root / "configs/recipes").glob("*.yaml")):
        assert not ids(findings(path)) & {"trl-group-of-old-versions", "trl-group-not-whole"}, path


def test_a_wrong_type_in_an_accelerate_file_is_bad_input(findings_on):
    with pytest.raises(InputError, match="num_processes has the wrong type"):
        findings_on(GOOD, {**MACHINES, "num_processes": "two"})


def test_parts_of_a_recipe_are_found_at_any_depth(repo_root):
    from mindspeed_rl_ext.core.files.yaml_file import read_yaml

    document = read_yaml(Path(repo_root / "configs/recipes/countdown.yaml"))
    found = trl_subjects(document, Environment((3, 11, 7), {}))
    parts = [part for part in found if isinstance(part, TrlPart)]
    assert {part.kind for part in parts} == {"sft", "grpo"}
    assert {part.path[0] for part in parts} == {"sizes"}


@pytest.mark.parametrize("key", ["num_generations", "per_device_train_batch_size", "save_steps"])
@pytest.mark.parametrize("value", [0, -1, "x", None, [1]])
def test_odd_values_are_left_to_trl(key, value, findings_on):
    assert isinstance(ids(findings_on({**GOOD, key: value}, MACHINES)), set)
