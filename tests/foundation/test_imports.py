"""What importing the package pulls in: nothing heavy, and little of the standard library."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "torch", "transformers", "tokenizers", "safetensors", "sympy", "numpy", "yaml", "tqdm", "ray",
    "datasets", "math_verify", "matplotlib", "pandas", "pyarrow", "trl", "accelerate",
}  # fmt: skip


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import mindspeed_rl_ext",
        "from mindspeed_rl_ext import activate, verifier",
        "import mindspeed_rl_ext.cli",
        "import mindspeed_rl_ext.activation.hook",
        "import mindspeed_rl_ext.hosts.catalog as c; c.load_adapters()",
        "import mindspeed_rl_ext.cli.doctor",
        "import mindspeed_rl_ext.verifiers",
        "import mindspeed_rl_ext.core.responses.text, mindspeed_rl_ext.core.files.shipped",
        "import mindspeed_rl_ext.checkpoint, mindspeed_rl_ext.preprocess",
    ],
)
def test_nothing_heavy_is_imported(code):
    assert not modules_after(code) & HEAVY


def test_the_top_of_the_package_imports_its_version_only():
    code = "import sys; before = set(sys.modules); import mindspeed_rl_ext"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*(set(sys.modules) - before))"],
        capture_output=True,
        text=True,
        check=True,
    )
    ours = {name for name in done.stdout.split() if name.startswith("mindspeed_rl_ext")}
    assert ours == {"mindspeed_rl_ext", "mindspeed_rl_ext.version"}


def test_an_unknown_attribute_is_an_attribute_error():
    import mindspeed_rl_ext

    with pytest.raises(AttributeError, match="nothing"):
        _ = mindspeed_rl_ext.nothing
