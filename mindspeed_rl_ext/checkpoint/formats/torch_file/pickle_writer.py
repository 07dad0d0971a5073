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
from functools import lru_cache
from math import prod
from typing import Any

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
    """Pickles a value.

    Raises:
        TypeError: a type that is not covered.
    """
    parts: list[bytes] = [pickle.PROTO, b"\x02"]
    _put(value, parts.append)
    parts.append(pickle.STOP)
    return b"".join(parts)


def pickled(value: Any) -> Pickled:
    """Pickles a value as a part of others.

    Raises:
        TypeError: a type that is not covered.

    Example:
        >>> dumps([pickled("a"), pickled("a")]) == dumps(["a", "a"])
        True
    """
    parts: list[bytes] = []
    _put(value, parts.append)
    return Pickled(b"".join(parts))


_Emit = Callable[[bytes], None]
_INT, _STR = struct.Struct("<i"), struct.Struct("<I")


def _put(value: Any, emit: _Emit) -> None:
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise TypeError(f"{type(value).__name__} is not written into checkpoints: {value!r}")
    writer(value, emit)


def _put_none(value: None, emit: _Emit) -> None:
    emit(pickle.NONE)


def _put_bool(value: bool, emit: _Emit) -> None:
    emit(pickle.NEWTRUE if value else pickle.NEWFALSE)


def _put_int(value: int, emit: _Emit) -> None:
    if -(2**31) <= value < 2**31:
        emit(pickle.BININT + _INT.pack(value))
    else:
        data = pickle.encode_long(value)
        emit(pickle.LONG1 + bytes([len(data)]) + data)


def _put_float(value: float, emit: _Emit) -> None:
    emit(pickle.BINFLOAT + struct.pack(">d", value))


def _put_str(value: str, emit: _Emit) -> None:
    emit(_str_bytes(value))


@lru_cache(maxsize=1024)
def _str_bytes(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return pickle.BINUNICODE + _STR.pack(len(data)) + data


def _put_tuple(value: tuple[Any, ...], emit: _Emit) -> None:
    emit(pickle.MARK)
    for item in value:
        _put(item, emit)
    emit(pickle.TUPLE)


def _put_list(value: list[Any], emit: _Emit) -> None:
    emit(pickle.EMPTY_LIST + pickle.MARK)
    for item in value:
        _put(item, emit)
    emit(pickle.APPENDS)


def _put_items(value: Mapping[Any, Any], emit: _Emit) -> None:
    emit(pickle.MARK)
    for key, item in value.items():
        _put(key, emit)
        _put(item, emit)
    emit(pickle.SETITEMS)


def _put_dict(value: dict[Any, Any], emit: _Emit) -> None:
    emit(pickle.EMPTY_DICT)
    _put_items(value, emit)


def _put_ordered(value: OrderedDict[Any, Any], emit: _Emit) -> None:
    _put_global(Global("collections", "OrderedDict"), emit)
    emit(pickle.EMPTY_TUPLE + pickle.REDUCE)
    _put_items(value, emit)


@lru_cache(maxsize=256)
def _global_bytes(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode("ascii")


def _put_global(value: Global, emit: _Emit) -> None:
    emit(_global_bytes(value.module, value.name))


def _put_call(value: Call, emit: _Emit) -> None:
    _put_global(value.function, emit)
    _put_tuple(value.arguments, emit)
    emit(pickle.REDUCE)


def _put_instance(value: Instance, emit: _Emit) -> None:
    _put_global(value.kind, emit)
    emit(pickle.EMPTY_TUPLE + pickle.NEWOBJ)
    _put_dict(value.state, emit)
    emit(pickle.BUILD)


def _put_namespace(value: Namespace, emit: _Emit) -> None:
    _put_instance(Instance(Global("argparse", "Namespace"), vars(value)), emit)


def _put_pickled(value: Pickled, emit: _Emit) -> None:
    emit(value.data)


def _put_tensor(value: StoredTensor, emit: _Emit) -> None:
    strides = tuple(prod(value.shape[axis + 1 :]) for axis in range(len(value.shape)))
    _put_global(Global("torch._utils", "_rebuild_tensor_v2"), emit)
    emit(pickle.MARK)
    storage = Global("torch", value.dtype.storage)
    _put_tuple(("storage", storage, value.key, "cpu", prod(value.shape)), emit)
    emit(pickle.BINPERSID)
    for item in (0, value.shape, strides, False, OrderedDict[str, Any]()):
        _put(item, emit)
    emit(pickle.TUPLE + pickle.REDUCE)


_WRITERS: dict[type, Callable[[Any, _Emit], None]] = {
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
