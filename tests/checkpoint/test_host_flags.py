"""Every flag of the hosts' converters and of their example scripts is taken, or refused by name."""

from __future__ import annotations

import argparse

import pytest

from mindspeed_rl_ext.checkpoint.host_flags import NO_EFFECT, REFUSED, add_arguments
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.options import declared_options

# convert_ckpt.py (1.0 to 26.0), convert_ckpt_v2.py (2.2 to master), and what example scripts of
# 1.0.0, 2.0.0, 2.1.0, 2.2.0, 2.3.0, 26.0.0, 26.1.0 and master pass to them.
OF_THE_HOSTS = [
    "--add-dense-bias",
    "--add-output-layer-bias",
    "--add-qkv-bias",
    "--ai-framework",
    "--ckpt-cfg-path",
    "--ckpt-format",
    "--d-model",
    "--embed-layernorm",
    "--expert-tensor-parallel-size",
    "--first-k-dense-replace",
    "--hf-cfg-dir",
    "--hf-dir",
    "--hidden-size",
    "--input-pp-rank",
    "--input-tp-rank",
    "--load-checkpoint-loosely",
    "--load-dir",
    "--load-from-legacy",
    "--load-hf-from-config",
    "--load-model-type",
    "--loader",
    "--lora-alpha",
    "--lora-load",
    "--lora-r",
    "--lora-target-modules",
    "--make-vocab-size-divisible-by",
    "--mamba-d-state",
    "--mamba-head-dim",
    "--mamba-num-groups",
    "--mamba-state-dim",
    "--mamba2-head-dim",
    "--mamba2-n-groups",
    "--max-queue-size",
    "--megatron-path",
    "--mla-mm-split",
    "--model-type",
    "--model-type-hf",
    "--moe-grouped-gemm",
    "--moe-layer-freq",
    "--moe-tp-extend-ep",
    "--mtp-num-layers",
    "--multi-head-latent-attention",
    "--n-shared-experts",
    "--no-checking",
    "--noop-layers",
    "--num-experts",
    "--num-layer-list",
    "--num-layers",
    "--num-layers-per-virtual-pipeline-stage",
    "--orm",
    "--padded-vocab-size",
    "--params-dtype",
    "--position-embedding-type",
    "--post-norm",
    "--qk-layernorm",
    "--qlora-nf4",
    "--save-dir",
    "--save-layer-by-layer",
    "--save-lora-to-hf",
    "--save-model-type",
    "--save-to-legacy",
    "--saver",
    "--schedules-method",
    "--shared-expert-gate",
    "--source-pipeline-parallel-size",
    "--source-tensor-parallel-size",
    "--spec",
    "--target-expert-parallel-size",
    "--target-pipeline-parallel-size",
    "--target-pp-size",
    "--target-tensor-parallel-size",
    "--target-tp-size",
    "--tokenizer-model",
    "--transformer-impl",
    "--true-vocab-size",
    "--trust-remote-code",
    "--use-mcore-models",
    "--vocab-file",
    "--w-pack",
]


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(allow_abbrev=False)
    add_arguments(made)
    return made


@pytest.mark.parametrize("flag", OF_THE_HOSTS)
def test_a_flag_of_a_host_is_known(parser, flag):
    assert flag in parser._option_string_actions


def test_no_flag_stands_in_two_tables():
    ours = {
        flag
        for one in declared_options(ConvertOptions).values()
        for flag in (one.flag, *one.option.aliases)
    }
    assert not ours & {*NO_EFFECT, *REFUSED}
    assert not set(NO_EFFECT) & set(REFUSED)


@pytest.mark.parametrize("flag", REFUSED)
def test_a_refused_flag_is_an_error_with_a_remedy(cli, hf_dir, tmp_path, flag):
    value = [] if REFUSED[flag].values == 0 else ["7"]
    words = ["--save-model-type", "mg", "--load-dir", hf_dir, "--save-dir", tmp_path / "mg"]
    code, _, err = cli("convert", *words, flag, *value)
    assert code == 2
    assert f"{flag} is not built yet" in err
    assert "remedy" in err
    assert not (tmp_path / "mg").exists()


def test_other_spellings_mean_the_same(cli, hf_dir, tmp_path):
    words = ["--save-model-type", "mg", "--load-dir", hf_dir, "--save-dir", tmp_path / "mg"]
    words += ["--target-tp-size", 2, "--target-pp-size", 2, "--ckpt-format", "torch"]
    assert cli("convert", *words)[0] == 0
    assert len(list((tmp_path / "mg").rglob("*.pt"))) == 4
    back = ["--save-model-type", "hf", "--load-dir", tmp_path / "mg", "--hf-dir", hf_dir]
    assert cli("convert", *back, "--save-dir", tmp_path / "back", "--verify")[0] == 0


@pytest.mark.parametrize("flag", ["--save-dir", "--load-dir", "--hf-cfg-dir", "--lora-load"])
def test_an_empty_path_is_not_the_current_directory(cli, hf_dir, tmp_path, monkeypatch, flag):
    monkeypatch.chdir(tmp_path)
    words = ["--save-model-type", "mg", "--load-dir", hf_dir, "--save-dir", tmp_path / "mg"]
    code, _, err = cli("convert", *words, flag, "")
    assert (code, f"{flag} is empty" in err) == (2, True), err
    assert [path.name for path in tmp_path.iterdir()] == ["hf"]


@pytest.mark.parametrize(
    "words",
    [
        ("--nodes", "10.0.0.1"),
        ("--ray-address", "10.0.0.1:6379"),
        ("--npus-per-node", "8"),
        ("--lora-r", "8"),
        ("--lora-alpha", "0"),
    ],
)
def test_a_flag_of_something_that_is_not_asked_for_is_refused(cli, hf_dir, tmp_path, words):
    head = ["--save-model-type", "mg", "--load-dir", hf_dir, "--save-dir", tmp_path / "mg"]
    code, _, err = cli("convert", *head, *words)
    assert (code, words[0] in err, "remedy" in err) == (2, True, True), err
    assert not (tmp_path / "mg").exists()
