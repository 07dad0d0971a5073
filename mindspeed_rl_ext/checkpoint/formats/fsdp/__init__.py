"""verl's FSDP checkpoints: a torch file of DTensors for each rank."""

from mindspeed_rl_ext.checkpoint.formats.fsdp.reader import FsdpReader, is_fsdp
from mindspeed_rl_ext.checkpoint.formats.protocol import Format

FORMAT = Format(
    name="fsdp",
    title="an FSDP checkpoint of verl",
    recognise=is_fsdp,
    open=FsdpReader,
)
