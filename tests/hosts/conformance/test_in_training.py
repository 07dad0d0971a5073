"""MindSpeed-LLM's own fine-tuning: five steps from our shards and data, as in transformers.

Run: posttrain_gpt.py of 26.1 in float32 over gloo, in one process and in four (TP2 PP2).
Not run: other lines, data and expert parallelism, NPU kernels.
"""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mindspeed_rl_ext.preprocess.packing.packed import read_packed
from mindspeed_rl_ext.preprocess.packing.writer import PackedWriter
from mindspeed_rl_ext.recipes.tasks import largest

TRAIN = Path(__file__).parent / "checks" / "train_llm.py"

STEPS, BATCH, RATE = 5, 4, 1e-3
SIZES = {
    "hidden_size": 64, "intermediate_size": 96, "max_position_embeddings": 256,
}  # fmt: skip
HOST = f"""
--finetune --stage sft --is-instruction-dataset --prompt-type empty --variable-seq-lengths
--padded-samples --no-pad-to-seq-lengths --use-mcore-models --transformer-impl local
--num-layers 2 --hidden-size 64 --ffn-hidden-size 96 --num-attention-heads 4
--group-query-attention --num-query-groups 2 --max-position-embeddings 256 --seq-length 64
--disable-bias-linear --add-qkv-bias --swiglu --normalization RMSNorm --norm-epsilon 1e-6
--position-embedding-type rope --rotary-base 1000000 --untie-embeddings-and-output-weights
--make-vocab-size-divisible-by 1 --tokenizer-type PretrainedFromHF
--attention-dropout 0.0 --hidden-dropout 0.0 --micro-batch-size 1 --global-batch-size {BATCH}
--train-iters {STEPS} --lr {RATE} --min-lr {RATE} --lr-decay-style constant --weight-decay 0.0
--clip-grad 1.0 --adam-beta1 0.9 --adam-beta2 0.95 --adam-eps 1e-8 --no-shuffle --num-workers 0
--no-gradient-accumulation-fusion --no-masked-softmax-fusion --no-bias-swiglu-fusion
--no-rope-fusion --attention-softmax-in-fp32 --ckpt-format torch --split 100,0,0
--no-load-optim --no-load-rng --no-save-optim --no-save-rng --seed 1234 --log-interval 1
--save-interval {STEPS} --eval-interval 100 --eval-iters 0 --distributed-backend nccl
""".split()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def make_inputs(folder, tokenizer_dir, save_model):
    """A tiny Qwen2 in float32 with its tokenizer, and instruction files by our writer."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(tokenizer_dir)
    vocab = -(-len(tokenizer) // 64) * 64  # padded, as Qwen's is
    save_model(folder / "hf", "Qwen2", "float32", vocab_size=vocab, **SIZES)
    tokenizer.save_pretrained(folder / "hf")
    writer = PackedWriter(folder, "sft", ("input_ids", "attention_mask", "labels"))
    problems, _ = largest.split_problems(0)
    for problem, text in largest.solutions(problems, STEPS * BATCH, 0):
        prompt = tokenizer(problem.prompt)["input_ids"]
        response = [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
        row = {"input_ids": prompt + response, "labels": [-100] * len(prompt) + response}
        writer.add({**row, "attention_mask": [1] * len(row["labels"])})
    writer.finish()
    writer.close()
    return vocab


def train_in_transformers(folder):
    """The loss of each step, and the model afterwards."""
    import torch
    import transformers

    data = read_packed(folder / "sft")
    model = transformers.Qwen2ForCausalLM.from_pretrained(folder / "hf", dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, (0.9, 0.95), 1e-8, weight_decay=0.0)
    losses = []
    for step in range(STEPS):
        losses.append(0.0)
        for row in (data[i] for i in range(step * BATCH, (step + 1) * BATCH)):
            ids, labels = (torch.tensor([row[key].tolist()]) for key in ("input_ids", "labels"))
            loss = model(ids, labels=labels).loss / BATCH
            loss.backward()
            losses[-1] += loss.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return losses, model


@pytest.mark.parametrize(("tp", "pp"), [(1, 1), (2, 2)], ids=["one-process", "tp2-pp2"])
def test_five_steps_have_the_losses_and_weights_of_transformers(
    llm_line, script, convert, save_model, tokenizer_dir, tmp_path, tp, pp
):
    if llm_line.name != "LLM_261":
        pytest.skip("its training was not tried")
    import torch
    import transformers

    vocab = make_inputs(tmp_path, tokenizer_dir, save_model)
    hf, mg, trained, back = (tmp_path / name for name in ("hf", "mg", "trained", "back"))
    convert("--verify", "--load-model-type", "hf", "--save-model-type", "mg", "--load-dir", hf,
            "--save-dir", mg, "--target", "mindspeed-llm-26.1", "--make-vocab-size-divisible-by", 1,
            "--target-tensor-parallel-size", tp, "--target-pipeline-parallel-size", pp)  # fmt: skip
    port = str(free_port())

    def train(rank):
        return script(
            llm_line, TRAIN, llm_line.paths()[0] / "posttrain_gpt.py", *HOST,
            "--padded-vocab-size", vocab, "--tensor-model-parallel-size", tp,
            "--pipeline-model-parallel-size", pp, "--tokenizer-name-or-path", hf,
            "--data-path", tmp_path / "sft", "--load", mg, "--save", trained,
            RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(tp * pp), MASTER_PORT=port,
            MASTER_ADDR="127.0.0.1", CUDA_DEVICE_MAX_CONNECTIONS="1", TORCH_COMPILE_DISABLE="1",
            TORCHDYNAMO_DISABLE="1", TORCH_EXTENSIONS_DIR=str(tmp_path / f"extensions{rank}"),
        )  # fmt: skip

    with ThreadPoolExecutor(tp * pp) as ranks:
        done = list(ranks.map(train, range(tp * pp)))
    for one in done:
        assert one.returncode == 0, one.stdout[-2000:] + one.stderr[-6000:]
    losses = [float(loss) for loss in re.findall(r"lm loss: (\S+)", done[-1].stdout)]
    expected, model = train_in_transformers(tmp_path)
    assert losses == pytest.approx(expected, abs=1e-4)
    assert losses[-1] < losses[0]
    convert("--verify", "--load-model-type", "mg", "--save-model-type", "hf", "--load-dir",
            trained, "--save-dir", back, "--hf-cfg-dir", hf)  # fmt: skip
    found = transformers.Qwen2ForCausalLM.from_pretrained(back, dtype=torch.float32).state_dict()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(found[name], tensor, atol=1e-4, rtol=0)
