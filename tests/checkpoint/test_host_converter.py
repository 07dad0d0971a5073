"""Our shards are those of the host's own converter, bit by bit; set MSRL_EXT_HOST_LLM_MASTER.

The variable names a checkout of MindSpeed-LLM; its converter needs only torch and a stand-in for
one decorator.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions

torch = pytest.importorskip("torch")
HOST = os.environ.get("MSRL_EXT_HOST_LLM_MASTER", "")
pytestmark = pytest.mark.skipif(
    not Path(HOST, "convert_ckpt_v2.py").is_file() or not HOST,
    reason="MSRL_EXT_HOST_LLM_MASTER names no checkout with convert_ckpt_v2.py",
)


def beside(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    if not hasattr(module, "FAMILIES") and not hasattr(module, "MODELS"):
        spec.loader.exec_module(module)
    return module


grid = beside("grid_expectation")
V3 = grid.MODELS["deepseek3"]
V3_MTP = replace(
    grid.MODELS["deepseek3-mtp"],
    mtp=1,
    config={**grid.MODELS["deepseek3-mtp"].config, "num_nextn_predict_layers": 1},
)
QWEN3 = replace(
    grid.MODELS["qwen3_moe"],
    dense=(),
    config={**grid.MODELS["qwen3_moe"].config, "decoder_sparse_step": 1, "num_experts": 8},
)
TP2PP2EP2 = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2, "expert_parallel_size": 2}
PP2EP2 = {"pipeline_parallel_size": 2, "expert_parallel_size": 2, "moe_grouped_gemm": True}
LAYOUTS = {
    "mtp": (V3_MTP, "deepseek3", {**TP2PP2EP2, "mtp_num_layers": 1}),
    "mtp-grouped-etp1": (V3_MTP, "deepseek3", {
        **TP2PP2EP2, "expert_parallel_size": 4, "mtp_num_layers": 1, "moe_grouped_gemm": True,
        "expert_tensor_parallel_size": 1,
    }),
    "mm-split": (V3, "deepseek3", {**TP2PP2EP2, "mla_mm_split": True, "moe_grouped_gemm": True}),
    "dualpipe-mtp-mm-split": (V3_MTP, "deepseek3", {
        **PP2EP2, "mtp_num_layers": 1, "schedules_method": "dualpipev", "mla_mm_split": True,
    }),
    "dualpipe-noop": (V3, "deepseek3", {
        **PP2EP2, "schedules_method": "dualpipev", "noop_layers": (1, 4, 6, 7),
    }),
    "qwen3-moe-etp1": (QWEN3, "qwen3-moe", {
        "tensor_parallel_size": 2, "expert_parallel_size": 2, "expert_tensor_parallel_size": 1,
    }),
    "qwen3-moe-etp1-grouped": (QWEN3, "qwen3-moe", {
        "tensor_parallel_size": 4, "expert_parallel_size": 2, "expert_tensor_parallel_size": 1,
        "moe_grouped_gemm": True,
    }),
}  # fmt: skip
FLAGS = {
    name: f"--target-{name.replace('_', '-')}"
    for name in ("tensor_parallel_size", "pipeline_parallel_size", "expert_parallel_size")
}


@pytest.fixture(scope="module")
def host(tmp_path_factory) -> Path:
    """The host's converter, with a stand-in for the package that asks for an NPU."""
    root = tmp_path_factory.mktemp("host")
    shutil.copy(Path(HOST, "convert_ckpt_v2.py"), root)
    shutil.copytree(Path(HOST, "configs/checkpoint"), root / "configs/checkpoint")
    inner = root / "mindspeed_llm/tasks/checkpoint"
    shutil.copytree(Path(HOST, "mindspeed_llm/tasks/checkpoint"), inner)
    for folder in ("mindspeed_llm", "mindspeed_llm/tasks", "mindspeed_llm/training"):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "__init__.py").touch()
    stand_in = "import torch\ntorch.Tensor.npu = lambda self: self\nauto_coverage = lambda f: f\n"
    (root / "mindspeed_llm/training/utils.py").write_text(stand_in)
    return root


