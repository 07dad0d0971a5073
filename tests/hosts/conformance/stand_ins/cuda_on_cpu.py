"""torch.cuda on a machine without a device: what Megatron's training loop asks of it, on the CPU.

`install()` sends tensors that are wanted on "cuda" to the CPU and gives every process group gloo.
Does not cover: streams that run side by side, memory figures, CUDA graphs, kernels.
"""

import contextlib
import types

import torch
import torch._dynamo  # looks at torch.cuda's functions: before they are replaced
import torch.distributed as dist
from torch.overrides import TorchFunctionMode

CPU = torch.device("cpu")
GIB = 1 << 30
NOTHING = (
    "set_device", "synchronize", "empty_cache", "manual_seed", "manual_seed_all", "init",
    "reset_peak_memory_stats", "ipc_collect", "_lazy_init", "set_stream",
)  # fmt: skip
FIGURES = ("memory_allocated", "max_memory_allocated", "memory_reserved", "max_memory_reserved")
TYPES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Byte", "Bool", "Char")


def _is_device(value):
    if isinstance(value, str):
        return value.startswith(("cuda", "npu"))
    return isinstance(value, torch.device) and value.type == "cuda"


class OnCpu(TorchFunctionMode):
    """Every call that names a device gets the CPU."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = {
            k: CPU if k == "device" and _is_device(v) else v for k, v in (kwargs or {}).items()
        }
        result = func(*(CPU if _is_device(arg) else arg for arg in args), **kwargs)
        if func is torch.Tensor.type and isinstance(result, str):
            return result.replace("torch.", "torch.cuda.")  # Megatron asserts it of gradients
        return result


class Stream:
    """A stream or an event: everything has happened already."""

    cuda_stream = 0

    def __init__(self, *args, **kwargs):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        return False

    def nothing(self, *args):
        """There is nothing to wait for."""

    record = wait = synchronize = wait_stream = wait_event = nothing

    def query(self):
        """Whether it has happened."""
        return True

    def elapsed_time(self, other):
        """Milliseconds."""
        return 0.0


class Generators:
    """One generator, whatever the device's number."""

    def __getitem__(self, index):
        return torch.default_generator


def nothing(*args, **kwargs):
    """Does nothing."""


def install():
    """Replaces what the training loop uses, in this process."""
    cuda = torch.cuda
    for name in NOTHING:
        setattr(cuda, name, nothing)
    for name in FIGURES:
        setattr(cuda, name, lambda *args: 0)
    for name in TYPES:
        setattr(cuda, f"{name}Tensor", getattr(torch, f"{name}Tensor"))
    cuda.current_device, cuda.device_count, cuda.is_available = lambda: CPU, lambda: 1, lambda: True
    cuda.get_rng_state = cuda.random.get_rng_state = lambda *a, **k: torch.get_rng_state()
    cuda.set_rng_state = cuda.random.set_rng_state = lambda s, *a, **k: torch.set_rng_state(s)
    cuda._lazy_call = lambda call, **kwargs: call()
    cuda.default_generators = Generators()
    cuda.Event = cuda.Stream = Stream
    cuda.current_stream = cuda.default_stream = lambda *args: Stream()
    cuda.stream = lambda stream: contextlib.nullcontext()
    cuda.memory_stats, cuda.mem_get_info = lambda *args: {}, lambda *args: (8 * GIB, 16 * GIB)
    cuda.get_device_properties = lambda *args: types.SimpleNamespace(
        major=8, minor=0, name="CPU", multi_processor_count=1, total_memory=16 * GIB
    )
    cuda.get_device_capability, cuda.get_device_name = lambda *args: (8, 0), lambda *args: "CPU"
    cuda.nvtx.range_push = cuda.nvtx.range_pop = nothing
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *args, **kwargs: self
    torch.Tensor.pin_memory = lambda self, *args: self
    _take_gloo()
    OnCpu().__enter__()


def _take_gloo():
    init, group = dist.init_process_group, dist.new_group

    def init_process_group(backend=None, *args, **kwargs):
        kwargs.pop("device_id", None)
        return init("gloo", *args, **kwargs)

    def new_group(*args, **kwargs):
        kwargs.pop("pg_options", None)
        return group(*args, **{**kwargs, "backend": "gloo"})

    dist.init_process_group, dist.new_group = init_process_group, new_group
