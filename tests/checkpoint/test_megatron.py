"""Our shards, loaded strictly into real megatron-core, give the logits of transformers (fp32)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions

if find_spec("megatron") is None or find_spec("megatron.core") is None:
    pytest.skip("megatron-core is not installed", allow_module_level=True)
transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")

# name -> TP, PP, tied, vocabulary divisible by, options
CASES = {
    "untied-TP1-PP1": (1, 1, False, 1, {}),
    "untied-TP2-PP2-padded": (2, 2, False, 32, {}),
    "tied-TP1-PP1-padded": (1, 1, True, 64, {}),
    "tied-TP2-PP2": (2, 2, True, 1, {}),
    "llama-TP2-PP2": (2, 2, False, 1, {"llama": True}),
}


def make_model(folder: Path, tied: bool, llama: bool = False) -> None:
    torch.manual_seed(3)
    kind = "Llama" if llama else "Qwen2"
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=101,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=64,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        rms_norm_eps=1e-6,
        tie_word_embeddings=tied,
        initializer_range=0.06,
    )
    model = getattr(transformers, f"{kind}ForCausalLM")(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "norm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def lines(tmp_path_factory) -> dict[str, str]:
    """What the oracle printed, by case; one process tree for all of them."""
    folder = tmp_path_factory.mktemp("oracle")
    words: list[str] = []
    for name, (tp, pp, tied, divisible_by, extra) in CASES.items():
        hf, mg = folder / "hf" / name, folder / "mg" / name
        make_model(hf, tied, **extra)
        convert(
            ConvertOptions("hf", "mg", hf, mg, tp, pp, make_vocab_size_divisible_by=divisible_by)
        )
        words += [str(hf), str(mg), str(tp), str(pp)]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("oracle_megatron.py"), *words],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_DEVICE_MAX_CONNECTIONS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {line.split()[0]: line for line in done.stdout.splitlines() if "max_abs_diff" in line}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_logits_are_those_of_transformers(lines, case):
    found = re.search(r"max_abs_diff=(\S+) argmax=(\S+) max=(\S+)", lines[case])
    assert found, lines
    difference, agreement, spread = map(float, found.groups())
    assert spread > 0.3, "logits too small to tell anything"
    assert agreement == 1.0
    assert difference <= 2e-6, lines[case]
