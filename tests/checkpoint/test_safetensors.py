"""Files that the safetensors format forbids are refused, as its own library refuses them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.formats.huggingface.safetensors_file import SafetensorsFile
from mindspeed_rl_ext.core.errors import InputError

safetensors = pytest.importorskip("safetensors", reason="the format's own library is the oracle")


def entry(start: int, stop: int, count: int | None = None) -> dict:
    count = (stop - start) // 4 if count is None else count
    return {"dtype": "F32", "shape": [count], "data_offsets": [start, stop]}


def write(path: Path, header: str | dict, data_bytes: int) -> Path:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    values = np.arange(data_bytes, dtype="u1").tobytes()
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)
    return path


FORBIDDEN = {
    "overlap": ({"a": entry(0, 8), "b": entry(4, 12)}, 12, "b overlaps a"),
    "same bytes": ({"a": entry(0, 8), "b": entry(0, 8)}, 8, "b overlaps a"),
    "one inside another": ({"a": entry(0, 16), "b": entry(4, 8)}, 16, "b overlaps a"),
    "hole": ({"a": entry(0, 8), "b": entry(12, 16)}, 16, "b leaves a hole behind a"),
    "hole at the start": ({"a": entry(4, 8)}, 8, "a leaves a hole behind the header"),
    "bytes behind": ({"a": entry(0, 8)}, 12, "4 bytes behind a"),
    "bytes without tensors": ({}, 4, "4 bytes behind the header"),
    "key twice": (
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        '"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8, "'a' stands there twice",
    ),
    "key of an entry twice": (
        '{"a":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,8]}}', 8,
        "'shape' stands there twice",
    ),
    "offsets twice": (
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[4,8]}}', 8,
        "'data_offsets' stands there twice",
    ),
    "metadata twice": (
        '{"__metadata__":{"format":"pt","format":"tf"},'
        '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4, "'format' stands there twice",
    ),
}  # fmt: skip
# The format forbids two equal keys; the library takes the last of them all the same.
LIBRARY_ACCEPTS = {"key twice", "metadata twice"}


@pytest.mark.parametrize("fault", FORBIDDEN)
def test_a_forbidden_file_is_refused_with_what_is_wrong(tmp_path, fault):
    header, data_bytes, named = FORBIDDEN[fault]
    path = write(tmp_path / "model.safetensors", header, data_bytes)
    with pytest.raises(InputError, match="not a whole safetensors file") as caught:
        SafetensorsFile(path)
    assert named in str(caught.value)
    if fault not in LIBRARY_ACCEPTS:
        with pytest.raises(safetensors.SafetensorError), safetensors.safe_open(path, "np"):
            pass


ALLOWED = {
    "in order": ({"a": entry(0, 8), "b": entry(8, 12)}, 12),
    "in another order": ({"b": entry(8, 12), "a": entry(0, 8)}, 12),
    "empty tensors": ({"a": entry(0, 0), "b": entry(0, 8), "c": entry(8, 8)}, 8),
    "no tensors": ({}, 0),
    "metadata": ({"__metadata__": {"format": "pt"}, "a": entry(0, 8)}, 8),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_the_format_allows_is_read(tmp_path, case):
    header, data_bytes = ALLOWED[case]
    path = write(tmp_path / "model.safetensors", header, data_bytes)
    with safetensors.safe_open(path, "np") as file:
        expected = {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118
    found = SafetensorsFile(path)
    assert {name: found.view(name).array.tobytes() for name in found.entries} == expected
