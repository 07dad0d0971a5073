"""verl's platform for a CPU: torch.cpu in the place of torch.cuda, gloo in that of NCCL.

Ray's resource is called GPU, as verl asks for it by that name: `ray_init.num_gpus` says how many
processes may train.
"""

import contextlib
import types

import torch
import torch.distributed
from verl.plugin.platform.platform_base import PlatformBase
from verl.plugin.platform.platform_manager import PlatformRegistry

GIB = 1 << 30
BACKENDS = "cpu:gloo,cpu:gloo"  # what verl makes of "cpu:gloo,{device}:{backend}"


class CpuModule(types.ModuleType):
    """`torch.cpu`, and what verl asks of torch.cuda besides."""

    def mem_get_info(self, *args):
        """Bytes that are free, and all."""
        return 8 * GIB, 16 * GIB

    def get_rng_state(self, *args):
        """The CPU's."""
        return torch.get_rng_state()

    def set_rng_state(self, state, *args):
        """The CPU's."""
        torch.set_rng_state(state)

    def get_device_name(self, *args):
        """For the log."""
        return "CPU"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(torch.cpu, name, lambda *args, **kwargs: 0)


@PlatformRegistry.register(platform="cpu")
class Cpu(PlatformBase):
    """One device, the CPU."""

    device_name = "cpu"
    vendor_name = "none"
    device_module = CpuModule("torch_cpu")

    def is_available(self):
        return True

    def current_device(self):
        return torch.device("cpu")

    def device_count(self):
        return 1

    def set_device(self, device_index):
        pass

    def synchronize(self, device_index=None):
        pass

    def manual_seed(self, seed):
        torch.manual_seed(seed)

    def manual_seed_all(self, seed):
        torch.manual_seed(seed)

    def set_allocator_settings(self, settings):
        pass

    def empty_cache(self):
        pass

    def get_device_capability(self, device_index=0):
        return None, None

    def communication_backend_name(self):
        return "gloo"

    def visible_devices_envvar(self):
        return "CUDA_VISIBLE_DEVICES"

    @contextlib.contextmanager
    def nvtx_range(self, msg):
        yield

    def profiler_start(self):
        pass

    def profiler_stop(self):
        pass

    def ray_resource_name(self):
        return "GPU"

    def ray_noset_envvars(self):
        return []

    def is_ipc_supported(self):
        return False

    def cudart(self):
        return None


def name_gloo_once():
    """torch refuses a backend that is named twice for one device."""
    init = torch.distributed.init_process_group

    def init_process_group(backend=None, *args, **kwargs):
        return init("gloo" if backend == BACKENDS else backend, *args, **kwargs)

    torch.distributed.init_process_group = init_process_group


name_gloo_once()
