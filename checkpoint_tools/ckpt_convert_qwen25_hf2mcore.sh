#!/usr/bin/env bash
# Qwen2.5-7B: HuggingFace -> Megatron-core
# 用法: LOAD_DIR=... SAVE_DIR=... TP=2 PP=2 bash ckpt_convert_qwen25_hf2mcore.sh
set -euo pipefail
exec bash "$(dirname "${BASH_SOURCE[0]}")/ckpt_convert_hf2mcore.sh" qwen25 "$@"
