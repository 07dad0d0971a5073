"""Megatron core's distributed checkpoint: DCP with Megatron's names, and `common.pt`."""

from mindspeed_rl_ext.checkpoint.formats.protocol import Format
from mindspeed_rl_ext.checkpoint.formats.torch_dist.places import is_torch_dist
from mindspeed_rl_ext.checkpoint.formats.torch_dist.reader import TorchDistReader
from mindspeed_rl_ext.checkpoint.formats.torch_dist.writer import TorchDistWriter

FORMAT = Format(
    name="torch_dist",
    title="a torch_dist checkpoint of Megatron core",
    recognise=is_torch_dist,
    open=TorchDistReader,
    writer=TorchDistWriter(),
    reshards=True,
)
