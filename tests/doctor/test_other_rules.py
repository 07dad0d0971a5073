"""Rules beside training configurations: models, checkpoints, environments, nodes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.yaml_file import parse_yaml
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.readers.ray_cluster import Cluster, read_cluster
from mindspeed_rl_ext.doctor.rules.environment import npu, services
from mindspeed_rl_ext.doctor.rules.environment.nodes import nodes

SEVEN = "msrl/grpo_qwen25_7b"
MODEL = "model/qwen25-7b"
# What Qwen2.5-7B's config.json says.
CONFIG = {
    "model_type": "qwen2",
    "num_hidden_layers": 28,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 131072,
    "rope_theta": 1000000.0,
    "rms_norm_eps": 1e-06,
    "tie_word_embeddings": False,
    "vocab_size": 152064,
}


def ids(found):
    return {f.id for f in found}


@pytest.fixture
def hf(tmp_path):
    """A HuggingFace directory whose config.json has changes."""

    def write(**changes) -> Path:
        folder = tmp_path / "hf"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
        (folder / "tokenizer.json").write_text("{}")
        return folder

    return write


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("model-value-differs", {"num_hidden_layers": 32}),
        ("model-value-differs", {"hidden_size": 4096}),
        ("model-value-differs", {"intermediate_size": 1}),
        ("model-value-differs", {"num_attention_heads": 32}),
        ("model-value-differs", {"num_key_value_heads": 28}),
        ("model-value-differs", {"num_key_value_heads": None, "num_attention_heads": 28}),
        ("model-value-differs", {"tie_word_embeddings": True}),
        ("model-rotary-base-differs", {"rope_theta": 10000}),
        (
            "model-rotary-base-differs",
            {"rope_theta": None, "rope_parameters": {"rope_theta": 10000.0}},
        ),
        ("model-positions-differ", {"max_position_embeddings": 4096}),
        ("model-epsilon-differs", {"rms_norm_eps": 1e-5}),
        ("model-vocabulary-too-small", {"vocab_size": 152065}),
        ("model-vocabulary-padding-differs", {"vocab_size": 151936}),
    ],
)
def test_a_model_yaml_that_is_not_its_config_is_found(rule, changes, hf, configs, findings):
    run = configs / f"{SEVEN}.yaml"
    assert ids(findings(run, model=hf())) >= {"model-values-same"}
    found = ids(findings(run, model=hf(**changes)))
    assert rule in found
    assert "model-values-same" not in found


def test_the_vocabulary_may_be_padded_as_the_conversion_pads_it(configs, findings, hf):
    table = yaml.safe_load((configs / f"{MODEL}.yaml").read_text())
    table["qwen25-7b"]["padded_vocab_size"] = 151938  # next multiple of TP 2 above 151937
    (configs / f"{MODEL}.yaml").write_text(yaml.safe_dump(table))
    assert "model-values-same" in ids(
        findings(configs / f"{SEVEN}.yaml", model=hf(vocab_size=151937))
    )


def test_a_missing_epsilon_is_megatron_s_default(configs, findings, hf):
    path = configs / f"{MODEL}.yaml"
    rows = [row for row in path.read_text().splitlines() if "norm_epsilon" not in row]
    path.write_text("\n".join(rows))
    [finding] = [
        f
        for f in findings(configs / f"{SEVEN}.yaml", model=hf())
        if f.id == "model-epsilon-default-differs"
    ]
    assert "1e-05 by Megatron's default" in finding.cause


OF_MODELS = {
    "zero-recipe-on-instruct-model",
    "countdown-model-too-small",
    "reward-tags-from-base-model",
}


@pytest.mark.parametrize(
    ("config", "model", "rule"),
    [
        ("msrl/grpo_qwen25_math_7b", "Qwen2.5-Math-7B-Instruct", "zero-recipe-on-instruct-model"),
        ("rlxf/grpo_qwen25_math_7b", "Qwen2.5-Math-7B-Instruct", "zero-recipe-on-instruct-model"),
        ("rlxf/grpo_qwen25_math_7b", "Qwen2.5-7B-Instruct", "zero-recipe-on-instruct-model"),
        ("msrl/r1_zero_qwen25_7b_instruct", "Qwen2.5-Math-7B", "reward-tags-from-base-model"),
        ("rlxf/r1_zero_qwen25_7b_instruct", "Qwen2.5-Math-7B", "reward-tags-from-base-model"),
        (
            "rlxf/r1_zero_qwen25_7b_instruct",
            "models--Q--Qwen2.5-Math-7B/snapshots/3a",
            "reward-tags-from-base-model",
        ),
        ("trl/countdown_3b", "Qwen2.5-1.5B-Instruct", "countdown-model-too-small"),
    ],
)
def test_the_model_that_a_user_names_counts(config, model, rule, configs, findings, tmp_path):
    """The directory needs a config.json only."""
    folder = tmp_path / model
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    run = configs / f"{config}.yaml"
    assert not ids(findings(run)) & OF_MODELS
    [finding] = [f for f in findings(run, model=folder) if f.id in OF_MODELS]
    assert finding.id == rule
    assert finding.values["model"] == str(folder)
    assert finding.at.name in (str(folder), str(run))


@pytest.mark.parametrize(
    ("config", "model"),
    [
        ("msrl/grpo_qwen25_math_7b", "Instruct/Qwen2.5-Math-7B"),
        ("msrl/r1_zero_qwen25_7b_instruct", "Qwen2.5-7B-Instruct"),
        ("trl/countdown_3b", "0.5B/Qwen2.5-3B-Instruct"),
    ],
)
def test_a_model_that_suits_is_silent(config, model, configs, findings, tmp_path):
    folder = tmp_path / model
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    assert not ids(findings(configs / f"{config}.yaml", model=folder)) & OF_MODELS


@pytest.fixture
def checkpoint(tmp_path, hf):
    """A converted checkpoint: a manifest, rank directories."""

    def write(tp=2, pp=2, ep=1, manifest=True, lack=0, **layout) -> Path:
        folder, source = tmp_path / "qwen25-7b-tp2pp2", hf()
        for t in range(tp):
            for p in range(pp):
                name = f"mp_rank_{t:02d}" + (f"_{p:03d}" if pp > 1 else "")
                (folder / "iter_0000001" / name).mkdir(parents=True, exist_ok=True)
        for rank in sorted((folder / "iter_0000001").iterdir())[:lack]:
            rank.rmdir()
        hashes = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in source.iterdir()}
        content = {"kind": "mg", "layout": {"tp": tp, "pp": pp, "ep": ep, **layout}}
        if manifest:
            (folder / "manifest.json").write_text(json.dumps({**content, "sha256": hashes}))
        return folder

    return write


def test_a_checkpoint_that_fits_is_said_to(configs, findings, checkpoint, hf):
    found = ids(findings(configs / f"{SEVEN}.yaml", checkpoint=checkpoint(), model=hf()))
    assert found >= {"checkpoint-layout-same", "checkpoint-files-same"}
    assert not found & {
        "checkpoint-layout-differs",
        "checkpoint-config-differs",
        "checkpoint-tokenizer-differs",
        "checkpoint-incomplete",
    }


def test_a_checkpoint_that_does_not_fit_is_found(configs, findings, checkpoint, hf):
    run = configs / f"{SEVEN}.yaml"
    [finding] = [
        f
        for f in findings(run, checkpoint=checkpoint(tp=4, pp=1))
        if f.id == "checkpoint-layout-differs"
    ]
    assert "TP 4 PP 1" in finding.cause
    assert "--target-tensor-parallel-size 2" in finding.remedy


def test_a_checkpoint_without_a_manifest_is_cut_by_its_directories(configs, findings, checkpoint):
    run = configs / f"{SEVEN}.yaml"
    assert ids(findings(run, checkpoint=checkpoint(manifest=False))) >= {
        "checkpoint-without-manifest",
        "checkpoint-layout-same",
    }


def test_a_checkpoint_with_ranks_missing_is_found(configs, findings, checkpoint):
    found = findings(configs / f"{SEVEN}.yaml", checkpoint=checkpoint(lack=1))
    assert [f.values["first"] for f in found if f.id == "checkpoint-incomplete"] == [
        "mp_rank_00_000"
    ]


@pytest.mark.parametrize(
    ("rule", "file"),
    [
        ("checkpoint-config-differs", "config.json"),
        ("checkpoint-tokenizer-differs", "tokenizer.json"),
    ],
)
def test_another_model_than_the_converted_one_is_found(
    rule, file, configs, findings, checkpoint, hf
):
    folder = checkpoint()
    source = hf()
    (source / file).write_text((source / file).read_text() + "\n")
    found = findings(configs / f"{SEVEN}.yaml", checkpoint=folder, model=source)
    assert rule in ids(found)


def test_experts_cut_otherwise_are_found(spoil, findings, checkpoint):
    moe = {"actor_config/num_experts": 8, "actor_config/moe_tp_extend_ep": True}
    run = spoil(SEVEN, moe)
    differs = {"checkpoint-experts-not-extended", "checkpoint-experts-extended"}
    found = ids(findings(run, checkpoint=checkpoint(extend_ep=False)))
    assert "checkpoint-experts-not-extended" in found
    assert not ids(findings(run, checkpoint=checkpoint(extend_ep=True))) & differs


def around(**versions):
    return Environment((3, 11, 7), {k.replace("_", "-"): v for k, v in versions.items()})


@pytest.mark.parametrize(
    ("rule", "torch", "cann"),
    [
        ("cann-version-documented", "2.7.1", "8.5.0"),
        ("cann-version-documented", "2.5.1", "8.1.RC1"),
        ("cann-version-not-documented", "2.6.0", "8.5.0"),
        ("cann-absent", "2.7.1", None),
    ],
)
def test_torch_torch_npu_and_cann_are_a_row_of_a_host_or_not(rule, torch, cann, tmp_path):
    if cann:
        (tmp_path / "version.cfg").write_text(f"[x]\ntoolkit_running_version=[{cann}:{cann}]\n")
    variables = {"ASCEND_TOOLKIT_HOME": str(tmp_path)}
    found = Environment((3, 11, 7), {"torch": torch, "torch-npu": torch}, variables=variables)
    assert ids(npu.versions_of_the_npu(found)) == {rule}


def test_a_torch_npu_for_another_torch_is_an_error():
    found = [*npu.versions_of_the_npu(around(torch="2.6.0", torch_npu="2.5.1"))]
    assert [f.id for f in found] == ["torch-npu-for-another-torch"]
    assert not [*npu.versions_of_the_npu(around(torch="2.6.0"))]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (None, '{"auths": {"x": {"auth": "dXNlcjpwYXNz"}}}'),
        (None, '{"auths": {"x": {}}}'),
        (None, "{}"),
        ("docker-login-unreadable", '{"auths": {"x": {"auth": "not base64!"}}}'),
        ("docker-login-unreadable", '{"auths": {"x": {"auth": "dXNlcg=="}}}'),
        ("docker-config-unreadable", '{"auths": ["x"]}'),
        ("docker-config-unreadable", "not json"),
    ],
)
def test_a_docker_login_that_stops_wandb_is_found(rule, text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    variables = {"DOCKER_CONFIG": str(tmp_path)}
    with_wandb = Environment((3, 11, 7), {"wandb": "0.19"}, variables=variables)
    assert ids(services.docker_logins(with_wandb)) == ({rule} if rule else set())
    assert not [*services.docker_logins(Environment((3, 11, 7), {}, variables=variables))]


def test_the_line_that_loads_libgomp_first_is_printed_on_arm(tmp_path):
    library = tmp_path / "scikit_learn.libs" / "libgomp-d22c30c5.so.1.0.0"
    library.parent.mkdir()
    library.touch()
    versions = {"torch": "2.7.1"}
    found = Environment((3, 11, 7), versions, site_folders=(tmp_path,), machine="aarch64")
    [finding] = services.libgomp(found)
    assert finding.remedy == f"export LD_PRELOAD={library}"
    assert not [*services.libgomp(replace(found, machine="x86_64"))]
    loaded = replace(found, variables={"LD_PRELOAD": str(library)})
    assert not [*services.libgomp(loaded)]


def node(**changes):
    facts = {
        "folder": "/host",
        "versions": {"torch": "2.7.1"},
        "paths": {"/w": "abc"},
        "findings": [],
    }
    return {**facts, **changes}


@pytest.mark.parametrize(
    ("rule", "other"),
    [
        ("nodes-versions-differ", node(versions={"torch": "2.6.0"})),
        ("nodes-start-directory-differs", node(folder="/root")),
        ("nodes-path-missing", node(paths={"/w": None})),
        ("nodes-path-differs", node(paths={"/w": "abd"})),
        ("node-not-reachable", "ModuleNotFoundError: No module named 'mindspeed_rl_ext'"),
        (
            "node-error",
            node(
                findings=[{"level": "error", "place": "x", "en": ["a", "b"], "zh": ["c", "d"]}],
            ),
        ),
        (
            "node-warning",
            node(
                findings=[{"level": "warning", "place": "x", "en": ["a", "b"], "zh": ["c", "d"]}],
            ),
        ),
    ],
)
def test_nodes_that_differ_are_found(rule, other):
    assert ids(nodes(Cluster({"a": node(), "b": node()}, 32, 32))) == {
        "nodes-examined",
        "nodes-path-same",
    }
    assert rule in ids(nodes(Cluster({"a": node(), "b": other}, 32, 32)))


def test_a_cluster_with_too_few_cards_is_found():
    assert "nodes-too-few-cards" in ids(nodes(Cluster({"a": node()}, 8, 16)))
    assert "nodes-too-few-cards" not in ids(nodes(Cluster({"a": node()}, 16, 16)))


def test_every_node_of_a_real_ray_is_looked_at(repo_root):
    pytest.importorskip("ray", reason="extra [ray] is not installed")
    found = [*nodes(read_cluster("local", [str(repo_root / "pyproject.toml")], None))]
    assert ids(found) >= {"nodes-examined", "nodes-path-same"}


def test_a_line_is_named_with_its_key():
    document = parse_yaml("a:\n  b: 1\n\n  c: 2\n", Path("x.yaml"))
    assert str(document.place("a", "c")) == "x.yaml:4 a.c"
    assert str(document.place("a", "missing")) == "x.yaml:1 a.missing"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a:\n\tb: 1\n", ["x.yaml:2", "tab", "spaces"]),
        ("a: 1\na: 2\n", ["'a'", "twice", "lines 1 and 2"]),
        ("a: [1\n", ["not readable YAML"]),
    ],
)
def test_yaml_that_is_none_names_the_line(text, words):
    with pytest.raises(InputError) as caught:
        parse_yaml(text, Path("x.yaml"))
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("rule", "then"),
    [
        ("key-refused-by-installed-host", "raise ValueError(key)"),
        ("key-ignored-by-installed-host", "print(key)"),
    ],
)
def test_keys_of_another_version_than_the_importable_host_are_found(
    rule, then, configs, findings, tmp_path
):
    run = configs / f"{SEVEN}.yaml"
    table = yaml.safe_load(run.read_text())
    model = yaml.safe_load((configs / f"{MODEL}.yaml").read_text())["qwen25-7b"]
    known = {
        "megatron_config": {**table["megatron_training"], **table["actor_config"], **model},
        "rl_config": table["rl_config"],
        "generate_config": table["generate_config"],
    }
    folder = tmp_path / "mindspeed_rl" / "config_cls"
    folder.mkdir(parents=True)
    (folder / "base_config.py").write_text(
        f"class B:\n    def update(self, key):\n        {then}\n"
    )

    def host(without=""):
        for name, keys in known.items():
            rows = [f"        self.{key} = None" for key in keys if key != without]
            body = "class C:\n    def __init__(self):\n" + "\n".join(rows) + "\n"
            (folder / f"{name}.py").write_text(body)
        hosts = {"mindspeed_rl": (str(tmp_path / "mindspeed_rl"),)}
        return Environment((3, 11, 7), {}, hosts=hosts)

    assert rule not in ids(findings(run, around=host()))
    [finding] = [f for f in findings(run, around=host("log_max_throughput")) if f.id == rule]
    assert finding.at.key == "rl_config.log_max_throughput"
