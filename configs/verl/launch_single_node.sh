#!/usr/bin/env bash
# verl on one node: Ray, then the trainer; both end with this script.
# 用法: CONFIG=simplerl_zero_fsdp2 bash .../configs/verl/launch_single_node.sh
# Further arguments are overrides of hydra.
set -euo pipefail

export NNODES=1
export NPUS_PER_NODE="${NPUS_PER_NODE:-8}"       # Atlas A2: 8, A3: 16
export MASTER_ADDR="${MASTER_ADDR:-}"            # this node's IP, never localhost; empty: found by itself
export SOCKET_IFNAME="${SOCKET_IFNAME:-}"        # its network card; empty: that of the default route
export CONFIG="${CONFIG:-simplerl_zero_fsdp2}"

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
exec bash "$here/launch_multi_node.sh" "$@"
