#!/usr/bin/env bash
# MATH-8K 数据预处理：只保留 prompt，参考答案写入 labels。其余选项见 configs/datasets/math_8k.yaml。
# MATH-8K: prompts only, the reference answer as labels. Everything else: configs/datasets/math_8k.yaml.
set -euo pipefail
# source /usr/local/Ascend/ascend-toolkit/set_env.sh   # 预处理不需要 NPU / no NPU is needed here

TOKENIZER="${TOKENIZER:-./model_from_hf/qwen25-7b}"
INPUT="${INPUT:-./simpleRL-reason/train/data/math_level3to5_data_processed_with_qwen_prompt.json}"
OUTPUT_PREFIX="${OUTPUT_PREFIX:-./dataset/math_8k/data}"

"${PYTHON:-python3}" "$(dirname "$0")/preprocess_prompts.py" \
    --config math_8k \
    --input "$INPUT" \
    --tokenizer-name-or-path "$TOKENIZER" \
    --output-prefix "$OUTPUT_PREFIX" \
    "$@"