def run_host(host: Path, model_type: str, hf: Path, out: Path, options: dict) -> None:
    words = ["--load-model-type", "hf", "--save-model-type", "mg", "--model-type-hf", model_type]
    words += ["--load-dir", hf, "--save-dir", out]
    for name, value in options.items():
        words.append(FLAGS.get(name, "--" + name.replace("_", "-")))
        if isinstance(value, tuple):
            words.append(",".join(map(str, value)))
        elif value is not True:
            words.append(value)
    done = subprocess.run(
        [sys.executable, host / "convert_ckpt_v2.py", *map(str, words)],
        capture_output=True, text=True, cwd=host, env={**os.environ, "PYTHONPATH": str(host)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def shards(folder: Path) -> dict:
    found = {}
    for path in (folder / "iter_0000001").rglob("*.pt"):
        content = torch.load(path, map_location="cpu", weights_only=False)
        for key in (key for key in content if key.startswith("model")):
            for name, tensor in content[key].items():
                bits = tensor.contiguous().view(torch.uint8).numpy().tobytes()
                found[path.parent.name, key, name] = (tuple(tensor.shape), bits)
    return found


@pytest.mark.parametrize("case", LAYOUTS)
def test_layouts_of_the_host_are_ours(host, tmp_path, monkeypatch, case):
    monkeypatch.setattr(grid, "VOCAB", 20)  # the host does not pad
    model, model_type, options = LAYOUTS[case]
    hf = tmp_path / "hf"
    hf.mkdir()
    more = {"rms_norm_eps": 1e-6, "rope_theta": 10000.0, "torch_dtype": "bfloat16"}
    (hf / "config.json").write_text(json.dumps({**grid.config_of(model), **more}))
    tensors = {
        name: torch.from_numpy(array.view("<i2").copy()).view(torch.bfloat16)
        if array.dtype == np.uint16
        else torch.from_numpy(array.copy())
        for name, array in grid.tensors_of(model).items()
    }
    from safetensors.torch import save_file

    save_file(tensors, hf / "model.safetensors", {"format": "pt"})
    run_host(host, model_type, hf, tmp_path / "host", options)
    target = {"target": "mindspeed-llm-master"}
    convert(ConvertOptions("hf", "mg", hf, tmp_path / "ours", **target, **options))
    assert shards(tmp_path / "ours") == shards(tmp_path / "host")
    left_out = {} if model.mtp else {"mtp_num_layers": 0}
    back = ConvertOptions(
        "auto", "hf", tmp_path / "host", tmp_path / "back", hf_cfg_dir=hf, verify=True, **left_out
    )
    convert(back)


HOST_NAMES = {
    "Glm4Moe": ("glm45-air", {**TP2PP2EP2, "moe_grouped_gemm": True}, {"use_qk_norm": False}),
    "SeedOss": ("seed-oss", {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}, {}),
    "Gemma2": ("gemma2", {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}, {}),
    "MiniMaxM2": ("minimax_m2", {**TP2PP2EP2, "moe_grouped_gemm": True}, {}),
    "DeepseekV32": ("deepseek32", {**TP2PP2EP2, "moe_grouped_gemm": True}, {}),
    "Phi3": ("phi3.5", {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}, {}),
    "Qwen3Next": ("qwen3-next", PP2EP2, {"full_attention_interval": 2}),
    "Mistral": ("magistral", {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}, {}),
}


def name_interval(folder: Path, interval: int) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "full_attention_interval": interval}))


@pytest.mark.parametrize("family", HOST_NAMES)
def test_families_of_the_host_are_ours(host, tmp_path, monkeypatch, family):
    pytest.importorskip("transformers")
    models = beside("test_transformers")
    model_type, options, more = HOST_NAMES[family]
    config = {**models.FAMILIES[family], "vocab_size": 64, "num_hidden_layers": 4, **more}
    monkeypatch.setitem(models.FAMILIES, family, config)
    models.make(family, tmp_path / "hf")
    if family == "Qwen3Next":  # published with the key, which transformers 5 does not write
        name_interval(tmp_path / "hf", 2)
    run_host(host, model_type, tmp_path / "hf", tmp_path / "host", options)
    target = {"target": "mindspeed-llm-master"}
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "ours", **target, **options))
    assert shards(tmp_path / "ours") == shards(tmp_path / "host")


