#!/usr/bin/env bash
# MindSpeed-LLM of Feb 2025 on several nodes: the same script, with the same values, on every node.
# 用法: 在每个节点的宿主代码目录下: CONFIG=r1_zero_qwen25_7b_instruct bash .../configs/rlxf/launch_multi_node.sh
# Code, weights and data lie at the same paths everywhere. Further arguments go to the trainer.
set -euo pipefail

NNODES="${NNODES:-2}"                            # nodes in all
NPUS_PER_NODE="${NPUS_PER_NODE:-16}"             # Atlas A3: 16, A2: 8
MASTER_ADDR="${MASTER_ADDR:-}"                   # the head node's IP, never localhost
SOCKET_IFNAME="${SOCKET_IFNAME:-}"               # this node's network card; empty: that of the default route
CONFIG="${CONFIG:-r1_zero_qwen25_7b_instruct}"  # a file beside this script, without .yaml
TRAINER="${TRAINER:-ray_gpt.py}"                   # the host's trainer
RAY_PORT="${RAY_PORT:-6344}"                     # of the head node
# jemalloc, where it is installed, keeps long runs from running out of memory:
# export LD_PRELOAD=/usr/lib/aarch64-linux-gnu/libjemalloc.so.2   # find /usr -name 'libjemalloc.so*'

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
configs="$(dirname "$here")"
# shellcheck source=../envs/start_on_ray.sh
source "$configs/envs/start_on_ray.sh"

[ -f "$TRAINER" ] || fail "no $TRAINER here; start the script in the host's directory"
[ -f "$here/$CONFIG.yaml" ] || fail "no $here/$CONFIG.yaml"
find_addresses
ask_doctor "$here/$CONFIG.yaml"
start_ray
if [ "$CURRENT_IP" != "$MASTER_ADDR" ]; then
    wait "$RAY_PID" # until the head node ends
    exit
fi
wait_for_npus
mkdir -p logs
"${PYTHON:-python}" "$TRAINER" --config-path "$here" --config-name "$CONFIG" \
    "hydra.searchpath=[file://$configs]" "$@" 2>&1 | tee "logs/$CONFIG.log"
