"""config.json of a HuggingFace model, beside the role of a run that it belongs to.

Covers: the text part of a multimodal one. Does not cover: weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Role


@dataclass(frozen=True)
class ModelInUse:
    """A role of a run and the config.json of its model."""

    label: ClassVar[Text] = Text("configuration beside config.json", "配置与 config.json")

    role: Role
    config: Mapping[str, Any]


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a model; the text part of a multimodal one.

    Raises:
        InputError: none there, or no JSON table.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(
            f"no config.json in {folder}",
            found="no such directory" if not folder.is_dir() else "a directory without it",
            remedy="give the HuggingFace directory of the model",
        )
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON", found=str(error), remedy="copy it again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is not a JSON object", found=type(content).__name__)
    inner = content.get("text_config")
    return {**content, **inner} if isinstance(inner, dict) else content