@pytest.mark.parametrize("pp", [1, 2])
def test_the_prediction_layer_of_qwen3_next_is_the_hosts(host, tmp_path, pp):
    linear = beside("test_linear_attention")
    linear.make_with_prediction(tmp_path / "hf")
    name_interval(tmp_path / "hf", linear.INTERVAL)
    options = {
        "pipeline_parallel_size": pp, "expert_parallel_size": 2, "mtp_num_layers": 1,
        "moe_grouped_gemm": True,
    }  # fmt: skip
    run_host(host, "qwen3-next", tmp_path / "hf", tmp_path / "host", options)
    target = {"target": "mindspeed-llm-master"}
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "ours", **target, **options))
    assert shards(tmp_path / "ours") == shards(tmp_path / "host")
    back = {"hf_cfg_dir": tmp_path / "hf", "verify": True}
    convert(ConvertOptions("auto", "hf", tmp_path / "host", tmp_path / "back", **back))
    assert linear.equal_models(tmp_path / "hf", tmp_path / "back")


def test_an_adapter_is_merged_as_the_host_merges_it(host, kit, tmp_path):
    adapters = beside("adapters/conftest")
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    kit.write_hf(hf, kit.tiny(dtype="F32", bias=False, vocab=40))
    kit.edit_config(hf, attention_bias=False, mlp_bias=False)
    sizes = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}
    target = {"target": "mindspeed-llm-master", "params_dtype": "bf16"}
    convert(ConvertOptions("hf", "mg", hf, mg, **sizes, **target))
    adapters.host_adapter(torch, kit, mg, lora)
    rounded = {"lora_load": lora, "lora_rounding": "host"}
    convert(ConvertOptions("mg", "hf", mg, tmp_path / "ours", hf_cfg_dir=hf, **rounded))
    words = ["--load-model-type", "mg", "--save-model-type", "hf", "--model-type-hf", "llama2"]
    words += ["--load-dir", mg, "--save-dir", tmp_path / "theirs", "--hf-cfg-dir", hf]
    words += ["--lora-load", lora, "--lora-r", adapters.RANK, "--lora-alpha", adapters.ALPHA]
    words += ["--lora-target-modules", *adapters.LAYERS]
    done = subprocess.run(
        [sys.executable, host / "convert_ckpt_v2.py", *map(str, words)],
        capture_output=True, text=True, cwd=host, env={**os.environ, "PYTHONPATH": str(host)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    ours, theirs = adapters.values(tmp_path / "ours"), adapters.values(tmp_path / "theirs")
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_the_matrices_of_an_exported_adapter_are_the_hosts(host, tmp_path, monkeypatch):
    from safetensors.torch import load_file

    from mindspeed_rl_ext.checkpoint.adapters import peft_format

    # The host writes adapters of experts, which we refuse: PEFT drops what is beside them.
    monkeypatch.setattr(peft_format, "_check_experts", lambda model: None)
    adapters, models = beside("adapters/conftest"), beside("test_transformers")
    models.make("DeepseekV3", tmp_path / "hf")
    given = {"pipeline_parallel_size": 3, "expert_parallel_size": 2}
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    convert(ConvertOptions("hf", "mg", hf, mg, target="mindspeed-llm-master", **given))
    adapters.host_adapter(torch, beside("conftest").Kit(), mg, lora)
    more = {"hf_cfg_dir": hf, "save_lora_to_hf": True}
    convert(ConvertOptions("mg", "hf", lora, tmp_path / "ours", **more))
    words = ["--load-model-type", "mg", "--save-model-type", "hf", "--model-type-hf", "deepseek3"]
    words += ["--load-dir", lora, "--save-dir", tmp_path / "theirs", "--hf-cfg-dir", hf]
    words += ["--lora-r", adapters.RANK, "--lora-alpha", adapters.ALPHA, "--save-lora-to-hf"]
    words += ["--lora-target-modules", *adapters.LAYERS, "--target-pipeline-parallel-size", 3]
    words += ["--target-expert-parallel-size", 2]
    done = subprocess.run(
        [sys.executable, host / "convert_ckpt_v2.py", *map(str, words)],
        capture_output=True, text=True, cwd=host, env={**os.environ, "PYTHONPATH": str(host)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = {}
    for path in (tmp_path / "theirs").glob("*.safetensors"):
        theirs |= load_file(path)
    ours = load_file(tmp_path / "ours" / "adapter_model.safetensors")
    assert len(theirs) > 50
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    # The host leaves out the shared experts' adapters, which lie in the same files.
    assert all(".shared_experts." in name for name in ours.keys() - theirs.keys())
