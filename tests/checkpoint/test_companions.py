"""What lies beside the weights comes along: code of auto_map, tokenizers, templates, processors."""

from __future__ import annotations

import os
import subprocess
import sys

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions

BESIDE = {
    "modeling_own.py": "class Own: ...",
    "configuration_own.py": "class OwnConfig: ...",
    "tokenization_own.py": "import tiktoken",
    "tiktoken.model": "IQ== 0",
    "spiece.model": "x",
    "vocab.txt": "[PAD]",
    "preprocessor_config.json": "{}",
    "special_tokens_map.json": "{}",
    "chat_template.jinja": "{{ x }}",
    "additional_chat_templates/tools.jinja": "{{ tools }}",
    "LICENSE": "Apache",
    "README.md": "# model",
}
NOT_OF_THE_MODEL = {
    "model.safetensors": None,
    "pytorch_model.bin": "weights",
    "consolidated.00.pth": "weights",
    "model.gguf": "weights",
    "flax_model.msgpack": "weights",
    "tf_model.h5": "weights",
    "pytorch_model.bin.index.json": '{"weight_map": {}}',
    ".gitattributes": "x",
}
LEFT_OUT = {"original/params.json": "{}", "figures/loss.png": "png"}


def test_everything_but_weights_comes_back_or_is_named(kit, tmp_path, caplog):
    caplog.set_level("INFO")
    kit.write_hf(tmp_path / "hf", kit.tiny())
    for name, text in {**BESIDE, **NOT_OF_THE_MODEL, **LEFT_OUT}.items():
        path = tmp_path / "hf" / name
        path.parent.mkdir(exist_ok=True)
        if text is not None:
            path.write_text(text)
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg"))
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    for name, text in BESIDE.items():
        assert (tmp_path / "back" / name).read_text() == text, name
    names = {
        str(path.relative_to(tmp_path / "back"))
        for path in (tmp_path / "back").rglob("*")
        if path.is_file()
    }
    made = {"config.json", "model.safetensors", "manifest.json"}
    known = {"generation_config.json", "tokenizer_config.json", "vocab.json"}
    assert names == made | known | set(BESIDE)
    assert "left out: figures/, original/" in caplog.text


def test_a_model_with_code_of_its_own_loads_after_the_way_there_and_back(kit, tmp_path):
    """The code is run in a process of its own, as trust_remote_code does."""
    hf = tmp_path / "hf"
    kit.write_hf(hf, kit.tiny())
    kit.edit_config(hf, auto_map={"AutoConfig": "configuration_own.OwnConfig"})
    (hf / "configuration_own.py").write_text(
        "from transformers import Qwen2Config\nclass OwnConfig(Qwen2Config):\n    own = 7\n"
    )
    convert(ConvertOptions("hf", "mg", hf, tmp_path / "mg"))
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    code = (
        "from transformers import AutoConfig; import sys;"
        "print(AutoConfig.from_pretrained(sys.argv[1], trust_remote_code=True).own)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "back"],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HOME": str(tmp_path / "home")},
    )
    assert done.stdout.strip() == "7", done.stderr
