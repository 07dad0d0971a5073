"""Inert stand-ins for what the hosts import and a CPU has not: torch_npu, vllm, apex and the like.

`install()` appends a finder, so that a real package wins. Whatever is looked up in a stand-in is
an object that can be called, subclassed, entered and used as a decorator, and does nothing.
Does not cover: computing anything. A check that calls an NPU kernel gets nonsense, not a result.
"""

import importlib.machinery
import sys
import types

ABSENT = frozenset(
    {
        "torch_npu", "torchair", "acl", "vllm", "vllm_ascend", "torchvision", "av", "apex", "amp_C",
        "msprobe", "qwen_vl_utils",
    }
)  # fmt: skip


class _Meta(type):
    """Classes of stand-ins give stand-ins for any attribute."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return stand_in(name)


def _call(cls_or_self, *args, **kwargs):
    # A decorator gives back what it decorates; anything else that is called gives a stand-in.
    if len(args) == 1 and not kwargs and isinstance(args[0], (types.FunctionType, type)):
        return args[0]
    return stand_in("result")


class Inert(metaclass=_Meta):
    """Base of all stand-ins."""

    def __new__(cls, *args, **kwargs):
        if cls.__dict__.get("_stand_in"):
            return _call(cls, *args, **kwargs)
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return stand_in(name)

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        return False


def stand_in(name):
    """A class that does nothing, whatever is done with it."""
    return _Meta(name, (Inert,), {"_stand_in": True})


class _Module(types.ModuleType):
    __version__ = "0.0"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = sys.modules.get(f"{self.__name__}.{name}") or stand_in(name)
        setattr(self, name, found)
        return found


class StandIns:
    """Finds the absent packages and all that is imported from within them."""

    def find_spec(self, name, path=None, target=None):
        """A spec for any module of an absent package."""
        if name.split(".")[0] not in ABSENT:
            return None
        spec = importlib.machinery.ModuleSpec(name, self, is_package=True)
        spec.origin = "stand-in"
        return spec

    def create_module(self, spec):
        """An inert module."""
        module = _Module(spec.name)
        module.__file__ = __file__
        return module

    def exec_module(self, module):
        """Nothing to run; torch_npu gives torch its `npu`, without a device."""
        if module.__name__ == "torch_npu":
            import torch

            torch.npu = module.npu = NoDevice("torch.npu")


class NoDevice(_Module):
    """`torch.npu` of a machine without an NPU."""

    def is_available(self):
        """There is none."""
        return False

    def device_count(self):
        """There is none."""
        return 0


def install():
    """Appends the finder, once."""
    if not any(isinstance(finder, StandIns) for finder in sys.meta_path):
        sys.meta_path.append(StandIns())
