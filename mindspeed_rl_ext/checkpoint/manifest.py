"""manifest.json: what was written, from what, and a CRC of every tensor.

Covers: source, layout, hashes of config.json and the tokenizer's files, all tensors with CRC-32
and, where it was asked for, SHA-256; tensors with NaN; copies that had drifted.
Does not cover: checking it against the files; `verify` does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.copying.streaming import Sums
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.plan import TensorPlan
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.whole_files import open_atomic
from mindspeed_rl_ext.version import __version__

MANIFEST = "manifest.json"
FORMAT = 1
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "tiktoken.model",
    "spiece.model",
    "vocab.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
)


@dataclass(frozen=True)
class Written:
    """One tensor that was written: the file below the checkpoint, the plan, the sums."""

    file: str
    plan: TensorPlan
    sums: Sums


def write_manifest(
    path: Path,
    *,
    kind: str,
    source: Path,
    cfg_dir: Path,
    model_type: str,
    layout: Layout,
    written: Iterable[Written],
    plan_id: str = "",
    drifted: Sequence[str] = (),
    adapter: Mapping[str, Any] | None = None,
) -> list[str]:
    """Writes manifest.json, a line per tensor, one after another: a large model has a million.

    Args:
        path: the file.
        kind: the name of the format that it describes.
        source: the checkpoint that was read.
        cfg_dir: the directory of config.json and the tokenizer.
        model_type: the spec's name.
        layout: how the sharded side is laid out.
        written: all tensors; gone through once.
        plan_id: the identity of the plan that was carried out.
        drifted: tensors of the source whose copies differed.
        adapter: what is to be said of an adapter that was merged.

    Returns:
        Names of the tensors that hold NaN, each once.
    """
    content: dict[str, Any] = {
        "format": FORMAT,
        "written_by": f"mindspeed-rl-ext {__version__}",
        "kind": kind,
        "model_type": model_type,
        "source": str(source.resolve()),
        "hf_config_dir": str(cfg_dir.resolve()),
        "layout": asdict(layout),
        "plan": plan_id,
        "sha256": file_hashes(cfg_dir),
        "drifted": list(drifted),
        **({"adapter": dict(adapter)} if adapter else {}),
    }
    with_nan: list[str] = []
    with open_atomic(path) as file:
        file.write(json.dumps(content, indent=1).removesuffix("\n}").encode())
        file.write(b',\n "tensors": [')
        for number, item in enumerate(written):
            if item.sums.has_nan:
                with_nan.append(item.plan.ref.name)
            row = json.dumps(_row(item), separators=(", ", ": "))
            file.write((",\n  " if number else "\n  ").encode() + row.encode())
        file.write(f'\n ],\n "with_nan": {json.dumps(with_nan)}\n}}\n'.encode())
    return sorted(set(with_nan))


def _row(item: Written) -> dict[str, Any]:
    return {
        "file": item.file,
        "key": item.plan.ref.chunk,
        "name": item.plan.ref.name,
        "shape": list(item.plan.shape),
        "dtype": item.plan.dtype.name,
        "crc32": f"{item.sums.crc32:08x}",
        **({"sha256": item.sums.sha256} if item.sums.sha256 else {}),
    }


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of config.json and the tokenizer's files, as far as they are there."""
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("config.json", *TOKENIZER_FILES)
        if (folder / name).is_file()
    }


def recorded_plan(checkpoint: Path) -> str:
    """The identity of the plan that a checkpoint was made by; "" where none is recorded."""
    try:
        return str(json.loads((checkpoint / MANIFEST).read_text("utf-8")).get("plan", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def recorded_cfg_dir(checkpoint: Path) -> Path | None:
    """The HuggingFace directory that a manifest names, if it is there with the same config.json."""
    path = checkpoint / MANIFEST
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text("utf-8"))
        folder, recorded = Path(content["hf_config_dir"]), content["sha256"]["config.json"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is broken", found=str(error), remedy="remove it, or pass --hf-cfg-dir"
        ) from error
    return folder if file_hashes(folder).get("config.json") == recorded else None
