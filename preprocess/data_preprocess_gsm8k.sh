#!/usr/bin/env bash
# GSM8K 数据预处理：只保留 prompt，参考答案写入 labels。其余选项见 configs/datasets/gsm8k.yaml。
# GSM8K: prompts only, the reference answer as labels. Everything else: configs/datasets/gsm8k.yaml.
set -euo pipefail
# source /usr/local/Ascend/ascend-toolkit/set_env.sh   # 预处理不需要 NPU / no NPU is needed here

TOKENIZER="${TOKENIZER:-./model_from_hf/qwen25-7b}"
INPUT="${INPUT:-./dataset/gsm8k/main/train-00000-of-00001.parquet}"
OUTPUT_PREFIX="${OUTPUT_PREFIX:-./dataset/gsm8k/data}"

"${PYTHON:-python3}" "$(dirname "$0")/preprocess_prompts.py" \
    --config gsm8k \
    --input "$INPUT" \
    --tokenizer-name-or-path "$TOKENIZER" \
    --output-prefix "$OUTPUT_PREFIX" \
    "$@"
