#!/usr/bin/env bash
# GSM8K 数据预处理：只保留 prompt，参考答案写入 labels。
# GSM8K: prompts only, the reference answer as labels.
# 用法: TOKENIZER=... INPUT=... OUTPUT_PREFIX=... bash data_preprocess_gsm8k.sh
set -euo pipefail
exec bash "$(dirname "${BASH_SOURCE[0]}")/data_preprocess.sh" gsm8k "$@"
