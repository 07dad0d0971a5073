#!/usr/bin/env bash
# The plugin in every real host, on a CPU, as one command:
#   bash tests/hosts/run.sh --list           the lines, and what each stands on
#   bash tests/hosts/run.sh DIR [pytest arguments]
# DIR holds the checkouts, named as in the list; what is missing is named with the command that gets
# it, and its lines are left out. The environment is made in DIR/.environment (Python 3.11), once.
#
# MSRL_EXT_JOBS          how many lines at a time (3: a line waits for its Ray and its ranks half of its time)
# MSRL_EXT_TORCH_INDEX   where to take a CPU build of torch from, if pip's own index has none
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"

HERE="$ROOT/tests/hosts/conformance"

checkouts() {
    PYTHONPATH="$ROOT" PYTHONDONTWRITEBYTECODE=1 "$(find_python)" "$HERE/checkouts.py" "$@"
}

make_environment() {
    local base="${PYTHON:-python3.11}" home="$DIR/.environment" key
    key="$(cksum <"$HERE/requirements.txt")"
    PY="$home/bin/python"
    [ "$(cat "$home/.made" 2>/dev/null)" = "$key" ] && return
    command -v "$base" >/dev/null || fail "no $base, which the hosts' libraries need" \
        "install it, or name it: PYTHON=/path/to/python3.11"
    echo "making $home"
    "$base" -m venv --clear "$home"
    install_torch
    pip_install -r "$HERE/requirements.txt"
    # Megatron 0.8 needs pkg_resources; torch's own metadata ask for a newer one, in vain.
    pip_install "setuptools==69.5.1"
    printf '%s' "$key" >"$home/.made"
}

if [ "${1:-}" = --list ]; then
    checkouts
    exit
fi
[ -d "${1:-}" ] || fail "no directory of checkouts: ${1:-}" "bash $0 --list names what it holds"
DIR="$(cd "$1" && pwd)"
shift
checkouts "$DIR"
make_environment
cd "$ROOT"
export MSRL_EXT_HOSTS="$DIR" PYTHONPATH="$ROOT" OMP_NUM_THREADS=1
exec "$PY" -m pytest tests/hosts/conformance -n "${MSRL_EXT_JOBS:-3}" --dist loadgroup \
    -p no:cacheprovider -o addopts=--import-mode=importlib "$@"
