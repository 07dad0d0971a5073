"""Launch scripts and runtime_env.yaml: master, network cards, variables, beside a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mindspeed_rl_ext.doctor import launch, runtime_env
from mindspeed_rl_ext.doctor.yaml_file import parse

SEVEN = "msrl/grpo_qwen25_7b"


def ids(found):
    return {f.id for f in found}


CARDS = {"lo": ["127.0.0.1"], "eth0": ["10.0.0.5"]}
GOOD = "NNODES=1\nNPUS_PER_NODE=16\nMASTER_ADDR=10.0.0.5\nSOCKET_IFNAME=eth0\n"


def said_of(text, tmp_path, needed=16):
    path = tmp_path / "start.sh"
    path.write_text(text)
    script = launch.read_script(path)
    return [
        *launch.cards(script, needed),
        *launch.master(script),
        *launch.network_card(script, lambda: CARDS),
        *launch.preloaded(script),
        *launch.broad_kills(script),
    ]


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("S1-13", "NPUS_PER_NODE=16", "NPUS_PER_NODE=8"),
        ("S1-14", "MASTER_ADDR=10.0.0.5", "MASTER_ADDR=localhost"),
        ("S1-14", "MASTER_ADDR=10.0.0.5", "export MASTER_ADDR=127.0.0.1"),
        ("S1-14", "MASTER_ADDR=10.0.0.5", 'MASTER_ADDR="${MASTER_ADDR:-localhost}"'),
        ("S1-14-differs", "NNODES=1", "NNODES=1\nCURRENT_IP=10.0.0.9"),
        ("S1-14-empty", "MASTER_ADDR=10.0.0.5", 'MASTER_ADDR="IP FOR MASTER NODE"'),
        ("S1-15", "SOCKET_IFNAME=eth0", "SOCKET_IFNAME=lo"),
        ("S1-15-absent", "SOCKET_IFNAME=eth0", "SOCKET_IFNAME=eth9"),
        ("S1-11", "NNODES=1", "export LD_PRELOAD=/no/libjemalloc.so.2\nNNODES=1"),
        ("R12-kill", "NNODES=1", "pkill -9 python\nNNODES=1"),
        ("R12-unset", "NNODES=1\n", ""),
    ],
)
def test_a_launch_script_with_a_fault_is_told(rule, old, new, tmp_path):
    assert ids(said_of(GOOD, tmp_path)) == {"S1-13-holds"}
    assert old in GOOD
    assert rule in ids(said_of(GOOD.replace(old, new), tmp_path))


def test_computed_addresses_and_other_nodes_are_left_alone(tmp_path):
    computed = GOOD.replace("10.0.0.5", "$(hostname -I)").replace("NNODES=1", "NNODES=2")
    assert ids(said_of(computed, tmp_path)) == {"S1-13-holds"}
    other_node = GOOD.replace("10.0.0.5", "10.0.0.9").replace("NNODES=1", "NNODES=2")
    assert ids(said_of(other_node, tmp_path)) == {"S1-13-holds"}


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
    assert "S1-14-differs" not in ids(said_of(text, tmp_path))


def test_a_loopback_address_is_told_once(tmp_path):
    text = GOOD.replace("=10.0.0.5", "=localhost").replace(
        "NNODES=1", "NNODES=1\nCURRENT_IP=10.0.0.5"
    )
    assert "S1-14" in ids(said_of(text, tmp_path))
    assert "S1-14-differs" not in ids(said_of(text, tmp_path))


CARD_VARIABLES = ["HCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME", "SOCKET_IFNAME"]


def said_of_variables(variables):
    text = yaml.safe_dump({"env_vars": variables})
    return [*runtime_env.rules(parse(text, Path("env.yaml")), None, lambda: CARDS)]


@pytest.mark.parametrize("variable", CARD_VARIABLES)
def test_a_runtime_env_s_network_card_is_looked_for(variable):
    assert not ids(said_of_variables({variable: "eth0"})) & {"S1-15", "S1-15-absent"}
    [told] = [f for f in said_of_variables({variable: "eth9"}) if f.id == "S1-15-absent"]
    assert told.at.key == f"env_vars.{variable}"
    assert "eth0" in told.cause
    other = {variable: "eth0", "CURRENT_IP": "10.0.0.9"}
    assert "S1-15" in ids(said_of_variables(other))
    assert "S1-15" not in ids(said_of_variables({**other, "CURRENT_IP": "10.0.0.5"}))


@pytest.mark.parametrize("value", ["eth", "eth0,eth9", "^eth9", "=eth0", "$CARD", ""])
def test_what_hccl_spells_otherwise_is_no_missing_card(value):
    assert not ids(said_of_variables({"HCCL_SOCKET_IFNAME": value})) & {"S1-15", "S1-15-absent"}


def test_a_runtime_env_s_missing_card_is_told_on_this_machine(spoil, configs, findings):
    run, name = configs / f"{SEVEN}.yaml", "S1-15-absent"
    assert name not in ids(findings(run, runtime_env=configs / "envs" / "runtime_env.yaml"))
    spoiled = spoil("envs/runtime_env", {"env_vars/HCCL_SOCKET_IFNAME": "nocard77"})
    assert name in ids(findings(run, runtime_env=spoiled))


@pytest.mark.parametrize("name", ["msrl", "rlxf"])
@pytest.mark.parametrize("script", ["launch_single_node", "launch_multi_node"])
def test_the_shipped_scripts_pass(name, script, repo_root, findings):
    path = repo_root / "configs" / name / f"{script}.sh"
    found = findings(repo_root / f"configs/{SEVEN}.yaml", launch=path)
    assert not [f for f in found if f.level == "error"]
    assert ids(found) >= {"S1-14-empty"}


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("S1-12", {"env_vars/VLLM_DP_SIZE": "2"}),
        ("S1-12-type", {"env_vars/HCCL_CONNECT_TIMEOUT": 1800}),
        ("S1-12-hook", {"worker_process_setup_hook": None}),
        ("S1-12-hook-other", {"worker_process_setup_hook": "mine.hook"}),
        ("R12-disabled", {"env_vars/MSRL_EXT_DISABLE": "1"}),
        ("S1-14", {"env_vars/MASTER_ADDR": "localhost"}),
        (
            "R12-cards-differ",
            {"env_vars/GLOO_SOCKET_IFNAME": "eth0", "env_vars/HCCL_SOCKET_IFNAME": "eth1"},
        ),
    ],
)
def test_a_runtime_env_with_a_fault_is_told(rule, changes, spoil, configs, findings):
    run = configs / f"{SEVEN}.yaml"
    clean = findings(run, runtime_env=configs / "envs" / "runtime_env.yaml")
    assert not ids(clean) & {rule}
    assert rule in ids(findings(run, runtime_env=spoil("envs/runtime_env", changes)))


def test_vllm_s_dp_size_is_the_expert_parallel_size_of_a_mixture(spoil, findings):
    moe = {
        "actor_config/num_experts": 8,
        "actor_config/moe_tp_extend_ep": True,
        "generate_config/infer_expert_parallel_size": 4,
    }
    right = spoil("envs/runtime_env", {"env_vars/VLLM_DP_SIZE": "4"})
    run = spoil(SEVEN, moe)
    assert "S1-12" not in ids(findings(run, runtime_env=right))
    wrong = spoil("envs/runtime_env", {"env_vars/VLLM_DP_SIZE": "1"})
    assert "S1-12" in ids(findings(run, runtime_env=wrong))


def test_a_mixture_needs_vllm_s_dp_size_and_a_dense_model_does_not(spoil, configs, findings, gone):
    without = spoil("envs/runtime_env", {"env_vars/VLLM_DP_SIZE": gone})
    dense = findings(configs / f"{SEVEN}.yaml", runtime_env=without)
    assert "S1-12" not in ids(dense)
    moe = {"actor_config/num_experts": 8, "generate_config/infer_expert_parallel_size": 8}
    run = spoil(SEVEN, moe)
    [told] = [f for f in findings(run, runtime_env=without) if f.id == "S1-12"]
    assert "not set" in told.cause
    assert "没有设置" in told.said("zh")[0]
    assert "'8'" in told.remedy
