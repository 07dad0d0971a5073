"""Megatron-core's legacy format: one torch file per rank."""

from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.places import is_megatron_legacy
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.reader import MegatronReader
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.writer import MegatronWriter
from mindspeed_rl_ext.checkpoint.formats.protocol import Format

FORMAT = Format(
    name="mg",
    title="a Megatron checkpoint with rank files",
    recognise=is_megatron_legacy,
    open=MegatronReader,
    writer=MegatronWriter(),
    aliases=("mcore", "megatron"),
    reshards=True,
)
