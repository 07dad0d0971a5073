"""HuggingFace directories: safetensors shards, their index, config.json, tokenizer."""

from mindspeed_rl_ext.checkpoint.formats.huggingface.reader import (
    HuggingFaceReader,
    is_huggingface,
)
from mindspeed_rl_ext.checkpoint.formats.huggingface.writer import HuggingFaceWriter
from mindspeed_rl_ext.checkpoint.formats.protocol import Format

FORMAT = Format(
    name="hf",
    title="a HuggingFace model with safetensors",
    recognise=is_huggingface,
    open=HuggingFaceReader,
    writer=HuggingFaceWriter(),
    aliases=("llama2_hf",),
    usual_target="mg",
)
