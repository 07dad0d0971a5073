"""The host's model and `load_checkpoint` take our checkpoints, strictly; what it saves comes back.

Rank files in every line, torch_dist where the line takes it; where it does not, it has to say so.

Two ranks over gloo on a CPU. Every parameter is overwritten before the load, so that one which is
not loaded would not come back.
"""

from __future__ import annotations

import pytest

from mindspeed_rl_ext.checkpoint.mapping.targets import TARGETS

# The model of the fixture `qwen2`.
FLAGS = """
    --num-layers 2 --hidden-size 16 --num-attention-heads 4 --group-query-attention
    --num-query-groups 2 --ffn-hidden-size 24 --max-position-embeddings 64 --seq-length 32
    --micro-batch-size 1 --global-batch-size 1 --tokenizer-type NullTokenizer --vocab-size 127
    --make-vocab-size-divisible-by 1 --position-embedding-type rope
    --rotary-base 1000000 --normalization RMSNorm --norm-epsilon 1e-6 --swiglu
    --disable-bias-linear --add-qkv-bias --untie-embeddings-and-output-weights --bf16
    --use-cpu-initialization --transformer-impl local --use-mcore-models --no-load-optim
    --no-load-rng --no-save-optim --no-save-rng --distributed-backend gloo
    --no-masked-softmax-fusion --no-gradient-accumulation-fusion --no-bias-swiglu-fusion
    --no-rope-fusion --lr 1e-5 --train-iters 1 --save-interval 1
"""
LAYOUTS = ({"name": "tp2", "tp": 2, "pp": 1}, {"name": "pp2", "tp": 1, "pp": 2})
DIST = "torch_dist"


@pytest.fixture(scope="session")
def shards(convert, qwen2, tmp_path_factory):
    """What we write, the same for every line: shards in each layout, and torch_dist."""
    folder = tmp_path_factory.mktemp("shards")
    convert("--load-model-type", "hf", "--save-model-type", DIST, "--load-dir", qwen2,
            "--save-dir", folder / DIST)  # fmt: skip
    for layout in LAYOUTS:
        convert("--load-model-type", "hf", "--save-model-type", "mg", "--load-dir", qwen2,
                "--save-dir", folder / layout["name"],
                "--target-tensor-parallel-size", layout["tp"],
                "--target-pipeline-parallel-size", layout["pp"])  # fmt: skip
    return folder


def cases_of(line, shards, folder):
    """A case per layout; where the host has `--ckpt-format`, per format too."""
    newer = any(one.folder == "megatron_012" for one in line.adapter.checkouts)
    for layout in LAYOUTS:
        yield {**layout, "load": shards / layout["name"], "save": folder / layout["name"],
               **({"format": "torch"} if newer else {})}  # fmt: skip
        if newer:
            name = f"{layout['name']}-{DIST}"
            yield {**layout, "name": name, "format": DIST, "load": shards / DIST,
                   "save": folder / name}  # fmt: skip


def loads_torch_dist(line):
    return TARGETS[line.adapter.name.lower().replace(" ", "-")].loads_torch_dist


def test_our_shards_load_strictly_and_what_the_host_saves_comes_back(
    llm_line, check, convert, shards, qwen2, tmp_path
):
    cases = list(cases_of(llm_line, shards, tmp_path))
    words = [*FLAGS.split(), "--padded-vocab-size", "128"]
    found = check(
        llm_line, "load_llm", {"checkout": llm_line.paths()[0], "cases": cases, "words": words}
    )
    dist = [case for case in cases if case.get("format") == DIST]
    refused = [case for case in dist if not loads_torch_dist(llm_line)]
    for case in refused:
        ranks = found[case["name"]]
        assert any("Detected load from a distributed checkpoint" in rank for rank in ranks)
    taken = [case for case in cases if case not in refused]
    comes_back(found, taken, convert, qwen2, tmp_path)


def comes_back(found, cases, convert, qwen2, tmp_path):
    """Both ranks loaded and saved, and what they saved is the model that was converted."""
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    for case in cases:
        ranks = found[case["name"]]
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


@pytest.mark.parametrize("folder", ["megatron_08", "megatron_012"])
def test_plain_megatron_loads_the_same_shards(
    folder, plain, check, convert, shards, qwen2, tmp_path
):
    """Without MindSpeed: the checkout's own pretrain_gpt.py and load_checkpoint."""
    megatron = plain(folder)
    newer = {"format": "torch"} if folder != "megatron_08" else {}
    cases = [
        {**layout, "load": shards / layout["name"], "save": tmp_path / layout["name"], **newer}
        for layout in LAYOUTS
    ]
    job = {
        "checkout": megatron.paths()[0], "cases": cases, "plain": True,
        "words": [*FLAGS.split(), "--no-persist-layer-norm"],
    }  # fmt: skip
    comes_back(check(megatron, "load_llm", job), cases, convert, qwen2, tmp_path)
