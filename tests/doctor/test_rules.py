"""Each rule on configurations: a fault that it finds, and silence on the file without the fault."""

from __future__ import annotations

import pytest

MATH, SEVEN, DAPO = "msrl/grpo_qwen25_math_7b", "msrl/grpo_qwen25_7b", "msrl/dapo_qwen25_32b"
OLD, ZERO = "rlxf/grpo_qwen25_math_7b", "rlxf/r1_zero_qwen25_7b_instruct"


# Read once for all cases: the same files every time.
CLEAN: dict[str, set[str]] = {}


@pytest.fixture
def clean(findings, configs):
    """The ids on an unspoiled file."""

    def ids(name):
        if name not in CLEAN:
            CLEAN[name] = {f.id for f in findings(configs / f"{name}.yaml")}
        return CLEAN[name]

    return ids


def test_a_fault_is_found_and_the_clean_file_is_silent(fault, spoil, findings, clean):
    rule, name, changes = fault
    assert rule not in clean(name)
    found = [f for f in findings(spoil(name, changes)) if f.id == rule]
    assert found, rule
    assert all(f.at.name.endswith(".yaml") for f in found)
    for finding in found:
        for language in ("en", "zh"):
            cause, remedy = finding.words(language)
            assert "{" not in cause.replace("\\boxed{}", ""), cause
            assert remedy or finding.level in ("note", "ok")


def test_a_dataset_yaml_without_a_fault_is_said_to_be(findings, configs):
    assert {f.id for f in findings(configs / "datasets/math_8k.yaml")} == {"dataset-fits"}


def test_a_model_without_sizes_is_not_compared(spoil, findings, tmp_path, gone):
    (tmp_path / "config.json").write_text("{}")
    dpo = {"rl_config": gone, "generate_config": gone, "actor_config": gone, "defaults": []}
    run = spoil(SEVEN, {**dpo, "megatron_training/model": gone})
    assert "model-without-sizes" in {f.id for f in findings(run, model=tmp_path)}


@pytest.mark.parametrize("name", [SEVEN, MATH, DAPO, OLD, ZERO])
def test_what_always_is_found(name, spoil, findings):
    finding = {f.id for f in findings(spoil(name, {}))}
    rl = {"cards-in-turns", "batch-sizes-consistent"}
    rlxf = {"rlxf-cards-by-role", "rlxf-batch-sizes-consistent", "rlxf-response-length"}
    common = {"save-disk-use", "reward-verifiers-of-ours"}
    assert finding >= common | (rl if name.startswith("msrl") else rlxf)


def test_a_mixture_of_experts_cut_as_the_host_assumes_is_silent(spoil, findings):
    changes = {"actor_config/num_experts": 8, "actor_config/moe_tp_extend_ep": True}
    assert "experts-without-extend-ep" not in {f.id for f in findings(spoil(SEVEN, changes))}


def test_a_full_disk_is_found(spoil, findings, tmp_path):
    save = {"actor_config/save": str(tmp_path), "megatron_training/train_iters": 10**9}
    assert "save-disk-too-small" in {f.id for f in findings(spoil(SEVEN, save))}


def test_a_box_prompt_does_not_pay_a_verifier_of_tags(spoil, findings, configs):
    data = configs / "datasets" / "math_8k.yaml"
    assert "reward-tags-prompt-asks-box" not in {
        f.id for f in findings(configs / f"{MATH}.yaml", data)
    }
    run = spoil(MATH, {"rl_config/verifier_function": ["strict_tags"]})
    assert "reward-tags-prompt-asks-box" in {f.id for f in findings(run, data)}


def test_the_host_s_format_is_no_match_for_a_box_prompt(spoil, findings):
    """The note's own finding: acc and format with Qwen's box prompt."""
    changes = {
        "rl_config/verifier_function": ["acc", "format"],
        "rl_config/verifier_weight": [1, 1],
    }
    found = findings(spoil(MATH, changes), spoil("datasets/math_8k", {}))
    assert [f.id for f in found].count("reward-tags-prompt-asks-box") == 1


