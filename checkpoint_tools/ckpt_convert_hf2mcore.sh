#!/usr/bin/env bash
# HuggingFace -> Megatron-core
# 用法: LOAD_DIR=... SAVE_DIR=... TP=2 PP=2 bash ckpt_convert_hf2mcore.sh qwen25
# 模型 / models: qwen25 qwen25_math qwen25_7b_instruct qwen25_32b qwen3_8b qwen3_30b_a3b
set -euo pipefail

model="${1:?a model, such as qwen25; the head of this script lists them}"
shift
ep=1 grouped=0
case "$model" in
    qwen25 | qwen25_math | qwen25_7b_instruct | qwen3_8b) tp=2 pp=2 ;;
    qwen25_32b) tp=8 pp=2 ;;
    qwen3_30b_a3b) tp=2 pp=2 ep=4 grouped=1 ;;
    *)
        echo "unknown model '$model': the head of $0 lists them; for others call convert_ckpt.py" >&2
        exit 2
        ;;
esac
: "${LOAD_DIR:?directory of the HuggingFace model}"
: "${SAVE_DIR:?directory of the Megatron checkpoint to write}"
TP="${TP:-$tp}"                                # tensor-parallel size
PP="${PP:-$pp}"                                # pipeline-parallel size
EP="${EP:-$ep}"                                # expert-parallel size
GROUPED="${GROUPED:-$grouped}"                 # 1: one buffer of experts, as --moe-grouped-gemm in training
VOCAB_DIVISIBLE_BY="${VOCAB_DIVISIBLE_BY:-1}"  # as --make-vocab-size-divisible-by in training

experts=()
if [[ "$EP" != 1 ]]; then experts+=(--target-expert-parallel-size "$EP"); fi
if [[ "$GROUPED" == 1 ]]; then experts+=(--moe-grouped-gemm); fi
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"${PYTHON:-python3}" "$here/convert_ckpt.py" \
    --load-model-type hf \
    --save-model-type mg \
    --target-tensor-parallel-size "$TP" \
    --target-pipeline-parallel-size "$PP" \
    ${experts[@]+"${experts[@]}"} \
    --make-vocab-size-divisible-by "$VOCAB_DIVISIBLE_BY" \
    --load-dir "$LOAD_DIR" \
    --save-dir "$SAVE_DIR" \
    --verify \
    "$@"
