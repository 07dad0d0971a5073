"""What a checkpoint contains.

Covers: format, layout, sizes, tensors, the command that converts it.
Does not cover: comparing two; `differences` does.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

from mindspeed_rl_ext.checkpoint.adapters.peft import is_peft
from mindspeed_rl_ext.checkpoint.adapters.peft_format import PEFT
from mindspeed_rl_ext.checkpoint.formats import recognise
from mindspeed_rl_ext.checkpoint.formats.protocol import CheckpointReader, Format, TensorInfo
from mindspeed_rl_ext.checkpoint.parts.ranks import ranks_text


def describe(folder: Path) -> dict[str, Any]:
    """A checkpoint's format, layout, args and tensors.

    Args:
        folder: a checkpoint of any format.

    Raises:
        InputError: it cannot be read.
    """
    made = PEFT if is_peft(folder) else recognise(folder)
    source = made.open(folder)
    tensors = [_row(info) for info in source.tensors()]
    found: dict[str, Any] = {
        "path": str(folder),
        "kind": made.name,
        "tensors": tensors,
        "bytes": sum(row["bytes"] for row in tensors),
        "convert": how_to_convert(made, source, folder),
    }
    if source.missing_ranks:
        held = sorted(source.layout.rank_dirs() - set(source.missing_ranks))
        found["part"] = {
            "text": ranks_text(source.layout, held),
            "ranks": held,
            "missing": list(source.missing_ranks),
        }
    if source.args:
        found["iteration_dir"] = source.folder.name
        found["layout"] = asdict(source.layout)
        found["args"] = {name: _plain(value) for name, value in sorted(source.args.items())}
    return found


def how_to_convert(made: Format, source: CheckpointReader, folder: Path) -> str:
    """The command that converts a checkpoint into what its format is usually converted to.

    Args:
        made: its format.
        source: the opened checkpoint; where it knows no config.json, the command asks for one.
        folder: its directory.
    """
    words = ["msrl-ext convert", f"--load-dir {quote(str(folder))}"]
    if made is PEFT:
        base = f"--load-dir BASE --lora-load {quote(str(folder))}"
        return f"msrl-ext convert {base} --save-model-type mg --save-dir OUT"
    words += [f"--save-model-type {made.usual_target}", "--save-dir OUT"]
    if source.find_config() is None:
        words.append("--hf-cfg-dir MODEL")
    return " ".join(words)


def _row(info: TensorInfo) -> dict[str, Any]:
    return {
        "part": "/".join(part for part in info.ref[:2] if part),
        "name": info.ref.name,
        "shape": list(info.shape),
        "dtype": info.dtype.name,
        "bytes": info.nbytes,
        **({"of": info.of, "offset": list(info.offset)} if info.of else {}),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value)
