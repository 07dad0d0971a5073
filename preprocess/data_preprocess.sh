#!/usr/bin/env bash
# 数据预处理：只保留 prompt，参考答案写入 labels。其余选项见 configs/datasets/RECIPE.yaml。
# Data: prompts only, the reference answer as labels. Everything else: configs/datasets/RECIPE.yaml.
# 用法: TOKENIZER=... INPUT=... OUTPUT_PREFIX=... bash data_preprocess.sh gsm8k
# 配方 / recipes: gsm8k math_8k math_17k deepscaler r1_zero countdown
set -euo pipefail
# source /usr/local/Ascend/ascend-toolkit/set_env.sh   # 预处理不需要 NPU / no NPU is needed here

recipe="${1:?a data recipe, such as gsm8k; the head of this script lists them}"
shift
options=()
if [[ -n "${TOKENIZER:-}" ]]; then options+=(--tokenizer-name-or-path "$TOKENIZER"); fi
if [[ -n "${INPUT:-}" ]]; then options+=(--input "$INPUT"); fi
if [[ -n "${OUTPUT_PREFIX:-}" ]]; then options+=(--output-prefix "$OUTPUT_PREFIX"); fi

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"${PYTHON:-python3}" "$here/preprocess_prompts.py" \
    --config "$recipe" \
    ${options[@]+"${options[@]}"} \
    "$@"
