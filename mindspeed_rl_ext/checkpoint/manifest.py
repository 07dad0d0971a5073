"""manifest.json: what was written, from what, and a CRC of every tensor.

Covers: source, layout, hashes of config.json and the tokenizer's files, all tensors with CRC-32
and, where it was asked for, SHA-256; tensors with NaN; copies that had drifted.
Does not cover: checking it against the files; `verify` does. Joining those of parts;
`parts.manifests` does.
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
# Of parts that `--ranks` or `--node` made, until they are joined.
PART_MANIFESTS = "manifest.mp_rank_*-*.json"
# Of a row of such a manifest: the tensor holds NaN.
NAN = "nan"
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
    part: Mapping[str, Any] | None = None,
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
        part: which part of a checkpoint it describes; None for a whole.
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
        **({"part": part} if part else {}),
        **({"adapter": dict(adapter)} if adapter else {}),
    }
    rows = ((_row(item, bool(part)), item.sums.has_nan) for item in written)
    return write_rows(path, content, rows)


def write_rows(
    path: Path, content: Mapping[str, Any], rows: Iterable[tuple[dict[str, Any], bool]]
) -> list[str]:
    """Writes a manifest of what stands before its rows, and the rows, each with whether it has NaN.

    Returns:
        Names of the tensors that hold NaN, each once.
    """
    with_nan: list[str] = []
    with open_atomic(path) as file:
        file.write(json.dumps(content, indent=1).removesuffix("\n}").encode())
        file.write(b',\n "tensors": [')
        for number, (row, has_nan) in enumerate(rows):
            if has_nan:
                with_nan.append(row["name"])
            text = json.dumps(row, separators=(", ", ": "))
            file.write((",\n  " if number else "\n  ").encode() + text.encode())
        file.write(f'\n ],\n "with_nan": {json.dumps(with_nan)}\n}}\n'.encode())
    return sorted(set(with_nan))


def _row(item: Written, of_part: bool) -> dict[str, Any]:
    return {
        "file": item.file,
        "key": item.plan.ref.chunk,
        "name": item.plan.ref.name,
        "shape": list(item.plan.shape),
        "dtype": item.plan.dtype.name,
        "crc32": f"{item.sums.crc32:08x}",
        **({"sha256": item.sums.sha256} if item.sums.sha256 else {}),
        **({NAN: True} if of_part and item.sums.has_nan else {}),
    }


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of config.json and the tokenizer's files, as far as they are there."""
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("config.json", *TOKENIZER_FILES)
        if (folder / name).is_file()
    }


def manifests(checkpoint: Path) -> list[Path]:
    """The manifest of a checkpoint; those of its parts where they are not joined yet."""
    path = checkpoint / MANIFEST
    return [path] if path.is_file() else sorted(checkpoint.glob(PART_MANIFESTS))


def recorded_plan(checkpoint: Path) -> str:
    """The identity of the plan that a checkpoint was made by; "" where none is recorded."""
    try:
        return str(json.loads((checkpoint / MANIFEST).read_text("utf-8")).get("plan", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def recorded_cfg_dir(checkpoint: Path) -> Path | None:
    """The HuggingFace directory that a manifest names, if it is there with the same config.json."""
    path = next(iter(manifests(checkpoint)), None)
    if path is None:
        return None
    try:
        content = json.loads(path.read_text("utf-8"))
        folder, recorded = Path(content["hf_config_dir"]), content["sha256"]["config.json"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is broken", found=str(error), remedy="remove it, or pass --hf-cfg-dir"
        ) from error
    return folder if file_hashes(folder).get("config.json") == recorded else None
