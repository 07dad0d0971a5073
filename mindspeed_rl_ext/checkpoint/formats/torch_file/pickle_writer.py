"""The pickle inside a torch file, written without torch.

Covers: protocol 2 of None, booleans, numbers, text, lists, tuples, dicts, OrderedDict, Namespace,
torch globals, calls of functions, instances with a state, tensors that lie in records of the file.
Does not cover: other objects (TypeError), shared or recursive ones.

Example:
    >>> import pickle
    >>> pickle.loads(dumps({"iteration": 1, "sizes": [2, 3.5]}))
    {'iteration': 1, 'sizes': [2, 3.5]}
"""

from __future__ import annotations

import pickle
import struct
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

from mindspeed_rl_ext.checkpoint.dtypes import DType
from mindspeed_rl_ext.checkpoint.tensors import Shape


@dataclass(frozen=True)
class Global:
    """An importable name, such as torch.bfloat16, that the reader looks up."""

    module: str
    name: str


@dataclass(frozen=True)
class Call:
    """The result of calling an importable function or class, which the reader does."""

    function: Global
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Instance:
    """An object of an importable class that holds these attributes; its `__init__` is not run."""

    kind: Global
    state: dict[str, Any]


@dataclass(frozen=True)
class Pickled:
    """A value that is pickled already: one that stands in many places is pickled once.

    Args:
        data: what `pickled` gave.
    """

    data: bytes


@dataclass(frozen=True)
class StoredTensor:
    """A contiguous tensor whose values are the record `data/<key>`."""

    key: str
    dtype: DType
    shape: Shape


def dumps(value: Any) -> bytes:
    """Pickles a value. Text and names that come again point to where they were first.

    Raises:
        TypeError: a type that is not covered.
    """
    out = _Output({})
    _put(value, out)
    return b"".join([pickle.PROTO, b"\x02", *out.parts, pickle.STOP])


def pickled(value: Any) -> Pickled:
    """Pickles a value as a part of others.

    Raises:
        TypeError: a type that is not covered.

    Example:
        >>> pickle.loads(dumps([pickled((1, 2)), 3]))
        [(1, 2), 3]
    """
    out = _Output(None)
    _put(value, out)
    return Pickled(b"".join(out.parts))


_Once = TypeVar("_Once", str, Global)


class _Output:
    """A pickle so far.

    Args:
        memo: text or name -> number under which the reader keeps it; None keeps nothing.
    """

    def __init__(self, memo: dict[str | Global, int] | None) -> None:
        self.parts: list[bytes] = []
        self.emit, self._memo = self.parts.append, memo

    def emit_once(self, value: _Once, pickle_of: Callable[[_Once], bytes]) -> None:
        """Adds what a text or a name is pickled to, or where the reader has it already."""
        number = None if self._memo is None else self._memo.get(value)
        if number is not None:
            self.emit(_numbered(pickle.BINGET, pickle.LONG_BINGET, number))
            return
        self.emit(pickle_of(value))
        if self._memo is not None:
            number = self._memo[value] = len(self._memo)
            self.emit(_numbered(pickle.BINPUT, pickle.LONG_BINPUT, number))


_INT, _SIZE = struct.Struct("<i"), struct.Struct("<I")


def _numbered(short: bytes, long: bytes, number: int) -> bytes:
    return short + bytes([number]) if number < 256 else long + _SIZE.pack(number)


def _put(value: Any, out: _Output) -> None:
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise TypeError(f"{type(value).__name__} is not written into checkpoints: {value!r}")
    writer(value, out)


def _put_none(value: None, out: _Output) -> None:
    out.emit(pickle.NONE)


def _put_bool(value: bool, out: _Output) -> None:
    out.emit(pickle.NEWTRUE if value else pickle.NEWFALSE)


def _put_int(value: int, out: _Output) -> None:
    if -(2**31) <= value < 2**31:
        out.emit(pickle.BININT + _INT.pack(value))
    else:
        data = pickle.encode_long(value)
        out.emit(pickle.LONG1 + bytes([len(data)]) + data)


def _put_float(value: float, out: _Output) -> None:
    out.emit(pickle.BINFLOAT + struct.pack(">d", value))


def _put_str(value: str, out: _Output) -> None:
    out.emit_once(value, _str_bytes)


def _str_bytes(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return pickle.BINUNICODE + _SIZE.pack(len(data)) + data


def _put_tuple(value: tuple[Any, ...], out: _Output) -> None:
    out.emit(pickle.MARK)
    for item in value:
        _put(item, out)
    out.emit(pickle.TUPLE)


def _put_list(value: list[Any], out: _Output) -> None:
    out.emit(pickle.EMPTY_LIST + pickle.MARK)
    for item in value:
        _put(item, out)
    out.emit(pickle.APPENDS)


def _put_items(value: Mapping[Any, Any], out: _Output) -> None:
    out.emit(pickle.MARK)
    for key, item in value.items():
        _put(key, out)
        _put(item, out)
    out.emit(pickle.SETITEMS)


def _put_dict(value: dict[Any, Any], out: _Output) -> None:
    out.emit(pickle.EMPTY_DICT)
    _put_items(value, out)


def _put_ordered(value: OrderedDict[Any, Any], out: _Output) -> None:
    _put_global(Global("collections", "OrderedDict"), out)
    out.emit(pickle.EMPTY_TUPLE + pickle.REDUCE)
    _put_items(value, out)


def _global_bytes(value: Global) -> bytes:
    return pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode("ascii")


def _put_global(value: Global, out: _Output) -> None:
    out.emit_once(value, _global_bytes)


def _put_call(value: Call, out: _Output) -> None:
    _put_global(value.function, out)
    _put_tuple(value.arguments, out)
    out.emit(pickle.REDUCE)


def _put_instance(value: Instance, out: _Output) -> None:
    _put_global(value.kind, out)
    out.emit(pickle.EMPTY_TUPLE + pickle.NEWOBJ)
    _put_dict(value.state, out)
    out.emit(pickle.BUILD)


def _put_namespace(value: Namespace, out: _Output) -> None:
    _put_instance(Instance(Global("argparse", "Namespace"), vars(value)), out)


def _put_pickled(value: Pickled, out: _Output) -> None:
    out.emit(value.data)


def _put_tensor(value: StoredTensor, out: _Output) -> None:
    strides = tuple(prod(value.shape[axis + 1 :]) for axis in range(len(value.shape)))
    _put_global(Global("torch._utils", "_rebuild_tensor_v2"), out)
    out.emit(pickle.MARK)
    storage = Global("torch", value.dtype.storage)
    _put_tuple(("storage", storage, value.key, "cpu", prod(value.shape)), out)
    out.emit(pickle.BINPERSID)
    for item in (0, value.shape, strides, False, OrderedDict[str, Any]()):
        _put(item, out)
    out.emit(pickle.TUPLE + pickle.REDUCE)


_WRITERS: dict[type, Callable[[Any, _Output], None]] = {
    type(None): _put_none,
    bool: _put_bool,
    int: _put_int,
    float: _put_float,
    str: _put_str,
    tuple: _put_tuple,
    list: _put_list,
    dict: _put_dict,
    OrderedDict: _put_ordered,
    Global: _put_global,
    Call: _put_call,
    Instance: _put_instance,
    Namespace: _put_namespace,
    Pickled: _put_pickled,
    StoredTensor: _put_tensor,
}
