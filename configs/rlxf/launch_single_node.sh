#!/usr/bin/env bash
# MindSpeed-LLM of Feb 2025 on one node: Ray, then the trainer; both end with this script.
# 用法: 在宿主代码目录下: CONFIG=r1_zero_qwen25_7b_instruct bash .../configs/rlxf/launch_single_node.sh
# Further arguments go to the trainer.
set -euo pipefail

export NNODES=1
export NPUS_PER_NODE="${NPUS_PER_NODE:-16}"      # Atlas A3: 16, A2: 8
export MASTER_ADDR="${MASTER_ADDR:-}"            # this node's IP, never localhost; empty: found by itself
export SOCKET_IFNAME="${SOCKET_IFNAME:-}"        # its network card; empty: that of the default route
export CONFIG="${CONFIG:-r1_zero_qwen25_7b_instruct}"

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
exec bash "$here/launch_multi_node.sh" "$@"
