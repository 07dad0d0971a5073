"""Torch's distributed checkpoint (DCP): `.metadata` and files of chunks."""

from mindspeed_rl_ext.checkpoint.formats.dcp.reader import DcpReader, is_dcp
from mindspeed_rl_ext.checkpoint.formats.protocol import Format

FORMAT = Format(
    name="dcp",
    title="a DCP checkpoint of torch",
    recognise=is_dcp,
    open=DcpReader,
)
