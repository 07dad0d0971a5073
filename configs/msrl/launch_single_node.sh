#!/usr/bin/env bash
# MindSpeed-RL on one node: Ray, then the trainer; both end with this script.
# 用法: 在宿主代码目录下: CONFIG=grpo_qwen25_7b bash .../configs/msrl/launch_single_node.sh
# Further arguments go to the trainer.
set -euo pipefail

export NNODES=1
export NPUS_PER_NODE="${NPUS_PER_NODE:-16}"      # Atlas A3: 16, A2: 8
export MASTER_ADDR="${MASTER_ADDR:-}"            # this node's IP, never localhost; empty: found by itself
export SOCKET_IFNAME="${SOCKET_IFNAME:-}"        # its network card; empty: that of the default route
export CONFIG="${CONFIG:-grpo_qwen25_7b}"

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
exec bash "$here/launch_multi_node.sh" "$@"
