"""What lies beside the weights of a HuggingFace directory and belongs to the model.

Covers: config.json with the keys that conversion changes, tokenizer files, the code of `auto_map`,
processors, chat templates: every file that is neither weights nor their index.
Does not cover: other folders and very large files; they are named in a message and left out.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.formats.huggingface.reader import CONFIG_NAME
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST
from mindspeed_rl_ext.checkpoint.mapping.sizes import read_config
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic

log = logging.getLogger(__name__)

_FOLDERS = ("additional_chat_templates",)
_WEIGHTS = (
    "*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf", "*.h5", "*.msgpack", "*.onnx", "*.ckpt",
    "*.npz", "*.distcp", "*.safetensors.index.json", "*.bin.index.json", "*.msgpack.index.json",
)  # fmt: skip
# A checkpoint of another format, or an earlier conversion, may lie in the same directory.
_NOT_OF_THE_MODEL = (MANIFEST, "latest_checkpointed_iteration.txt", ".*")
_MOST_BYTES = 256 << 20


def copy_companions(source: Path, target: Path) -> None:
    """Copies all files beside the weights but config.json, each flushed to disk."""
    found, left_out = _companions(source)
    for path in found:
        made = target / path.relative_to(source)
        made.parent.mkdir(exist_ok=True)
        with path.open("rb") as old, made.open("wb") as new:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())
    if left_out:
        log.info("of %s left out: %s", source, some(left_out, 10))


def _companions(source: Path) -> tuple[list[Path], list[str]]:
    """The files to copy, and the names of what is neither copied nor weights."""
    found, left_out = [], []
    for path in _entries(source):
        if path.is_file() and path.stat().st_size <= _MOST_BYTES:
            found.append(path)
        else:
            left_out.append(path.name + ("/" if path.is_dir() else ""))
    return found, left_out


def _entries(source: Path) -> Iterator[Path]:
    for path in sorted(source.iterdir()):
        if path.name == CONFIG_NAME or any(fnmatch(path.name, p) for p in _NOT_OF_THE_MODEL):
            continue
        if path.is_dir() and path.name in _FOLDERS:
            yield from sorted(inner for inner in path.iterdir() if inner.is_file())
        elif path.is_dir() or not any(fnmatch(path.name, p) for p in _WEIGHTS):
            yield path


def write_config(source: Path, target: Path, changes: Mapping[str, Any]) -> None:
    """Writes config.json.

    Args:
        source: the directory of the model's config.json.
        target: the directory to write into.
        changes: keys that must have another value; None removes one.
    """
    config = read_config(source)
    merged = {**config, **changes}
    changed = {key: value for key, value in merged.items() if changes.get(key, 0) is not None}
    if changed == config:
        text = (source / CONFIG_NAME).read_text("utf-8")
    else:
        text = json.dumps(changed, indent=2, ensure_ascii=False) + "\n"
    write_text_atomic(target / CONFIG_NAME, text)
