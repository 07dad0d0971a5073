#!/usr/bin/env bash
# Qwen3-30B-A3B: HuggingFace -> Megatron-core
# 用法: LOAD_DIR=... SAVE_DIR=... TP=2 PP=2 EP=4 bash ckpt_convert_qwen3_30b_a3b_hf2mcore.sh
set -euo pipefail

: "${LOAD_DIR:?directory of the HuggingFace model}"
: "${SAVE_DIR:?directory of the Megatron checkpoint to write}"
TP="${TP:-2}"                              # tensor-parallel size
PP="${PP:-2}"                              # pipeline-parallel size
EP="${EP:-4}"                              # expert-parallel size; 128 experts
GROUPED="${GROUPED:-1}"                    # 1: one buffer of experts, as --moe-grouped-gemm in training
VOCAB_DIVISIBLE_BY="${VOCAB_DIVISIBLE_BY:-1}"  # as --make-vocab-size-divisible-by in training

grouped=()
if [[ "$GROUPED" == 1 ]]; then grouped=(--moe-grouped-gemm); fi
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"${PYTHON:-python3}" "$here/convert_ckpt.py" \
    --load-model-type hf \
    --save-model-type mg \
    --model-type-hf qwen3-moe \
    --target-tensor-parallel-size "$TP" \
    --target-pipeline-parallel-size "$PP" \
    --target-expert-parallel-size "$EP" \
    ${grouped[@]+"${grouped[@]}"} \
    --make-vocab-size-divisible-by "$VOCAB_DIVISIBLE_BY" \
    --load-dir "$LOAD_DIR" \
    --save-dir "$SAVE_DIR" \
    --verify \
    "$@"
