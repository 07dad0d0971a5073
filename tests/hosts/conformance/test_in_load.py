"""The host's model and `load_checkpoint` take our checkpoints, strictly; what it saves comes back.

Rank files in every line, torch_dist where the line takes it; where it does not, it has to say so.

Two ranks over gloo on a CPU. Every parameter is overwritten before the load, so that one which is
not loaded would not come back.
"""

from __future__ import annotations

import os
import subprocess

import pytest

from mindspeed_rl_ext.checkpoint.mapping.targets import TARGETS

# The same model as in the flags below.
SIZES = {
    "num_hidden_layers": 2, "hidden_size": 16, "vocab_size": 128, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 24, "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6, "rope_theta": 1e6, "tie_word_embeddings": False,
}  # fmt: skip
FLAGS = """
    --num-layers 2 --hidden-size 16 --num-attention-heads 4 --group-query-attention
    --num-query-groups 2 --ffn-hidden-size 24 --max-position-embeddings 64 --seq-length 32
    --micro-batch-size 1 --global-batch-size 1 --tokenizer-type NullTokenizer --vocab-size 127
    --padded-vocab-size 128 --make-vocab-size-divisible-by 1 --position-embedding-type rope
    --rotary-base 1000000 --normalization RMSNorm --norm-epsilon 1e-6 --swiglu
    --disable-bias-linear --add-qkv-bias --untie-embeddings-and-output-weights --bf16
    --use-cpu-initialization --transformer-impl local --use-mcore-models --no-load-optim
    --no-load-rng --no-save-optim --no-save-rng --distributed-backend gloo
    --no-masked-softmax-fusion --no-gradient-accumulation-fusion --no-bias-swiglu-fusion
    --no-rope-fusion --lr 1e-5 --train-iters 1 --save-interval 1
"""
LAYOUTS = ({"name": "tp2", "tp": 2, "pp": 1}, {"name": "pp2", "tp": 1, "pp": 2})
# Lines on Megatron core 0.12 have this flag.
NEWER = tuple(
    {**layout, "name": f"{layout['name']}-{name}", "format": name}
    for name in ("torch", "torch_dist")
    for layout in LAYOUTS
)
OURS = {"torch": "mg", "torch_dist": "torch_dist"}


@pytest.fixture(scope="session")
def qwen2(tmp_path_factory):
    """A tiny Qwen2 with random weights, biases too."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("load") / "hf"
    torch.manual_seed(0)
    model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**SIZES))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter.data)
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


def loads_torch_dist(line):
    return TARGETS[line.adapter.name.lower().replace(" ", "-")].loads_torch_dist


def test_our_shards_load_strictly_and_what_the_host_saves_comes_back(
    llm_line, check, host_python, qwen2, tmp_path
):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")

    def convert(*words):
        done = subprocess.run(
            list(map(str, [host_python, "-m", "mindspeed_rl_ext.cli", "convert", *words])),
            env={"PATH": os.environ["PATH"]}, cwd=tmp_path,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    newer = any(one.folder == "megatron_012" for one in llm_line.adapter.checkouts)
    cases = [
        {**layout, "load": tmp_path / layout["name"], "save": tmp_path / f"saved_{layout['name']}"}
        for layout in (NEWER if newer else LAYOUTS)
    ]
    for case in cases:
        kind = OURS[case.get("format", "torch")]
        sizes = ("--target-tensor-parallel-size", case["tp"],
                 "--target-pipeline-parallel-size", case["pp"])  # fmt: skip
        convert("--load-model-type", "hf", "--save-model-type", kind, "--load-dir", qwen2,
                "--save-dir", case["load"], *(sizes if kind == "mg" else ()))  # fmt: skip
    job = {"checkout": llm_line.paths()[0], "cases": cases, "words": FLAGS.split()}
    found = check(llm_line, "load_llm", job)
    for case in cases:
        ranks = found[case["name"]]
        if case.get("format") == "torch_dist" and not loads_torch_dist(llm_line):
            assert all("Detected load from a distributed checkpoint" in rank for rank in ranks)
            continue
        assert [rank for rank in ranks if isinstance(rank, str)] == []
        assert len(ranks) == 2
        back = tmp_path / f"back_{case['name']}"
        convert("--load-model-type", "mg", "--save-model-type", "hf", "--load-dir", case["save"],
                "--save-dir", back, "--hf-cfg-dir", qwen2)  # fmt: skip
        before = safetensors.load_file(qwen2 / "model.safetensors")
        after = {
            name: tensor
            for file in back.glob("*.safetensors")
            for name, tensor in safetensors.load_file(file).items()
        }
        assert set(after) == set(before)
        assert [name for name in before if not torch.equal(before[name], after[name])] == []
