"""Torch files: ours are read by torch and zipfile; torch's are read by us, nothing is run."""

from __future__ import annotations

import argparse
import collections
import contextlib
import enum
import io
import os
import pickle
import struct
import sys
import types
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.formats.torch_file.archive import TorchArchive
from mindspeed_rl_ext.checkpoint.formats.torch_file.pickle_writer import dumps
from mindspeed_rl_ext.checkpoint.formats.torch_file.unpickle import (
    Attributes,
    Placeholder,
    restricted_loads,
)
from mindspeed_rl_ext.checkpoint.formats.torch_file.zip_container import TorchZip
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch", reason="torch writes and judges the files")

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(value=PLAIN)
def test_our_pickle_is_read_back_by_python(value):
    assert pickle.loads(dumps(value)) == value
    assert restricted_loads(dumps(value), "a test") == value


def test_our_pickle_refuses_what_it_does_not_cover():
    with pytest.raises(TypeError, match="complex"):
        dumps({"a": 1j})


@pytest.fixture
def shard(hf_dir, tmp_path) -> Path:
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 2))
    return tmp_path / "mg/iter_0000001/mp_rank_01_001/model_optim_rng.pt"


def test_shards_are_valid_zips_with_aligned_values(shard):
    with zipfile.ZipFile(shard) as archive:
        assert archive.testzip() is None
        data = shard.read_bytes()
        for entry in archive.infolist():
            name_length, extra_length = struct.unpack_from("<HH", data, entry.header_offset + 26)
            start = entry.header_offset + 30 + name_length + extra_length
            assert entry.compress_type == zipfile.ZIP_STORED
            assert start % 64 == 0
            assert data[start : start + entry.file_size] == archive.read(entry)


def test_torch_reads_our_shards_mapped_and_unmapped(kit, shard):
    plain, mapped = kit.torch_load(shard), kit.torch_load(shard, mmap=True)
    assert type(plain["args"]) is argparse.Namespace
    assert type(plain["model"]) is collections.OrderedDict
    assert plain["checkpoint_version"] == 3.0
    assert plain["iteration"] == 1
    assert plain["num_floating_point_operations_so_far"] == 0
    for name, tensor in plain["model"].items():
        assert tensor.is_contiguous()
        assert mapped["model"][name].view(torch.int16).equal(tensor.view(torch.int16))


def test_args_carry_megatron_and_huggingface_names(kit, shard):
    args = vars(kit.torch_load(shard)["args"])
    expected = {
        "num_layers": 4, "num_hidden_layers": 4, "hidden_size": 16, "ffn_hidden_size": 24,
        "intermediate_size": 24, "num_attention_heads": 4, "num_query_groups": 2,
        "num_key_value_heads": 2, "group_query_attention": True, "kv_channels": 4,
        "head_dim": 4, "rotary_base": 1000000, "rope_theta": 1000000.0,
        "position_embedding_type": "rope", "add_position_embedding": True,
        "normalization": "RMSNorm", "swiglu": True, "add_qkv_bias": True,
        "add_bias_linear": False, "untie_embeddings_and_output_weights": True,
        "vocab_size": 37, "padded_vocab_size": 38, "make_vocab_size_divisible_by": 1,
        "tensor_model_parallel_size": 2, "pipeline_model_parallel_size": 2,
        "params_dtype": torch.bfloat16, "bf16": True, "iteration": 1,
    }  # fmt: skip
    assert {key: args[key] for key in expected} == expected
    builtin = (bool, int, float, str, list, type(None), torch.dtype)
    assert all(isinstance(value, builtin) for value in args.values())


def test_large_files_use_zip64(tmp_path):
    path = tmp_path / "large.pt"
    blobs = [os.urandom(n) for n in (10, 5000, 300)]
    layout, crcs = TorchZip(limit=4000), [zlib.crc32(blob) for blob in blobs]
    whole = layout.add("archive/data.pkl", b"x")
    for number, (blob, crc) in enumerate(zip(blobs, crcs, strict=True)):
        whole += layout.place(f"archive/data/{number}", len(blob)) + blob
        whole += layout.behind(len(blob), crc)
        assert len(whole) == layout.at
    whole += layout.add("archive/version", b"3\n")
    path.write_bytes(whole + layout.finish(crcs))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert [archive.read(f"archive/data/{n}") for n in range(3)] == blobs
    reader = torch._C.PyTorchFileReader(str(path))
    assert [bytes(reader.get_record(f"data/{n}")) for n in range(3)] == blobs


