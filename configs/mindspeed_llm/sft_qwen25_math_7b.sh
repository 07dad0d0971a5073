#!/usr/bin/env bash
# SimpleRL's first stage on MindSpeed-LLM: full fine-tuning of Qwen2.5-Math-7B on a teacher's long
# chains of thought. Not run by us on an NPU.
#
# Before:  msrl-ext train --config simplerl --size real --stage sample   # the teacher's responses
#          bash checkpoint_tools/ckpt_convert_qwen25_math_hf2mcore.sh      # hf -> mcore, same TP and PP
# Run:     HOST=/path/to/MindSpeed-LLM TOKENIZER=... LOAD=... bash sft_qwen25_math_7b.sh
# After:   the step into GRPO at the end of this file.

set -euo pipefail

HOST="${HOST:-$PWD}"                                             # checkout of MindSpeed-LLM
TOKENIZER="${TOKENIZER:-$HOST/model_from_hf/qwen25-math-7b}"     # HuggingFace directory
LOAD="${LOAD:-$HOST/model_weights/qwen25-math-7b-tp2pp4}"        # mcore checkpoint of the base model
SAVE="${SAVE:-$HOST/save/simplerl-sft-tp2pp4}"                   # mcore checkpoint to write
ALPACA="${ALPACA:-$HOST/train_output/simplerl/sample/alpaca.jsonl}" # instruction, input, output
DATA="${DATA:-$HOST/dataset/simplerl_sft/data}"                  # prefix of the packed files
TP="${TP:-2}" PP="${PP:-4}"                                      # as in the conversion
NPUS_PER_NODE="${NPUS_PER_NODE:-8}" NNODES="${NNODES:-1}" NODE_RANK="${NODE_RANK:-0}"
MASTER_ADDR="${MASTER_ADDR:-127.0.0.1}" MASTER_PORT="${MASTER_PORT:-6000}"
GLOBAL_BATCH="${GLOBAL_BATCH:-64}" MICRO_BATCH="${MICRO_BATCH:-1}"
ITERATIONS="${ITERATIONS:-400}" LEARNING_RATE="${LEARNING_RATE:-1e-5}"
# The template of the RL stage too: what is learned here is asked for there.
PROMPT_TYPE="${PROMPT_TYPE:-qwen_math_r1}"
CANN="${CANN:-/usr/local/Ascend/ascend-toolkit/set_env.sh}"
# From MindSpeed-LLM 26.1 on: torch, or it saves torch_dist; older lines do not know the flag.
CKPT_FORMAT="${CKPT_FORMAT:-}"
PRINT="${PRINT:-0}"                                              # 1 shows the commands, runs nothing

run() {
    if [ "$PRINT" = 1 ]; then
        printf '%q ' "$@"
        printf '\n'
    else
        "$@"
    fi
}

if [ "$PRINT" != 1 ]; then
    for path in "$HOST/posttrain_gpt.py" "$ALPACA" "$LOAD/latest_checkpointed_iteration.txt"; do
        [ -e "$path" ] || { printf 'error: no %s\n' "$path" >&2; exit 2; }
    done
    # shellcheck disable=SC1090
    [ ! -f "$CANN" ] || source "$CANN"
    cd "$HOST"
    mkdir -p "$(dirname "$DATA")" logs
fi
export CUDA_DEVICE_MAX_CONNECTIONS=1

# Responses belong into the samples here, so it is the host's own instruction handler.
run python preprocess_data.py \
    --input "$ALPACA" --output-prefix "$DATA" \
    --tokenizer-type PretrainedFromHF --tokenizer-name-or-path "$TOKENIZER" \
    --handler-name AlpacaStyleInstructionHandler --prompt-type "$PROMPT_TYPE" \
    --workers 8 --log-interval 1000

MODEL=(--use-mcore-models --num-layers 28 --hidden-size 3584 --ffn-hidden-size 18944
    --num-attention-heads 28 --group-query-attention --num-query-groups 4
    --normalization RMSNorm --norm-epsilon 1e-6 --swiglu --add-qkv-bias --disable-bias-linear
    --untie-embeddings-and-output-weights --make-vocab-size-divisible-by 1 --padded-vocab-size 152064
    # Qwen2.5-Math: not the 1000000 and 32768 of Qwen2.5.
    --position-embedding-type rope --rotary-base 10000 --max-position-embeddings 4096)
TRAINING=(--finetune --stage sft --is-instruction-dataset --prompt-type "$PROMPT_TYPE"
    --variable-seq-lengths --seq-length 4096 --micro-batch-size "$MICRO_BATCH"
    --global-batch-size "$GLOBAL_BATCH" --train-iters "$ITERATIONS" --lr "$LEARNING_RATE"
    --lr-decay-style cosine --min-lr 0 --lr-warmup-fraction 0.03 --weight-decay 0.0 --clip-grad 1.0
    --adam-beta1 0.9 --adam-beta2 0.95 --attention-dropout 0.0 --hidden-dropout 0.0
    --init-method-std 0.01 --seed 1234 --bf16)
SPEED=(--tensor-model-parallel-size "$TP" --pipeline-model-parallel-size "$PP"
    --use-distributed-optimizer --overlap-grad-reduce --overlap-param-gather --use-flash-attn
    --use-fused-swiglu --use-fused-rmsnorm --use-fused-rotary-pos-emb
    --no-gradient-accumulation-fusion --no-masked-softmax-fusion --attention-softmax-in-fp32)
FILES=(--data-path "$DATA" --split 100,0,0 --tokenizer-type PretrainedFromHF
    --tokenizer-name-or-path "$TOKENIZER" --load "$LOAD" --save "$SAVE"
    ${CKPT_FORMAT:+--ckpt-format "$CKPT_FORMAT"} --no-load-optim --no-load-rng
    --save-interval "$ITERATIONS"
    --log-interval 1 --eval-interval "$ITERATIONS" --eval-iters 0 --distributed-backend nccl)

run torchrun --nproc_per_node "$NPUS_PER_NODE" --nnodes "$NNODES" --node_rank "$NODE_RANK" \
    --master_addr "$MASTER_ADDR" --master_port "$MASTER_PORT" \
    posttrain_gpt.py "${MODEL[@]}" "${TRAINING[@]}" "${SPEED[@]}" "${FILES[@]}"

# The step into GRPO: the RL configuration wants its own TP and PP, and only weights.
#   msrl-ext convert --load-model-type mg --save-model-type mg --load-dir "$SAVE" \
#     --save-dir ./model_weights/simplerl-tp2pp2 \
#     --target-tensor-parallel-size 2 --target-pipeline-parallel-size 2 --verify
#   # actor_config.load (and the reference model's) in configs/msrl/grpo_qwen25_math_7b.yaml: that
#   msrl-ext train --config simplerl --size real --engine mindspeed-rl --host /path/to/MindSpeed-RL
run msrl-ext inspect "$SAVE"