@pytest.mark.parametrize("run", [MATH, OLD])
def test_files_that_do_not_belong_together_are_found(run, spoil, findings, configs):
    path, data = configs / f"{run}.yaml", configs / "datasets" / "math_8k.yaml"
    other = spoil("datasets/math_8k", {"output_prefix": "./dataset/elsewhere"})
    assert "dataset-of-another-run" not in {f.id for f in findings(path, data)}
    assert "dataset-of-another-run" not in {f.id for f in findings(other)}
    [finding] = [f for f in findings(path, other) if f.id == "dataset-of-another-run"]
    assert finding.at.name == str(other)
    assert path.name in finding.cause


@pytest.mark.parametrize("spelled", ["dataset/math_8k/data", "./dataset//math_8k/data"])
def test_one_prefix_may_be_spelled_in_two_ways(spelled, spoil, findings):
    run = spoil(MATH, {"rl_config/verifier_function": ["strict_tags"]})
    found = {f.id for f in findings(run, spoil("datasets/math_8k", {"output_prefix": spelled}))}
    assert "reward-tags-prompt-asks-box" in found
    assert "dataset-of-another-run" not in found


def test_data_that_fit_one_of_two_runs_belong_to_it(findings, configs):
    runs = [configs / f"{name}.yaml" for name in (SEVEN, MATH)]
    found = findings(*runs, configs / "datasets" / "math_8k.yaml")
    assert "dataset-of-another-run" not in {f.id for f in found}


def test_the_file_that_data_are_made_of_says_which_they_are(spoil, findings, configs):
    """The prefix tells nothing: only the dataset YAML names the rows."""
    prefix = "./dataset/mine/data"
    run = spoil(SEVEN, {"megatron_training/data_path": prefix})
    fits = spoil("datasets/math_17k", {"output_prefix": prefix})
    assert "reward-for-other-data" not in {f.id for f in findings(run, fits)}
    other = {"output_prefix": prefix, "prompt_type": "qwen", "input": "./gsm8k/train.jsonl"}
    [finding] = [
        f for f in findings(run, spoil("datasets/gsm8k", other)) if f.id == "reward-for-other-data"
    ]
    assert finding.values["data"] == "GSM8K"
    misnamed = {"input": "./gsm8k/train.jsonl"}
    found = findings(configs / f"{SEVEN}.yaml", spoil("datasets/math_17k", misnamed))
    assert "reward-for-other-data" in {f.id for f in found}


def test_data_and_run_that_differ_are_found(spoil, findings, configs):
    run = configs / f"{MATH}.yaml"
    data = configs / "datasets" / "math_8k.yaml"
    assert "dataset-differs-from-run" not in {f.id for f in findings(run, data)}
    assert "dataset-differs-from-run" in {
        f.id for f in findings(run, spoil("datasets/math_8k", {"max_prompt_length": 512}))
    }


def test_the_first_rows_of_a_file_are_looked_at(spoil, findings, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "1+1", "gt": "2", "input": "<|im_start|>user\\n1+1"}\n')
    missing = spoil("datasets/math_8k", {"input": str(rows)})
    [finding] = [f for f in findings(missing) if f.id == "dataset-unknown-column"]
    assert finding.at.key == "map_keys.response"
    assert "gt" in finding.remedy
    templated = {"input": str(rows), "map_keys/prompt": "input", "map_keys/response": "gt"}
    assert {f.id for f in findings(spoil("datasets/math_8k", templated))} == {
        "dataset-column-already-templated"
    }


def test_what_only_hydra_can_fill_in_is_left_alone(spoil, findings):
    opened = {
        "rl_config/verifier_function": "${names}",
        "megatron_training/dataset_additional_keys": "${keys}",
        "megatron_training/global_batch_size": "${size}",
    }
    found = {f.id for f in findings(spoil(SEVEN, opened)) if f.level == "error"}
    assert not found
