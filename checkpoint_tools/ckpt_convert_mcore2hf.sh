#!/usr/bin/env bash
# Megatron-core -> HuggingFace; the checkpoint and HF_CFG_DIR say what the model is, its TP and PP
# 用法: LOAD_DIR=... SAVE_DIR=... HF_CFG_DIR=... bash ckpt_convert_mcore2hf.sh
set -euo pipefail

: "${LOAD_DIR:?directory of the Megatron checkpoint}"
: "${SAVE_DIR:?directory of the HuggingFace model to write}"
: "${HF_CFG_DIR:?directory of the original HuggingFace model: config.json, tokenizer}"

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"${PYTHON:-python3}" "$here/convert_ckpt.py" \
    --load-model-type mg \
    --save-model-type hf \
    --hf-cfg-dir "$HF_CFG_DIR" \
    --load-dir "$LOAD_DIR" \
    --save-dir "$SAVE_DIR" \
    --verify \
    "$@"