def test_values_of_torch_files_are_read_whatever_their_strides(tmp_path):
    base = torch.arange(120, dtype=torch.float32)
    tensors = {
        "plain": base.reshape(10, 12).clone(),
        "transposed": base.reshape(10, 12).t(),
        "offset": base[7:19],
        "strided": base.reshape(10, 12)[::3, 1::4],
        "expanded": base[5:6].expand(4, 3),
        "shared": base[30:60].reshape(5, 6),
        "empty": torch.empty(0, 4),
        "scalar": torch.tensor(2.5),
        "half": base.to(torch.float16),
        "brain": base.to(torch.bfloat16),
        "parameter": torch.nn.Parameter(base[:4].clone()),
    }
    for protocol in (2, 4):
        torch.save(tensors, tmp_path / "a.pt", pickle_protocol=protocol)
        archive = TorchArchive(tmp_path / "a.pt")
        for name, tensor in tensors.items():
            view = archive.view(archive.content[name])
            raw = tensor.detach()
            expected = raw.view(torch.int16) if raw.dtype == torch.bfloat16 else raw
            assert view.dtype.name == str(raw.dtype).removeprefix("torch.")
            assert view.shape == tuple(raw.shape)
            values = view.array.view("<i2") if raw.dtype == torch.bfloat16 else view.array
            np.testing.assert_array_equal(values, expected.numpy(), err_msg=name)


@pytest.mark.parametrize("layout", [2, True], ids=["2.7", "1.11"])
def test_what_torch_npu_saves_from_an_npu_is_read(tmp_path, monkeypatch, layout):
    """Its `__reduce_ex__` names a function of its own for every tensor on an NPU."""
    storage = types.ModuleType("torch_npu.utils.storage")

    def _rebuild_npu_tensor(*arguments):
        raise AssertionError("it ran")

    _rebuild_npu_tensor.__module__ = storage.__name__
    _rebuild_npu_tensor.__qualname__ = "_rebuild_npu_tensor"
    storage._rebuild_npu_tensor = _rebuild_npu_tensor
    for name in ("torch_npu", "torch_npu.utils"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, storage.__name__, storage)

    def reduce(self, protocol):
        hooks = collections.OrderedDict()
        place = self.storage_offset(), tuple(self.size()), self.stride()
        values = (self._typed_storage(), *place, False, hooks, layout)
        return _rebuild_npu_tensor, values

    tensors = {"half": torch.randn(3, 5).half(), "part": torch.arange(12.0).reshape(3, 4)[1:, 2:]}
    with monkeypatch.context() as patched:
        patched.setattr(torch.Tensor, "__reduce_ex__", reduce)
        torch.save(tensors, tmp_path / "a.pt")
    archive = TorchArchive(tmp_path / "a.pt")
    for name, tensor in tensors.items():
        view = archive.view(archive.content[name])
        assert view.dtype.name == str(tensor.dtype).removeprefix("torch.")
        np.testing.assert_array_equal(view.array, tensor.numpy())


def test_values_that_torch_would_still_negate_are_refused(tmp_path):
    negative = torch.complex(torch.ones(3), torch.ones(3)).conj().imag
    assert negative.is_neg()
    torch.save({"a": negative}, tmp_path / "a.pt")
    with pytest.raises(InputError, match="neg is set"):
        TorchArchive(tmp_path / "a.pt")


def test_values_of_a_big_endian_machine_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "byteorder", "big")
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pt")
    with pytest.raises(InputError, match="big-endian"):
        TorchArchive(tmp_path / "a.pt")


class RunsCode:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (os.system, (f"touch {self.marker}",))


