#!/usr/bin/env bash
# Qwen2.5-32B: HuggingFace -> Megatron-core
# 用法: LOAD_DIR=... SAVE_DIR=... TP=8 PP=2 bash ckpt_convert_qwen25_32b_hf2mcore.sh
set -euo pipefail

: "${LOAD_DIR:?directory of the HuggingFace model}"
: "${SAVE_DIR:?directory of the Megatron checkpoint to write}"
TP="${TP:-8}"                              # tensor-parallel size
PP="${PP:-2}"                              # pipeline-parallel size
VOCAB_DIVISIBLE_BY="${VOCAB_DIVISIBLE_BY:-1}"  # as --make-vocab-size-divisible-by in training

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"${PYTHON:-python3}" "$here/convert_ckpt.py" \
    --load-model-type hf \
    --save-model-type mg \
    --model-type-hf qwen25 \
    --target-tensor-parallel-size "$TP" \
    --target-pipeline-parallel-size "$PP" \
    --make-vocab-size-divisible-by "$VOCAB_DIVISIBLE_BY" \
    --load-dir "$LOAD_DIR" \
    --save-dir "$SAVE_DIR" \
    --verify \
    "$@"
