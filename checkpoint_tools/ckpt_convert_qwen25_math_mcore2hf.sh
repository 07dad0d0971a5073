#!/usr/bin/env bash
# Qwen2.5-Math-7B: Megatron-core -> HuggingFace
# 用法: LOAD_DIR=... SAVE_DIR=... HF_CFG_DIR=... bash ckpt_convert_qwen25_math_mcore2hf.sh
set -euo pipefail
exec bash "$(dirname "${BASH_SOURCE[0]}")/ckpt_convert_mcore2hf.sh" "$@"
