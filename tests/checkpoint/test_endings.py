"""How a run ends that is not let finish: SIGTERM, a source that shrinks, power that fails."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.copying import write_files
from mindspeed_rl_ext.checkpoint.mapping.model import read_model
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.staging import STAGING_NAME

# A conversion that waits before each write, so that a signal meets it at work.
SLOW = """
import os, sys, time
pwrite = os.pwrite
def slow(*words):
    time.sleep(0.2)
    return pwrite(*words)
os.pwrite = slow
from mindspeed_rl_ext.cli._dispatch import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("resume", [False, True])
def test_sigterm_ends_a_run_as_ctrl_c_does_with_143(hf_dir, tmp_path, resume):
    words = ["convert", "--save-model-type", "mg", "--load-dir", hf_dir, "--save-dir"]
    words += [tmp_path / "mg", "--target-tensor-parallel-size", "2", *(["--resume"] * resume)]
    running = subprocess.Popen(
        [sys.executable, "-c", SLOW, *map(str, words)], stderr=subprocess.PIPE, text=True
    )
    while running.poll() is None and not any(tmp_path.glob(f"mg/{STAGING_NAME}/*/*/*.pt")):
        time.sleep(0.01)
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 143
    assert "interrupted" in err
    assert (tmp_path / "mg").exists() is resume
    assert ("finished files are kept" in err) is resume
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, resume=resume, verify=True))


