#!/usr/bin/env bash
# The whole loop on a CPU in a few minutes: bash scripts/quickstart.sh [msrl-ext quickstart flags]
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

choose_environment
install_package quickstart train,report,data,verify
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec "$(dirname "$PY")/msrl-ext" quickstart "$@"
