#!/usr/bin/env bash
# The tests that need verl, in an environment of their own: bash scripts/test_verl.sh [pytest arguments]
# The environment is made in .venv-verl (several gigabytes, some minutes), once.
# CI does not run it: the environment and these tests take more than 5 minutes together.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

VERL_VERSION="${VERL_VERSION:-0.9.1}"
HOME_OF_VERL="$ROOT/.venv-verl"
PY="$HOME_OF_VERL/bin/python"
key="$VERL_VERSION $(cksum <"$ROOT/pyproject.toml") $(cksum <"$ROOT/setup.py")"
if [ "$(cat "$HOME_OF_VERL/.made" 2>/dev/null)" != "$key" ]; then
    base="$(find_python)"
    echo "making $HOME_OF_VERL with verl $VERL_VERSION"
    "$base" -m venv --clear "$HOME_OF_VERL"
    install_torch
    # verl does not name TransferQueue, which its default trainer needs; 0.9.1 was run with this transformers.
    pip_install "verl==$VERL_VERSION" "transformers<5.10" TransferQueue torchdata pytest hypothesis "setuptools<80" wheel
    pip_install --no-build-isolation -e "$ROOT[verify,data]"
    printf '%s' "$key" >"$HOME_OF_VERL/.made"
fi
cd "$ROOT"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
mapfile -t files < <(grep -rlE 'importorskip\("verl"' tests --include='*.py')
exec "$PY" -m pytest -p no:cacheprovider "${files[@]}" "$@"
