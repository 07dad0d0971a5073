"""Rotary embeddings as config.json has them, in either spelling.

Covers: base and scaling of transformers 4 (`rope_theta`, `rope_scaling`) and 5 (`rope_parameters`).
Does not cover: what the scaling does.

Example:
    >>> rope_theta({"rope_parameters": {"rope_theta": 1e6}}), rope_theta({})
    (1000000.0, 10000.0)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEFAULT_THETA = 10000.0


def rope_theta(config: Mapping[str, Any]) -> float:
    """The rotary base."""
    return float(_of_rope(config, "rope_theta", _DEFAULT_THETA))


def rope_scaling(config: Mapping[str, Any]) -> dict[str, Any]:
    """The scaling with its kind under `type`; {} where there is none.

    Example:
        >>> rope_scaling({"rope_scaling": {"rope_type": "yarn", "factor": 40}})
        {'factor': 40, 'type': 'yarn'}
    """
    found = config.get("rope_scaling") or config.get("rope_parameters")
    if not isinstance(found, dict):
        return {}
    kind = found.get("rope_type", found.get("type"))
    if kind in (None, "default"):
        return {}
    skipped = ("rope_type", "type", "rope_theta", "partial_rotary_factor")
    return {**{key: value for key, value in found.items() if key not in skipped}, "type": kind}


def rotary_percent(config: Mapping[str, Any], head_dim: int = 0) -> float:
    """The part of a head that is rotated; some families give its width of `head_dim`.

    Example:
        >>> rotary_percent({"rotary_dim": 64}, 128), rotary_percent({})
        (0.5, 1.0)
    """
    width = config.get("rotary_dim")
    return float(_of_rope(config, "partial_rotary_factor", width / head_dim if width else 1.0))


def _of_rope(config: Mapping[str, Any], key: str, default: float) -> Any:
    """A number as transformers 5 reads it: what stands with the other numbers goes first."""
    nested = config.get("rope_parameters")
    found = nested.get(key) if isinstance(nested, dict) else None
    found = config.get(key) if found is None else found
    return default if found is None else found
