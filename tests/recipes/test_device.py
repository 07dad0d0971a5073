"""The device of a recipe where torch_npu is installed and its driver is not."""

from __future__ import annotations

import sys

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from mindspeed_rl_ext.recipes.device import pick_device  # noqa: E402  it needs torch


@pytest.mark.parametrize(
    "failure",
    [
        "raise ImportError('libhccl.so: cannot open shared object file: No such file')",
        "raise OSError('libascendcl.so: cannot open shared object file')",
        "raise RuntimeError('Initialize: aclInit failed, error code is 507008')",
        "",  # an import that adds no torch.npu
    ],
)
def test_torch_npu_without_a_driver_is_named_and_left_out(failure, tmp_path, monkeypatch, caplog):
    (tmp_path / "torch_npu.py").write_text(f"{failure}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch_npu", raising=False)
    monkeypatch.delattr(torch, "npu", raising=False)
    assert pick_device() == ("cuda" if torch.cuda.is_available() else "cpu")
    assert "torch_npu is installed but cannot be used" in caplog.text
    sys.modules.pop("torch_npu", None)