@pytest.mark.parametrize("to", ["mg", "hf"])
def test_a_source_that_shrinks_while_it_is_read_is_named(kit, tmp_path, monkeypatch, to):
    kit.write_hf(tmp_path / "hf", kit.tiny(hidden=256, ffn=1024, vocab=2000), shards=2)
    source = tmp_path / "hf"
    if to == "hf":
        convert(ConvertOptions("hf", "mg", source, tmp_path / "mg", 2))
        source = tmp_path / "mg"
    path = max(source.rglob("*.safetensors" if to == "mg" else "*.pt"))
    windows = write_files.windows
    count = {"left": 3}

    def shrinking(*words):
        for window in windows(*words):
            yield window
            count["left"] -= 1
            if count["left"] == 0:
                os.truncate(path, path.stat().st_size // 8)

    monkeypatch.setattr(write_files, "windows", shrinking)
    options = ConvertOptions("auto", to, source, tmp_path / "out", hf_cfg_dir=tmp_path / "hf")
    with pytest.raises(InputError, match="changed while it was read") as caught:
        convert(options)
    assert path.name in str(caught.value)
    assert not (tmp_path / "out").exists()


# A conversion whose source is cut short after a window of it was handed out, before it is copied.
CUT = """
import os, sys
from mindspeed_rl_ext.checkpoint.copying import write_files
windows, path = write_files.windows, sys.argv[1]
def cutting(*words):
    for window in windows(*words):
        if window.ref is not None and len(window.data) > 1 << 16:  # a view of the file itself
            os.truncate(path, 4096)
        yield window
write_files.windows = cutting
from mindspeed_rl_ext.cli._dispatch import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("to", ["mg", "hf", "torch_dist"])
def test_a_source_that_shrinks_within_a_window_is_no_bus_error(kit, tmp_path, to):
    kit.write_hf(tmp_path / "hf", kit.tiny(hidden=256, ffn=1024, vocab=2000), shards=1)
    source = tmp_path / "hf"
    if to == "hf":
        convert(ConvertOptions("hf", "mg", source, tmp_path / "mg", 2))
        source = tmp_path / "mg"
    path = max(source.rglob("*.pt" if to == "hf" else "*.safetensors"))
    words = ["convert", "--load-dir", source, "--save-dir", tmp_path / "out", "--workers", "1"]
    words += ["--save-model-type", to, "--hf-cfg-dir", tmp_path / "hf"]
    done = subprocess.run(
        [sys.executable, "-c", CUT, *map(str, [path, *words])], capture_output=True, text=True
    )
    assert path.stat().st_size == 4096
    assert done.returncode == 2, done.stderr
    assert f"{path} changed while it was read" in done.stderr
    assert not (tmp_path / "out").exists()


OTHER = """
import mmap, sys
from pathlib import Path
from mindspeed_rl_ext.checkpoint.tensors import MappedFile
ours, other = map(Path, sys.argv[1:])
MappedFile(ours).bytes(0, 1)
with other.open("r+b") as file:
    mapped = mmap.mmap(file.fileno(), 0)
    file.truncate(0)
mapped[0]
"""


def test_a_bus_error_of_somebody_elses_map_still_ends_the_process(tmp_path):
    for name in ("ours", "other"):
        (tmp_path / name).write_bytes(b"x" * 10000)
    words = [sys.executable, "-c", OTHER, str(tmp_path / "ours"), str(tmp_path / "other")]
    assert subprocess.run(words, capture_output=True).returncode == -signal.SIGBUS


def test_a_source_that_is_rewritten_meanwhile_is_refused(kit, hf_dir, tmp_path, monkeypatch):
    windows = write_files.windows

    def touching(*words):
        yield from windows(*words)
        os.utime(hf_dir / "config.json", (1, 1))
        (hf_dir / "config.json").write_text((hf_dir / "config.json").read_text() + "\n")

    monkeypatch.setattr(write_files, "windows", touching)
    with pytest.raises(InputError, match="changed while it was converted"):
        convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))


def test_more_rank_files_than_a_process_may_open(kit, tmp_path):
    """64 files under a limit of 40; at 2,048 files and 1,024 the proportion is the same."""
    model = kit.tiny(layers=8, heads=8, groups=8, hidden=32, ffn=32)
    kit.write_hf(tmp_path / "hf", model)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, limits[1]))
    try:
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 8, 8, workers=2))
        assert len(list((tmp_path / "mg").rglob("*.pt"))) == 64
        convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", verify=True))
        assert verify(tmp_path / "hf", tmp_path / "mg").ok
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.slow
def test_2048_rank_files_under_a_limit_of_1024(kit, tmp_path):
    """TP 8, PP 8, EP 32, as DeepSeek-R1 is trained: the real numbers, there and back."""
    config = {
        "model_type": "qwen3_moe", "num_hidden_layers": 8, "hidden_size": 16, "head_dim": 4,
        "num_attention_heads": 8, "num_key_value_heads": 8, "intermediate_size": 16,
        "moe_intermediate_size": 8, "num_experts": 32, "num_experts_per_tok": 2,
        "decoder_sparse_step": 1, "vocab_size": 32, "tie_word_embeddings": False,
        "rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 64,
    }  # fmt: skip
    hf = tmp_path / "hf"
    hf.mkdir()
    (hf / "config.json").write_text(json.dumps(config))
    rng = np.random.default_rng(0)
    shapes = read_model(hf).shapes()
    tensors = {name: rng.integers(0, 2**15, shape, "<u2") for name, shape in shapes.items()}
    kit.write_safetensors(hf / "model.safetensors", tensors)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, limits[1]))
    try:
        options = {"expert_parallel_size": 32, "moe_grouped_gemm": True, "workers": 2}
        convert(ConvertOptions("hf", "mg", hf, tmp_path / "mg", 8, 8, **options))
        assert len(list((tmp_path / "mg").rglob("*.pt"))) == 2048
        convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", verify=True))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert verify(hf, tmp_path / "back").ok


class Disk:
    """Which files and directories would survive a power loss: what was flushed after its last
    change. A directory changes when an entry is made in it or moved into it."""

    def __init__(self, monkeypatch) -> None:
        self.clock = 0
        self.flushed: dict[int, int] = {}
        self.moved: list[tuple[Path, int]] = []
        fsync, rename = os.fsync, os.rename

        def flush(handle: int) -> None:
            fsync(handle)
            self.clock += 1
            self.flushed[os.fstat(handle).st_ino] = self.clock

        def move(old, new) -> None:
            rename(old, new)
            self.clock += 1
            self.moved.append((Path(new), self.clock))

        monkeypatch.setattr(os, "fsync", flush)
        monkeypatch.setattr(os, "rename", move)

    def flushed_at(self, path: Path) -> int:
        return self.flushed.get(path.stat().st_ino, 0)


@pytest.mark.parametrize("to", ["mg", "hf"])
def test_all_is_on_disk_before_the_marker_and_the_marker_at_the_end(
    kit, hf_dir, tmp_path, monkeypatch, to
):
    (hf_dir / "additional_chat_templates").mkdir()
    (hf_dir / "additional_chat_templates/a.jinja").write_text("x")
    source = hf_dir
    if to == "hf":
        convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2))
        source = tmp_path / "mg"
    disk = Disk(monkeypatch)
    out = tmp_path / "new/er/out"
    options = {"tensor_parallel_size": 2} if to == "mg" else {"max_shard_bytes": 6000}
    convert(ConvertOptions("auto", to, source, out, **options))
    marker = out / ("latest_checkpointed_iteration.txt" if to == "mg" else "config.json")
    (last, at) = disk.moved[-1]
    assert last == marker
    for path in out.rglob("*"):
        if path.is_file():
            assert 0 < disk.flushed_at(path) < at, path
        elif path.parent != out or path.name != STAGING_NAME:
            assert disk.flushed_at(path) > 0, path
    entries = [when for path, when in disk.moved if path.parent == out and path != marker]
    assert max(entries) < at < disk.flushed_at(out)
    for folder in (out.parent, out.parent.parent, tmp_path):
        assert disk.flushed_at(folder), folder
