"""Launch scripts and runtime_env.yaml: master, network cards, variables, beside a configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mindspeed_rl_ext.core.files.yaml_file import parse_yaml
from mindspeed_rl_ext.doctor.readers.launch_script import read_script
from mindspeed_rl_ext.doctor.readers.network_cards import (
    network_of_runtime_env,
    network_of_script,
)
from mindspeed_rl_ext.doctor.rulebook import load_rules

SEVEN = "msrl/grpo_qwen25_7b"


def ids(found):
    return {f.id for f in found}


CARDS = {"lo": ["127.0.0.1"], "eth0": ["10.0.0.5"]}
GOOD = "NNODES=1\nNPUS_PER_NODE=16\nMASTER_ADDR=10.0.0.5\nSOCKET_IFNAME=eth0\n"


def findings_of(text, tmp_path, needed=16):
    path = tmp_path / "start.sh"
    path.write_text(text)
    script, book = read_script(path, needed), load_rules()
    network = replace(network_of_script(script), cards=lambda: CARDS)
    return [*book.examine(script), *book.examine(network)]


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("launch-too-few-cards", "NPUS_PER_NODE=16", "NPUS_PER_NODE=8"),
        ("master-address-loopback", "MASTER_ADDR=10.0.0.5", "MASTER_ADDR=localhost"),
        ("master-address-loopback", "MASTER_ADDR=10.0.0.5", "export MASTER_ADDR=127.0.0.1"),
        (
            "master-address-loopback",
            "MASTER_ADDR=10.0.0.5",
            'MASTER_ADDR="${MASTER_ADDR:-localhost}"',
        ),
        ("master-address-differs", "NNODES=1", "NNODES=1\nCURRENT_IP=10.0.0.9"),
        ("master-address-empty", "MASTER_ADDR=10.0.0.5", 'MASTER_ADDR="IP FOR MASTER NODE"'),
        ("network-card-other-address", "SOCKET_IFNAME=eth0", "SOCKET_IFNAME=lo"),
        ("network-card-absent", "SOCKET_IFNAME=eth0", "SOCKET_IFNAME=eth9"),
        ("launch-preload-absent", "NNODES=1", "export LD_PRELOAD=/no/libjemalloc.so.2\nNNODES=1"),
        ("launch-kills-by-name", "NNODES=1", "pkill -9 python\nNNODES=1"),
        ("launch-variable-unset", "NNODES=1\n", ""),
    ],
)
def test_a_launch_script_with_a_fault_is_found(rule, old, new, tmp_path):
    assert ids(findings_of(GOOD, tmp_path)) == {"launch-cards-suffice"}
    assert old in GOOD
    assert rule in ids(findings_of(GOOD.replace(old, new), tmp_path))


def test_computed_addresses_and_other_nodes_are_left_alone(tmp_path):
    computed = GOOD.replace("10.0.0.5", "$(hostname -I)").replace("NNODES=1", "NNODES=2")
    assert ids(findings_of(computed, tmp_path)) == {"launch-cards-suffice"}
    other_node = GOOD.replace("10.0.0.5", "10.0.0.9").replace("NNODES=1", "NNODES=2")
    assert ids(findings_of(other_node, tmp_path)) == {"launch-cards-suffice"}


@pytest.mark.parametrize(
    ("nodes", "current"),
    [
        (1, "10.0.0.5"),
        (2, "10.0.0.9"),
        (1, "$(hostname -I)"),
        (1, "$MASTER_ADDR"),
        (1, "node0"),
        (1, ""),
    ],
)
def test_a_master_that_may_be_this_node_is_left_alone(nodes, current, tmp_path):
    text = GOOD.replace("NNODES=1", f"NNODES={nodes}\nCURRENT_IP={current}")
    assert "master-address-differs" not in ids(findings_of(text, tmp_path))


def test_a_loopback_address_is_found_once(tmp_path):
    text = GOOD.replace("=10.0.0.5", "=localhost").replace(
        "NNODES=1", "NNODES=1\nCURRENT_IP=10.0.0.5"
    )
    assert "master-address-loopback" in ids(findings_of(text, tmp_path))
    assert "master-address-differs" not in ids(findings_of(text, tmp_path))


CARD_VARIABLES = ["HCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME", "SOCKET_IFNAME"]


def findings_of_variables(variables):
    text = yaml.safe_dump({"env_vars": variables})
    network = network_of_runtime_env(parse_yaml(text, Path("env.yaml")))
    return [*load_rules().examine(replace(network, cards=lambda: CARDS))]


@pytest.mark.parametrize("variable", CARD_VARIABLES)
def test_a_runtime_env_s_network_card_is_looked_for(variable):
    assert not ids(findings_of_variables({variable: "eth0"})) & {
        "network-card-other-address",
        "network-card-absent",
    }
    [finding] = [
        f for f in findings_of_variables({variable: "eth9"}) if f.id == "network-card-absent"
    ]
    assert finding.at.key == f"env_vars.{variable}"
    assert "eth0" in finding.cause
    other = {variable: "eth0", "CURRENT_IP": "10.0.0.9"}
    assert "network-card-other-address" in ids(findings_of_variables(other))
    assert "network-card-other-address" not in ids(
        findings_of_variables({**other, "CURRENT_IP": "10.0.0.5"})
    )


@pytest.mark.parametrize("value", ["eth", "eth0,eth9", "^eth9", "=eth0", "$CARD", ""])
def test_what_hccl_spells_otherwise_is_no_missing_card(value):
    assert not ids(findings_of_variables({"HCCL_SOCKET_IFNAME": value})) & {
        "network-card-other-address",
        "network-card-absent",
    }


def test_a_runtime_env_s_missing_card_is_found_on_this_machine(spoil, configs, findings):
    run, name = configs / f"{SEVEN}.yaml", "network-card-absent"
    assert name not in ids(findings(run, runtime_env=configs / "envs" / "runtime_env.yaml"))
    spoiled = spoil("envs/runtime_env", {"env_vars/HCCL_SOCKET_IFNAME": "nocard77"})
    assert name in ids(findings(run, runtime_env=spoiled))


@pytest.mark.parametrize("name", ["msrl", "rlxf"])
@pytest.mark.parametrize("script", ["launch_single_node", "launch_multi_node"])
def test_the_shipped_scripts_pass(name, script, repo_root, findings):
    path = repo_root / "configs" / name / f"{script}.sh"
    found = findings(repo_root / f"configs/{SEVEN}.yaml", launch=path)
    assert not [f for f in found if f.level == "error"]
    assert ids(found) >= {"master-address-empty"}


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("vllm-dp-size-of-dense-model", {"env_vars/VLLM_DP_SIZE": "2"}),
        ("runtime-env-not-text", {"env_vars/HCCL_CONNECT_TIMEOUT": 1800}),
        ("runtime-env-no-hook", {"worker_process_setup_hook": None}),
        ("runtime-env-other-hook", {"worker_process_setup_hook": "mine.hook"}),
        ("runtime-env-disables-plugin", {"env_vars/MSRL_EXT_DISABLE": "1"}),
        ("master-address-loopback", {"env_vars/MASTER_ADDR": "localhost"}),
        (
            "runtime-env-network-cards-differ",
            {"env_vars/GLOO_SOCKET_IFNAME": "eth0", "env_vars/HCCL_SOCKET_IFNAME": "eth1"},
        ),
    ],
)
def test_a_runtime_env_with_a_fault_is_found(rule, changes, spoil, configs, findings):
    run = configs / f"{SEVEN}.yaml"
    clean = findings(run, runtime_env=configs / "envs" / "runtime_env.yaml")
    assert not ids(clean) & {rule}
    assert rule in ids(findings(run, runtime_env=spoil("envs/runtime_env", changes)))


VLLM_DP_SIZE = {"vllm-dp-size-of-dense-model", "vllm-dp-size-of-experts", "vllm-dp-size-not-set"}


def test_vllm_s_dp_size_is_the_expert_parallel_size_of_a_mixture(spoil, findings):
    moe = {
        "actor_config/num_experts": 8,
        "actor_config/moe_tp_extend_ep": True,
        "generate_config/infer_expert_parallel_size": 4,
    }
    right = spoil("envs/runtime_env", {"env_vars/VLLM_DP_SIZE": "4"})
    run = spoil(SEVEN, moe)
    assert not ids(findings(run, runtime_env=right)) & VLLM_DP_SIZE
    wrong = spoil("envs/runtime_env", {"env_vars/VLLM_DP_SIZE": "1"})
    assert "vllm-dp-size-of-experts" in ids(findings(run, runtime_env=wrong))


def test_a_mixture_needs_vllm_s_dp_size_and_a_dense_model_does_not(spoil, configs, findings, gone):
    without = spoil("envs/runtime_env", {"env_vars/VLLM_DP_SIZE": gone})
    dense = findings(configs / f"{SEVEN}.yaml", runtime_env=without)
    assert not ids(dense) & VLLM_DP_SIZE
    moe = {"actor_config/num_experts": 8, "generate_config/infer_expert_parallel_size": 8}
    run = spoil(SEVEN, moe)
    [finding] = [f for f in findings(run, runtime_env=without) if f.id in VLLM_DP_SIZE]
    assert "not set" in finding.cause
    assert "没有设置" in finding.words("zh")[0]
    assert "'8'" in finding.remedy