def test_a_pickle_that_would_run_code_does_not(tmp_path):
    marker = tmp_path / "ran"
    hostile = {"args": argparse.Namespace(a=1), "model": {}, "x": RunsCode(marker)}
    torch.save(hostile, tmp_path / "hostile.pt")
    found = TorchArchive(tmp_path / "hostile.pt").content
    assert isinstance(found["x"], Placeholder)
    assert "system" in repr(found["x"])
    assert not marker.exists()
    pickle.loads(pickle.dumps(RunsCode(marker)))
    assert marker.exists(), "the payload itself works"


def test_a_pickle_cannot_change_our_classes(tmp_path):
    """BUILD on a class would set its attributes for the whole process."""
    attack = b"cargparse\nNamespace\n(N}X\x08\x00\x00\x00__init__K\x01stb."
    before = (argparse.Namespace.__init__, Attributes.__init__)
    for text in (attack, attack.replace(b"cargparse\nNamespace", b"ctypes\nSimpleNamespace")):
        with contextlib.suppress(InputError):
            restricted_loads(text, "a test")
    assert (argparse.Namespace.__init__, Attributes.__init__) == before


def test_numpy_and_unknown_objects_become_placeholders():
    value = {
        "rng": np.random.default_rng(0).bit_generator.state,
        "array": np.arange(3),
        "plain": types.SimpleNamespace(a=[1, 2]),
        "path": Path("x"),
        "function": os.getcwd,
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list, a=[1]),
    }
    found = restricted_loads(pickle.dumps(value, protocol=4), "a test")
    assert isinstance(found["array"], Placeholder)
    assert isinstance(found["path"], Placeholder)
    assert vars(found["plain"]) == {"a": [1, 2]}
    assert found["ordered"] == {"a": 1}
    assert found["default"] == {"a": [1]}


class Outer:
    class Inner:
        def __init__(self) -> None:
            self.count = 3


class Kind(enum.Enum):
    ONE = 1


@pytest.mark.parametrize("protocol", [2, 4])
def test_classes_inside_classes_and_enums_become_placeholders(protocol):
    value = [Outer.Inner(), Kind.ONE, 5]
    inner, kind, plain = restricted_loads(pickle.dumps(value, protocol=protocol), "a test")
    assert "Outer.Inner, not loaded" in repr(inner)
    assert inner.state == {"count": 3}
    assert "Kind" in repr(kind)
    assert plain == 5


def script_archive(path: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))


def old_format(path: Path) -> None:
    torch.save({"a": torch.ones(2)}, path, _use_new_zipfile_serialization=False)


def bare_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": 1}))


def foreign_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def compressed(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(500)}, buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (script_archive, "TorchScript"),
        (old_format, "old format"),
        (bare_pickle, "bare pickle"),
        (foreign_zip, "without data.pkl"),
        (compressed, "compressed"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_bytes(b"ustar" * 200), "no zip"),
    ],
    ids=["torchscript", "old-format", "bare-pickle", "foreign-zip", "compressed", "empty", "tar"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_other_containers_are_refused_before_unpickling(tmp_path, monkeypatch, make, named):
    make(tmp_path / "a.pt")
    monkeypatch.setattr(
        "mindspeed_rl_ext.checkpoint.formats.torch_file.archive.restricted_loads",
        lambda *a: pytest.fail("unpickled"),
    )
    with pytest.raises(InputError, match=named):
        TorchArchive(tmp_path / "a.pt")


def test_a_tensor_beyond_its_storage_is_refused(tmp_path):
    tensor = torch.ones(4)
    torch.save({"a": tensor}, tmp_path / "a.pt")
    archive = TorchArchive(tmp_path / "a.pt")
    found = archive.content["a"]
    for changes in ({"shape": (5,)}, {"offset": 1}, {"strides": (2,)}):
        broken = type(found)(**{**vars(found), **changes})
        with pytest.raises(InputError, match="beyond its storage"):
            archive.view(broken)


def test_every_truncation_of_a_shard_is_an_error_with_a_remedy(shard, tmp_path):
    data = shard.read_bytes()
    for kept in range(1, len(data), max(1, len(data) // 60)):
        (tmp_path / "cut.pt").write_bytes(data[:kept])
        with pytest.raises(InputError, match="remedy"):
            TorchArchive(tmp_path / "cut.pt")
