# Shared by quickstart.sh and test.sh: one environment of our own, made once and used again.
#
# MSRL_EXT_USE_ENV=1    use the active environment instead (never one with torch_npu or mindspeed)
# PYTHON=/path/python   the Python to make .venv with (3.10 or newer)
# MSRL_EXT_TORCH_INDEX  where to take a CPU build of torch from, if pip's own index has none

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
TORCH_VERSION=2.13.0
export PIP_DISABLE_PIP_VERSION_CHECK=1

# fail WHAT [REMEDY]
fail() {
    printf 'error: %s\n' "$1" >&2
    [ -z "${2:-}" ] || printf '  remedy:   %s\n' "$2" >&2
    exit 2
}

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python python3.13 python3.12 python3.11 python3.10; do
        if command -v "$candidate" >/dev/null 2>&1 && is_recent "$candidate"; then
            command -v "$candidate"
            return
        fi
        [ -z "${PYTHON:-}" ] || fail "PYTHON=$PYTHON is not a Python 3.10 or newer" "name another one"
    done
    fail "no Python 3.10 or newer on PATH" "install one, or name it: PYTHON=/path/to/python3.11 bash $0"
}

# refuse_host PYTHON REMEDY. -I: a folder named mindspeed in the current directory is no host.
refuse_host() {
    "$1" -I - <<'PY' || fail "$1 holds a host (torch_npu or mindspeed): its packages must not move" "$2"
import sys
from importlib.util import find_spec
sys.exit(any(find_spec(name) for name in ("torch_npu", "mindspeed")))
PY
}

# Sets PY to the interpreter of the environment, and CONSTRAINTS to pip's flags.
choose_environment() {
    CONSTRAINTS=()
    if [ "${MSRL_EXT_USE_ENV:-0}" = 1 ]; then
        local home="${VIRTUAL_ENV:-${CONDA_PREFIX:-}}"
        [ -n "$home" ] || fail "MSRL_EXT_USE_ENV=1, but no environment is active" \
            "activate one, or unset MSRL_EXT_USE_ENV"
        PY="$home/bin/python"
        is_recent "$PY" || fail "$PY is not a Python 3.10 or newer" "activate another environment"
        refuse_host "$PY" "deactivate it, unset MSRL_EXT_USE_ENV, and run the script again"
        STAMP="$home/.msrl-ext"
        return
    fi
    PY="$ROOT/.venv/bin/python"
    if ! [ -x "$PY" ] || ! "$PY" -c 'import pip' 2>/dev/null; then
        local base
        base="$(find_python)"
        echo "making $ROOT/.venv with $("$base" --version)"
        rm -rf "$ROOT/.venv"
        "$base" -m venv "$ROOT/.venv" || fail "$base cannot make an environment" \
            "install its venv module (Debian: apt-get install python3-venv)"
    fi
    refuse_host "$PY" "remove $ROOT/.venv, and run the script again"
    STAMP="$ROOT/.venv/.msrl-ext"
    if "$PY" -c 'import sys; sys.exit(sys.version_info >= (3, 11))'; then
        CONSTRAINTS=(-c "$ROOT/scripts/constraints-py310.txt")
    else
        CONSTRAINTS=(-c "$ROOT/scripts/constraints.txt")
    fi
}

pip_install() {
    "$PY" -m pip install --quiet "$@"
}

# A CPU torch first: asking for a plain newest torch fetches gigabytes of CUDA.
install_torch() {
    "$PY" -I -c 'import torch' 2>/dev/null && return
    echo "installing torch $TORCH_VERSION (CPU)"
    if [ -n "${MSRL_EXT_TORCH_INDEX:-}" ]; then
        pip_install --index-url "$MSRL_EXT_TORCH_INDEX" "torch==$TORCH_VERSION"
    elif pip_install "torch==$TORCH_VERSION+cpu" 2>/dev/null; then
        return
    elif pip_install --index-url https://download.pytorch.org/whl/cpu --retries 0 --timeout 20 \
        "torch==$TORCH_VERSION" 2>/dev/null; then
        return
    else
        echo "no CPU build within reach: taking the default one, on Linux with gigabytes of CUDA" >&2
        pip_install "torch==$TORCH_VERSION"
    fi
}

# install_package NAME EXTRAS [PIP ARGUMENTS...]: skipped where nothing changed since the last time.
install_package() {
    local name="$1" extras="$2" key
    shift 2
    key="$(cat "$ROOT/pyproject.toml" "$ROOT/setup.py" "$ROOT"/scripts/constraints*.txt "$ROOT/scripts/common.sh" |
        cksum) $ROOT $extras $*"
    if [ "$(cat "$STAMP.$name" 2>/dev/null)" = "$key" ] &&
        "$PY" -I -c 'import mindspeed_rl_ext' 2>/dev/null; then
        return
    fi
    install_torch
    echo "installing mindspeed-rl-ext[$extras]"
    pip_install ${CONSTRAINTS[@]+"${CONSTRAINTS[@]}"} -e "$ROOT[$extras]" "$@"
    printf '%s' "$key" >"$STAMP.$name"
}
