#!/usr/bin/env bash
# verl on several nodes: the same script, with the same values, on every node.
# 用法: 在每个节点: CONFIG=dapo_17k_fsdp2 bash .../configs/verl/launch_multi_node.sh
# Weights and data lie at the same paths everywhere. Further arguments are overrides of hydra.
set -euo pipefail

NNODES="${NNODES:-2}"                            # nodes in all
NPUS_PER_NODE="${NPUS_PER_NODE:-8}"              # Atlas A2: 8, A3: 16
MASTER_ADDR="${MASTER_ADDR:-}"                   # the head node's IP, never localhost
SOCKET_IFNAME="${SOCKET_IFNAME:-}"               # this node's network card; empty: that of the default route
CONFIG="${CONFIG:-dapo_17k_fsdp2}"               # a file beside this script, without .yaml
RAY_PORT="${RAY_PORT:-6766}"                     # of the head node

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
configs="$(dirname "$here")"
# shellcheck source=../envs/start_on_ray.sh
source "$configs/envs/start_on_ray.sh"
# The processes of Ray that verl starts have them from the YAML; those of `ray start` from here.
export RAY_EXPERIMENTAL_NOSET_ASCEND_RT_VISIBLE_DEVICES="${RAY_EXPERIMENTAL_NOSET_ASCEND_RT_VISIBLE_DEVICES:-1}"
# FSDP must not have what Megatron needs.
case "$CONFIG" in *megatron*) ;; *) unset CUDA_DEVICE_MAX_CONNECTIONS ;; esac

[ -f "$here/$CONFIG.yaml" ] || fail "no $here/$CONFIG.yaml"
"${PYTHON:-python}" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("verl") is None)' ||
    fail "verl is not installed for ${PYTHON:-python}"
find_addresses
[ "${SKIP_DOCTOR:-0}" = 1 ] || msrl-ext doctor --verl "$here/$CONFIG.yaml" ||
    fail "the doctor found errors in $CONFIG.yaml (SKIP_DOCTOR=1 starts all the same)"
start_ray
if [ "$CURRENT_IP" != "$MASTER_ADDR" ]; then
    wait "$RAY_PID" # until the head node ends
    exit
fi
wait_for_npus
mkdir -p logs
"${PYTHON:-python}" -m verl.trainer.main_ppo --config-path "$here" --config-name "$CONFIG" \
    "trainer.nnodes=$NNODES" "trainer.n_gpus_per_node=$NPUS_PER_NODE" "$@" 2>&1 | tee "logs/$CONFIG.log"
