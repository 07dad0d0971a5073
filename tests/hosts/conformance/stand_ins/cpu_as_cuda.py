"""CUDA calls of Megatron answered by the CPU, so that its models and checkpoints run there.

Covers: devices named in a call, current device, random states, memory, synchronisation.
Does not cover: kernels; what has no CPU form fails.
"""

import torch
from torch.overrides import TorchFunctionMode


class _CudaIsCpu(TorchFunctionMode):
    """Every `device=` that names CUDA, and `Tensor.cuda()`, means the CPU."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function is torch.Tensor.cuda:
            return args[0]
        if _is_cuda(kwargs.get("device")):
            kwargs["device"] = "cpu"
        if function is torch.Tensor.to:
            args = tuple("cpu" if _is_cuda(one) else one for one in args)
        return function(*args, **kwargs)


def _is_cuda(device):
    if isinstance(device, int) and not isinstance(device, bool):
        return True  # an index, as torch.cuda.current_device() gives it
    if isinstance(device, (str, torch.device)):
        return str(device).startswith(("cuda", "npu"))
    return False


def install():
    """For the rest of this process."""
    _CudaIsCpu().__enter__()
    state = torch.get_rng_state, torch.set_rng_state
    replaced = {
        "current_device": lambda: "cpu",
        "device_count": lambda: 1,
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "set_device": lambda device: None,
        "get_rng_state": lambda device="cuda": state[0](),
        "set_rng_state": lambda new, device="cuda": state[1](new),
        "manual_seed": torch.default_generator.manual_seed,
        "manual_seed_all": torch.default_generator.manual_seed,
        "synchronize": lambda device=None: None,
        "empty_cache": lambda: None,
        "get_device_capability": lambda device=None: (8, 0),
        "memory_allocated": lambda device=None: 0,
        "max_memory_allocated": lambda device=None: 0,
    }
    for name, function in replaced.items():
        setattr(torch.cuda, name, function)
