#!/usr/bin/env bash
# Style, types and tests: bash scripts/test.sh [pytest arguments]
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

choose_environment
install_package test train,report,data,verify,ray,test,docs
install_oracle() {
    "$PY" -I -c 'import megatron.core' 2>/dev/null && return
    echo "installing megatron-core, the oracle of the checkpoint tests"
    # Without its dependencies: they would move torch, and the tests need none of them.
    pip_install --no-deps megatron-core==0.16.1 ||
        echo "no megatron-core within reach: its tests will be skipped" >&2
}
install_oracle
cd "$ROOT"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
"$PY" -m ruff check .
"$PY" -m ruff format --check .
"$PY" -m mypy
# One worker per core (PYTEST_XDIST_AUTO_NUM_WORKERS=N for another number, -n 0 for none).
"$PY" -m pytest -n auto --dist worksteal "$@"
