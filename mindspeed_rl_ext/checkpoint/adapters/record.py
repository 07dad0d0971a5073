"""What a manifest says of an adapter that was merged, and whether another one is the same.

Covers: its place, rank, alpha, rounding, and a CRC of all its matrices and scales, whatever format
and layout they are stored in.
Does not cover: proving the merged weights; verifying computes them anew.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from mindspeed_rl_ext.checkpoint.adapters.factors import HOST, ONCE, Factors
from mindspeed_rl_ext.checkpoint.adapters.settings import AdapterSettings
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST
from mindspeed_rl_ext.core.errors import InputError

KEY = "adapter"
# What two records have in common where the merged weights are the same.
SAME = ("crc32", "rounding")


def record_of(
    folder: Path, settings: AdapterSettings, changes: Mapping[str, Factors], like_host: bool
) -> dict[str, Any]:
    """What a manifest says of an adapter.

    Args:
        folder: where it is.
        settings: its rank and alpha.
        changes: HuggingFace weight -> how it changes.
        like_host: a merged weight is rounded as the host's converter does.
    """
    crc = 0
    for name in sorted(changes):
        factors = changes[name]
        crc = zlib.crc32(f"{name} {factors.scale!r}".encode(), crc)
        for matrix in factors.load():
            crc = zlib.crc32(matrix.tobytes(), crc)
    return {
        "path": str(folder.resolve()),
        "r": settings.rank,
        "alpha": settings.alpha,
        "rounding": HOST if like_host else ONCE,
        "weights": len(changes),
        "crc32": f"{crc:08x}",
    }


def recorded_adapter(folder: Path) -> dict[str, Any] | None:
    """What the manifest of a checkpoint says of an adapter merged into it; None where nothing.

    Args:
        folder: the checkpoint, or an iteration of it.

    Raises:
        InputError: the manifest is broken.
    """
    for place in (folder, folder.parent):
        path = place / MANIFEST
        if not path.is_file():
            continue
        try:
            found = json.loads(path.read_text("utf-8")).get(KEY)
        except (ValueError, AttributeError) as error:
            raise InputError(
                f"{path} is broken", found=str(error), remedy="remove it, or pass --lora-load"
            ) from error
        return found if isinstance(found, dict) else None
    return None


def how_to_verify(record: Mapping[str, Any]) -> str:
    """The flags that verify a checkpoint with an adapter merged into it, in a line.

    Args:
        record: as `recorded_adapter` returns it.
    """
    words = ["--lora-load", quote(str(record.get("path", "")))]
    for flag, key in (("--lora-r", "r"), ("--lora-alpha", "alpha")):
        words += [flag, f"{record.get(key, 0):g}"]
    if record.get("rounding") == HOST:
        words += ["--lora-rounding", HOST]
    return f"an adapter was merged, says {MANIFEST}; this compares with it: {' '.join(words)}"
