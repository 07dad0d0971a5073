"""Runs a training script of MindSpeed-LLM on the CPU: SCRIPT ARGS, as torchrun would start it."""

import runpy
import sys
from pathlib import Path

import cuda_on_cpu

cuda_on_cpu.install()

import torch  # noqa: E402
import torch_npu  # noqa: E402, F401  gives torch its npu
from megatron.core.datasets import utils  # noqa: E402

torch.npu.current_device = torch.cuda.current_device
# Instruction data needs no C++ index builder, which would be built inside the checkout.
utils.compile_helpers = lambda: None
sys.argv = sys.argv[1:]
sys.path.insert(0, str(Path(sys.argv[0]).parent))
runpy.run_path(sys.argv[0], run_name="__main__")
