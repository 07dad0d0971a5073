"""Reading the pickle of a torch file without running anything from it.

Covers: an allow-list of plain types; tensors as descriptions of records; every other class or
function becomes an inert placeholder that keeps its arguments and state. Classes are made anew for
each load, so that a pickle which writes to them changes nothing outside.
Does not cover: restoring objects; a trained checkpoint's enums and configs stay placeholders.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import Any

from mindspeed_rl_ext.checkpoint.dtypes import DTYPES, DType, by_name, by_storage_name
from mindspeed_rl_ext.checkpoint.tensors import Shape
from mindspeed_rl_ext.core.errors import ExtError, InputError


@dataclass(frozen=True)
class Storage:
    """A record of the file that holds values; dtype is None where it is untyped bytes."""

    key: str
    dtype: DType | None


@dataclass(frozen=True)
class LazyTensor:
    """A tensor that lies in a storage. Offset and strides count numbers, not bytes."""

    storage: Storage
    dtype: DType
    offset: int
    shape: Shape
    strides: Shape


class _Named(type):
    """A placeholder's class, which messages show as what it stands for."""

    what: str

    def __repr__(cls) -> str:
        return f"<{cls.what}, not loaded>"


class Placeholder(metaclass=_Named):
    """Stands for an object of a class, or a call of a function, that is not on the list."""

    what = ""
    arguments: tuple[Any, ...]

    def __new__(cls, *args: Any, **kwargs: Any) -> Placeholder:
        """Takes any arguments and runs nothing."""
        self = super().__new__(cls)
        self.__dict__["arguments"] = args
        return self

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.__dict__["state"] = state

    def __setitem__(self, key: Any, value: Any) -> None:
        """Pickles fill dict-like objects so; the items are dropped."""

    def append(self, item: Any) -> None:
        """Pickles fill list-like objects so; the items are dropped."""

    def extend(self, items: Any) -> None:
        """Pickles fill list-like objects so; the items are dropped."""

    def add(self, item: Any) -> None:
        """Pickles fill set-like objects so; the items are dropped."""

    def __repr__(self) -> str:
        return f"<{self.what}, not loaded>"


class Attributes:
    """What a Namespace or SimpleNamespace held."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.__dict__.update(kwargs)

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update({str(key): value for key, value in state.items()})


_BUILTINS = ("builtins", "__builtin__")
# C types: a pickle can't set attributes on them.
_PLAIN: dict[tuple[str, str], type] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("torch", "Size"): tuple,
    **{
        (module, kind.__name__): kind
        for module in _BUILTINS
        for kind in (dict, list, set, frozenset, tuple)
    },
}
_NAMESPACES = {("argparse", "Namespace"), ("types", "SimpleNamespace")}
_UNTYPED = {("torch", "UntypedStorage"), ("torch.storage", "UntypedStorage")}


class RestrictedUnpickler(pickle.Unpickler):
    """Unpickles with the allow-list; see the module.

    Args:
        data: the pickle.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self._found: dict[tuple[str, str], Any] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What stands for that name during this load; never an import."""
        key = (str(module), str(name))
        if key not in self._found:
            self._found[key] = self._stand_in(*key)
        return self._found[key]

    def persistent_load(self, pid: Any) -> Storage:
        """A storage: ("storage", type, key, location, number of values)."""
        if not (isinstance(pid, tuple) and len(pid) >= 3 and pid[0] == "storage"):
            raise pickle.UnpicklingError(f"unknown persistent id {pid!r}"[:200])
        return Storage(str(pid[2]), getattr(pid[1], "dtype", None))

    def _stand_in(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN:
            return _PLAIN[module, name]
        if (module, name) in _NAMESPACES:
            return type("Attributes", (Attributes,), {})
        if (module, name) in _REBUILDERS:
            return type(name, (), {"__new__": _REBUILDERS[module, name]})
        if module == "torch" and by_storage_name(name):
            return type(name, (), {"dtype": by_storage_name(name)})
        if (module, name) in _UNTYPED:
            return type(name, (), {"dtype": None})
        if module == "torch" and name in _TORCH_DTYPES:
            return f"torch.{name}"
        if name == "getattr" and module in _BUILTINS:
            return type(name, (), {"__new__": _attribute})
        return _placeholder(f"{module}.{name}")


def _placeholder(what: str) -> type[Placeholder]:
    return type("Placeholder", (Placeholder,), {"what": what})


def _attribute(cls: type, owner: Any, name: Any) -> type[Placeholder]:
    """What stands for a class inside a class, or a member of an enum: no attribute is read."""
    what = owner.what if isinstance(owner, (_Named, Placeholder)) else type(owner).__name__
    return _placeholder(f"{what}.{name}")


_TORCH_DTYPES = frozenset(dtype.name for dtype in DTYPES)


def _rebuild(cls: type, storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> Any:
    """`rest`: requires_grad, hooks, then the number format, flags, or a layout in NPU memory."""
    dtype = rest[2] if len(rest) > 2 and isinstance(rest[2], str) else None
    flags = next((item for item in rest[2:] if isinstance(item, dict)), {})
    lazy = [flag for flag in ("conj", "neg") if flags.get(flag)]
    if lazy:  # torch notes that values are to be negated, and negates them when they are used
        raise pickle.UnpicklingError(f"a tensor whose values are not final ({lazy[0]} is set)")
    return _tensor(storage, offset, size, stride, dtype)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, dtype: str | None) -> LazyTensor:
    if not isinstance(storage, Storage):
        raise pickle.UnpicklingError(f"a tensor without storage: {storage!r}"[:200])
    found = by_name(dtype.removeprefix("torch.")) if dtype else storage.dtype
    if found is None:
        raise pickle.UnpicklingError(f"storage {storage.key} has no number format")
    shape, strides = tuple(map(int, size)), tuple(map(int, stride))
    if len(shape) != len(strides) or min((*shape, *strides, int(offset)), default=0) < 0:
        raise pickle.UnpicklingError(f"impossible tensor: {shape}, strides {strides}"[:200])
    return LazyTensor(storage, found, int(offset), shape, strides)


def _parameter(cls: type, data: Any, *rest: Any) -> Any:
    return data


_REBUILDERS: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("torch._utils", "_rebuild_tensor_v3"): _rebuild,
    ("torch._utils", "_rebuild_tensor"): _rebuild,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    # torch_npu 1.8 to 2.0, 2.7 and 2.8 save what lies on an NPU so: values of a CPU copy.
    ("torch_npu.utils.storage", "_rebuild_npu_tensor"): _rebuild,
}


def restricted_loads(data: bytes, place: str) -> Any:
    """Unpickles without running anything.

    Args:
        data: a pickle from a torch file.
        place: what to call the file in errors.

    Raises:
        InputError: the pickle is broken.

    Example:
        >>> import os
        >>> restricted_loads(pickle.dumps(os.system), "a test")
        <posix.system, not loaded>
    """
    try:
        return RestrictedUnpickler(data).load()
    except ExtError:
        raise
    except Exception as error:  # why: hostile bytes can make the machine raise anything
        raise InputError(
            f"the pickle of {place} cannot be read",
            found=f"{type(error).__name__}: {error}"[:300],
            remedy="the file is damaged or no checkpoint; copy it again",
        ) from error
